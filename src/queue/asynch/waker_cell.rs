//! Waker cell: the waker of one task, which other threads wake.
//!
//! Source: `AtomicWaker` of the `futures` crate, with the same three states. Ours survives a
//! `clone` of the waker that panics.

use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_unless_loom, unless_broken};
use core::fmt;
use core::task::Waker;

/// Nobody uses the cell.
const IDLE: usize = 0;
/// Its owner is putting a waker in.
const REGISTERING: usize = 1;
/// Somebody is taking the waker out.
const WAKING: usize = 2;

/// Orders what was done before a call of [`WakerCell::wake`] before what is looked at after [`WakerCell::register`]:
/// each reads what the other wrote, whichever came second.
#[inline(always)]
fn both() -> Ordering {
    unless_broken("waker_both", Ordering::AcqRel)
}

/// A place for the waker of one task, which others wake.
///
/// The task looks whether it can go on; if not, it registers, looks once more, and only then sleeps. Whoever makes it
/// possible to go on calls `wake` afterwards. So no wake-up is lost: either that call finds the waker, or the second
/// look finds what was done before the call.
///
/// Neither side waits for the other or allocates; but a task that registers while it is being woken comes again at once,
/// as often as it finds the same wake-up going on. All zero is the empty cell.
#[repr(C)]
pub struct WakerCell {
    state: AtomicUsize,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: `state` gives the waker to one side at a time; wakers may be used from any thread.
unsafe impl Sync for WakerCell {}

impl WakerCell {
    const_unless_loom! {
        /// An empty cell.
        #[must_use]
        pub fn new() -> Self {
            Self { state: AtomicUsize::new(IDLE), waker: UnsafeCell::new(None) }
        }
    }

    /// Puts the task's waker in, in place of the one before. If somebody wakes at the same moment, the task is woken
    /// at once. For one task at a time: were there two, one could be woken without need, and neither be forgotten.
    pub fn register(&self, waker: &Waker) {
        // AcqRel: pairs with the same in `wake`. Acquire on failure: pairs with the Release that ends `wake`.
        if self.state.compare_exchange(IDLE, REGISTERING, both(), Ordering::Acquire).is_err() {
            // Somebody is waking, and may be past the point where it would find a new waker: the task comes again.
            waker.wake_by_ref();
            crate::sync::spin_loop();
            return;
        }
        let registering = Registering(self);
        let before = self.waker.with_mut(|place| {
            // SAFETY: REGISTERING gives the waker to us alone.
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

    /// Wakes the task, if one has registered since the last call.
    pub fn wake(&self) {
        // AcqRel: pairs with the same in `register`: we see the waker, or the task sees what we did before this.
        if self.state.fetch_or(WAKING, both()) != IDLE {
            return; // its owner, or who is waking already, sees to it
        }
        let waker = self.take();
        // Release: pairs with the Acquire in `register`: we are done with the waker.
        self.state.fetch_and(!WAKING, Ordering::Release);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn take(&self) -> Option<Waker> {
        // SAFETY: called where the state gives the waker to the caller alone.
        self.waker.with_mut(|place| unsafe { (*place).take() })
    }
}

/// Its owner is putting a waker in. Dropping it ends that, also where cloning the waker panics: then the waker before stays.
struct Registering<'c>(&'c WakerCell);

impl Drop for Registering<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let cell = self.0;
        // AcqRel: pairs with the same in `wake`: who finds the cell idle finds the waker; and if we come second, we
        // see what was done before the call that came first. Acquire on failure, for the same reason.
        if cell.state.compare_exchange(REGISTERING, IDLE, both(), Ordering::Acquire).is_err() {
            // Somebody wanted to wake meanwhile and left it to us.
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
            assert!(!CLONE_PANICS.load(Ordering::Relaxed), "this clone was told to panic");
            RawWaker::new(data, &VTABLE)
        },
        |_| _ = WOKEN.fetch_add(1, Ordering::Relaxed),
        |_| _ = WOKEN.fetch_add(1, Ordering::Relaxed),
        |_| (),
    );

    /// Another waker for each number.
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
            // The next registration is an ordinary one: it does not wake the task, and the next call does.
            cell.register(&waker(3));
            assert_eq!(WOKEN.load(Ordering::Relaxed) - woken, usize::from(before));
            cell.wake();
            assert_eq!(WOKEN.load(Ordering::Relaxed) - woken, usize::from(before) + 1);
        }
    }
}
