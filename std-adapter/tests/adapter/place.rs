//! A directory of a test's own, and region options without requests.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::path::PathBuf;
use vvp_std_adapter::memory::region::{RegionDir, RegionOptions, Request};

/// Requests nothing but the memory itself.
pub(crate) const PLAIN: RegionOptions = RegionOptions {
    huge_pages: Request::Off,
    prefault: Request::Off,
    lock: Request::Off,
    on_node: Request::Off,
    node: 0,
    seals: Request::Off,
};

/// A path in `/dev/shm` of this test's own; nothing exists there at first, and it is removed when
/// dropped.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new(test: &str) -> Self {
        let path = PathBuf::from(format!("/dev/shm/vvp-test-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// Creates a directory there.
    pub(crate) fn made(test: &str) -> Self {
        let place = Self::new(test);
        std::fs::create_dir(&place.0).expect("room");
        place
    }

    pub(crate) fn dir(&self) -> RegionDir {
        RegionDir::at(&self.0).expect("a directory")
    }

    pub(crate) fn text(&self) -> &str {
        self.0.to_str().expect("plain letters")
    }

    pub(crate) fn is_empty(&self) -> bool {
        std::fs::read_dir(&self.0).expect("ours").count() == 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns whether `mlock` reaches the kernel: under AddressSanitizer it does nothing and reports
/// success.
pub(crate) fn locks_are_real() -> bool {
    // SAFETY: the range is not in use, and locking changes no contents; a real kernel refuses it.
    let real = unsafe { libc::mlock(core::ptr::null(), 1 << 40) } != 0;
    if !real {
        eprintln!("SKIPPED: refused locks: a sanitizer answers for the kernel");
    }
    real
}
