//! Detection of allocations by a thread that must not allocate.

use super::counting_allocator::{Allocations, allocations};
use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr;
use std::backtrace::Backtrace;
use std::time::{Duration, Instant};

/// The effect of the first allocation of an armed thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnAllocation {
    /// Records its backtrace, and counts all allocations.
    #[default]
    Record,
    /// As `Record`; [`AllocGuard::check`], or the end of the guard, panics with that backtrace. The
    /// allocation itself does not panic: an allocator that unwinds is undefined behavior (see
    /// [`GlobalAlloc`](core::alloc::GlobalAlloc)).
    Panic,
    /// Immediately writes the backtrace to standard error and aborts the process.
    Abort,
}

/// The first allocation of an armed thread.
#[derive(Debug)]
pub struct FirstAllocation {
    /// Bytes requested.
    pub bytes: usize,
    /// The place of the request.
    pub backtrace: Backtrace,
}

/// Arms the current thread for as long as it lives: an allocation is recorded, panics or aborts, as
/// requested.
///
/// It has no effect unless [`CountingAllocator`](super::CountingAllocator) is the program's
/// allocator. Deallocation does not count. Guards may be nested; the innermost one counts.
///
/// ```
/// use vvp_std_adapter::memory::{AllocGuard, CountingAllocator, OnAllocation};
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator;
///
/// let guard = AllocGuard::arm(OnAllocation::Record);
/// assert_eq!(guard.allocations().calls, 0);
/// drop(std::hint::black_box(Box::new(7)));
/// assert_eq!((guard.allocations().calls, guard.allocations().bytes), (1, 4));
/// assert_eq!(guard.first().map(|first| first.bytes), Some(4));
/// ```
#[derive(Debug)]
#[must_use = "the thread is armed for as long as the guard lives"]
pub struct AllocGuard {
    /// A leaked box, so that the thread's pointer and this one alias; freed in `drop`.
    state: *const State,
    _of_one_thread: PhantomData<*const ()>,
}

#[derive(Debug)]
struct State {
    then: OnAllocation,
    /// The guard that was created before this one and still lives.
    outer: Cell<*const State>,
    calls: Cell<usize>,
    bytes: Cell<usize>,
    /// Set while the backtrace is captured, which allocates.
    busy: Cell<bool>,
    first: std::cell::OnceCell<FirstAllocation>,
}

thread_local! {
    // Constant, without a destructor: the allocator may use it at any moment of a thread's life.
    static ARMED: Cell<*const State> = const { Cell::new(ptr::null()) };
}

impl AllocGuard {
    /// Arms the calling thread.
    pub fn arm(then: OnAllocation) -> Self {
        let state = State {
            then,
            outer: Cell::new(ARMED.get()),
            calls: Cell::new(0),
            bytes: Cell::new(0),
            busy: Cell::new(false),
            first: std::cell::OnceCell::new(),
        };
        let state: *const State = Box::into_raw(Box::new(state));
        ARMED.set(state);
        Self { state, _of_one_thread: PhantomData }
    }

    fn state(&self) -> &State {
        // SAFETY: a leaked box that only `drop` frees; it is only borrowed shared, by this thread.
        unsafe { &*self.state }
    }

    /// Returns what this thread allocated since it was armed.
    #[must_use]
    pub fn allocations(&self) -> Allocations {
        Allocations { calls: self.state().calls.get(), bytes: self.state().bytes.get() }
    }

    /// Returns the first allocation, if any.
    #[must_use]
    pub fn first(&self) -> Option<&FirstAllocation> {
        self.state().first.get()
    }

    /// Returns whether nothing was allocated.
    ///
    /// # Panics
    /// With the backtrace of the first allocation, if there was one and the guard was armed with
    /// [`OnAllocation::Panic`].
    pub fn check(&self) -> bool {
        let Some(first) = self.first() else { return true };
        if self.state().then == OnAllocation::Panic {
            // Allocations of the panic and of its handlers do not count.
            self.state().busy.set(true);
            panic!("an armed thread allocated {} bytes:\n{}", first.bytes, first.backtrace);
        }
        false
    }
}

impl Drop for AllocGuard {
    fn drop(&mut self) {
        self.unlink();
        // SAFETY: from `Box::into_raw` in `arm`, and freed only here; neither the thread nor
        // another guard points to it any more.
        let state = unsafe { Box::from_raw(self.state.cast_mut()) };
        // `busy` is still set after a check that panicked.
        if let (OnAllocation::Panic, false, Some(first)) = (state.then, state.busy.get(), state.first.get())
            && !std::thread::panicking()
        {
            panic!("an armed thread allocated {} bytes:\n{}", first.bytes, first.backtrace);
        }
    }
}

impl AllocGuard {
    /// Removes this guard from the thread's list, at any position: guards may end in any order.
    fn unlink(&self) {
        let mut link = ARMED.get();
        if ptr::eq(link, self.state) {
            ARMED.set(self.state().outer.get());
            return;
        }
        // Terminates: each step goes to an older guard. All of them live, since those that ended
        // were unlinked.
        while !link.is_null() {
            // SAFETY: as above; only this thread changes the list.
            let newer = unsafe { &*link };
            link = newer.outer.get();
            if ptr::eq(link, self.state) {
                newer.outer.set(self.state().outer.get());
                return;
            }
        }
    }
}

/// Called by the allocator before each allocation: one load and one comparison if the thread is not
/// armed.
#[inline]
pub(super) fn allocating(bytes: usize) {
    let state = ARMED.get();
    if !state.is_null() {
        record(state, bytes);
    }
}

#[cold]
fn record(state: *const State, bytes: usize) {
    // SAFETY: set by `arm` in this thread, and unlinked before the state is freed.
    let state = unsafe { &*state };
    if state.busy.get() {
        return;
    }
    state.calls.set(state.calls.get() + 1);
    state.bytes.set(state.bytes.get().saturating_add(bytes));
    if state.first.get().is_some() {
        return;
    }
    state.busy.set(true);
    let backtrace = Backtrace::force_capture();
    if state.then == OnAllocation::Abort {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "an armed thread allocated {bytes} bytes:\n{backtrace}");
        std::process::abort();
    }
    let _ = state.first.set(FirstAllocation { bytes, backtrace });
    state.busy.set(false);
}

/// The rate of allocations of the process between two samples.
#[derive(Clone, Copy, Debug)]
pub struct AllocationRate {
    then: Instant,
    before: Allocations,
}

/// The result of [`AllocationRate::sample`], per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PerSecond {
    /// Calls that requested memory.
    pub calls: u64,
    /// Bytes requested.
    pub bytes: u64,
}

impl AllocationRate {
    /// Starts measuring now.
    #[must_use]
    pub fn start() -> Self {
        Self { then: Instant::now(), before: allocations() }
    }

    /// Returns the rate since the start or the last sample, rounded to the nearest integer.
    pub fn sample(&mut self) -> PerSecond {
        let (now, count) = (Instant::now(), allocations());
        let rate = per_second(count.since(self.before), now.duration_since(self.then));
        *self = Self { then: now, before: count };
        rate
    }
}

fn per_second(new: Allocations, passed: Duration) -> PerSecond {
    let ns = passed.as_nanos().max(1);
    let rate = |n: usize| u64::try_from((n as u128 * 1_000_000_000 + ns / 2) / ns).unwrap_or(u64::MAX);
    PerSecond { calls: rate(new.calls), bytes: rate(new.bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_for_any_interval() {
        let new = Allocations { calls: 3, bytes: 500 };
        assert_eq!(per_second(new, Duration::from_millis(500)), PerSecond { calls: 6, bytes: 1_000 });
        assert_eq!(per_second(new, Duration::from_secs(2)), PerSecond { calls: 2, bytes: 250 });
        assert_eq!(per_second(Allocations::default(), Duration::ZERO), PerSecond::default());
    }
}
