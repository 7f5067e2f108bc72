//! The consumer of a ring of sequenced slots: the common part of the consumers of `SequencedSpsc`,
//! `Mpsc` and `RobustMpsc`.
//!
//! The consumer reads the slots in order. A slot whose sequence number is not that of the next
//! value is not published yet. Slots are released to the producers by storing `head`, the number of
//! slots that the consumer is done with.

use crate::queue::PopError;
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::endpoint::Endpoint;
use crate::queue::internal::sequenced_slot::Slot;
use crate::sync::{AtomicUsize, Ordering};
use core::cell::Cell;
use core::marker::PhantomData;

/// A queue whose slots carry sequence numbers, as its consumer sees it.
///
/// # Safety
/// If [`published`](Self::published) returns a slot of type [`Slot`], that slot holds value
/// `number`, and no producer touches it until [`release`](Self::release) was called with a head
/// past `number`.
pub(in crate::queue) unsafe trait SequencedRing {
    /// A slot.
    type Slot;

    /// Number of slots.
    const CAPACITY: usize;

    /// Returns the slot of value `number` if that value is published. Acquire: the value is
    /// visible.
    fn published(&self, number: usize) -> Option<&Self::Slot>;

    /// Returns the number of slots that producers have reserved, or of values that they have
    /// published. Loaded Relaxed, and only for statistics and pacing: it may lag.
    fn tail(&self) -> usize;

    /// Returns the number of slots released, which only the consumer stores.
    fn head(&self) -> &AtomicUsize;

    /// Returns the flags of the consumer endpoint.
    fn consumer_endpoint(&self) -> &Endpoint;

    /// Returns whether the producers have gone and closed the queue. If so, all that they have
    /// published is visible.
    fn producers_closed(&self) -> bool;

    /// Releases the slots before `head`. Release: pairs with the Acquire by which producers learn
    /// of free slots.
    fn release(&self, head: usize);
}

/// The position of the consumer in a ring. Dropping it releases the claim of the endpoint.
pub(in crate::queue) struct Cursor<'q, Q: SequencedRing> {
    pub(in crate::queue) queue: &'q Q,
    /// The number of the next value.
    pub(in crate::queue) head: usize,
    /// Distance at which the consumer follows the producer.
    pace: ConsumerPacing,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, Q: SequencedRing> Cursor<'q, Q> {
    /// Opens the endpoint and continues where its last owner stopped. The caller has claimed the
    /// endpoint, or taken it over.
    #[inline]
    pub(in crate::queue) fn attach(queue: &'q Q) -> Self {
        queue.consumer_endpoint().open();
        // Relaxed: our own index; its last writer released the endpoint to us.
        let head = queue.head().load(Ordering::Relaxed);
        Self { queue, head, pace: ConsumerPacing::new(head), _not_sync: PhantomData }
    }

    /// Returns the slot of the next value, if it is published.
    #[inline(always)]
    pub(in crate::queue) fn arrived(&self) -> Option<&'q Q::Slot> {
        self.queue.published(self.head)
    }

    /// Returns how many slots the producers are ahead, by their count, which may lag behind ours.
    #[inline(always)]
    pub(in crate::queue) fn available(&self) -> usize {
        let ahead = self.queue.tail().wrapping_sub(self.head);
        if ahead > Q::CAPACITY { 0 } else { ahead }
    }

    /// Slow path of a pop, after [`arrived`](Self::arrived) has returned `None`: pauses if the
    /// consumer follows too closely, and checks once more.
    ///
    /// # Errors
    /// [`PopError::Empty`] if the value is still not there. [`PopError::Closed`] if in addition the
    /// producers have closed: the caller must check `arrived` once more, since a last value may
    /// have come just before the close.
    #[inline(always)]
    pub(in crate::queue) fn wait_briefly(&mut self) -> Result<&'q Q::Slot, PopError> {
        if self.pace.maybe_pause(self.head) {
            let there = self.available();
            self.pace.record(self.head, there, consumer_pacing::few(Q::CAPACITY));
        }
        if let Some(slot) = self.arrived() {
            return Ok(slot);
        }
        self.pace.on_empty(self.head);
        Err(if self.queue.producers_closed() { PopError::Closed } else { PopError::Empty })
    }

    /// Steps over the next slot without releasing it.
    #[inline(always)]
    pub(in crate::queue) fn advance(&mut self) {
        self.head = self.head.wrapping_add(1);
    }

    /// Releases the slots before head.
    #[inline(always)]
    pub(in crate::queue) fn release(&mut self) {
        self.queue.release(self.head);
    }
}

impl<'q, T: 'q, Q: SequencedRing<Slot = Slot<T>>> Cursor<'q, Q> {
    /// Moves the value out of a slot and advances head, without releasing the slot.
    ///
    /// # Safety
    /// The caller owns the consumer endpoint, and `slot` is what `arrived` returned for this head.
    #[inline(always)]
    pub(in crate::queue) unsafe fn take(&mut self, slot: &Slot<T>) -> T {
        self.advance();
        // SAFETY: the slot holds a value that is ours, and head has stepped past it.
        unsafe { slot.take() }
    }

    /// Moves published values to `out` until one is missing, at most one per slot, without
    /// releasing the slots. Returns how many.
    ///
    /// # Safety
    /// The caller owns the consumer endpoint.
    #[inline(always)]
    pub(in crate::queue) unsafe fn take_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let mut len = 0;
        for place in out.iter_mut().take(Q::CAPACITY) {
            let Some(slot) = self.arrived() else { break };
            // SAFETY: the caller owns the endpoint; the value has arrived.
            *place = unsafe { self.take(slot) };
            len += 1;
        }
        len
    }

    /// Returns the next value without popping it, if it is published.
    ///
    /// # Safety
    /// The caller owns the consumer endpoint.
    #[inline(always)]
    pub(in crate::queue) unsafe fn peek(&mut self) -> Option<&T> {
        let slot = self.arrived()?;
        // SAFETY: the value has arrived; producers leave it alone until its slot is released, which
        // needs the cursor that is borrowed as long as the reference lives.
        Some(unsafe { slot.value() })
    }
}

impl<Q: SequencedRing> Drop for Cursor<'_, Q> {
    fn drop(&mut self) {
        self.queue.consumer_endpoint().claimed.give_back();
    }
}
