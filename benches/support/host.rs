//! The machine during a measurement: one core, real-time priority where allowed, and its time-stamp
//! counter.

/// Pins this thread to a core. Returns whether that succeeded.
pub fn pin(core: usize) -> bool {
    // SAFETY: zeros are an empty set, the core number is checked by the macro's bounds, and 0 is
    // this thread.
    unsafe {
        let mut set: libc::cpu_set_t = core::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) == 0
    }
}

/// Requests SCHED_FIFO with priority 1. Returns whether it was granted; otherwise other processes
/// may preempt the measurement.
pub fn real_time() -> bool {
    let param = libc::sched_param { sched_priority: 1 };
    // SAFETY: a valid parameter block; 0 is this thread.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const param) == 0 }
}

/// Returns the involuntary context switches of this thread: a round in which they grow was
/// disturbed.
pub fn preemptions() -> i64 {
    // SAFETY: zeros are a valid record for the kernel to fill in.
    unsafe {
        let mut usage: libc::rusage = core::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage.ru_nivcsw
    }
}

/// Returns the time-stamp counter, read after all earlier instructions have completed.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn ticks() -> u64 {
    let mut aux = 0;
    // SAFETY: both instructions exist on every x86-64 that has `rdtscp`, which all of this
    // century's servers have.
    unsafe {
        let now = core::arch::x86_64::__rdtscp(&raw mut aux);
        core::arch::x86_64::_mm_lfence();
        now
    }
}

/// Prefetches a cache line for writing.
#[inline(always)]
pub fn prefetch_to_write<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, for any address.
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Nanoseconds where there is no time-stamp counter.
#[cfg(not(target_arch = "x86_64"))]
pub fn ticks() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Returns the ticks per nanosecond, measured over 50 ms.
pub fn ticks_per_ns() -> f64 {
    let (wall, start) = (std::time::Instant::now(), ticks());
    while wall.elapsed().as_millis() < 50 {
        core::hint::spin_loop();
    }
    (ticks() - start) as f64 / wall.elapsed().as_nanos() as f64
}
