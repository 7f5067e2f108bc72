//! Mutation testing: builds with one known fault each, the broken twins, which tests must notice.
//!
//! A twin is the crate with one thing too weak or left out. Code asks `broken("name")` at that place; the answer is
//! `false`, at compile time, in every build but one with `--cfg broken`, where the environment variable `VVP_BROKEN`
//! names the twin to be, if any (or several, with commas). `.ci/loom`, `.ci/tsan`, for
//! the bound of events `scripts/bound-twins.sh` and, for interrupts, `scripts/firmware.sh` hold the lists of twins and see to it that each is caught.

use super::Ordering;

/// Whether this is the twin called `name`.
#[cfg(not(broken))]
#[inline(always)]
pub(crate) const fn broken(_name: &str) -> bool {
    false
}

/// Whether this is the twin called `name`.
#[cfg(broken)]
pub(crate) fn broken(name: &str) -> bool {
    use core::ffi::{CStr, c_char};
    use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
    unsafe extern "C" {
        // The C library's; this build runs in tests on a host only.
        fn getenv(name: *const c_char) -> *mut c_char;
    }
    // Asked once: the tests ask millions of times.
    static CHOSEN: AtomicPtr<c_char> = AtomicPtr::new(core::ptr::null_mut());
    let mut chosen = CHOSEN.load(Relaxed); // Relaxed, both: every thread would find the same
    if chosen.is_null() {
        // SAFETY: the name ends with a zero byte, and nobody changes the environment of a test.
        chosen = unsafe { getenv(c"VVP_BROKEN".as_ptr()) };
        if chosen.is_null() {
            chosen = c"".as_ptr().cast_mut();
        }
        CHOSEN.store(chosen, Relaxed);
    }
    // SAFETY: either the environment's, which nobody changes, or the empty one above.
    unsafe { CStr::from_ptr(chosen) }.to_bytes().split(|byte| *byte == b',').any(|twin| twin == name.as_bytes())
}

/// `ordering`; Relaxed in the twin called `name`.
#[inline(always)]
pub(crate) fn unless_broken(name: &str, ordering: Ordering) -> Ordering {
    if broken(name) { Ordering::Relaxed } else { ordering }
}
