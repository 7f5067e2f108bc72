//! The kernel's alarm: a trigger on the pressure file.

use crate::os::Outcome;
use crate::os::System;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

/// The window that the kernel grants to any process: averages are computed every 2 s, and only
/// multiples of that need no kernel thread, which would require CAP_SYS_RESOURCE.
pub(super) const UNPRIVILEGED_WINDOW: Duration = Duration::from_secs(2);

/// The outcome of the request for a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerState {
    /// The outcome for the requested window.
    pub requested: Outcome,
    /// The final outcome: for that window, or for the unprivileged one of 2 s.
    pub outcome: Outcome,
    /// The window in use, if any.
    pub window: Option<Duration>,
}

#[cfg(test)]
impl TriggerState {
    const NONE: Self = Self { requested: Outcome::Unsupported, outcome: Outcome::Unsupported, window: None };
}

/// Requests an alarm for threads that waited for `stall` within `window`. If only the unprivileged
/// window is granted, the stall is scaled with it.
pub(super) fn arm(system: &System, stall: Duration, window: Duration) -> (Option<File>, TriggerState) {
    let (file, requested) = ask(system, stall, window);
    if file.is_some() {
        return (file, TriggerState { requested, outcome: requested, window: Some(window) });
    }
    if requested == Outcome::Unsupported || window == UNPRIVILEGED_WINDOW {
        return (None, TriggerState { requested, outcome: requested, window: None });
    }
    let scaled = stall.as_micros().saturating_mul(UNPRIVILEGED_WINDOW.as_micros()) / window.as_micros().max(1);
    let scaled = Duration::from_micros(u64::try_from(scaled).unwrap_or(u64::MAX)).min(UNPRIVILEGED_WINDOW);
    let (file, outcome) = ask(system, scaled, UNPRIVILEGED_WINDOW);
    let window = file.is_some().then_some(UNPRIVILEGED_WINDOW);
    (file, TriggerState { requested, outcome, window })
}

fn ask(system: &System, stall: Duration, window: Duration) -> (Option<File>, Outcome) {
    let path = system.path("proc/pressure/memory");
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(e) => return (None, outcome_of(&e)),
    };
    // An ordinary file would accept any text; the kernel's file has size 0.
    if file.metadata().is_ok_and(|m| m.len() > 0) {
        return (None, Outcome::Unsupported);
    }
    let request = format!("some {} {}\0", stall.as_micros(), window.as_micros());
    match file.write_all(request.as_bytes()) {
        Ok(()) => (Some(file), Outcome::Applied),
        Err(e) => (None, outcome_of(&e)),
    }
}

fn outcome_of(error: &std::io::Error) -> Outcome {
    match error.raw_os_error() {
        // No such file, or a kernel started with psi=0.
        Some(libc::ENOENT | libc::EOPNOTSUPP) | None => Outcome::Unsupported,
        Some(errno) => Outcome::Refused(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_window_falls_back_to_the_unprivileged_one() {
        let psi = std::path::Path::new("/proc/pressure/memory").exists();
        // 1 ms is below the least window that any kernel grants (500 ms).
        let (file, state) = arm(&System::this(), Duration::from_micros(100), Duration::from_millis(1));
        if !psi {
            eprintln!("SKIPPED: this kernel has no /proc/pressure/memory");
            assert_eq!((file.is_none(), state), (true, TriggerState::NONE));
            return;
        }
        assert_eq!(state.requested, Outcome::Refused(libc::EINVAL));
        match file {
            Some(_) => assert_eq!((state.outcome, state.window), (Outcome::Applied, Some(UNPRIVILEGED_WINDOW))),
            None => assert!(matches!(state.outcome, Outcome::Refused(_)) && state.window.is_none(), "{state:?}"),
        }
        // A stall longer than its window is invalid in any window.
        let (file, state) = arm(&System::this(), Duration::from_secs(9), UNPRIVILEGED_WINDOW);
        assert!(file.is_none());
        assert!(matches!(state.outcome, Outcome::Refused(_)), "{state:?}");
    }

    #[test]
    fn without_a_pressure_file_the_trigger_is_unsupported() {
        let (file, state) = arm(&System::at("/nonexistent"), Duration::from_millis(1), UNPRIVILEGED_WINDOW);
        assert_eq!((file.is_none(), state), (true, TriggerState::NONE));
    }
}
