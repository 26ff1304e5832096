//! The machine a figure was measured on.
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// What a report says of the machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's own name.
    pub cpu: String,
    /// Logical cores.
    pub cores: usize,
    /// Main memory.
    pub memory_bytes: u64,
    /// Operating system and architecture.
    pub os: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let kinds = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_frequency())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(kinds).ok();
        let brand = |s: &System| s.cpus().first().map(|c| c.brand().trim().to_owned());
        Self {
            cpu: system.as_ref().and_then(brand).unwrap_or_else(|| "unknown".into()),
            cores: std::thread::available_parallelism().map_or(1, |n| n.get()),
            memory_bytes: system.map_or(0, |s| s.total_memory()),
            os: format!(
                "{} {}",
                System::name().unwrap_or_else(|_| std::env::consts::OS.into()),
                std::env::consts::ARCH
            ),
        }
    }
}

/// The most memory the process ever held, as the operating system counts it; `None` where it does not say.
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Starts the operating system's count of [`peak_rss_bytes`] anew, where it allows that (Linux).
pub fn reset_peak_rss() {
    // Where it is refused the figure is the process's peak so far: METHODOLOGY.md says so.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
