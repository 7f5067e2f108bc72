//! Async endpoints, generic over the queue: their push and pop are futures.

use super::WakerCell;
use crate::queue::asynch::waker_slots::{Leaving, Room, WakerSlot};
use crate::queue::{Full, Pop, PopError, Push};
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// An end that puts values in. Dropping it gives the end back; it does not close.
#[must_use = "dropping the producer gives its end of the queue back"]
pub struct AsyncProducer<'q, P> {
    end: P,
    /// Where our task waits for room.
    slot: WakerSlot<'q>,
    /// The consumer's task, woken by each value; and, as the last field, when the end was given back.
    arrivals: Leaving<'q>,
}

impl<'q, P: Push> AsyncProducer<'q, P> {
    pub(super) const fn new(end: P, slot: WakerSlot<'q>, arrivals: &'q WakerCell) -> Self {
        Self { end, slot, arrivals: Leaving(arrivals) }
    }

    /// Puts a value in, when there is room.
    ///
    /// # Errors
    /// [`Full`] gives the value back when there is no room and the consumer has closed.
    pub fn push(&mut self, value: P::Item) -> PushFuture<'_, 'q, P> {
        PushFuture { producer: self, value: Some(value) }
    }

    /// Puts a value in, if there is room now.
    ///
    /// # Errors
    /// [`Full`] gives the value back when there is none.
    pub fn try_push(&mut self, value: P::Item) -> Result<(), Full<P::Item>> {
        self.end.push(value)?;
        self.arrivals.0.wake();
        Ok(())
    }

    /// Puts in as many of the values as fit now, from the first on, and says how many.
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

    /// Tells the consumer that no more will come from here, and wakes it. What is in the queue stays.
    pub fn close(self) {
        self.end.close();
    }
}

impl<P: fmt::Debug> fmt::Debug for AsyncProducer<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncProducer").field("end", &self.end).finish_non_exhaustive()
    }
}

/// The end that takes values out. Dropping it gives the end back; it does not close.
#[must_use = "dropping the consumer gives its end of the queue back"]
pub struct AsyncConsumer<'q, C, R> {
    end: C,
    arrivals: &'q WakerCell,
    room: &'q R,
}

impl<'q, C: Pop, R: Room<C>> AsyncConsumer<'q, C, R> {
    pub(super) const fn new(end: C, arrivals: &'q WakerCell, room: &'q R) -> Self {
        Self { end, arrivals, room }
    }

    /// Takes the next value, when there is one; `None` when there is none and the producers have closed.
    pub fn pop(&mut self) -> PopFuture<'_, 'q, C, R> {
        PopFuture { consumer: self }
    }

    /// Takes the next value, if there is one now.
    ///
    /// # Errors
    /// [`PopError::Empty`] when there is none, [`PopError::Closed`] when there will be none.
    pub fn try_pop(&mut self) -> Result<C::Item, PopError> {
        let value = self.end.pop()?;
        self.room.made(&self.end, 1);
        Ok(value)
    }

    /// Takes as many values as are there now and as `out` has room for, and says how many.
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

    /// Tells the producers that nothing more will be taken, and wakes them.
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

/// See [`AsyncProducer::push`].
#[must_use = "a future does nothing until it is awaited"]
pub struct PushFuture<'p, 'q, P: Push> {
    producer: &'p mut AsyncProducer<'q, P>,
    value: Option<P::Item>,
}

// The value is moved into the queue; nothing ever points at it here.
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

    /// Once ready, it stays pending if polled again.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(value) = self.value.take() else { return Poll::Pending };
        if let ready @ Poll::Ready(_) = self.attempt(value) {
            return ready;
        }
        self.producer.slot.wait(context.waker());
        // The consumer may have taken something, or closed, before it could see the waker.
        let Some(value) = self.value.take() else { return Poll::Pending };
        self.attempt(value)
    }
}

impl<P: Push> fmt::Debug for PushFuture<'_, '_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushFuture").finish_non_exhaustive()
    }
}

/// See [`AsyncConsumer::pop`].
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
        // A producer may have put something in, or closed, before it could see the waker.
        self.attempt()
    }
}

impl<C, R> fmt::Debug for PopFuture<'_, '_, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PopFuture").finish_non_exhaustive()
    }
}
