//! Traits of the endpoints of all queues, [`Push`] and [`Pop`], for code that is generic over the
//! queue.

use super::{
    Consumer, FanInConsumer, Full, MpscConsumer, MpscProducer, PopError, Producer, RobustConsumer, RobustProducer,
    SequencedConsumer, SequencedProducer,
};
use crate::sync::Plain;
use core::fmt;

/// A producer endpoint: [`Producer`], [`SequencedProducer`], [`MpscProducer`], [`RobustProducer`].
/// Each has more operations than these.
///
/// ```
/// use vvp_core::queue::{Full, Mpsc, Pop, Push, Spsc};
///
/// // Generic over the queue.
/// fn send<P: Push<Item = u32>>(tx: &mut P) -> Result<(), Full<u32>> {
///     tx.push(1)
/// }
/// fn receive<C: Pop<Item = u32>>(rx: &mut C) -> Option<u32> {
///     rx.pop().ok()
/// }
///
/// let (mut spsc, mut mpsc) = (Spsc::<u32, 4>::new(), Mpsc::<u32, 4>::new());
/// let (mut tx, mut rx) = spsc.split();
/// send(&mut tx)?;
/// assert_eq!(receive(&mut rx), Some(1));
/// let (mut tx, mut rx) = mpsc.split();
/// send(&mut tx)?;
/// assert_eq!(receive(&mut rx), Some(1));
/// # Ok::<(), Full<u32>>(())
/// ```
pub trait Push {
    /// The type of the values.
    type Item;

    /// Pushes a value.
    ///
    /// # Errors
    /// [`Full`] returns the value if there is no free slot. If `is_closed`, waiting does not help.
    fn push(&mut self, value: Self::Item) -> Result<(), Full<Self::Item>>;

    /// Pushes as many of the values as fit, from the first on, and returns how many.
    fn push_slice(&mut self, values: &[Self::Item]) -> usize
    where
        Self::Item: Copy;

    /// Returns whether the consumer has closed.
    #[must_use]
    fn is_closed(&self) -> bool;

    /// Closes this producer: it pushes no more.
    fn close(self);
}

/// A consumer endpoint: [`Consumer`], [`SequencedConsumer`], [`MpscConsumer`], [`FanInConsumer`],
/// [`RobustConsumer`]. Each has more operations than these. The example is at [`Push`].
pub trait Pop {
    /// The type of the values.
    type Item;

    /// Pops the next value.
    ///
    /// # Errors
    /// [`PopError::Empty`] if there is none now, [`PopError::Closed`] if there is none and no
    /// producer is left.
    fn pop(&mut self) -> Result<Self::Item, PopError>;

    /// Pops as many values as there are and as fit into `out`, and returns how many.
    fn pop_slice(&mut self, out: &mut [Self::Item]) -> usize
    where
        Self::Item: Copy;

    /// Returns whether the producers have closed. There may still be values.
    #[must_use]
    fn is_closed(&self) -> bool;

    /// Closes this consumer: it pops no more.
    fn close(self);
}

/// Implements [`Push`] by the inherent methods of the same names.
macro_rules! push_end {
    ([$($generics:tt)*] $end:ty) => {
        impl<$($generics)*> Push for $end {
            type Item = T;
            #[inline]
            fn push(&mut self, value: T) -> Result<(), Full<T>> {
                <$end>::push(self, value)
            }
            #[inline]
            fn push_slice(&mut self, values: &[T]) -> usize
            where
                T: Copy,
            {
                <$end>::push_slice(self, values)
            }
            fn is_closed(&self) -> bool {
                <$end>::is_closed(self)
            }
            fn close(self) {
                <$end>::close(self);
            }
        }
    };
}

/// Implements [`Pop`] by the inherent methods of the same names.
macro_rules! pop_end {
    ([$($generics:tt)*] $end:ty) => {
        impl<$($generics)*> Pop for $end {
            type Item = T;
            #[inline]
            fn pop(&mut self) -> Result<T, PopError> {
                <$end>::pop(self)
            }
            #[inline]
            fn pop_slice(&mut self, out: &mut [T]) -> usize
            where
                T: Copy,
            {
                <$end>::pop_slice(self, out)
            }
            fn is_closed(&self) -> bool {
                <$end>::is_closed(self)
            }
            fn close(self) {
                <$end>::close(self);
            }
        }
    };
}

push_end!(['q, T, const N: usize] Producer<'q, T, N>);
push_end!(['q, T, const N: usize] SequencedProducer<'q, T, N>);
push_end!(['q, T, const N: usize] MpscProducer<'q, T, N>);
push_end!(['q, T: Plain, const N: usize, const LANES: usize] RobustProducer<'q, T, N, LANES>);
pop_end!(['q, T, const N: usize] Consumer<'q, T, N>);
pop_end!(['q, T, const N: usize] SequencedConsumer<'q, T, N>);
pop_end!(['q, T, const N: usize] MpscConsumer<'q, T, N>);
pop_end!(['q, T, const N: usize, const LANES: usize] FanInConsumer<'q, T, N, LANES>);
pop_end!(['q, T: Plain, const N: usize, const LANES: usize] RobustConsumer<'q, T, N, LANES>);

/// Iterator that pops values one by one until there is none, at most a given number. Forgetting it
/// loses nothing. ([`Consumer::drain`] has an iterator of its own, which releases all slots at
/// once.)
#[must_use = "a drain takes nothing until it is iterated"]
pub struct PopDrain<'c, C> {
    end: &'c mut C,
    left: usize,
}

impl<'c, C> PopDrain<'c, C> {
    /// Creates an iterator over at most `most` values.
    #[inline]
    pub(super) const fn new(end: &'c mut C, most: usize) -> Self {
        Self { end, left: most }
    }
}

impl<C: Pop> Iterator for PopDrain<'_, C> {
    type Item = C::Item;

    #[inline]
    fn next(&mut self) -> Option<C::Item> {
        self.left = self.left.checked_sub(1)?;
        let value = self.end.pop().ok();
        if value.is_none() {
            self.left = 0;
        }
        value
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl<C: Pop> core::iter::FusedIterator for PopDrain<'_, C> {}

impl<C> fmt::Debug for PopDrain<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PopDrain").field("left", &self.left).finish_non_exhaustive()
    }
}
