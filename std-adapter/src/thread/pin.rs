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

/// Where one thread of a pipeline goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its processor, if it is to be pinned.
    pub cpu: Option<usize>,
    /// It has to share its processor with another thread of the pipeline.
    pub shared: bool,
}

/// Where the threads of a pipeline go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// The reader's place.
    pub reader: Place,
    /// The matcher's place.
    pub matcher: Place,
    /// The publisher's place.
    pub publisher: Place,
}

impl Layout {
    /// Nobody is pinned, and everybody expects to share.
    pub const FREE: Self = {
        let anywhere = Place { cpu: None, shared: true };
        Self { reader: anywhere, matcher: anywhere, publisher: anywhere }
    };

    /// The layout for a machine on which these processors are allowed: the matcher shares with nobody as long as
    /// there are two; on a single one there is nothing to choose.
    #[must_use]
    pub fn for_cpus(cpus: &[usize]) -> Self {
        let own = |cpu| Place { cpu: Some(cpu), shared: false };
        let shared = |cpu| Place { cpu: Some(cpu), shared: true };
        match *cpus {
            [] | [_] => Self::FREE,
            [a, b] => Self { reader: shared(a), matcher: own(b), publisher: shared(a) },
            [a, b, c, ..] => Self { reader: own(a), matcher: own(b), publisher: own(c) },
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
            let Layout { reader, matcher, publisher } = Layout::for_cpus(&cpus);
            let all = [reader, matcher, publisher];
            assert!(all.iter().all(|p| p.cpu.is_some() == (n >= 2)));
            assert!(all.iter().filter_map(|p| p.cpu).all(|cpu| cpus.contains(&cpu)));
            for (i, place) in all.iter().enumerate() {
                let alone = place.cpu.is_some() && all.iter().filter(|p| p.cpu == place.cpu).count() == 1;
                assert_eq!(place.shared, !alone, "{n} processors, thread {i}");
            }
            assert_eq!(matcher.shared, n < 2);
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
