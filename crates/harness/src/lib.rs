//! Runs, measures, records, reports. Its registry is the only list of models.
pub mod record;
pub mod report;
pub mod terminal_table;
