//! Whether a test runs under AddressSanitizer.

/// Returns whether the runtime of AddressSanitizer is linked in: it needs terabytes of address
/// space, and `/proc`.
pub(crate) fn is_on() -> bool {
    // SAFETY: a constant name with a terminating zero; nothing is called.
    let found = unsafe { !libc::dlsym(libc::RTLD_DEFAULT, c"__asan_init".as_ptr()).is_null() };
    if found {
        eprintln!("SKIPPED in part: not under AddressSanitizer");
    }
    found
}
