//! `harness data`: placeholder until the branch with the real one is merged.
use std::io::Write;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum DataCommand {
    /// List
    List,
}

/// Runs.
pub fn run(_: DataCommand, _: &mut dyn Write) -> anyhow::Result<()> {
    anyhow::bail!("not merged yet")
}
