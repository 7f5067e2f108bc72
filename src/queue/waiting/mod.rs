//! Queues whose ends can be awaited. Feature `async`.
//!
//! ```
//! use core::pin::pin;
//! use core::task::{Context, Poll, Waker};
//! use vvp_core::queue::waiting::AsyncSpsc;
//!
//! static QUEUE: AsyncSpsc<u32, 4> = AsyncSpsc::new();
//!
//! let (mut tx, mut rx) = (QUEUE.producer().expect("free"), QUEUE.consumer().expect("free"));
//! let sum = async {
//!     let mut sum = 0;
//!     while let Some(n) = rx.pop().await {
//!         sum += n;
//!     }
//!     sum
//! };
//! let numbers = async move {
//!     for n in 1..=10 {
//!         tx.push(n).await.expect("the consumer is there");
//!     }
//!     tx.close();
//! };
//! // Any executor will do; here is the least of all.
//! let (mut sum, mut numbers) = (pin!(sum), pin!(numbers));
//! let mut context = Context::from_waker(Waker::noop());
//! let mut done = false;
//! loop {
//!     done = done || numbers.as_mut().poll(&mut context).is_ready();
//!     if let Poll::Ready(sum) = sum.as_mut().poll(&mut context) {
//!         assert_eq!(sum, 55);
//!         break;
//!     }
//! }
//! ```
//!
//! One registered waker a side, no allocation, no executor of its own. A future that is dropped before it is ready has
//! done nothing: a value that was to be pushed is dropped with it, one that was to be popped stays in the queue.
//!
//! An operation that succeeds tells the other side: two locked instructions more than [`Spsc`]'s. That is why this is a
//! type of its own: with the feature on, the other queues are as they were.

mod waker_cell;

pub use waker_cell::WakerCell;

use super::{Consumer, Full, PopError, Producer, Spsc, Stats};
use crate::sync::const_unless_loom;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// A [`Spsc`] whose ends can be awaited.
#[repr(C)]
pub struct AsyncSpsc<T, const N: usize> {
    queue: Spsc<T, N>,
    /// The consumer's task, when it waits for a value.
    not_empty: WakerCell,
    /// The producer's task, when it waits for room.
    not_full: WakerCell,
}

impl<T, const N: usize> AsyncSpsc<T, N> {
    const_unless_loom! {
        /// An empty queue. A `const fn`, so that it can live in a static, where it costs no image.
        #[must_use]
        pub fn new() -> Self {
            Self { queue: Spsc::new(), not_empty: WakerCell::new(), not_full: WakerCell::new() }
        }
    }

    /// Both ends, for as long as the queue is borrowed; see [`Spsc::split`].
    pub fn split(&mut self) -> (AsyncProducer<'_, T, N>, AsyncConsumer<'_, T, N>) {
        let (tx, rx) = self.queue.split();
        let (not_empty, not_full) = (&self.not_empty, &self.not_full);
        (AsyncProducer { end: tx, not_empty, not_full }, AsyncConsumer { end: rx, not_empty, not_full })
    }

    /// Claims the producer's end, or `None` while somebody has it; see [`Spsc::producer`].
    #[must_use]
    pub fn producer(&self) -> Option<AsyncProducer<'_, T, N>> {
        let end = self.queue.producer()?;
        Some(AsyncProducer { end, not_empty: &self.not_empty, not_full: &self.not_full })
    }

    /// Claims the consumer's end, or `None` while somebody has it; see [`Spsc::consumer`].
    #[must_use]
    pub fn consumer(&self) -> Option<AsyncConsumer<'_, T, N>> {
        let end = self.queue.consumer()?;
        Some(AsyncConsumer { end, not_empty: &self.not_empty, not_full: &self.not_full })
    }

    /// What the queue has done so far. Each time a task found no room before it slept counts as refused.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }
}

impl<T, const N: usize> Default for AsyncSpsc<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for AsyncSpsc<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncSpsc").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// The one end of an [`AsyncSpsc`] that puts values in. Dropping it gives the end back; it does not close.
#[must_use = "dropping the producer gives its end of the queue back"]
pub struct AsyncProducer<'q, T, const N: usize> {
    end: Producer<'q, T, N>,
    not_empty: &'q WakerCell,
    not_full: &'q WakerCell,
}

impl<'q, T, const N: usize> AsyncProducer<'q, T, N> {
    /// Puts a value in, when there is room.
    ///
    /// # Errors
    /// [`Full`] gives the value back when there is no room and the consumer has closed.
    pub fn push(&mut self, value: T) -> Push<'_, 'q, T, N> {
        Push { producer: self, value: Some(value) }
    }

    /// Puts a value in, if there is room now.
    ///
    /// # Errors
    /// [`Full`] gives the value back when there is none.
    pub fn try_push(&mut self, value: T) -> Result<(), Full<T>> {
        self.end.push(value)?;
        self.not_empty.wake();
        Ok(())
    }

    /// Puts in as many of the values as fit now, from the first on, and says how many.
    pub fn try_push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let done = self.end.push_slice(values);
        if done > 0 {
            self.not_empty.wake();
        }
        done
    }

    /// Tells the consumer that no more will come, and wakes it. What is in the queue stays.
    pub fn close(self) {
        self.end.close();
        self.not_empty.wake();
    }
}

impl<T, const N: usize> fmt::Debug for AsyncProducer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncProducer").field("end", &self.end).finish_non_exhaustive()
    }
}

/// The one end of an [`AsyncSpsc`] that takes values out. Dropping it gives the end back; it does not close.
#[must_use = "dropping the consumer gives its end of the queue back"]
pub struct AsyncConsumer<'q, T, const N: usize> {
    end: Consumer<'q, T, N>,
    not_empty: &'q WakerCell,
    not_full: &'q WakerCell,
}

impl<'q, T, const N: usize> AsyncConsumer<'q, T, N> {
    /// Takes the oldest value, when there is one; `None` when there is none and the producer has closed.
    pub fn pop(&mut self) -> Pop<'_, 'q, T, N> {
        Pop { consumer: self }
    }

    /// Takes the oldest value, if there is one now.
    ///
    /// # Errors
    /// [`PopError::Empty`] when there is none, [`PopError::Closed`] when there will be none.
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        let value = self.end.pop()?;
        self.not_full.wake();
        Ok(value)
    }

    /// Takes as many values as are there now and as `out` has room for, and says how many.
    pub fn try_pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let done = self.end.pop_slice(out);
        if done > 0 {
            self.not_full.wake();
        }
        done
    }

    /// Tells the producer that nothing more will be taken, and wakes it.
    pub fn close(self) {
        self.end.close();
        self.not_full.wake();
    }
}

impl<T, const N: usize> fmt::Debug for AsyncConsumer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncConsumer").field("end", &self.end).finish_non_exhaustive()
    }
}

/// See [`AsyncProducer::push`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Push<'p, 'q, T, const N: usize> {
    producer: &'p mut AsyncProducer<'q, T, N>,
    value: Option<T>,
}

// The value is moved into the queue; nothing ever points at it here.
impl<T, const N: usize> Unpin for Push<'_, '_, T, N> {}

impl<T, const N: usize> Push<'_, '_, T, N> {
    fn attempt(&mut self, value: T) -> Poll<Result<(), Full<T>>> {
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

impl<T, const N: usize> Future for Push<'_, '_, T, N> {
    type Output = Result<(), Full<T>>;

    /// Once ready, it stays pending if polled again.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(value) = self.value.take() else { return Poll::Pending };
        if let ready @ Poll::Ready(_) = self.attempt(value) {
            return ready;
        }
        self.producer.not_full.register(context.waker());
        // The consumer may have taken something, or closed, before it could see the waker.
        let Some(value) = self.value.take() else { return Poll::Pending };
        self.attempt(value)
    }
}

impl<T, const N: usize> fmt::Debug for Push<'_, '_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").finish_non_exhaustive()
    }
}

/// See [`AsyncConsumer::pop`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Pop<'c, 'q, T, const N: usize> {
    consumer: &'c mut AsyncConsumer<'q, T, N>,
}

impl<T, const N: usize> Pop<'_, '_, T, N> {
    fn attempt(&mut self) -> Poll<Option<T>> {
        match self.consumer.try_pop() {
            Ok(value) => Poll::Ready(Some(value)),
            Err(PopError::Closed) => Poll::Ready(None),
            Err(PopError::Empty) => Poll::Pending,
        }
    }
}

impl<T, const N: usize> Future for Pop<'_, '_, T, N> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let ready @ Poll::Ready(_) = self.attempt() {
            return ready;
        }
        self.consumer.not_empty.register(context.waker());
        // The producer may have put something in, or closed, before it could see the waker.
        self.attempt()
    }
}

impl<T, const N: usize> fmt::Debug for Pop<'_, '_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pop").finish_non_exhaustive()
    }
}
