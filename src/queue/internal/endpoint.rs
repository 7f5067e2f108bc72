//! Endpoint state: the claim of its owner, and the closed flag.

#[cfg(not(loom))]
use core::mem::offset_of;

use crate::sync::{AtomicBool, Ordering, const_unless_loom, unless_broken};

/// Whether an endpoint is claimed. All-zero bytes: free.
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub(crate) struct Claim(AtomicBool);

/// The flags of an endpoint that has one owner at a time. All-zero bytes: free and open.
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(crate) struct Endpoint {
    /// Its owner has closed it, and it has not been claimed since.
    pub(crate) closed: AtomicBool,
    pub(crate) claimed: Claim,
}

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Endpoint>() == 2 && align_of::<Endpoint>() == 1);
    assert!(offset_of!(Endpoint, closed) == 0 && offset_of!(Endpoint, claimed) == 1);
};

impl Claim {
    const_unless_loom! {
        /// Free.
        pub(crate) fn new() -> Self {
            Self(AtomicBool::new(false))
        }
    }

    /// Makes the caller the owner; `None` if there is one.
    pub(crate) fn claim(&self) -> Option<()> {
        // Acquire: pairs with the Release in `give_back`, so that we see all that the last owner
        // did. Relaxed: nothing depends on a failed claim. Not a swap, which would write to the
        // owner's line even if it fails.
        let acquire = unless_broken("end_claim", Ordering::Acquire);
        self.0.compare_exchange(false, true, acquire, Ordering::Relaxed).ok()?;
        Some(())
    }

    /// Makes the caller the owner. The caller has borrowed the whole queue exclusively, so there is
    /// no handle; or it takes the endpoint over from an owner that is gone. The flag may still be
    /// set, if a handle was leaked.
    pub(crate) fn take(&self) {
        // Relaxed: the exclusive borrow, or the contract of the take-over, orders the past before
        // this.
        self.0.store(true, Ordering::Relaxed);
    }

    /// Releases the claim.
    pub(crate) fn give_back(&self) {
        // Release: pairs with the Acquire in `claim`, so that the next owner sees all that we did,
        // and in `is_claimed`.
        self.0.store(false, unless_broken("end_give_back", Ordering::Release));
    }

    /// Returns whether it is claimed. If not, all that the last owner did is visible.
    pub(crate) fn is_claimed(&self) -> bool {
        // Acquire: pairs with the Release in `give_back`.
        self.0.load(Ordering::Acquire)
    }
}

impl Endpoint {
    const_unless_loom! {
        /// Free and open.
        pub(crate) fn new() -> Self {
            Self { closed: AtomicBool::new(false), claimed: Claim::new() }
        }
    }

    /// Opens the endpoint for a new owner.
    #[inline]
    pub(crate) fn open(&self) {
        // Relaxed: `closed` only ever delays what the other side does about an empty or a full
        // queue.
        self.closed.store(false, Ordering::Relaxed);
    }

    /// Closes the endpoint.
    #[inline]
    pub(crate) fn close(&self) {
        // Release: pairs with the Acquire in `is_closed`.
        self.closed.store(true, unless_broken("end_close", Ordering::Release));
    }

    /// Returns whether it was closed. Then all that its owner did before is visible, such as a last
    /// value.
    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`.
        self.closed.load(Ordering::Acquire)
    }
}
