//! Monitors memory pressure, on a thread of its own.
//!
//! ```
//! use std::time::Duration;
//! use vvp_core::queue::Spsc;
//! use vvp_std_adapter::memory::{PressureChange, PressureMonitor};
//!
//! static CHANGES: Spsc<PressureChange, 64> = Spsc::new();
//!
//! let monitor = PressureMonitor::builder()
//!     .interval(Duration::from_millis(100))
//!     .on_change(|change| eprintln!("memory is {}", change.to))
//!     .queue(CHANGES.producer().expect("not claimed yet"))
//!     .start()?;
//! println!("{} now, {} changes", monitor.level(), monitor.stats().changes);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Hot threads pay nothing: no thread is interrupted, and neither the queue nor
//! [`PressureMonitor::level`] takes a lock. A sample costs the monitor's thread 50 to 200 µs.

mod level;
mod sample;
mod trigger;

pub use level::{Hysteresis, PressureLevel, Threshold};
pub use sample::{CgroupMemory, HugePages, MemorySample, Psi, PsiLine};
pub use trigger::TriggerState;

use crate::os::System;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use vvp_core::queue::Producer;

/// The thresholds of pressure. A measurement that the system does not provide is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Stalls of some threads over the last 10 s, in hundredths of a percent.
    pub psi_some_avg10: Threshold,
    /// Stalls of all threads over the last 10 s, in hundredths of a percent.
    pub psi_full_avg10: Threshold,
    /// Usage of the control group, in thousandths of its hard limit.
    pub cgroup_used_per_mille: Threshold,
    /// Memory of the machine that is not available, in thousandths.
    pub machine_used_per_mille: Threshold,
    /// Major faults of the process between two samples.
    pub major_faults: Threshold,
    /// Bytes of the process that are swapped out.
    pub swapped_bytes: Threshold,
}

impl Default for Thresholds {
    fn default() -> Self {
        let of = |elevated, critical| Threshold { elevated, critical };
        Self {
            psi_some_avg10: of(500, 2_000),
            psi_full_avg10: of(100, 1_000),
            cgroup_used_per_mille: of(850, 950),
            machine_used_per_mille: of(900, 970),
            major_faults: of(50, 1_000),
            swapped_bytes: of(1, u64::MAX),
        }
    }
}

impl Thresholds {
    /// Returns the level that a sample calls for, and the level that it sustains.
    #[must_use]
    pub fn evaluate(&self, before: &MemorySample, now: &MemorySample) -> (PressureLevel, PressureLevel) {
        let per_mille = |part: u64, whole: u64| {
            u64::try_from(u128::from(part) * 1000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
        };
        let group = now.cgroup.and_then(|g| Some(per_mille(g.usage_bytes, g.limit_bytes?)));
        let machine = now.total_bytes.zip(now.available_bytes);
        let newer = now.major_faults.zip(before.major_faults);
        let values = [
            (self.psi_some_avg10, now.psi.map(|p| p.some.avg10.into())),
            (self.psi_full_avg10, now.psi.map(|p| p.full.avg10.into())),
            (self.cgroup_used_per_mille, group),
            (self.machine_used_per_mille, machine.map(|(all, free)| per_mille(all.saturating_sub(free), all))),
            (self.major_faults, newer.map(|(now, before)| now.saturating_sub(before))),
            (self.swapped_bytes, now.swapped_bytes),
        ];
        let values = values.into_iter().filter_map(|(threshold, value)| Some((threshold, value?)));
        let (mut calls, mut sustains) = (PressureLevel::Normal, PressureLevel::Normal);
        for (threshold, value) in values {
            calls = calls.max(threshold.level(value));
            sustains = sustains.max(threshold.sustains(value));
        }
        // The kernel has killed a process of the group, or throttled the group, since the last
        // sample.
        if let (Some(before), Some(now)) = (before.cgroup, now.cgroup) {
            if now.events.oom_kill > before.events.oom_kill || now.events.oom > before.events.oom {
                calls = PressureLevel::Critical;
            } else if now.events.high > before.events.high || now.events.max > before.events.max {
                calls = calls.max(PressureLevel::Elevated);
            }
        }
        (calls, sustains.max(calls))
    }
}

/// A change of the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PressureChange {
    /// The level before.
    pub from: PressureLevel,
    /// The level after.
    pub to: PressureLevel,
    /// Whether the kernel's alarm triggered this sample.
    pub by_trigger: bool,
    /// The measurements at this moment.
    pub sample: MemorySample,
}

/// The statistics of a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PressureStats {
    /// The current level.
    pub level: PressureLevel,
    /// Samples taken.
    pub samples: u64,
    /// Alarms of the kernel.
    pub triggers: u64,
    /// Changes of the level.
    pub changes: u64,
    /// Changes that were dropped because the queue was full.
    pub changes_not_queued: u64,
    /// The last change.
    pub last_change: Option<PressureChange>,
    /// The last sample.
    pub sample: MemorySample,
    /// The outcome of the request for the kernel's alarm.
    pub trigger: TriggerState,
}

type Deliver = Box<dyn FnMut(&PressureChange) -> bool + Send>;

/// Configures a monitor.
#[must_use = "nothing is watched until it is started"]
pub struct PressureMonitorBuilder {
    system: System,
    interval: Duration,
    stall: Duration,
    window: Duration,
    thresholds: Thresholds,
    calm_samples: u32,
    deliver: Vec<Deliver>,
}

impl core::fmt::Debug for PressureMonitorBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PressureMonitorBuilder")
            .field("system", &self.system)
            .field("interval", &self.interval)
            .field("thresholds", &self.thresholds)
            .finish_non_exhaustive()
    }
}

impl PressureMonitorBuilder {
    /// Sets where the files are read; by default this machine.
    pub fn system(mut self, system: System) -> Self {
        self.system = system;
        self
    }

    /// Sets the time between samples: 500 ms by default, at least 1 ms. An alarm of the kernel
    /// triggers a sample immediately.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets the kernel's alarm: threads stalled for `stall` in total within `window`; 100 ms within
    /// 1 s by default. If the kernel refuses the window, one of 2 s is used, with the stall in
    /// proportion.
    pub fn trigger(mut self, stall: Duration, window: Duration) -> Self {
        (self.stall, self.window) = (stall, window);
        self
    }

    /// Sets the thresholds.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Sets how many consecutive samples must be calmer before the level falls; 6 by default.
    pub fn calm_samples(mut self, samples: u32) -> Self {
        self.calm_samples = samples;
        self
    }

    /// Calls `f` at each change, on the monitor's thread.
    pub fn on_change(mut self, mut f: impl FnMut(&PressureChange) + Send + 'static) -> Self {
        self.deliver.push(Box::new(move |change| {
            f(change);
            true
        }));
        self
    }

    /// Enqueues each change. A change that does not fit is counted and dropped.
    pub fn queue<const N: usize>(mut self, mut queue: Producer<'static, PressureChange, N>) -> Self {
        self.deliver.push(Box::new(move |change| queue.push(*change).is_ok()));
        self
    }

    /// Starts the monitor's thread.
    ///
    /// # Errors
    /// The system has no descriptor or no thread left. A refused alarm is no error: see
    /// [`PressureStats::trigger`].
    pub fn start(self) -> io::Result<PressureMonitor> {
        let (alarm, trigger) = trigger::arm(&self.system, self.stall, self.window);
        // SAFETY: takes two numbers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just created, without another owner.
        let stop = Arc::new(File::from(unsafe { OwnedFd::from_raw_fd(fd) }));
        let sample = MemorySample::take(&self.system);
        let stats = PressureStats {
            level: PressureLevel::Normal,
            samples: 0,
            triggers: 0,
            changes: 0,
            changes_not_queued: 0,
            last_change: None,
            sample,
            trigger,
        };
        let shared = Arc::new(Shared { level: AtomicU8::new(0), stats: Mutex::new(stats) });
        let watcher = Watcher { builder: self, alarm, stop: Arc::clone(&stop), shared: Arc::clone(&shared), stats };
        let thread = std::thread::Builder::new().name("vvp-pressure".to_owned()).spawn(move || watcher.run())?;
        Ok(PressureMonitor { shared, stop, thread: Some(thread) })
    }
}

#[derive(Debug)]
struct Shared {
    level: AtomicU8,
    /// Taken only by the monitor's thread and by callers of `stats`.
    stats: Mutex<PressureStats>,
}

/// A running monitor. Dropping it ends its thread.
#[derive(Debug)]
pub struct PressureMonitor {
    shared: Arc<Shared>,
    stop: Arc<File>,
    thread: Option<JoinHandle<()>>,
}

impl PressureMonitor {
    /// Returns a builder with the default thresholds.
    pub fn builder() -> PressureMonitorBuilder {
        PressureMonitorBuilder {
            system: System::this(),
            interval: Duration::from_millis(500),
            stall: Duration::from_millis(100),
            window: Duration::from_secs(1),
            thresholds: Thresholds::default(),
            calm_samples: 6,
            deliver: Vec::new(),
        }
    }

    /// Returns the current level: one load, wait-free, suitable for a hot thread.
    #[must_use]
    #[inline]
    pub fn level(&self) -> PressureLevel {
        // Relaxed: the level orders no other memory.
        PressureLevel::from_number(self.shared.level.load(Ordering::Relaxed))
    }

    /// Returns the statistics. Takes a lock that the monitor's thread holds for some nanoseconds
    /// per sample.
    #[must_use]
    pub fn stats(&self) -> PressureStats {
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PressureMonitor {
    fn drop(&mut self) {
        use std::io::Write;
        let _ = (&*self.stop).write_all(&1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // The panic of a callback was already reported.
            let _ = thread.join();
        }
    }
}

/// The monitor's thread.
struct Watcher {
    builder: PressureMonitorBuilder,
    alarm: Option<File>,
    stop: Arc<File>,
    shared: Arc<Shared>,
    stats: PressureStats,
}

impl Watcher {
    fn run(mut self) {
        let mut state = Hysteresis::new(self.builder.calm_samples);
        // Each round waits for one interval at most, so the stop is noticed within one.
        while let Some(by_trigger) = self.wait() {
            let sample = MemorySample::take(&self.builder.system);
            let (mut calls, mut sustains) = self.builder.thresholds.evaluate(&self.stats.sample, &sample);
            if by_trigger {
                self.stats.triggers += 1;
                calls = calls.max(PressureLevel::Elevated);
                sustains = sustains.max(calls);
            }
            self.stats.samples += 1;
            self.stats.sample = sample;
            let from = state.level();
            if let Some(to) = state.step(calls, sustains) {
                let change = PressureChange { from, to, by_trigger, sample };
                self.stats.level = to;
                self.stats.changes += 1;
                self.stats.last_change = Some(change);
                // Relaxed: see `PressureMonitor::level`.
                self.shared.level.store(to as u8, Ordering::Relaxed);
                for deliver in &mut self.builder.deliver {
                    self.stats.changes_not_queued += u64::from(!deliver(&change));
                }
            }
            *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.stats;
        }
    }

    /// Waits for the interval or the alarm. Returns `None` if the monitor ends, else whether it was
    /// the alarm.
    fn wait(&mut self) -> Option<bool> {
        let of = |file: Option<&File>, events| libc::pollfd {
            fd: file.map_or(-1, AsRawFd::as_raw_fd), // poll ignores negative descriptors
            events,
            revents: 0,
        };
        let mut fds = [of(Some(&*self.stop), libc::POLLIN), of(self.alarm.as_ref(), libc::POLLPRI)];
        let ms = i32::try_from(self.builder.interval.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: two entries that are ours, and their number.
        let ready = unsafe { libc::poll(fds.as_mut_ptr(), 2, ms) };
        let [stop, alarm] = fds;
        if ready > 0 && stop.revents != 0 {
            return None;
        }
        if ready > 0 && alarm.revents & (libc::POLLERR | libc::POLLNVAL) != 0 {
            // The trigger is gone (its group was removed); sampling continues.
            self.alarm = None;
            self.stats.trigger.window = None;
            return Some(false);
        }
        Some(ready > 0 && alarm.revents & libc::POLLPRI != 0)
    }
}
