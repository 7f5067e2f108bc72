//! Page faults: their number, and populating pages in advance.

use crate::os::Outcome;

/// Returns the page faults of the process so far, minor and major.
#[must_use]
pub fn page_faults() -> u64 {
    // SAFETY: all-zero bytes are a valid `rusage`: numbers only.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: `usage` is ours to write; the call keeps no pointer.
    let code = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    if code != 0 {
        return 0;
    }
    u64::try_from(usage.ru_minflt + usage.ru_majflt).unwrap_or(0)
}

/// Populates the pages of the process now rather than at their first use: code, constants,
/// variables, heap, stacks, and every writable mapping of at most `max_bytes`.
///
/// Needs `/proc` and Linux 5.14; elsewhere it returns `Unsupported`, and pages fault at their first
/// use.
pub fn populate(max_bytes: usize) -> Outcome {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return Outcome::Unsupported };
    let mut outcome = Outcome::Unsupported;
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(access)) = (words.next(), words.next()) else { continue };
        let name = words.nth(3).unwrap_or("");
        let Some((from, to)) = range.split_once('-') else { continue };
        let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16)) else { continue };
        // Neither guard pages nor devices nor the kernel's own mappings; mapped files are shared
        // and small.
        let ours = name.is_empty() || name.starts_with("[heap") || name.starts_with("[stack") || name.starts_with('/');
        if !access.starts_with('r') || !ours || name.starts_with("/dev") || to.saturating_sub(from) > max_bytes {
            continue;
        }
        let private = access.ends_with('p');
        let write = access.as_bytes().get(1) == Some(&b'w');
        let advice = if write && private { libc::MADV_POPULATE_WRITE } else { libc::MADV_POPULATE_READ };
        // SAFETY: populating changes no contents; a range that was unmapped meanwhile only gives an
        // error.
        let code = unsafe { libc::madvise(core::ptr::without_provenance_mut(from), to - from, advice) };
        match Outcome::from_return_code(code) {
            Outcome::Refused(libc::EINVAL) => return Outcome::Unsupported,
            this => outcome = this,
        }
    }
    outcome
}
