//! The kernel's own alarm: poll on a pressure file.

use crate::os::Outcome;
use crate::os::System;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

/// The window that a kernel grants to anyone: averages are taken every 2 s, and only whole multiples of that need no
/// thread of the kernel's own, for which CAP_SYS_RESOURCE is wanted.
pub(super) const LEGAL_WINDOW: Duration = Duration::from_secs(2);

/// What became of the wish for a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerState {
    /// What the kernel said to the window that was requested for.
    pub requested: Outcome,
    /// What it said in the end: to that window, or to the legal one of 2 s.
    pub outcome: Outcome,
    /// The window in force, if there is one.
    pub window: Option<Duration>,
}

#[cfg(test)]
impl TriggerState {
    const NONE: Self = Self { requested: Outcome::Unsupported, outcome: Outcome::Unsupported, window: None };
}

/// Asks for an alarm when threads have waited for `stall` within `window`. The stall is scaled with the window when
/// only the legal one is granted.
pub(super) fn arm(system: &System, stall: Duration, window: Duration) -> (Option<File>, TriggerState) {
    let (file, requested) = ask(system, stall, window);
    if file.is_some() {
        return (file, TriggerState { requested, outcome: requested, window: Some(window) });
    }
    if requested == Outcome::Unsupported || window == LEGAL_WINDOW {
        return (None, TriggerState { requested, outcome: requested, window: None });
    }
    let scaled = stall.as_micros().saturating_mul(LEGAL_WINDOW.as_micros()) / window.as_micros().max(1);
    let scaled = Duration::from_micros(u64::try_from(scaled).unwrap_or(u64::MAX)).min(LEGAL_WINDOW);
    let (file, outcome) = ask(system, scaled, LEGAL_WINDOW);
    let window = file.is_some().then_some(LEGAL_WINDOW);
    (file, TriggerState { requested, outcome, window })
}

fn ask(system: &System, stall: Duration, window: Duration) -> (Option<File>, Outcome) {
    let path = system.path("proc/pressure/memory");
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(e) => return (None, outcome_of(&e)),
    };
    // A file that is no pressure file would take any text; the kernel's is no regular file of any size.
    if file.metadata().is_ok_and(|m| m.len() > 0) {
        return (None, Outcome::Unsupported);
    }
    let wish = format!("some {} {}\0", stall.as_micros(), window.as_micros());
    match file.write_all(wish.as_bytes()) {
        Ok(()) => (Some(file), Outcome::Applied),
        Err(e) => (None, outcome_of(&e)),
    }
}

fn outcome_of(error: &std::io::Error) -> Outcome {
    match error.raw_os_error() {
        // No such file, or a kernel that was started with psi=0.
        Some(libc::ENOENT | libc::EOPNOTSUPP) | None => Outcome::Unsupported,
        Some(errno) => Outcome::Refused(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_the_kernel_refuses_falls_back_to_the_legal_one() {
        let psi = std::path::Path::new("/proc/pressure/memory").exists();
        // 1 ms is below what any kernel grants to anyone (500 ms).
        let (file, state) = arm(&System::this(), Duration::from_micros(100), Duration::from_millis(1));
        if !psi {
            eprintln!("SKIPPED: this kernel has no /proc/pressure/memory");
            assert_eq!((file.is_none(), state), (true, TriggerState::NONE));
            return;
        }
        assert_eq!(state.requested, Outcome::Refused(libc::EINVAL));
        match file {
            Some(_) => assert_eq!((state.outcome, state.window), (Outcome::Applied, Some(LEGAL_WINDOW))),
            None => assert!(matches!(state.outcome, Outcome::Refused(_)) && state.window.is_none(), "{state:?}"),
        }
        // A stall longer than its window makes no sense in any window.
        let (file, state) = arm(&System::this(), Duration::from_secs(9), LEGAL_WINDOW);
        assert!(file.is_none());
        assert!(matches!(state.outcome, Outcome::Refused(_)), "{state:?}");
    }

    #[test]
    fn where_there_is_no_pressure_file_there_is_no_trigger() {
        let (file, state) = arm(&System::at("/nonexistent"), Duration::from_millis(1), LEGAL_WINDOW);
        assert_eq!((file.is_none(), state), (true, TriggerState::NONE));
    }
}
