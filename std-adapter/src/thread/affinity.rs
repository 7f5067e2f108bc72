//! Processor affinity of threads.

use crate::os::{Outcome, last_errno};

/// A set of processors, one bit each, in words as the kernel stores them.
type Mask = Vec<libc::c_ulong>;

const WORD_BITS: usize = libc::c_ulong::BITS as usize;
/// Words of the first mask tried: the 1,024 processors of a `cpu_set_t`.
const WORDS: usize = 1024 / WORD_BITS;
/// Words of the longest mask tried: a million processors.
const WORDS_MAX: usize = (1 << 20) / WORD_BITS;

/// Calls with a mask of `words` words, then with longer ones while the result is EINVAL: the kernel
/// returns it when it supports more processors than the mask has bits.
fn growing<T>(words: usize, mut call: impl FnMut(usize) -> Result<T, i32>) -> Result<T, i32> {
    let mut words = words.max(WORDS);
    loop {
        match call(words) {
            Err(libc::EINVAL) if words < WORDS_MAX => words = (2 * words).min(WORDS_MAX),
            result => return result,
        }
    }
}

fn allowed_by(mut get: impl FnMut(&mut [libc::c_ulong]) -> Result<(), i32>) -> Result<Vec<usize>, i32> {
    let mask: Mask = growing(WORDS, |words| {
        let mut mask = vec![0; words];
        get(&mut mask).map(|()| mask)
    })?;
    let is_set = |&cpu: &usize| mask[cpu / WORD_BITS] >> (cpu % WORD_BITS) & 1 != 0;
    Ok((0..mask.len() * WORD_BITS).filter(is_set).collect())
}

fn pin_by(cpu: usize, mut set: impl FnMut(&[libc::c_ulong]) -> Result<(), i32>) -> Result<(), i32> {
    if cpu >= WORDS_MAX * WORD_BITS {
        return Err(libc::EINVAL);
    }
    growing(cpu / WORD_BITS + 1, |words| {
        let mut mask: Mask = vec![0; words];
        mask[cpu / WORD_BITS] |= 1 << (cpu % WORD_BITS);
        set(&mask)
    })
}

fn check(code: i32) -> Result<(), i32> {
    if code == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Returns the processors that the calling thread may run on, in ascending order; any number up to
/// 1,048,576.
///
/// Empty if the system does not report them.
#[must_use]
pub fn allowed_cpus() -> Vec<usize> {
    let get = |mask: &mut [libc::c_ulong]| {
        // SAFETY: `mask` is ours, with the length that we pass; a `cpu_set_t` is an array of such
        // words.
        check(unsafe { libc::sched_getaffinity(0, size_of_val(mask), mask.as_mut_ptr().cast()) })
    };
    allowed_by(get).unwrap_or_default()
}

/// Pins the calling thread to `cpu`. Refused with EINVAL if the thread may not run there, or there
/// is no such processor.
pub fn pin_to(cpu: usize) -> Outcome {
    let set = |mask: &[libc::c_ulong]| {
        // SAFETY: `mask` outlives the call and has the length that we pass.
        check(unsafe { libc::sched_setaffinity(0, size_of_val(mask), mask.as_ptr().cast()) })
    };
    match pin_by(cpu, set) {
        Ok(()) => Outcome::Applied,
        Err(errno) => Outcome::Refused(errno),
    }
}

/// The placement of one thread of a pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThreadPlace {
    /// The processor to pin it to, if any.
    pub cpu: Option<usize>,
    /// Whether it shares its processor with another thread of the pipeline.
    pub shared: bool,
}

/// The placement of all threads of a pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ThreadLayout {
    /// The reader.
    pub reader: ThreadPlace,
    /// The matcher.
    pub matcher: ThreadPlace,
    /// The publisher.
    pub publisher: ThreadPlace,
}

impl ThreadLayout {
    /// Pins no thread; each assumes that it shares a processor.
    pub const FREE: Self = {
        let anywhere = ThreadPlace { cpu: None, shared: true };
        Self { reader: anywhere, matcher: anywhere, publisher: anywhere }
    };

    /// Returns the layout for a machine on which these processors are allowed. With two or more the
    /// matcher has one of its own; with one, no thread is pinned.
    #[must_use]
    pub fn for_cpus(cpus: &[usize]) -> Self {
        let own = |cpu| ThreadPlace { cpu: Some(cpu), shared: false };
        let shared = |cpu| ThreadPlace { cpu: Some(cpu), shared: true };
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
    fn matcher_has_its_own_processor_if_there_are_two() {
        for n in 0..6 {
            let cpus: Vec<usize> = (10..10 + n).collect();
            let ThreadLayout { reader, matcher, publisher } = ThreadLayout::for_cpus(&cpus);
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
    fn pinning_applies_or_returns_errno() {
        let cpus = allowed_cpus();
        let Some(&last) = cpus.last() else { return };
        std::thread::spawn(move || match pin_to(last) {
            Outcome::Applied => assert_eq!(allowed_cpus(), [last]),
            Outcome::Refused(errno) => assert_ne!(errno, 0),
            Outcome::Unsupported => {}
        })
        .join()
        .expect("the thread ends");
        assert_eq!(pin_to(1 << 20), Outcome::Refused(libc::EINVAL));
    }

    /// A kernel with this many processors, which refuses a shorter mask, as Linux does.
    struct Kernel {
        cpus: usize,
        allowed: Vec<usize>,
        calls: usize,
    }

    impl Kernel {
        fn new(cpus: usize, allowed: &[usize]) -> Self {
            Self { cpus, allowed: allowed.to_vec(), calls: 0 }
        }

        fn get(&mut self, mask: &mut [libc::c_ulong]) -> Result<(), i32> {
            self.calls += 1;
            if mask.len() * WORD_BITS < self.cpus {
                return Err(libc::EINVAL);
            }
            for cpu in &self.allowed {
                mask[cpu / WORD_BITS] |= 1 << (cpu % WORD_BITS);
            }
            Ok(())
        }

        fn set(&mut self, mask: &[libc::c_ulong]) -> Result<(), i32> {
            self.calls += 1;
            let bits: Vec<usize> =
                (0..mask.len() * WORD_BITS).filter(|cpu| mask[cpu / WORD_BITS] >> (cpu % WORD_BITS) & 1 != 0).collect();
            if mask.len() * WORD_BITS < self.cpus || bits.iter().all(|&cpu| cpu >= self.cpus) {
                return Err(libc::EINVAL);
            }
            self.allowed = bits;
            Ok(())
        }
    }

    #[test]
    fn mask_grows_until_the_kernel_accepts_it() {
        for (cpus, calls) in [(4, 1), (1024, 1), (1025, 2), (2048, 2), (4096, 3), (8192, 4), (1 << 20, 11)] {
            let mut allowed = vec![0, 3, cpus - 1];
            allowed.dedup();
            let mut kernel = Kernel::new(cpus, &allowed);
            assert_eq!(allowed_by(|mask| kernel.get(mask)), Ok(allowed), "{cpus}");
            assert_eq!(kernel.calls, calls, "{cpus}");
            for cpu in [3, cpus - 1] {
                assert_eq!(pin_by(cpu, |mask| kernel.set(mask)), Ok(()), "{cpu} of {cpus}");
                assert_eq!(allowed_by(|mask| kernel.get(mask)), Ok(vec![cpu]));
            }
        }
    }

    #[test]
    fn mask_that_no_length_suffices_for_is_refused() {
        let mut kernel = Kernel::new(4096, &[7]);
        assert_eq!(pin_by(4096, |mask| kernel.set(mask)), Err(libc::EINVAL), "there is no such processor");
        assert_eq!(kernel.allowed, [7]);
        assert_eq!(pin_by(usize::MAX, |_| unreachable!()), Err(libc::EINVAL));
        let mut kernel = Kernel::new(usize::MAX, &[]);
        assert_eq!(allowed_by(|mask| kernel.get(mask)), Err(libc::EINVAL));
        assert_eq!(kernel.calls, 11, "it terminates");
        let mut calls = 0;
        let result = allowed_by(|_| {
            calls += 1;
            Err(libc::EPERM)
        });
        assert_eq!((result, calls), (Err(libc::EPERM), 1), "another error is final");
    }
}
