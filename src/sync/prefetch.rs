//! Software prefetch: asks for a cache line ahead of its use.

/// Requests the cache line at `at` without waiting for it, so that a later access finds it in the
/// cache. Any address is allowed; nothing is read. Does nothing on targets without a prefetch
/// instruction in stable Rust.
#[inline(always)]
pub fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch has no visible effect and never faults, for any address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
