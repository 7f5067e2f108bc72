//! Processes of a test: this program again, started with the name of one "test" that is their part.
//!
//! None outlives the test: a part is killed when its [`Part`] is dropped and when the thread that started it ends, and it ends
//! by itself after [`LONGEST`]. Only children that were not waited for yet are killed, so no number can be another's.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use vvp_core::queue::Wait;
use vvp_std_adapter::thread::SpinThenSleep;

/// No part runs longer, and no test waits longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(240);

const GIVEN: &str = "VVP_TEST_PART";

/// A child that plays a part.
#[derive(Debug)]
pub(crate) struct Part(Child);

impl Part {
    /// Starts the "test" of that name in the caller's file with `given`.
    #[track_caller]
    pub(crate) fn start(name: &str, given: &str) -> Self {
        Self::start_as(name, given, |_| ())
    }

    /// The same, with more to be done to the command.
    #[track_caller]
    pub(crate) fn start_as(name: &str, given: &str, change: impl FnOnce(&mut Command)) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut command = Command::new(this);
        let name = full_name(name, std::panic::Location::caller().file());
        command
            .args([&name, "--exact", "--quiet", "--nocapture", "--test-threads=1"])
            .env(GIVEN, given)
            // The sanitizer's search for leaks at the end needs descriptors and /proc, which some parts do not have.
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .stdout(Stdio::null());
        // SAFETY: prctl may be called between fork and exec; it changes the child only.
        unsafe {
            command.pre_exec(|| {
                let code = libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong);
                if code == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
            });
        }
        change(&mut command);
        Self(command.spawn().expect("a child"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it has played its part, which must not fail.
    pub(crate) fn succeeds(self) {
        let status = self.end();
        assert!(status.success(), "the part failed: {status}");
    }

    /// Waits until it has ended, in whatever way.
    pub(crate) fn end(mut self) -> ExitStatus {
        let limit = Limit::new();
        loop {
            if let Some(status) = self.0.try_wait().expect("ours") {
                return status;
            }
            limit.check();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGKILL, now; waited for when this is dropped.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("ours");
    }
}

/// The name of a test as the harness knows it: in a file below `tests/CRATE/` with its module
/// before it.
fn full_name(name: &str, file: &str) -> String {
    let mut parts = file.rsplit('/');
    let stem = parts.next().and_then(|file| file.strip_suffix(".rs")).unwrap_or_default();
    if parts.next() == Some("tests") { name.to_owned() } else { format!("{stem}::{name}") }
}

impl Drop for Part {
    fn drop(&mut self) {
        // std sends nothing once the child was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the part was given; `None` in the test itself, where the parts do nothing.
pub(crate) fn given() -> Option<String> {
    std::env::var(GIVEN).ok()
}

/// Ends a part or a test that goes on for too long.
#[derive(Debug)]
pub(crate) struct Limit(Instant);

impl Limit {
    pub(crate) fn new() -> Self {
        Self(Instant::now() + LONGEST)
    }

    pub(crate) fn check(&self) {
        assert!(Instant::now() < self.0, "no end after {LONGEST:?}");
    }
}

/// Waits as [`SpinThenSleep`] does, but not for ever.
#[derive(Debug)]
pub(crate) struct Bounded(SpinThenSleep, Limit);

impl Bounded {
    pub(crate) fn new() -> Self {
        Self(SpinThenSleep::new(true), Limit::new())
    }
}

impl Wait for Bounded {
    fn wait(&mut self, attempt: u32) {
        self.1.check();
        self.0.wait(attempt);
    }
}

/// How many kills a test does: `VVP_KILLS`, or a few.
pub(crate) fn kills() -> u64 {
    std::env::var("VVP_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}
