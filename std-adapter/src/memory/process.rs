//! Which process is meant in a message, and whether this one is a copy of another (fork).

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Bits of a process number: Linux gives no more than 2^22.
const PID_BITS: u32 = 22;
const PID: u64 = (1 << PID_BITS) - 1;
/// Set where the owner holds no lock of the kernel, so that its death cannot be seen.
const UNLOCKED: u64 = 1 << PID_BITS;
/// The least bit of the count above.
const ONE: u64 = UNLOCKED << 1;

/// A process that took something, as it says itself: its number in its own PID namespace, and which
/// taking of the thing it was, so that two takings are told apart although one process did both, or
/// two had the same number.
///
/// It is for messages and for comparing. Whether the process lives says the kernel's lock on what
/// it took, never this.
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
    /// The token in a word that another process wrote; `None` where its process number is 0: it
    /// is free.
    #[must_use]
    pub const fn from_word(word: u64) -> Option<Self> {
        match NonZeroU64::new(word) {
            Some(word) if word.get() & PID != 0 => Some(Self(word)),
            _ => None,
        }
    }

    /// The word that stands for it.
    #[must_use]
    pub const fn word(self) -> u64 {
        self.0.get()
    }

    /// Its number, in its own PID namespace.
    #[must_use]
    pub const fn pid(self) -> u32 {
        #[allow(clippy::cast_possible_truncation, reason = "masked to 22 bits")]
        let pid = (self.0.get() & PID) as u32;
        pid
    }

    /// This process, when it takes what the word `before` was about. Counts on from it, and wraps
    /// after 2^41.
    pub(crate) fn next_after(before: u64, locked: bool) -> Self {
        let count = (before & !(PID | UNLOCKED)).wrapping_add(ONE);
        // No process sees itself as number 0; were it so, 1 would keep the word from saying that
        // it is free.
        let pid = (u64::from(std::process::id()) & PID).max(1);
        // Never zero, for the number is not.
        Self(NonZeroU64::new(count | pid | if locked { 0 } else { UNLOCKED }).unwrap_or(NonZeroU64::MIN))
    }

    /// The word once it is given back: the count stays.
    pub(crate) const fn word_without(self) -> u64 {
        self.0.get() & !(PID | UNLOCKED)
    }

    /// Whether its owner holds the lock.
    pub(crate) const fn is_locked(self) -> bool {
        self.0.get() & UNLOCKED == 0
    }
}

/// A page that the kernel empties in a child of `fork`.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());
static COPIES: AtomicU64 = AtomicU64::new(0);

/// A number that is another one in each copy (fork) of this process: descriptors from before a fork
/// are shared with the process that was copied. No system call but the first time.
pub(crate) fn copy_number() -> u64 {
    // Acquire: pairs with the Release in `page`: the mapping is there.
    let known = PAGE.load(Ordering::Acquire);
    let Some(page) = (if known.is_null() { page() } else { Some(known) }) else {
        // A kernel without such pages: the process number, apart from all counts.
        return u64::from(std::process::id()) | 1 << 63;
    };
    // SAFETY: `page` made the mapping for one word, and it is never taken down.
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
    // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory that is in
    // use.
    let raw = unsafe { libc::mmap(null, BYTES, access, kind, -1, 0) };
    if raw == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the range is ours, and nothing is in it yet.
    let wiped = unsafe { libc::madvise(raw, BYTES, libc::MADV_WIPEONFORK) } == 0;
    let (ours, none) = (raw.cast::<AtomicU64>(), core::ptr::null_mut());
    // Release: pairs with the Acquire in `copy_number`. Acquire: pairs with this Release of another
    // thread.
    let result = match wiped.then(|| PAGE.compare_exchange(none, ours, Ordering::Release, Ordering::Acquire)) {
        Some(Ok(_)) => return Some(ours),
        Some(Err(theirs)) => Some(theirs),
        None => None,
    };
    // SAFETY: made above, and no other thread knows of it.
    unsafe { libc::munmap(raw, BYTES) };
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_takings_of_one_process_differ_and_number_zero_is_none() {
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
        // The count wraps, whatever stood there.
        assert_eq!(ProcessToken::next_after(u64::MAX, true).word(), u64::from(std::process::id()));
    }

    #[test]
    fn a_copy_of_this_process_has_another_number() {
        let number = copy_number();
        assert_eq!(copy_number(), number);
        // SAFETY: the child does nothing but arithmetic on atomics, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let other = copy_number() != number && copy_number() == copy_number();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(i32::from(!other)) };
        }
        let mut status = 0;
        // SAFETY: waits for our child; the status lives through the call.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        assert_eq!(copy_number(), number);
    }
}
