//! Identification of processes, and detection of forked copies of this one.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Bits of a process number: Linux uses numbers below 2^22.
const PID_BITS: u32 = 22;
const PID: u64 = (1 << PID_BITS) - 1;
/// Set if the owner holds no lock of the kernel, so that its death cannot be detected.
const UNLOCKED: u64 = 1 << PID_BITS;
/// The lowest bit of the count.
const ONE: u64 = UNLOCKED << 1;

/// The identity of an owner as the owner itself recorded it: its process number in its own PID
/// namespace, and the number of claims before its own, so that two claims differ even if one
/// process made both, or two processes have the same number.
///
/// It is for messages and comparisons. Whether the owner is alive is decided by the kernel's lock
/// alone.
///
/// ```text
///   63                     23   22         21        0
///   +----------------------+----------+----------------+
///   | how many took before | unlocked | process number |   number 0: not taken
///   +----------------------+----------+----------------+
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessToken(NonZeroU64);

impl ProcessToken {
    /// Returns the token in a word that another process wrote; `None` if its process number is 0:
    /// not owned.
    #[must_use]
    pub const fn from_word(word: u64) -> Option<Self> {
        match NonZeroU64::new(word) {
            Some(word) if word.get() & PID != 0 => Some(Self(word)),
            _ => None,
        }
    }

    /// Returns the word of this token.
    #[must_use]
    pub const fn word(self) -> u64 {
        self.0.get()
    }

    /// Returns the owner's process number, in its own PID namespace.
    #[must_use]
    pub const fn pid(self) -> u32 {
        #[allow(clippy::cast_possible_truncation, reason = "masked to 22 bits")]
        let pid = (self.0.get() & PID) as u32;
        pid
    }

    /// Returns this process's token for its claim of what had the word `before`. The count
    /// increments and wraps after 2^41.
    pub(crate) fn next_after(before: u64, locked: bool) -> Self {
        let count = (before & !(PID | UNLOCKED)).wrapping_add(ONE);
        // No process has number 0 in its own namespace; if one had, 1 would keep the word from
        // reading as free.
        let pid = (u64::from(std::process::id()) & PID).max(1);
        // Never zero, since the process number is not.
        Self(NonZeroU64::new(count | pid | if locked { 0 } else { UNLOCKED }).unwrap_or(NonZeroU64::MIN))
    }

    /// Returns the word after a release: only the count stays.
    pub(crate) const fn word_without(self) -> u64 {
        self.0.get() & !(PID | UNLOCKED)
    }

    /// Returns whether the owner holds the lock.
    pub(crate) const fn is_locked(self) -> bool {
        self.0.get() & UNLOCKED == 0
    }
}

/// A page that the kernel clears in a child of `fork` (`MADV_WIPEONFORK`).
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());
static COPIES: AtomicU64 = AtomicU64::new(0);

/// Returns a number that differs in each forked copy of this process: descriptors opened before a
/// fork are shared with the parent. Only the first call makes a system call.
pub(crate) fn copy_number() -> u64 {
    // Acquire: pairs with the Release in `page`: the mapping exists.
    let known = PAGE.load(Ordering::Acquire);
    let Some(page) = (if known.is_null() { page() } else { Some(known) }) else {
        // Without such pages (an old kernel): the process number, outside the range of the counts.
        return u64::from(std::process::id()) | 1 << 63;
    };
    // SAFETY: `page` mapped it for one word, and it is never unmapped.
    let word = unsafe { &*page };
    // Relaxed, all: only the number itself matters.
    match word.load(Ordering::Relaxed) {
        0 => {
            let next = COPIES.fetch_add(1, Ordering::Relaxed) + 1;
            word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|theirs| theirs, |_| next)
        }
        number => number,
    }
}

fn page() -> Option<*mut AtomicU64> {
    const BYTES: usize = 4096;
    let (null, access) = (core::ptr::null_mut(), libc::PROT_READ | libc::PROT_WRITE);
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at an address that the kernel chooses overlaps no memory in use.
    let raw = unsafe { libc::mmap(null, BYTES, access, kind, -1, 0) };
    if raw == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the range is ours and still empty.
    let wiped = unsafe { libc::madvise(raw, BYTES, libc::MADV_WIPEONFORK) } == 0;
    let (ours, none) = (raw.cast::<AtomicU64>(), core::ptr::null_mut());
    // Release: pairs with the Acquire in `copy_number`. Acquire: pairs with this Release of another
    // thread.
    let result = match wiped.then(|| PAGE.compare_exchange(none, ours, Ordering::Release, Ordering::Acquire)) {
        Some(Ok(_)) => return Some(ours),
        Some(Err(theirs)) => Some(theirs),
        None => None,
    };
    // SAFETY: mapped above, and unknown to any other thread.
    unsafe { libc::munmap(raw, BYTES) };
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_claims_of_one_process_differ_and_number_zero_is_no_owner() {
        assert_eq!(ProcessToken::from_word(0), None);
        let first = ProcessToken::next_after(0, true);
        assert_eq!((first.pid(), first.is_locked()), (std::process::id(), true));
        assert_eq!(ProcessToken::from_word(first.word()), Some(first));
        let free = first.word_without();
        assert_eq!(ProcessToken::from_word(free), None);
        let second = ProcessToken::next_after(free, false);
        assert_eq!((second.pid(), second.is_locked()), (std::process::id(), false));
        assert_ne!(ProcessToken::next_after(free, true), first);
        assert_ne!(ProcessToken::next_after(second.word_without(), true), first);
        // The count wraps.
        assert_eq!(ProcessToken::next_after(u64::MAX, true).word(), u64::from(std::process::id()));
    }

    #[test]
    fn forked_copy_has_another_number() {
        let number = copy_number();
        assert_eq!(copy_number(), number);
        // SAFETY: the child only uses atomics, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let other = copy_number() != number && copy_number() == copy_number();
            // SAFETY: ends the child without running any of the parent's code.
            unsafe { libc::_exit(i32::from(!other)) };
        }
        let mut status = 0;
        // SAFETY: waits for our child; `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        assert_eq!(copy_number(), number);
    }
}
