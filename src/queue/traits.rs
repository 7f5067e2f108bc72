//! Traits of the endpoints of all queues, [`Push`] and [`Pop`], for code that is generic over the
//! queue.

use super::{
    Consumer, FanInConsumer, Full, MpscConsumer, MpscProducer, PopError, Producer, RobustConsumer, RobustProducer,
    SequencedConsumer, SequencedProducer,
};
use crate::sync::Plain;
use core::fmt;

/// An end that puts values in: [`Producer`], [`SequencedProducer`], [`MpscProducer`], [`RobustProducer`]. Each can do more than
/// this.
pub trait Push {
    /// What it takes.
    type Item;

    /// Puts a value in.
    ///
    /// # Errors
    /// [`Full`] gives the value back when there is no free slot. `is_closed` tells whether waiting has a point.
    fn push(&mut self, value: Self::Item) -> Result<(), Full<Self::Item>>;

    /// Puts in as many of the values as fit, from the first on, and says how many.
    fn push_slice(&mut self, values: &[Self::Item]) -> usize
    where
        Self::Item: Copy;

    /// Whether the consumer has closed.
    #[must_use]
    fn is_closed(&self) -> bool;

    /// Says that no more will come from here.
    fn close(self);
}

/// An end that takes values out: [`Consumer`], [`SequencedConsumer`], [`MpscConsumer`], [`FanInConsumer`], [`RobustConsumer`].
/// Each can do more than this.
pub trait Pop {
    /// What it gives.
    type Item;

    /// Takes the next value.
    ///
    /// # Errors
    /// [`PopError::Empty`] when there is none now, [`PopError::Closed`] when there is none and no producer left to wait
    /// for.
    fn pop(&mut self) -> Result<Self::Item, PopError>;

    /// Takes as many values as there are and as `out` has room for, and says how many.
    fn pop_slice(&mut self, out: &mut [Self::Item]) -> usize
    where
        Self::Item: Copy;

    /// Whether the producers have closed. There may still be values to take.
    #[must_use]
    fn is_closed(&self) -> bool;

    /// Says that nothing more will be taken.
    fn close(self);
}

/// Hands a trait's methods on to the type's own of the same names.
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

/// The same for the other side.
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

/// Takes values one by one, until there is none or as many as were asked for, each as `pop` does. To forget it loses
/// nothing. ([`Consumer::drain`] has an iterator of its own, which gives all slots back at once.)
#[must_use = "a drain takes nothing until it is iterated"]
pub struct PopDrain<'c, C> {
    end: &'c mut C,
    left: usize,
}

impl<'c, C> PopDrain<'c, C> {
    /// At most `most` values.
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
