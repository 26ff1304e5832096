//! The command `harness`.
use clap::Parser;
use harness::cli::Cli;
use harness::{alloc, commands, error, interrupt};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

fn main() {
    let cli = Cli::parse();
    let result = interrupt::install().and_then(|()| commands::run(cli));
    let Err(error) = result else { return };
    if error::is_broken_pipe(&error) {
        return;
    }
    eprintln!("harness: {}", error::message(&error));
    std::process::exit(error::exit_code(&error));
}
