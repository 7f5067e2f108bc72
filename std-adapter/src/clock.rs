//! A clock that costs a few nanoseconds to read.

use std::time::Duration;

/// Reads the processor's time-stamp counter where it is steady, else the kernel's raw monotonic clock, and turns
/// differences into nanoseconds with a multiplication and a shift.
///
/// A reading is a bare count ([`Clock::now`]): its unit is the clock's own, and only differences taken from the same
/// clock mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    source: ClockSource,
    /// Nanoseconds per count, times 2^32.
    ns_per_count_q32: u64,
}

/// What a [`Clock`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// The time-stamp counter.
    Tsc,
    /// `CLOCK_MONOTONIC_RAW`.
    Kernel,
}

impl Clock {
    /// The best clock of this machine. Takes about `calibration` when the time-stamp counter is used: as long as
    /// that its rate is compared with the kernel's clock.
    #[must_use]
    pub fn calibrated(calibration: Duration) -> Self {
        if !tsc::is_steady() {
            return Self::kernel();
        }
        let (ns0, count0) = pair();
        loop {
            std::thread::sleep(calibration / 4);
            let (ns1, count1) = pair();
            let (ns, counts) = (ns1 - ns0, count1.wrapping_sub(count0));
            if u128::from(ns) < calibration.as_nanos() {
                continue;
            }
            // A counter that stands still, or counts below 1 MHz or above 100 GHz, is none.
            if counts < ns / 1_000 || counts / 100 > ns {
                return Self::kernel();
            }
            let q32 = (u128::from(ns) << 32) / u128::from(counts);
            return Self { source: ClockSource::Tsc, ns_per_count_q32: u64::try_from(q32).unwrap_or(u64::MAX) };
        }
    }

    /// The kernel's clock: about 25 ns a reading instead of 10, and no calibration.
    #[must_use]
    pub const fn kernel() -> Self {
        Self { source: ClockSource::Kernel, ns_per_count_q32: 1 << 32 }
    }

    /// What it reads.
    #[must_use]
    pub const fn source(&self) -> ClockSource {
        self.source
    }

    /// The count now.
    #[must_use]
    #[inline]
    pub fn now(&self) -> u64 {
        match self.source {
            ClockSource::Tsc => tsc::read(),
            ClockSource::Kernel => kernel_ns(),
        }
    }

    /// Nanoseconds from one reading to a later one; 0 if the "later" one is earlier, as two processors' counters
    /// may differ by a hair.
    #[must_use]
    #[inline]
    pub fn ns_between(&self, earlier: u64, later: u64) -> u64 {
        let counts = later.saturating_sub(earlier);
        let ns = (u128::from(counts) * u128::from(self.ns_per_count_q32)) >> 32;
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

/// Both clocks at one moment: of a few tries the one in which the two kernel readings lay closest together.
fn pair() -> (u64, u64) {
    let mut best = (u64::MAX, 0, 0);
    for _ in 0..16 {
        let before = kernel_ns();
        let count = tsc::read();
        let width = kernel_ns() - before;
        if width < best.0 {
            best = (width, before + width / 2, count);
        }
    }
    (best.1, best.2)
}

fn kernel_ns() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is ours to write; the call keeps no pointer. The clock exists since Linux 2.6.28, so it cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW, &raw mut t) };
    u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(t.tv_nsec).unwrap_or(0)
}

#[cfg(target_arch = "x86_64")]
mod tsc {
    use core::arch::x86_64::{__cpuid, _rdtsc};

    /// Whether the counter runs at one rate on all processors, in all power states: the processor promises it, or
    /// the kernel found it so and keeps its own time by it.
    pub(super) fn is_steady() -> bool {
        // SAFETY: every x86-64 processor has the instruction, and it only reads.
        #[allow(unused_unsafe, reason = "a safe function in newer compilers")]
        let cpuid = |leaf| unsafe { __cpuid(leaf) };
        let promised = cpuid(0x8000_0000).eax >= 0x8000_0007 && cpuid(0x8000_0007).edx & 1 << 8 != 0;
        promised
            || std::fs::read("/sys/devices/system/clocksource/clocksource0/current_clocksource")
                .is_ok_and(|name| name.trim_ascii() == b"tsc")
    }

    #[inline]
    pub(super) fn read() -> u64 {
        // SAFETY: reads a counter; every x86-64 Linux allows it to programs.
        unsafe { _rdtsc() }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod tsc {
    pub(super) fn is_steady() -> bool {
        false
    }

    pub(super) fn read() -> u64 {
        super::kernel_ns()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_nanoseconds_of_the_kernels_clock() {
        for clock in [Clock::calibrated(Duration::from_millis(20)), Clock::kernel()] {
            let (ns0, c0) = (kernel_ns(), clock.now());
            std::thread::sleep(Duration::from_millis(30));
            // The outer readings bracket the inner ones whatever the scheduler does in between.
            let c1 = clock.now();
            let outer = kernel_ns() - ns0;
            let inner = clock.ns_between(c0, c1);
            assert!(inner >= 29_000_000, "{clock:?}: {inner}");
            assert!(inner <= outer + outer / 50, "{clock:?}: {inner} of {outer}");
        }
    }

    #[test]
    fn time_never_runs_backwards() {
        let clock = Clock::kernel();
        assert_eq!(clock.ns_between(10, 3), 0);
        assert_eq!(clock.ns_between(3, 10), 7);
        assert_eq!(clock.ns_between(0, u64::MAX), u64::MAX);
    }
}
