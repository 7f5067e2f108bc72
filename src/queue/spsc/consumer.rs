//! Consumer endpoint.

use super::super::{PopError, QueueStats, TooFew};
use super::Spsc;
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::stats::raise;
use crate::sync::{Ordering, Slots, broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The consumer endpoint of a [`Spsc`]. Dropping it releases the claim; values in the queue stay.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the consumer releases its endpoint"]
pub struct Consumer<'q, T, const N: usize> {
    queue: &'q Spsc<T, N>,
    /// The index of the next value to pop. Ahead of the queue's head only during a drain.
    head: usize,
    /// The producer's tail as last seen: the values before it are ours.
    seen: usize,
    /// The last load of the tail found few values: the consumer is close behind.
    few: bool,
    /// Distance at which it follows the producer.
    pace: ConsumerPacing,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> Consumer<'q, T, N> {
    /// # Safety
    /// The caller owns the consumer endpoint: its flag is set, and there is no other handle to it.
    pub(in crate::queue) unsafe fn attach(queue: &'q Spsc<T, N>) -> Self {
        crate::capacity::checked!(Spsc<T, N>);
        let line = &queue.consumer;
        line.end.open();
        // Relaxed, all: our own; their last writer released the endpoint to us. The tail cannot be
        // older than what that owner saw of it.
        let head = line.head.load(Ordering::Relaxed);
        let depth = queue.producer.tail.load(Ordering::Relaxed).wrapping_sub(head);
        let taken = line.in_drain.load(Ordering::Relaxed).min(depth);
        let head = head.wrapping_add(taken);
        let mut this =
            Self { queue, head, seen: head, few: false, pace: ConsumerPacing::new(head), _not_sync: PhantomData };
        this.end_drain();
        this
    }

    /// Pops the oldest value.
    ///
    /// ```
    /// use vvp_core::queue::{PopError, Spsc};
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// tx.push(7).expect("not full");
    /// assert_eq!(rx.pop(), Ok(7));
    /// assert_eq!(rx.pop(), Err(PopError::Empty));
    /// tx.close();
    /// assert_eq!(rx.pop(), Err(PopError::Closed));
    /// ```
    ///
    /// # Errors
    /// [`PopError::Empty`] if there is none now, [`PopError::Closed`] if there is none and the
    /// producer has closed.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        if self.head == self.seen && (self.pace.is_on() || self.load_tail() == 0) {
            self.refill()?;
        }
        if broken("spsc_back_early") {
            // The value is still there.
            self.queue.consumer.head.store(self.head.wrapping_add(1), Ordering::Release);
        }
        // SAFETY: head != seen, so the queue holds a value there that is ours.
        let value = unsafe { self.take() };
        self.give_back();
        Ok(value)
    }

    /// Pops the oldest of the values that the last load of the producer's index found. `Empty` if
    /// there is none, even if the producer has pushed others since.
    #[inline(always)]
    pub(in crate::queue) fn pop_known(&mut self) -> Result<T, PopError> {
        if self.head == self.seen {
            return Err(PopError::Empty);
        }
        // SAFETY: head != seen, so the queue holds a value there that is ours.
        let value = unsafe { self.take() };
        self.give_back();
        Ok(value)
    }

    /// Returns the oldest value without popping it.
    ///
    /// ```
    /// use vvp_core::queue::Spsc;
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// tx.push(7).expect("not full");
    /// assert_eq!(rx.peek(), Some(&7));
    /// assert_eq!(rx.pop(), Ok(7));
    /// ```
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        if self.head == self.seen && self.load_tail() == 0 {
            return None;
        }
        self.queue.slots.will_read(self.head, 1);
        // SAFETY: head != seen, so the slot holds a value that is ours; the producer leaves it
        // alone until it is released, which needs the handle that is borrowed as long as the
        // reference lives.
        Some(unsafe { &*self.queue.slots.at(self.head) })
    }

    /// Pops as many values as there are and as fit into `out`, releases their slots together, and
    /// returns how many.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let len = out.len().min(self.depth_for(out.len()));
        let first = Slots::<T, N>::before_wrap(self.head, len);
        let slots = &self.queue.slots;
        slots.will_read(self.head, len);
        // SAFETY: `len` values from head on are ours, `first` of them contiguous; `out` is as long
        // and does not overlap them.
        unsafe { out.as_mut_ptr().copy_from_nonoverlapping(slots.at(self.head), first) };
        if first < len {
            // SAFETY: as above; the rest begins at slot 0.
            unsafe { out.as_mut_ptr().add(first).copy_from_nonoverlapping(slots.at(0), len - first) };
        }
        self.head = self.head.wrapping_add(len);
        self.give_back();
        len
    }

    /// Grants the oldest `n` values, to be read in place; a release frees their slots together.
    ///
    /// ```
    /// use vvp_core::queue::Spsc;
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// tx.push_slice(&[1, 2, 3]);
    /// let grant = rx.read(2).expect("3 are there");
    /// assert!(grant.iter().eq(&[1, 2]));
    /// grant.release();
    /// assert_eq!(rx.pop(), Ok(3));
    /// ```
    ///
    /// # Errors
    /// [`TooFew`] if there are fewer, with their number.
    #[inline]
    pub fn read(&mut self, n: usize) -> Result<ReadGrant<'_, 'q, T, N>, TooFew> {
        let available = self.depth_for(n);
        if available < n {
            return Err(TooFew { available });
        }
        self.queue.slots.will_write(self.head, n);
        Ok(ReadGrant { consumer: self, len: n })
    }

    /// Grants the `n` oldest values, or all if there are fewer.
    #[inline]
    pub fn read_up_to(&mut self, n: usize) -> ReadGrant<'_, 'q, T, N> {
        let len = n.min(self.depth_for(n));
        self.queue.slots.will_write(self.head, len);
        ReadGrant { consumer: self, len }
    }

    /// Iterates over the values that are in the queue now. Dropping the iterator releases the slots
    /// of those that were taken, all together; the others stay in the queue, and so do values that
    /// are pushed meanwhile.
    ///
    /// ```
    /// use vvp_core::queue::Spsc;
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// tx.push_slice(&[1, 2, 3]);
    /// assert!(rx.drain().take(2).eq([1, 2]));
    /// assert!(rx.drain().eq([3]));
    /// ```
    #[inline]
    pub fn drain(&mut self) -> Drain<'_, 'q, T, N> {
        let len = self.load_tail();
        // `in_drain` counts from the stored head, and a leaked drain may have left it behind ours.
        self.give_back();
        // Relaxed: only the next owner of this endpoint reads it.
        self.queue.consumer.in_drain.store(len, Ordering::Relaxed);
        Drain { consumer: self }
    }

    /// Returns how many values can be popped. At least as many stay until this consumer pops them.
    #[inline]
    pub fn available(&mut self) -> usize {
        self.load_tail()
    }

    /// Returns whether the producer has closed. There may still be values: `pop` returns `Closed`
    /// after the last one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.producer.end.is_closed()
    }

    /// Closes the consumer endpoint: nothing more will be popped. Values in the queue stay until a
    /// new consumer claims this endpoint, or the queue is dropped. The producer sees it by
    /// `is_closed`.
    pub fn close(self) {
        self.say_closed();
    }

    pub(in crate::queue) fn say_closed(&self) {
        self.queue.consumer.end.close();
    }

    /// Returns whether there is a value, by one load.
    #[inline(always)]
    pub(in crate::queue) fn has_some(&self) -> bool {
        // Relaxed: before a pop, `load_tail` loads it again.
        self.queue.producer.tail.load(Ordering::Relaxed) != self.head
    }

    /// Returns the statistics of the queue; see [`Spsc::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.queue.stats()
    }

    /// Returns the values there are; loads the producer's index only if fewer than `wanted` are
    /// known.
    #[inline]
    fn depth_for(&mut self, wanted: usize) -> usize {
        let known = self.seen.wrapping_sub(self.head);
        if known < wanted { self.load_tail() } else { known }
    }

    /// Loads the producer's index and returns how many values there are.
    ///
    /// In memory that another process can write, `tail` may be anything: an impossible index counts
    /// as an empty queue.
    #[inline]
    fn load_tail(&mut self) -> usize {
        // Acquire: pairs with the Release in `Producer::publish`: the values before tail are
        // written.
        let tail = self.queue.producer.tail.load(Ordering::Acquire);
        let depth = tail.wrapping_sub(self.head);
        if depth > N {
            return self.distrust();
        }
        self.seen = tail;
        raise(&self.queue.consumer.high_water, depth);
        depth
    }

    /// Handles an impossible index of the producer: nothing is popped.
    #[cold]
    #[inline(never)]
    fn distrust(&mut self) -> usize {
        self.seen = self.head;
        0
    }

    /// Slow path: checks for values when those known are used up.
    #[cold]
    #[inline(never)]
    fn refill(&mut self) -> Result<(), PopError> {
        let away = self.few && self.pace.maybe_pause(self.head);
        let there = self.load_tail();
        if away {
            self.pace.record(self.head, there, consumer_pacing::few(N));
        }
        self.few = there < consumer_pacing::few(N);
        if there > 0 {
            return Ok(());
        }
        self.pace.on_empty(self.head);
        // Seeing the close implies seeing the last tail published before it, so one more load
        // distinguishes "closed and empty" from "a last value came just now".
        if !self.queue.producer.end.is_closed() {
            return Err(PopError::Empty);
        }
        if self.load_tail() > 0 { Ok(()) } else { Err(PopError::Closed) }
    }

    /// Moves the value at head out and advances head, without releasing the slot.
    ///
    /// # Safety
    /// `head != seen`
    #[inline(always)]
    unsafe fn take(&mut self) -> T {
        debug_assert!(self.head != self.seen);
        // SAFETY: between head and seen every slot holds a value that is ours, and head steps past
        // it right away.
        let value = unsafe { self.queue.slots.read(self.head) };
        self.head = self.head.wrapping_add(1);
        value
    }

    /// Releases the slots before head.
    #[inline(always)]
    fn give_back(&mut self) {
        // Release: pairs with the Acquire in `Producer::load_head`: we are done with the slots
        // before head.
        self.queue.consumer.head.store(self.head, Ordering::Release);
    }

    fn end_drain(&mut self) {
        self.give_back();
        // Relaxed: only the next owner of this endpoint reads it.
        self.queue.consumer.in_drain.store(0, Ordering::Relaxed);
    }
}

impl<T, const N: usize> Drop for Consumer<'_, T, N> {
    fn drop(&mut self) {
        self.end_drain(); // a leaked drain may have left head ahead
        self.queue.consumer.end.claimed.give_back();
    }
}

impl<T, const N: usize> fmt::Debug for Consumer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("queue", self.queue).finish_non_exhaustive()
    }
}

/// Values granted in place by [`Consumer::read`]. Dropping it leaves them in the queue;
/// [`release`](Self::release) drops them and frees their slots.
#[must_use = "dropping a read grant leaves the values in the queue; `release` frees their slots"]
pub struct ReadGrant<'c, 'q, T, const N: usize> {
    consumer: &'c mut Consumer<'q, T, N>,
    len: usize,
}

// SAFETY: a shared grant reads its length and lends the values as shared references; they do not
// change while it lives. The consumer behind it can be used only through an exclusive reference to
// the grant.
unsafe impl<T: Sync, const N: usize> Sync for ReadGrant<'_, '_, T, N> {}

impl<T, const N: usize> ReadGrant<'_, '_, T, N> {
    /// Returns how many values were granted.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether no value was granted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the values, oldest first: those before the wrap and those after it.
    #[must_use]
    #[inline]
    pub fn as_slices(&self) -> (&[T], &[T]) {
        let (slots, head) = (&self.consumer.queue.slots, self.consumer.head);
        let first = Slots::<T, N>::before_wrap(head, self.len);
        // SAFETY: `len` values from head on are ours as long as the grant lives: `first` contiguous
        // from head on, the rest from slot 0 on. There are no writes to them meanwhile.
        unsafe {
            (
                core::slice::from_raw_parts(slots.at(head), first),
                core::slice::from_raw_parts(slots.at(0), self.len - first),
            )
        }
    }

    /// Returns the values, oldest first, to be changed in place.
    #[must_use]
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [T], &mut [T]) {
        let (slots, head) = (&self.consumer.queue.slots, self.consumer.head);
        let first = Slots::<T, N>::before_wrap(head, self.len);
        // SAFETY: as in `as_slices`; they are borrowed exclusively, and the two do not overlap,
        // since there are no more than N.
        unsafe {
            (
                core::slice::from_raw_parts_mut(slots.at(head), first),
                core::slice::from_raw_parts_mut(slots.at(0), self.len - first),
            )
        }
    }

    /// Iterates over the values, oldest first.
    #[inline]
    pub fn iter(&self) -> core::iter::Chain<core::slice::Iter<'_, T>, core::slice::Iter<'_, T>> {
        let (first, second) = self.as_slices();
        first.iter().chain(second)
    }

    /// Drops all granted values and frees their slots together.
    #[inline]
    pub fn release(self) {
        let len = self.len;
        self.release_first(len);
    }

    /// Drops the oldest `n` values (or all, if fewer were granted) and frees their slots together.
    /// The others stay in the queue.
    #[inline]
    pub fn release_first(self, n: usize) {
        let n = n.min(self.len);
        let consumer = self.consumer;
        if core::mem::needs_drop::<T>() {
            let end = consumer.head.wrapping_add(n);
            // Releases what was popped, also if a destructor panics.
            let drain = Drain { consumer };
            while drain.consumer.head != end {
                // SAFETY: the grant covered the slots up to `end`, so head != seen.
                drop(unsafe { drain.consumer.take() });
            }
        } else {
            consumer.queue.slots.will_write(consumer.head, n);
            consumer.head = consumer.head.wrapping_add(n);
            consumer.give_back();
        }
    }
}

impl<'g, T, const N: usize> IntoIterator for &'g ReadGrant<'_, '_, T, N> {
    type Item = &'g T;
    type IntoIter = core::iter::Chain<core::slice::Iter<'g, T>, core::slice::Iter<'g, T>>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T, const N: usize> fmt::Debug for ReadGrant<'_, '_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadGrant").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Iterator that pops values one by one and frees their slots all together; see
/// [`Consumer::drain`].
///
/// If it is leaked (`mem::forget`) together with the consumer, the next consumer may skip as many
/// values as there were when the drain began: they are leaked. None is returned twice.
#[must_use = "a drain takes nothing until it is iterated"]
pub struct Drain<'c, 'q, T, const N: usize> {
    consumer: &'c mut Consumer<'q, T, N>,
}

// SAFETY: a shared drain returns how many values are left and nothing else; popping needs an
// exclusive reference.
unsafe impl<T: Sync, const N: usize> Sync for Drain<'_, '_, T, N> {}

impl<T, const N: usize> Iterator for Drain<'_, '_, T, N> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.consumer.head == self.consumer.seen {
            return None;
        }
        // SAFETY: head != seen
        Some(unsafe { self.consumer.take() })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.consumer.seen.wrapping_sub(self.consumer.head);
        (left, Some(left))
    }
}

impl<T, const N: usize> ExactSizeIterator for Drain<'_, '_, T, N> {}
impl<T, const N: usize> core::iter::FusedIterator for Drain<'_, '_, T, N> {}

impl<T, const N: usize> Drop for Drain<'_, '_, T, N> {
    fn drop(&mut self) {
        self.consumer.end_drain();
    }
}

impl<T, const N: usize> fmt::Debug for Drain<'_, '_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("left", &self.size_hint().0).finish_non_exhaustive()
    }
}
