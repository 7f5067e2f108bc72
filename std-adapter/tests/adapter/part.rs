//! Processes of a test: this program started again with the name of one "test", which is their
//! part.
//!
//! None outlives the test: a part is killed when its [`Part`] is dropped and when the thread that
//! started it ends, and it ends by itself after [`LONGEST`]. Only children that were not waited for
//! yet are killed, so a process number cannot be reused.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use vvp_core::queue::Wait;
use vvp_std_adapter::thread::SpinThenSleep;

/// The longest time that a part runs or a test waits.
pub(crate) const LONGEST: Duration = Duration::from_secs(240);

const GIVEN: &str = "VVP_TEST_PART";

/// A child process that runs a part.
#[derive(Debug)]
pub(crate) struct Part(Child);

impl Part {
    /// Starts the "test" of this name in the caller's file, with `given` as its input.
    #[track_caller]
    pub(crate) fn start(name: &str, given: &str) -> Self {
        Self::start_as(name, given, |_| ())
    }

    /// Starts a part after `change` has modified its command.
    #[track_caller]
    pub(crate) fn start_as(name: &str, given: &str, change: impl FnOnce(&mut Command)) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut command = Command::new(this);
        let name = full_name(name, std::panic::Location::caller().file());
        command
            .args([&name, "--exact", "--quiet", "--nocapture", "--test-threads=1"])
            .env(GIVEN, given)
            // The sanitizer's leak check at exit needs descriptors and /proc, which some parts
            // lack.
            .env("ASAN_OPTIONS", "detect_leaks=0")
            .stdout(Stdio::null());
        // SAFETY: prctl is allowed between fork and exec; it changes only the child.
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

    /// Waits until the part ends; it must succeed.
    pub(crate) fn succeeds(self) {
        let status = self.end();
        assert!(status.success(), "the part failed: {status}");
    }

    /// Waits until the part ends, in any way.
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

    /// Sends SIGKILL; the child is waited for when this is dropped.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("ours");
    }
}

/// Returns the name of a test as the harness knows it: in a file below `tests/CRATE/`, with its
/// module.
fn full_name(name: &str, file: &str) -> String {
    let mut parts = file.rsplit('/');
    let stem = parts.next().and_then(|file| file.strip_suffix(".rs")).unwrap_or_default();
    if parts.next() == Some("tests") { name.to_owned() } else { format!("{stem}::{name}") }
}

impl Drop for Part {
    fn drop(&mut self) {
        // std sends no signal once the child was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the input of a part; `None` in the test run itself, where parts do nothing.
pub(crate) fn given() -> Option<String> {
    std::env::var(GIVEN).ok()
}

/// Ends a part or a test that takes too long.
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

/// Waits like [`SpinThenSleep`], but panics after [`LONGEST`].
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

/// Returns the number of kills per test: `VVP_KILLS`, or 40.
pub(crate) fn kills() -> u64 {
    std::env::var("VVP_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}
