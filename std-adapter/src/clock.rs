//! A monotonic clock that takes 10 to 25 ns to read.

use std::time::Duration;

/// Reads the processor's time-stamp counter where its rate is constant, else the kernel's raw
/// monotonic clock. Converts differences to nanoseconds with a multiplication and a shift.
///
/// [`Clock::now`] returns a raw count. Its unit is the clock's own: only differences between
/// readings of the same clock are meaningful.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    source: ClockSource,
    /// Nanoseconds per count, times 2^32.
    ns_per_count_q32: u64,
}

/// The time source of a [`Clock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// The time-stamp counter (TSC).
    Tsc,
    /// `CLOCK_MONOTONIC_RAW`.
    Kernel,
}

impl Clock {
    /// Returns the best clock of this machine. With the time-stamp counter this takes about
    /// `calibration`, the time over which its rate is compared with the kernel's clock.
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
            // A counter that stands still, or counts below 1 MHz or above 100 GHz, is unusable.
            if counts < ns / 1_000 || counts / 100 > ns {
                return Self::kernel();
            }
            let q32 = (u128::from(ns) << 32) / u128::from(counts);
            return Self { source: ClockSource::Tsc, ns_per_count_q32: u64::try_from(q32).unwrap_or(u64::MAX) };
        }
    }

    /// Returns the kernel's clock: about 25 ns a reading instead of 10, and no calibration.
    #[must_use]
    pub const fn kernel() -> Self {
        Self { source: ClockSource::Kernel, ns_per_count_q32: 1 << 32 }
    }

    /// Returns the time source.
    #[must_use]
    pub const fn source(&self) -> ClockSource {
        self.source
    }

    /// Returns the current count.
    #[must_use]
    #[inline]
    pub fn now(&self) -> u64 {
        match self.source {
            ClockSource::Tsc => tsc::read(),
            ClockSource::Kernel => kernel_ns(),
        }
    }

    /// Returns the nanoseconds from one reading to a later one; 0 if `later` is less than
    /// `earlier`, as the counters of two processors may differ slightly.
    #[must_use]
    #[inline]
    pub fn ns_between(&self, earlier: u64, later: u64) -> u64 {
        let counts = later.saturating_sub(earlier);
        let ns = (u128::from(counts) * u128::from(self.ns_per_count_q32)) >> 32;
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

/// Reads both clocks at one moment: of 16 attempts, the one whose two kernel readings are closest
/// together.
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
    // SAFETY: `t` is ours to write; the call keeps no pointer. It cannot fail: the clock exists
    // since Linux 2.6.28.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW, &raw mut t) };
    u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(t.tv_nsec).unwrap_or(0)
}

#[cfg(target_arch = "x86_64")]
mod tsc {
    use core::arch::x86_64::{__cpuid, _rdtsc};

    /// Returns whether the counter has one rate on all processors and in all power states: either
    /// CPUID reports it (invariant TSC), or the kernel uses the counter as its own clock source.
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
        // SAFETY: only reads a counter, which x86-64 Linux allows in user mode.
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
    fn differences_match_the_kernels_clock() {
        for clock in [Clock::calibrated(Duration::from_millis(20)), Clock::kernel()] {
            let (ns0, c0) = (kernel_ns(), clock.now());
            std::thread::sleep(Duration::from_millis(30));
            // The outer readings bracket the inner ones however the threads are scheduled.
            let c1 = clock.now();
            let outer = kernel_ns() - ns0;
            let inner = clock.ns_between(c0, c1);
            assert!(inner >= 29_000_000, "{clock:?}: {inner}");
            assert!(inner <= outer + outer / 50, "{clock:?}: {inner} of {outer}");
        }
    }

    #[test]
    fn ns_between_saturates() {
        let clock = Clock::kernel();
        assert_eq!(clock.ns_between(10, 3), 0);
        assert_eq!(clock.ns_between(3, 10), 7);
        assert_eq!(clock.ns_between(0, u64::MAX), u64::MAX);
    }
}
