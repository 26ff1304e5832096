//! Ctrl-C: the first asks the work to stop at the next good place, the second ends the process.
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Exit code after Ctrl-C.
pub const EXIT: i32 = 130;

/// Installs the handler (for SIGINT, SIGTERM and SIGHUP); once, at the start of the process.
pub fn install() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Relaxed) {
            std::process::exit(EXIT);
        }
    })?;
    Ok(())
}

/// True once the user asked to stop.
pub fn asked() -> bool {
    ASKED.load(Relaxed)
}

/// What a training log returns.
pub fn flow() -> ControlFlow<()> {
    if asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
