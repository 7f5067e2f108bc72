//! Waker cell: the waker of one task, which other threads wake.
//!
//! Source: `AtomicWaker` of the `futures` crate, with the same three states. Ours survives a
//! `clone` of the waker that panics.

use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_unless_loom, unless_broken};
use core::fmt;
use core::task::Waker;

/// The cell is not in use.
const IDLE: usize = 0;
/// The owner is storing a waker.
const REGISTERING: usize = 1;
/// A thread is taking the waker out.
const WAKING: usize = 2;

/// Orders what happened before a call of [`WakerCell::wake`] before what is checked after
/// [`WakerCell::register`]: each reads what the other wrote, whichever came second.
#[inline(always)]
fn both() -> Ordering {
    unless_broken("waker_both", Ordering::AcqRel)
}

/// A cell for the waker of one task, which other threads wake.
///
/// The task checks whether it can continue; if not, it registers, checks once more, and only then
/// sleeps. The thread that makes it possible to continue calls `wake` afterwards. So no wake-up is
/// lost: either that call finds the waker, or the second check finds what was done before the call.
///
/// Neither side waits for the other or allocates, but a task that registers while it is being woken
/// is polled again immediately, as often as it meets the same wake-up in progress. All-zero bytes
/// are the empty cell.
#[repr(C)]
pub struct WakerCell {
    state: AtomicUsize,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: `state` gives the waker to one side at a time; wakers may be used from any thread.
unsafe impl Sync for WakerCell {}

impl WakerCell {
    const_unless_loom! {
        /// Creates an empty cell.
        #[must_use]
        pub fn new() -> Self {
            Self { state: AtomicUsize::new(IDLE), waker: UnsafeCell::new(None) }
        }
    }

    /// Stores the task's waker in place of the previous one. If a thread is waking at the same
    /// moment, the task is woken immediately. For one task at a time: with two, one may be woken
    /// needlessly, but no wake-up is lost.
    pub fn register(&self, waker: &Waker) {
        // AcqRel: pairs with the same in `wake`. Acquire on failure: pairs with the Release that
        // ends `wake`.
        if self.state.compare_exchange(IDLE, REGISTERING, both(), Ordering::Acquire).is_err() {
            // A thread is waking, and may be past the point where it would find a new waker: the
            // task is polled again.
            waker.wake_by_ref();
            crate::sync::spin_loop();
            return;
        }
        let registering = Registering(self);
        let before = self.waker.with_mut(|place| {
            // SAFETY: REGISTERING gives us exclusive access to the waker.
            let place = unsafe { &mut *place };
            if place.as_ref().is_some_and(|before| before.will_wake(waker)) {
                None
            } else {
                place.replace(waker.clone())
            }
        });
        drop(registering);
        drop(before);
    }

    /// Wakes the task if it has registered since the last call.
    pub fn wake(&self) {
        // AcqRel: pairs with the same in `register`: we see the waker, or the task sees what we did
        // before this.
        if self.state.fetch_or(WAKING, both()) != IDLE {
            return; // the registering owner, or the thread that is waking already, does it
        }
        let waker = self.take();
        // Release: pairs with the Acquire in `register`: we are done with the waker.
        self.state.fetch_and(!WAKING, Ordering::Release);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn take(&self) -> Option<Waker> {
        // SAFETY: called only where the state gives the caller exclusive access to the waker.
        self.waker.with_mut(|place| unsafe { (*place).take() })
    }
}

/// Guard of a registration. Dropping it ends the registration, also if cloning the waker panics:
/// then the previous waker stays.
struct Registering<'c>(&'c WakerCell);

impl Drop for Registering<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let cell = self.0;
        // AcqRel: pairs with the same in `wake`: seeing the cell idle implies seeing the waker; and
        // if we come second, we see what was done before the call that came first. Acquire on
        // failure, for the same reason.
        if cell.state.compare_exchange(REGISTERING, IDLE, both(), Ordering::Acquire).is_err() {
            // A thread called `wake` meanwhile and left the waking to us.
            let waker = cell.take();
            // AcqRel: as above.
            cell.state.swap(IDLE, both());
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Default for WakerCell {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WakerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakerCell").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use super::*;
    use crate::sync::AtomicBool;
    use core::panic::AssertUnwindSafe;
    use core::task::{RawWaker, RawWakerVTable};
    use std::panic::catch_unwind;

    static WOKEN: AtomicUsize = AtomicUsize::new(0);
    static CLONE_PANICS: AtomicBool = AtomicBool::new(false);
    static VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            assert!(!CLONE_PANICS.load(Ordering::Relaxed), "this clone panics on request");
            RawWaker::new(data, &VTABLE)
        },
        |_| _ = WOKEN.fetch_add(1, Ordering::Relaxed),
        |_| _ = WOKEN.fetch_add(1, Ordering::Relaxed),
        |_| (),
    );

    /// Returns a waker that differs for each number.
    fn waker(number: usize) -> Waker {
        // SAFETY: no function of the table uses the data; each may be called from any thread.
        unsafe { Waker::from_raw(RawWaker::new(core::ptr::without_provenance(number + 1), &VTABLE)) }
    }

    #[test]
    fn clone_that_panics_leaves_the_cell_usable_and_its_waker_in_place() {
        let cell = WakerCell::new();
        for before in [false, true] {
            if before {
                cell.register(&waker(1));
            }
            CLONE_PANICS.store(true, Ordering::Relaxed);
            assert!(catch_unwind(AssertUnwindSafe(|| cell.register(&waker(2)))).is_err());
            CLONE_PANICS.store(false, Ordering::Relaxed);
            let woken = WOKEN.load(Ordering::Relaxed);
            cell.wake();
            assert_eq!(WOKEN.load(Ordering::Relaxed) - woken, usize::from(before));
            // The next registration is an ordinary one: it does not wake the task, and the next
            // call does.
            cell.register(&waker(3));
            assert_eq!(WOKEN.load(Ordering::Relaxed) - woken, usize::from(before));
            cell.wake();
            assert_eq!(WOKEN.load(Ordering::Relaxed) - woken, usize::from(before) + 1);
        }
    }
}
