//! Which processor a thread runs on.

use crate::knob::Answer;

/// Processors that the calling thread may run on, in ascending order.
///
/// Empty when the system does not say.
#[must_use]
pub fn allowed_cpus() -> Vec<usize> {
    // SAFETY: all-zero bytes are the empty `cpu_set_t`.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: `set` is ours and as long as we say.
    let code = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    if code != 0 {
        return Vec::new();
    }
    let limit = usize::try_from(libc::CPU_SETSIZE).unwrap_or(0);
    (0..limit)
        .filter(|&cpu| {
            // SAFETY: `cpu` < CPU_SETSIZE, so the bit lies within `set`.
            unsafe { libc::CPU_ISSET(cpu, &set) }
        })
        .collect()
}

/// Lets the calling thread run on `cpu` only.
pub fn pin_to(cpu: usize) -> Answer {
    if cpu >= usize::try_from(libc::CPU_SETSIZE).unwrap_or(0) {
        return Answer::Refused(libc::EINVAL);
    }
    // SAFETY: all-zero bytes are the empty `cpu_set_t`.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: `cpu` < CPU_SETSIZE, so the bit lies within `set`.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: `set` lives through the call and is as long as we say.
    Answer::of_call(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) })
}

/// Where the threads of a pipeline go, and whether they can all run at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Processor of the reader, if it is to be pinned.
    pub reader: Option<usize>,
    /// Processor of the matcher.
    pub matcher: Option<usize>,
    /// Processor of the publisher.
    pub publisher: Option<usize>,
    /// Threads have to share a processor: who waits must give it away rather than spin.
    pub shared: bool,
}

impl Layout {
    /// Nobody is pinned.
    pub const FREE: Self = Self { reader: None, matcher: None, publisher: None, shared: true };

    /// The layout for a machine on which these processors are allowed: the matcher shares with nobody as long as
    /// there are two; on a single one there is nothing to choose.
    #[must_use]
    pub fn for_cpus(cpus: &[usize]) -> Self {
        match *cpus {
            [] | [_] => Self::FREE,
            [a, b] => Self { reader: Some(a), matcher: Some(b), publisher: Some(a), shared: true },
            [a, b, c, ..] => Self { reader: Some(a), matcher: Some(b), publisher: Some(c), shared: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matcher_shares_with_nobody_if_there_are_two() {
        for n in 0..6 {
            let cpus: Vec<usize> = (10..10 + n).collect();
            let l = Layout::for_cpus(&cpus);
            assert_eq!(l.shared, n < 3);
            assert_eq!(l.matcher.is_some(), n >= 2);
            if n >= 2 {
                assert!(l.matcher != l.reader && l.matcher != l.publisher);
                assert!([l.reader, l.matcher, l.publisher].iter().flatten().all(|c| cpus.contains(c)));
            }
        }
    }

    #[test]
    fn pinning_holds_or_says_why() {
        let cpus = allowed_cpus();
        let Some(&last) = cpus.last() else { return };
        std::thread::spawn(move || match pin_to(last) {
            Answer::Applied => assert_eq!(allowed_cpus(), [last]),
            Answer::Refused(errno) => assert_ne!(errno, 0),
            Answer::Unsupported => {}
        })
        .join()
        .expect("the thread ends");
        assert_eq!(pin_to(1 << 20), Answer::Refused(libc::EINVAL));
    }
}
