//! Runs, measures, records, reports. Its registry is the only list of models.
pub mod record;
