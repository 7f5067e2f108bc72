//! One task that wants to be woken.

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
        let before = self.waker.with_mut(|place| {
            // SAFETY: REGISTERING gives the waker to us alone.
            let place = unsafe { &mut *place };
            if place.as_ref().is_some_and(|before| before.will_wake(waker)) {
                None
            } else {
                place.replace(waker.clone())
            }
        });
        // AcqRel: pairs with the same in `wake`: who finds the cell idle finds the waker; and if we come second, we
        // see what was done before the call that came first. Acquire on failure, for the same reason.
        if self.state.compare_exchange(REGISTERING, IDLE, both(), Ordering::Acquire).is_err() {
            // Somebody wanted to wake meanwhile and left it to us.
            let waker = self.take();
            // AcqRel: as above.
            self.state.swap(IDLE, both());
            if let Some(waker) = waker {
                waker.wake();
            }
        }
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
