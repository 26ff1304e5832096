//! How much memory there is, so that a run that cannot fit is refused before it allocates.

use crate::error::{Error, Result};

/// Bytes that this process may still take: what the kernel calls available, or what a control group leaves of its
/// limit, whichever is less. `None` where the system does not tell.
pub fn available() -> Option<u64> {
    let read = |path| std::fs::read_to_string(path).ok();
    let kernel = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
    });
    let number = |path| read(path).and_then(|text| text.trim().parse::<u64>().ok());
    let group = match (number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory.current"))
    {
        (Some(limit), Some(used)) => Some(limit.saturating_sub(used)),
        _ => None,
    };
    match (kernel, group) {
        (Some(kernel), Some(group)) => Some(kernel.min(group)),
        (one, other) => one.or(other),
    }
}

/// Refuses a need that exceeds what is [`available`].
///
/// # Errors
/// [`Error::Memory`].
pub fn check(need: u64) -> Result<()> {
    match available() {
        Some(available) if need > available => Err(Error::Memory { need, available }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absurd_need_is_refused_and_none_is_not() {
        assert!(check(0).is_ok());
        if available().is_some() {
            assert!(matches!(check(u64::MAX), Err(Error::Memory { .. })));
        }
    }
}
