//! Async endpoints, generic over the queue: their push and pop are futures.

use super::WakerCell;
use crate::queue::asynch::waker_slots::{Leaving, Room, WakerSlot};
use crate::queue::{Full, Pop, PopError, Push};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// A producer endpoint that can be awaited. Dropping it releases the endpoint without closing it.
#[must_use = "dropping the producer releases its endpoint"]
pub struct AsyncProducer<'q, P> {
    end: P,
    /// The waker slot of the producer's task.
    slot: WakerSlot<'q>,
    /// The consumer's task, woken by each value. The last field, so that it is also woken once the
    /// endpoint has been released.
    arrivals: Leaving<'q>,
}

impl<'q, P: Push> AsyncProducer<'q, P> {
    pub(super) const fn new(end: P, slot: WakerSlot<'q>, arrivals: &'q WakerCell) -> Self {
        Self { end, slot, arrivals: Leaving(arrivals) }
    }

    /// Pushes a value as soon as there is a free slot.
    ///
    /// # Errors
    /// [`Full`] returns the value if there is no free slot and the consumer has closed.
    pub fn push(&mut self, value: P::Item) -> PushFuture<'_, 'q, P> {
        PushFuture { producer: self, value: Some(value) }
    }

    /// Pushes a value if there is a free slot now.
    ///
    /// # Errors
    /// [`Full`] returns the value if there is none.
    pub fn try_push(&mut self, value: P::Item) -> Result<(), Full<P::Item>> {
        self.end.push(value)?;
        self.arrivals.0.wake();
        Ok(())
    }

    /// Pushes as many of the values as fit now, from the first on, and returns how many.
    pub fn try_push_slice(&mut self, values: &[P::Item]) -> usize
    where
        P::Item: Copy,
    {
        let done = self.end.push_slice(values);
        if done > 0 {
            self.arrivals.0.wake();
        }
        done
    }

    /// Closes the endpoint: the consumer sees that no more values will come from here, and is
    /// woken. Values in the queue stay.
    pub fn close(self) {
        self.end.close();
    }
}

impl<P: fmt::Debug> fmt::Debug for AsyncProducer<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncProducer").field("end", &self.end).finish_non_exhaustive()
    }
}

/// The consumer endpoint that can be awaited. Dropping it releases the endpoint without closing it.
#[must_use = "dropping the consumer releases its endpoint"]
pub struct AsyncConsumer<'q, C, R> {
    end: C,
    arrivals: &'q WakerCell,
    room: &'q R,
}

impl<'q, C: Pop, R: Room<C>> AsyncConsumer<'q, C, R> {
    pub(super) const fn new(end: C, arrivals: &'q WakerCell, room: &'q R) -> Self {
        Self { end, arrivals, room }
    }

    /// Pops the next value as soon as there is one; `None` if there is none and the producers have
    /// closed.
    pub fn pop(&mut self) -> PopFuture<'_, 'q, C, R> {
        PopFuture { consumer: self }
    }

    /// Pops the next value if there is one now.
    ///
    /// # Errors
    /// [`PopError::Empty`] if there is none now, [`PopError::Closed`] if no value will come.
    pub fn try_pop(&mut self) -> Result<C::Item, PopError> {
        let value = self.end.pop()?;
        self.room.made(&self.end, 1);
        Ok(value)
    }

    /// Pops as many values as there are now and as fit into `out`, and returns how many.
    pub fn try_pop_slice(&mut self, out: &mut [C::Item]) -> usize
    where
        C::Item: Copy,
    {
        let done = self.end.pop_slice(out);
        if done > 0 {
            self.room.made(&self.end, done);
        }
        done
    }

    /// Closes the endpoint: the producers see that nothing more will be popped, and are woken.
    pub fn close(self) {
        self.end.close();
        self.room.for_all();
    }
}

impl<C: fmt::Debug, R> fmt::Debug for AsyncConsumer<'_, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncConsumer").field("end", &self.end).finish_non_exhaustive()
    }
}

/// The future of [`AsyncProducer::push`].
#[must_use = "a future does nothing until it is awaited"]
pub struct PushFuture<'p, 'q, P: Push> {
    producer: &'p mut AsyncProducer<'q, P>,
    value: Option<P::Item>,
}

// The value is moved into the queue; there is never a pointer to it in here.
impl<P: Push> Unpin for PushFuture<'_, '_, P> {}

impl<P: Push> PushFuture<'_, '_, P> {
    fn attempt(&mut self, value: P::Item) -> Poll<Result<(), Full<P::Item>>> {
        match self.producer.try_push(value) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(full) if self.producer.end.is_closed() => Poll::Ready(Err(full)),
            Err(Full(value)) => {
                self.value = Some(value);
                Poll::Pending
            }
        }
    }
}

impl<P: Push> Future for PushFuture<'_, '_, P> {
    type Output = Result<(), Full<P::Item>>;

    /// Stays pending if polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(value) = self.value.take() else { return Poll::Pending };
        if let ready @ Poll::Ready(_) = self.attempt(value) {
            return ready;
        }
        self.producer.slot.wait(context.waker());
        // The consumer may have popped, or closed, before it could see the waker.
        let Some(value) = self.value.take() else { return Poll::Pending };
        self.attempt(value)
    }
}

impl<P: Push> fmt::Debug for PushFuture<'_, '_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushFuture").finish_non_exhaustive()
    }
}

/// The future of [`AsyncConsumer::pop`].
#[must_use = "a future does nothing until it is awaited"]
pub struct PopFuture<'c, 'q, C, R> {
    consumer: &'c mut AsyncConsumer<'q, C, R>,
}

impl<C: Pop, R: Room<C>> PopFuture<'_, '_, C, R> {
    fn attempt(&mut self) -> Poll<Option<C::Item>> {
        match self.consumer.try_pop() {
            Ok(value) => Poll::Ready(Some(value)),
            Err(PopError::Closed) => Poll::Ready(None),
            Err(PopError::Empty) => Poll::Pending,
        }
    }
}

impl<C: Pop, R: Room<C>> Future for PopFuture<'_, '_, C, R> {
    type Output = Option<C::Item>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let ready @ Poll::Ready(_) = self.attempt() {
            return ready;
        }
        self.consumer.arrivals.register(context.waker());
        // A producer may have pushed, or closed, before it could see the waker.
        self.attempt()
    }
}

impl<C, R> fmt::Debug for PopFuture<'_, '_, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PopFuture").finish_non_exhaustive()
    }
}
