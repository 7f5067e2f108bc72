//! A monitor of jitter (hiccups): moments in which a core did not run a thread that was ready to
//! run.

use crate::clock::Clock;
use crate::os::Outcome;
use crate::thread::{pin_to, wake_on_time};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use vvp_core::metrics::Histogram;

/// Method by which a core is monitored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JitterMode {
    /// A thread reads the clock continuously and sees every hiccup of its core; it takes the whole
    /// core.
    Spin,
    /// A thread sleeps for this long and measures how late it wakes; it takes almost no time and
    /// sees a sample of the hiccups.
    Timer(Duration),
}

/// The cause of a hiccup, according to the kernel's counts of the watching thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HiccupCause {
    /// A page was read from a device.
    MajorFault,
    /// The scheduler gave the core to another thread.
    Preempted,
    /// A page was mapped.
    MinorFault,
    /// None of these: an interrupt, the host of a virtual machine, or a late timer.
    Outside,
}

/// A hiccup longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hiccup {
    /// The core.
    pub cpu: usize,
    /// Its length.
    pub ns: u64,
    /// Its cause.
    pub cause: HiccupCause,
}

/// Page faults and context switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SchedulingCounts {
    /// Page faults served from memory.
    pub minor_faults: u64,
    /// Page faults that waited for a device.
    pub major_faults: u64,
    /// Context switches because a thread slept or waited.
    pub voluntary_switches: u64,
    /// Context switches because the core was taken away.
    pub involuntary_switches: u64,
}

impl SchedulingCounts {
    /// Returns the counts of all threads of the process.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of(libc::RUSAGE_SELF)
    }

    /// Returns the counts of the calling thread.
    #[must_use]
    pub fn of_thread() -> Self {
        Self::of(libc::RUSAGE_THREAD)
    }

    fn of(scope: libc::c_int) -> Self {
        // SAFETY: all-zero bytes are a valid `rusage`: numbers only.
        let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
        // SAFETY: `usage` is ours to write; the call keeps no pointer, and cannot fail with these
        // arguments.
        unsafe { libc::getrusage(scope, &raw mut usage) };
        let count = |n: libc::c_long| u64::try_from(n).unwrap_or(0);
        Self {
            minor_faults: count(usage.ru_minflt),
            major_faults: count(usage.ru_majflt),
            voluntary_switches: count(usage.ru_nvcsw),
            involuntary_switches: count(usage.ru_nivcsw),
        }
    }

    /// Returns what was added since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            minor_faults: self.minor_faults.wrapping_sub(earlier.minor_faults),
            major_faults: self.major_faults.wrapping_sub(earlier.major_faults),
            voluntary_switches: self.voluntary_switches.wrapping_sub(earlier.voluntary_switches),
            involuntary_switches: self.involuntary_switches.wrapping_sub(earlier.involuntary_switches),
        }
    }

    /// Returns the most expensive cause among the counts.
    const fn cause(self) -> HiccupCause {
        if self.major_faults > 0 {
            HiccupCause::MajorFault
        } else if self.involuntary_switches > 0 {
            HiccupCause::Preempted
        } else if self.minor_faults > 0 {
            HiccupCause::MinorFault
        } else {
            HiccupCause::Outside
        }
    }
}

/// Measurements of the monitor of one core.
#[derive(Clone, Debug)]
pub struct CoreJitter {
    /// The core.
    pub cpu: usize,
    /// Whether the watcher is pinned to the core; if not, its measurements may be of any core.
    pub pinned: Outcome,
    /// All stalls in nanoseconds: gaps between two readings (spin), or how late it woke (timer).
    pub stalls: Histogram,
    /// Hiccups longer than the limit, by cause: major fault, preempted, minor fault, outside.
    pub by_cause: [u64; 4],
}

impl CoreJitter {
    /// Returns the number of hiccups longer than the limit.
    #[must_use]
    pub fn too_long(&self) -> u64 {
        self.by_cause.iter().sum()
    }
}

struct CoreRecord {
    cpu: usize,
    pinned: Mutex<Outcome>,
    stalls: Histogram,
    by_cause: [AtomicU64; 4],
}

/// Watches cores, with one thread on each. Dropping it ends the threads.
///
/// ```
/// use std::time::Duration;
/// use vvp_std_adapter::memory::{JitterMode, JitterMonitor};
/// let (mode, max_hiccup_ns) = (JitterMode::Timer(Duration::from_millis(1)), 1_000_000);
/// let monitor = JitterMonitor::start(&[0], mode, max_hiccup_ns, |hiccup| {
///     eprintln!("core {} stood still for {} ns: {:?}", hiccup.cpu, hiccup.ns, hiccup.cause);
/// })?;
/// for core in monitor.cores() {
///     let p99_ns = core.stalls.per_mille(990);
///     println!("core {}: p99 {p99_ns} ns, {} too long", core.cpu, core.too_long());
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct JitterMonitor {
    cores: Vec<Arc<CoreRecord>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    max_hiccup_ns: u64,
    before: SchedulingCounts,
}

impl core::fmt::Debug for JitterMonitor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let cpus: Vec<usize> = self.cores.iter().map(|c| c.cpu).collect();
        f.debug_struct("JitterMonitor")
            .field("cpus", &cpus)
            .field("max_hiccup_ns", &self.max_hiccup_ns)
            .finish_non_exhaustive()
    }
}

impl JitterMonitor {
    /// Starts watching these cores. `on_hiccup` is called, on the watching thread, for each hiccup
    /// longer than `max_hiccup_ns`.
    ///
    /// # Errors
    /// The system has no thread left; those already started have ended by then.
    pub fn start(
        cpus: &[usize],
        mode: JitterMode,
        max_hiccup_ns: u64,
        on_hiccup: impl Fn(Hiccup) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let clock = Clock::calibrated(Duration::from_millis(20));
        let on_hiccup = Arc::new(on_hiccup);
        let mut monitor = Self {
            cores: Vec::new(),
            stop: Arc::new(AtomicBool::new(false)),
            threads: Vec::new(),
            max_hiccup_ns,
            before: SchedulingCounts::of_process(),
        };
        for &cpu in cpus {
            let core = Arc::new(CoreRecord {
                cpu,
                pinned: Mutex::new(Outcome::Unsupported),
                stalls: Histogram::new(),
                by_cause: [const { AtomicU64::new(0) }; 4],
            });
            monitor.cores.push(Arc::clone(&core));
            let (stop, on_hiccup) = (Arc::clone(&monitor.stop), Arc::clone(&on_hiccup));
            let name = format!("vvp-pause-{cpu}");
            // On failure, dropping the monitor ends the other threads.
            let thread = std::thread::Builder::new()
                .name(name)
                .spawn(move || watch(&core, mode, max_hiccup_ns, &clock, &stop, &*on_hiccup))?;
            monitor.threads.push(thread);
        }
        Ok(monitor)
    }

    /// Returns the limit of a hiccup, in nanoseconds.
    #[must_use]
    pub const fn max_hiccup_ns(&self) -> u64 {
        self.max_hiccup_ns
    }

    /// Returns the measurements of each core so far.
    #[must_use]
    pub fn cores(&self) -> Vec<CoreJitter> {
        let seen = |core: &Arc<CoreRecord>| CoreJitter {
            cpu: core.cpu,
            pinned: *core.pinned.lock().unwrap_or_else(PoisonError::into_inner),
            stalls: core.stalls.clone(),
            // Relaxed: plain counts.
            by_cause: core.by_cause.each_ref().map(|n| n.load(Ordering::Relaxed)),
        };
        self.cores.iter().map(seen).collect()
    }

    /// Returns the page faults and context switches of the whole process since the start.
    #[must_use]
    pub fn scheduling(&self) -> SchedulingCounts {
        SchedulingCounts::of_process().since(self.before)
    }
}

impl Drop for JitterMonitor {
    fn drop(&mut self) {
        // Relaxed: no other data is passed; joining the threads orders the rest.
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // The panic of a callback was already reported.
            let _ = thread.join();
        }
    }
}

fn watch(
    core: &CoreRecord,
    mode: JitterMode,
    max_ns: u64,
    clock: &Clock,
    stop: &AtomicBool,
    on_hiccup: &dyn Fn(Hiccup),
) {
    *core.pinned.lock().unwrap_or_else(PoisonError::into_inner) = pin_to(core.cpu);
    wake_on_time();
    let mut counts = SchedulingCounts::of_thread();
    let mut last = clock.now();
    // Relaxed: see `JitterMonitor::drop`. Ends at most one sleep after the stop.
    while !stop.load(Ordering::Relaxed) {
        let expected_ns = match mode {
            JitterMode::Spin => 0,
            JitterMode::Timer(sleep) => {
                last = clock.now();
                std::thread::sleep(sleep);
                u64::try_from(sleep.as_nanos()).unwrap_or(u64::MAX)
            }
        };
        let now = clock.now();
        let ns = clock.ns_between(last, now).saturating_sub(expected_ns);
        last = now;
        core.stalls.record(ns);
        if ns > max_ns {
            let new = SchedulingCounts::of_thread();
            let cause = new.since(counts).cause();
            counts = new;
            if let Some(count) = core.by_cause.get(cause as usize) {
                // Relaxed: a plain count.
                count.fetch_add(1, Ordering::Relaxed);
            }
            on_hiccup(Hiccup { cpu: core.cpu, ns, cause });
            // The time spent in the callback is not a hiccup.
            last = clock.now();
        } else if matches!(mode, JitterMode::Timer(_)) {
            // Keeps an earlier switch from being taken for the cause of a later hiccup; too
            // expensive for each round of the spinning watcher.
            counts = SchedulingCounts::of_thread();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(what: &str, done: impl Fn() -> bool) {
        let start = std::time::Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(120), "never: {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn most_expensive_cause_wins() {
        let counts = |minor_faults, major_faults, involuntary_switches| SchedulingCounts {
            minor_faults,
            major_faults,
            involuntary_switches,
            voluntary_switches: 9,
        };
        assert_eq!(counts(0, 0, 0).cause(), HiccupCause::Outside);
        assert_eq!(counts(1, 0, 0).cause(), HiccupCause::MinorFault);
        assert_eq!(counts(1, 0, 1).cause(), HiccupCause::Preempted);
        assert_eq!(counts(1, 1, 1).cause(), HiccupCause::MajorFault);
    }

    #[test]
    fn every_stall_is_counted_and_each_hiccup_is_reported_once() {
        let cpus = crate::thread::allowed_cpus();
        for mode in [JitterMode::Spin, JitterMode::Timer(Duration::from_micros(200))] {
            let reported = Arc::new(AtomicU64::new(0));
            let count = Arc::clone(&reported);
            // With a limit of 0 every stall counts.
            let monitor = JitterMonitor::start(cpus.get(..1).unwrap_or(&[]), mode, 0, move |hiccup| {
                assert!(hiccup.ns > 0);
                count.fetch_add(1, Ordering::Relaxed);
            })
            .expect("a thread");
            until("50 hiccups", || cpus.is_empty() || reported.load(Ordering::Relaxed) >= 50);
            let cores = monitor.cores();
            for core in &cores {
                assert!(core.pinned.is_applied() && core.too_long() > 0 && core.stalls.count() > 0, "{core:?}");
            }
            let kept = monitor.cores.clone();
            drop(monitor);
            let total: u64 = kept.iter().flat_map(|c| &c.by_cause).map(|n| n.load(Ordering::Relaxed)).sum();
            assert_eq!(total, reported.load(Ordering::Relaxed));
        }
    }

    #[test]
    fn missing_core_is_refused_and_measured_unpinned() {
        let monitor = JitterMonitor::start(&[100_000], JitterMode::Timer(Duration::from_millis(1)), u64::MAX, |_| ())
            .expect("a thread");
        until("a stall", || monitor.cores().iter().all(|c| !c.stalls.is_empty()));
        assert!(monitor.cores().iter().all(|c| c.pinned == Outcome::Refused(libc::EINVAL) && c.too_long() == 0));
    }
}
