//! How a row is timed: two threads on two cores, or one thread, and which rounds are repeated after
//! a preemption.

use crate::support::host;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The measuring thread's core, and the other's.
pub const CORES: (usize, usize) = (1, 0);

/// Runs of a round that was disturbed, at most.
const ATTEMPTS: usize = 4;

/// A value that crosses a queue and carries a number.
pub trait Value: Copy + Send + 'static {
    fn of(n: u64) -> Self;
    fn number(&self) -> u64;
}

impl Value for u64 {
    #[inline(always)]
    fn of(n: u64) -> Self {
        n
    }
    #[inline(always)]
    fn number(&self) -> u64 {
        *self
    }
}

impl Value for [u8; 16] {
    #[inline(always)]
    fn of(n: u64) -> Self {
        (u128::from(n) << 64 | u128::from(n)).to_le_bytes()
    }
    #[inline(always)]
    fn number(&self) -> u64 {
        u128::from_le_bytes(*self) as u64
    }
}

impl Value for [u64; 8] {
    #[inline(always)]
    fn of(n: u64) -> Self {
        [n; 8]
    }
    #[inline(always)]
    fn number(&self) -> u64 {
        self[0]
    }
}

/// One contender of a row: each call is a round, its result in nanoseconds, one number or more
/// (median, p99).
pub struct Runner {
    pub name: &'static str,
    pub run: Box<dyn FnMut() -> Vec<f64>>,
}

impl Runner {
    pub fn new(name: &'static str, run: impl FnMut() -> Vec<f64> + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }
}

fn settle(core: usize) {
    host::pin(core);
    host::real_time();
}

/// Leaves the processor to others for a while, so that the kernel does not take it from us in the
/// middle of a round.
fn rest(ticks: u64) {
    let ns = ticks as f64 / ticks_per_ns();
    std::thread::sleep(std::time::Duration::from_nanos((ns * 0.1) as u64 + 200_000));
}

pub fn ticks_per_ns() -> f64 {
    static ONCE: std::sync::OnceLock<f64> = std::sync::OnceLock::new();
    *ONCE.get_or_init(host::ticks_per_ns)
}

/// Runs both in parallel on two cores. Returns the ticks from the start of `here` to the end of the
/// later one. Repeated if disturbed.
pub fn duel(here: &mut impl FnMut(), there: &mut (impl FnMut() + Send)) -> u64 {
    let mut best = u64::MAX;
    for _ in 0..ATTEMPTS {
        let (ticks, disturbed) = duel_once(here, there);
        best = best.min(ticks);
        if !disturbed {
            return ticks;
        }
    }
    best
}

/// The same, once; and whether a thread was preempted.
pub fn duel_once(here: &mut impl FnMut(), there: &mut (impl FnMut() + Send)) -> (u64, bool) {
    // A thread starts on the core of its maker, which must sleep until it has moved.
    let (moved, ready, end) = (Barrier::new(2), AtomicBool::new(false), AtomicU64::new(0));
    let disturbed_there = AtomicBool::new(false);
    let (start, end_here, disturbed_here) = std::thread::scope(|scope| {
        scope.spawn(|| {
            settle(CORES.1);
            moved.wait();
            let before = host::preemptions();
            ready.store(true, Ordering::Release);
            there();
            end.store(host::ticks(), Ordering::Release);
            disturbed_there.store(host::preemptions() != before, Ordering::Release);
        });
        moved.wait();
        settle(CORES.0);
        while !ready.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let before = host::preemptions();
        let start = host::ticks();
        here();
        (start, host::ticks(), host::preemptions() != before)
    });
    let ticks = end.into_inner().max(end_here) - start;
    rest(ticks);
    (ticks, disturbed_here || disturbed_there.into_inner())
}

/// `work` alone on one core, in ticks.
pub fn solo(work: &mut impl FnMut()) -> u64 {
    settle(CORES.0);
    let mut best = u64::MAX;
    for _ in 0..ATTEMPTS {
        let before = host::preemptions();
        let start = host::ticks();
        work();
        let ticks = host::ticks() - start;
        rest(ticks);
        best = best.min(ticks);
        if host::preemptions() == before {
            return ticks;
        }
    }
    best
}

/// `n` values, one by one, from this core to the other.
pub fn across<T: Value>(
    name: &'static str,
    n: u64,
    mut push: impl FnMut(T) -> bool + Send + 'static,
    mut pop: impl FnMut() -> Option<T> + Send + 'static,
) -> Runner {
    Runner::new(name, move || {
        let mut sum = 0_u64;
        let ticks = duel(
            &mut || {
                for i in 0..n {
                    while !push(T::of(i)) {
                        std::hint::spin_loop();
                    }
                }
            },
            &mut || {
                sum = 0;
                let mut left = n;
                while left > 0 {
                    match pop() {
                        Some(value) => {
                            sum = sum.wrapping_add(value.number());
                            left -= 1;
                        }
                        None => std::hint::spin_loop(),
                    }
                }
            },
        );
        assert_eq!(sum, (0..n).sum::<u64>(), "{name} lost something");
        vec![ticks as f64 / n as f64 / ticks_per_ns()]
    })
}

/// `n` values in batches: `push(from, to)` puts in some of the numbers from `from` up to `to` and
/// says how many; `pop` adds what it took to the sum and says how many that were.
pub fn batches(
    name: &'static str,
    n: u64,
    batch: u64,
    mut push: impl FnMut(u64, u64) -> u64 + Send + 'static,
    mut pop: impl FnMut(&mut u64) -> u64 + Send + 'static,
) -> Runner {
    Runner::new(name, move || {
        let mut sum = 0_u64;
        let ticks = duel(
            &mut || {
                let mut at = 0;
                while at < n {
                    let done = push(at, (at + batch).min(n));
                    if done == 0 {
                        std::hint::spin_loop();
                    }
                    at += done;
                }
            },
            &mut || {
                sum = 0;
                let mut left = n;
                while left > 0 {
                    let done = pop(&mut sum);
                    if done == 0 {
                        std::hint::spin_loop();
                    }
                    left -= done;
                }
            },
        );
        assert_eq!(sum, (0..n).sum::<u64>(), "{name} lost something");
        vec![ticks as f64 / n as f64 / ticks_per_ns()]
    })
}

/// There and back: two queues, one value under way; p50 and p99 of `n` round trips.
pub fn round_trip<T: Value>(
    name: &'static str,
    n: u64,
    there: (impl FnMut(T) -> bool + Send + 'static, impl FnMut() -> Option<T> + Send + 'static),
    back: (impl FnMut(T) -> bool + Send + 'static, impl FnMut() -> Option<T> + Send + 'static),
) -> Runner {
    let ((mut push_there, mut pop_there), (mut push_back, mut pop_back)) = (there, back);
    let mut samples: Vec<u64> = Vec::with_capacity(n as usize);
    Runner::new(name, move || {
        duel(
            &mut || {
                samples.clear();
                for i in 0..n {
                    let start = host::ticks();
                    while !push_there(T::of(i)) {}
                    loop {
                        if let Some(value) = pop_back() {
                            assert_eq!(value.number(), i);
                            break;
                        }
                        std::hint::spin_loop();
                    }
                    samples.push(host::ticks() - start);
                }
            },
            &mut || {
                for _ in 0..n {
                    loop {
                        if let Some(value) = pop_there() {
                            while !push_back(value) {}
                            break;
                        }
                        std::hint::spin_loop();
                    }
                }
            },
        );
        samples.sort_unstable();
        let at = |q: usize| samples[samples.len() * q / 100] as f64 / ticks_per_ns();
        vec![at(50), at(99)]
    })
}

/// Push, then pop, on one thread.
pub fn same_thread<T: Value>(
    name: &'static str,
    n: u64,
    mut push: impl FnMut(T) -> bool + 'static,
    mut pop: impl FnMut() -> Option<T> + 'static,
) -> Runner {
    Runner::new(name, move || {
        let mut sum = 0_u64;
        let ticks = solo(&mut || {
            sum = 0;
            for i in 0..n {
                assert!(push(T::of(std::hint::black_box(i))));
                sum = sum.wrapping_add(pop().map_or(0, |value| std::hint::black_box(value).number()));
            }
        });
        assert_eq!(sum, (0..n).sum::<u64>(), "{name} lost something");
        vec![ticks as f64 / n as f64 / ticks_per_ns()]
    })
}

/// Returns the current round-trip time of a cache line to the other core, in nanoseconds.
pub fn line_round_trip() -> f64 {
    const N: u64 = 4000;
    #[repr(align(128))]
    struct Line(AtomicU64);
    static LINES: (Line, Line) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
    LINES.0.0.store(0, Ordering::Relaxed);
    LINES.1.0.store(0, Ordering::Relaxed);
    let mut begin = 1;
    let mut begin_there = 1;
    let ticks = duel(
        &mut || {
            for i in begin..begin + N {
                LINES.0.0.store(i, Ordering::Release);
                while LINES.1.0.load(Ordering::Acquire) != i {
                    std::hint::spin_loop();
                }
            }
            begin += N;
        },
        &mut || {
            for i in begin_there..begin_there + N {
                while LINES.0.0.load(Ordering::Acquire) != i {
                    std::hint::spin_loop();
                }
                LINES.1.0.store(i, Ordering::Release);
            }
            begin_there += N;
        },
    );
    ticks as f64 / N as f64 / ticks_per_ns()
}
