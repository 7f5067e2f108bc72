//! Mutation testing: builds with one known fault each, the broken twins, which tests must notice.
//!
//! A twin is the crate with one thing too weak or left out. Code calls `broken("name")` at that
//! place; the result is `false`, at compile time, in every build but one with `--cfg broken`, where
//! the environment variable `VVP_BROKEN` names the twin to be, if any (or several, separated by
//! commas). The lists of twins are in `.ci/loom`, in `.ci/tsan`, for the bound of events in
//! `scripts/bound-twins.sh` and for interrupts in `scripts/firmware.sh`, which check that each twin
//! is caught.

use super::Ordering;

/// Returns whether this build is the twin called `name`.
#[cfg(not(broken))]
#[inline(always)]
pub(crate) const fn broken(_name: &str) -> bool {
    false
}

/// Returns whether this process is the twin called `name`.
#[cfg(broken)]
pub(crate) fn broken(name: &str) -> bool {
    use core::ffi::{CStr, c_char};
    use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
    unsafe extern "C" {
        // From the C library; this build runs only in tests on a host.
        fn getenv(name: *const c_char) -> *mut c_char;
    }
    // Read once: the tests call this millions of times.
    static CHOSEN: AtomicPtr<c_char> = AtomicPtr::new(core::ptr::null_mut());
    let mut chosen = CHOSEN.load(Relaxed); // Relaxed, both: every thread reads the same
    if chosen.is_null() {
        // SAFETY: the name ends with a zero byte, and the environment of a test does not change.
        chosen = unsafe { getenv(c"VVP_BROKEN".as_ptr()) };
        if chosen.is_null() {
            chosen = c"".as_ptr().cast_mut();
        }
        CHOSEN.store(chosen, Relaxed);
    }
    // SAFETY: either a string of the environment, which does not change, or the empty one above.
    unsafe { CStr::from_ptr(chosen) }.to_bytes().split(|byte| *byte == b',').any(|twin| twin == name.as_bytes())
}

/// Returns `ordering`, or Relaxed in the twin called `name`.
#[inline(always)]
pub(crate) fn unless_broken(name: &str, ordering: Ordering) -> Ordering {
    if broken(name) { Ordering::Relaxed } else { ordering }
}
