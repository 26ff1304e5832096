//! Runs, measures, records, reports. Its registry is the only list of models.
pub mod alloc;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod error;
pub mod experiments;
pub mod interrupt;
pub mod lab;
pub mod machine;
pub mod measure;
pub mod presets;
pub mod progress;
pub mod record;
pub mod registry;
pub mod report;
pub mod terminal_table;
pub mod text;
