//! Which process is meant, also when its number has been given to another one since.

use core::num::NonZeroU64;

/// Bits of a process number: Linux gives no more than 2^22.
const PID_BITS: u32 = 22;

/// A process in one word: its number and when it began, in clock ticks since the machine did. Two processes never have the
/// same (until the machine has run for a thousand years), so one that died is not taken for one that came later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessToken(NonZeroU64);

impl ProcessToken {
    /// The calling process, or `None` where `/proc` does not tell.
    #[must_use]
    pub fn own() -> Option<Self> {
        let pid = std::process::id();
        Self::new(pid, start_ticks(pid)?)
    }

    /// The token in a word that another process wrote; `None` for zero, which names nobody.
    #[must_use]
    pub const fn from_word(word: u64) -> Option<Self> {
        match NonZeroU64::new(word) {
            Some(word) => Some(Self(word)),
            None => None,
        }
    }

    /// The word that stands for it.
    #[must_use]
    pub const fn word(self) -> u64 {
        self.0.get()
    }

    /// Its number.
    #[must_use]
    pub const fn pid(self) -> u32 {
        #[allow(clippy::cast_possible_truncation, reason = "masked to 22 bits")]
        let pid = (self.0.get() & ((1 << PID_BITS) - 1)) as u32;
        pid
    }

    /// Whether it still runs (or is stopped). One that was killed does not, even before its parent has asked for it.
    /// Reads one file of `/proc`: some 10 µs.
    #[must_use]
    pub fn is_alive(self) -> bool {
        start_ticks(self.pid()).is_some_and(|start| start == self.0.get() >> PID_BITS)
    }

    fn new(pid: u32, start: u64) -> Option<Self> {
        Self::from_word((start << PID_BITS) | (u64::from(pid) & ((1 << PID_BITS) - 1)))
    }
}

/// When a process began; `None` if there is none of that number, or it is dead already.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, which may contain any of both.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let threads: u32 = fields.nth(16)?.parse().ok()?;
    // The first thread may be gone while others still run, for a moment after a kill or for long: then the process lives.
    if matches!(state, "X" | "x") || (state == "Z" && threads <= 1) {
        return None;
    }
    fields.nth(1)?.parse().ok()
}

/// Which table of process numbers this process lives with: numbers of another one mean nothing here. 0 if unknown.
pub(crate) fn pid_namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    // The calling thread's, for those of the process are its first thread's, which may have ended.
    std::fs::metadata("/proc/thread-self/ns/pid").map_or(0, |data| data.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_live_and_the_dead_do_not() {
        let own = ProcessToken::own().expect("/proc");
        assert_eq!((own.pid(), own.is_alive()), (std::process::id(), true));
        assert_eq!(ProcessToken::from_word(own.word()), Some(own));
        // The same number, another start.
        let later = ProcessToken::from_word(own.word() + (1 << PID_BITS)).expect("not zero");
        assert!(!later.is_alive());
        assert_eq!(ProcessToken::from_word(0), None);
        let garbage = ProcessToken::from_word(u64::MAX).expect("not zero");
        assert!(!garbage.is_alive());
    }

    #[test]
    fn a_child_is_dead_once_killed_even_if_nobody_asked_for_it() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().expect("sleep");
        let token = ProcessToken::new(child.id(), start_ticks(child.id()).expect("runs")).expect("not zero");
        assert!(token.is_alive());
        child.kill().expect("ours");
        let died = (0..5_000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            !token.is_alive()
        });
        assert!(died, "a zombie is dead");
        child.wait().expect("ours");
        assert!(!token.is_alive());
    }
}
