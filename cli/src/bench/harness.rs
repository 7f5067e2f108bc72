//! Times a row, on one thread or on two threads of two processors; rounds in which a thread was
//! preempted are repeated.

use super::row::Row;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use vvp_std_adapter::clock::Clock;
use vvp_std_adapter::thread::{allowed_cpus, pin_to, wake_on_time};

/// Maximum runs of a round in which a thread was preempted.
const ATTEMPTS: u32 = 4;
/// Round trips of a cache line in one measurement.
const TRIPS: u64 = 4000;

/// Where, how often and how long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Harness {
    clock: Clock,
    /// The processor of the thread that measures, and another one, if there is one.
    cpus: (Option<usize>, Option<usize>),
    rounds: u32,
    quick: bool,
    /// Whether to ask for the real-time class.
    real_time: bool,
}

/// The result of one round.
#[derive(Clone, Copy, Debug)]
struct Round {
    ns: u64,
    repeated: u32,
    disturbed: bool,
}

impl Harness {
    /// Creates a harness for this machine: seven rounds, or three quick ones of a tenth of the
    /// operations.
    #[must_use]
    pub fn new(quick: bool) -> Self {
        let cpus = allowed_cpus();
        // Interrupts tend to go to the first processor, so the last ones are used.
        let here = cpus.last().copied();
        let there = cpus.iter().rev().nth(1).copied();
        let clock = Clock::calibrated(Duration::from_millis(50));
        Self { clock, cpus: (here, there), rounds: if quick { 3 } else { 7 }, quick, real_time: false }
    }

    /// Uses the real-time class, if the system allows it: nothing else runs on these two processors
    /// during a measurement. On a machine with two processors those are all.
    #[must_use]
    pub const fn real_time(self) -> Self {
        Self { real_time: true, ..self }
    }

    /// Returns whether it is a quick run.
    #[must_use]
    pub const fn is_quick(&self) -> bool {
        self.quick
    }

    /// Moves the calling thread to the processor of the measuring thread.
    pub fn settle_here(&self) {
        settle(self.cpus.0, self.real_time);
    }

    /// Moves the calling thread to the other processor.
    pub fn settle_there(&self) {
        settle(self.cpus.1, self.real_time);
    }

    /// Returns the clock.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns the two processors of the measurements.
    #[must_use]
    pub const fn cpus(&self) -> (Option<usize>, Option<usize>) {
        self.cpus
    }

    /// Returns the number of rounds of a row.
    #[must_use]
    pub const fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Returns the number of operations: `n`, or a tenth of it in a quick run.
    #[must_use]
    pub const fn operations(&self, n: u64) -> u64 {
        if self.quick { n / 10 } else { n }
    }

    /// Measures a row on one thread: `work` does `n` operations.
    pub fn solo(&self, group: &str, name: &str, n: u64, mut work: impl FnMut()) -> Row {
        self.timed(group, name, n, || {
            let start = self.clock.now();
            work();
            self.clock.ns_between(start, self.clock.now())
        })
    }

    /// Measures a row on two threads of two processors: together they do `n` operations; `here`
    /// runs on the calling thread.
    ///
    /// On a machine with one processor both share it.
    pub fn pair(&self, group: &str, name: &str, n: u64, mut here: impl FnMut(), mut there: impl FnMut() + Send) -> Row {
        let before = self.line_ns();
        let rounds: Vec<Round> = (0..self.rounds).map(|_| self.both(&mut here, &mut there)).collect();
        let after = self.line_ns();
        row(group, name, n, &rounds, Some([before, after]))
    }

    /// Measures the round trip of a cache line to the other processor, in nanoseconds.
    pub fn line_ns(&self) -> f64 {
        #[repr(align(128))]
        struct Line(AtomicU64);
        let lines = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
        // Release and Acquire on both lines: each side answers the value it has read.
        let round = self.both(
            &mut || {
                let first = lines.1.0.load(Ordering::Acquire);
                for i in first + 1..=first + TRIPS {
                    lines.0.0.store(i, Ordering::Release);
                    wait_for(|| lines.1.0.load(Ordering::Acquire) == i);
                }
            },
            &mut || {
                let first = lines.1.0.load(Ordering::Acquire);
                for i in first + 1..=first + TRIPS {
                    wait_for(|| lines.0.0.load(Ordering::Acquire) == i);
                    lines.1.0.store(i, Ordering::Release);
                }
            },
        );
        round.ns as f64 / TRIPS as f64
    }

    /// Measures a row on one thread; `work` returns the time of the part that counts.
    pub fn timed(&self, group: &str, name: &str, n: u64, mut work: impl FnMut() -> u64) -> Row {
        let rounds: Vec<Round> = (0..self.rounds).map(|_| self.alone(&mut work)).collect();
        row(group, name, n, &rounds, None)
    }

    fn alone(&self, work: &mut impl FnMut() -> u64) -> Round {
        self.settle_here();
        let mut best = u64::MAX;
        for repeated in 0..ATTEMPTS {
            let before = preemptions();
            let ns = work();
            let calm = preemptions() == before;
            rest(ns);
            best = best.min(ns);
            if calm {
                return Round { ns, repeated, disturbed: false };
            }
        }
        Round { ns: best, repeated: ATTEMPTS - 1, disturbed: true }
    }

    /// Runs both in parallel and measures from the start of `here` to the end of the later one.
    fn both(&self, here: &mut impl FnMut(), there: &mut (impl FnMut() + Send)) -> Round {
        let mut best = u64::MAX;
        for repeated in 0..ATTEMPTS {
            // A thread starts on the processor of its parent, which must sleep until the thread has
            // moved.
            let (moved, ready, end) = (Barrier::new(2), AtomicBool::new(false), AtomicU64::new(0));
            let calm_there = AtomicBool::new(false);
            let (start, end_here, calm_here) = std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    self.settle_there();
                    moved.wait();
                    let before = preemptions();
                    // Release: pairs with the Acquire below; what was set up here comes before the
                    // start.
                    ready.store(true, Ordering::Release);
                    there();
                    // Relaxed: read after the join.
                    end.store(self.clock.now(), Ordering::Relaxed);
                    calm_there.store(preemptions() == before, Ordering::Relaxed);
                });
                moved.wait();
                self.settle_here();
                wait_for(|| ready.load(Ordering::Acquire));
                let before = preemptions();
                let start = self.clock.now();
                here();
                let end_here = self.clock.now();
                let calm = preemptions() == before;
                let _ = other.join();
                (start, end_here, calm)
            });
            let ns = self.clock.ns_between(start, end.into_inner().max(end_here));
            rest(ns);
            best = best.min(ns);
            if calm_here && calm_there.into_inner() {
                return Round { ns, repeated, disturbed: false };
            }
        }
        Round { ns: best, repeated: ATTEMPTS - 1, disturbed: true }
    }
}

/// Spins until the condition holds, with an occasional yield for machines with one processor.
pub(super) fn wait_for(mut so: impl FnMut() -> bool) {
    let mut spins = 0u32;
    while !so() {
        spins = spins.wrapping_add(1);
        if spins.is_multiple_of(1 << 14) {
            std::thread::yield_now();
        }
        core::hint::spin_loop();
    }
}

/// Pins the calling thread to a processor, in the real-time class if requested and allowed.
fn settle(cpu: Option<usize>, real_time: bool) {
    if let Some(cpu) = cpu {
        let _ = pin_to(cpu);
    }
    let _ = wake_on_time();
    if !real_time {
        return;
    }
    let first = libc::sched_param { sched_priority: 1 };
    // SAFETY: a parameter block of ours; 0 is the calling thread. A refusal changes nothing.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const first) };
}

/// Leaves the processor to others for a while, so that the scheduler does not preempt the thread in
/// the middle of a round.
pub(super) fn rest(ns: u64) {
    std::thread::sleep(Duration::from_nanos(ns / 10 + 200_000));
}

/// Returns how often the calling thread was preempted.
pub(super) fn preemptions() -> i64 {
    usage().ru_nivcsw
}

/// Returns the resource usage of the calling thread.
pub(super) fn usage() -> libc::rusage {
    // SAFETY: all-zero bytes are a valid `rusage`: numbers only.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: `usage` is ours to write; the call keeps no pointer.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    usage
}

fn row(group: &str, name: &str, n: u64, rounds: &[Round], line_ns: Option<[f64; 2]>) -> Row {
    let mut each: Vec<f64> = rounds.iter().map(|r| r.ns as f64 / n.max(1) as f64).collect();
    each.sort_unstable_by(f64::total_cmp);
    let at = |i: usize| each.get(i).copied().unwrap_or(0.0);
    Row {
        group: group.to_owned(),
        name: name.to_owned(),
        median_ns: at(each.len() / 2),
        min_ns: at(0),
        max_ns: at(each.len().saturating_sub(1)),
        rounds: u32::try_from(rounds.len()).unwrap_or(u32::MAX),
        repeated: rounds.iter().map(|r| r.repeated).sum(),
        disturbed: u32::try_from(rounds.iter().filter(|r| r.disturbed).count()).unwrap_or(u32::MAX),
        line_ns,
    }
}
