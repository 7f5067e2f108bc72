//! Whether a test runs under AddressSanitizer.

/// Returns whether this process has the shadow memory of AddressSanitizer: terabytes of address
/// space. The symbols of its runtime are not always visible to `dlsym`.
pub(crate) fn is_on() -> bool {
    let pages = std::fs::read_to_string("/proc/self/statm");
    let pages = pages.ok().and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let found = pages.is_some_and(|pages| pages.saturating_mul(4096) > 1 << 40);
    if found {
        eprintln!("SKIPPED in part: not under AddressSanitizer");
    }
    found
}
