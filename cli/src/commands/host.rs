//! The environment of a run: clock, processors, signals.

use crate::diagnostic::{Diagnostic, Place};
use std::process::ExitCode;
use std::time::Duration;
use vvp_std_adapter::clock::Clock;
use vvp_std_adapter::pipeline::{Setup, Stop, signal};
use vvp_std_adapter::thread::{ThreadLayout, allowed_cpus};

/// Time that a run may use for its preparation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// None: the user is waiting for the first result.
    Soon,
    /// Enough to measure well: a calibrated clock, and every page in memory before the start.
    Ready,
}

/// Returns the environment of a run on this machine.
pub(crate) fn setup(stop: &Stop, start: Start) -> Setup<'_> {
    let (clock, populate_max_bytes) = match start {
        Start::Soon => (Clock::kernel(), 0),
        Start::Ready => (Clock::calibrated(Duration::from_millis(20)), 16 << 20),
    };
    Setup { clock, layout: ThreadLayout::for_cpus(&allowed_cpus()), stop, populate_max_bytes }
}

/// Creates the stop flag of a run; signals do not set it yet.
pub(crate) fn stop() -> Result<Stop, Diagnostic> {
    Stop::new().map_err(|e| Diagnostic::io(Place::Host("a file descriptor".into()), &e).context("cannot start"))
}

/// Creates the stop flag of a run, which Ctrl-C and SIGTERM set.
pub(crate) fn stop_on_signals() -> Result<Stop, Diagnostic> {
    let stop = stop()?;
    stop.on_signals();
    Ok(stop)
}

/// Returns 128 + the signal that stopped the run, the convention of shells.
pub(crate) fn exit_code_of_signal() -> ExitCode {
    signal().map_or(ExitCode::SUCCESS, |number| ExitCode::from(u8::try_from(128 + number).unwrap_or(255)))
}
