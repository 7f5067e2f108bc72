//! Consumer endpoint.

use super::super::{PopError, Stats, TooFew};
use super::Spsc;
use crate::queue::internal::consumer_pacing::{self, ConsumerPacing};
use crate::queue::internal::stats::raise;
use crate::sync::{Ordering, Slots, broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// The one end of a [`Spsc`] that takes values out. Dropping it gives the end back; values not taken stay.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the consumer gives its end of the queue back"]
pub struct Consumer<'q, T, const N: usize> {
    queue: &'q Spsc<T, N>,
    /// The index of the next value to take. Ahead of the queue's head only while a drain is on.
    head: usize,
    /// The producer's tail as last seen: the values before it are ours.
    seen: usize,
    /// The last look found few values: the consumer is close behind.
    few: bool,
    /// How close it follows.
    pace: ConsumerPacing,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, T, const N: usize> Consumer<'q, T, N> {
    /// # Safety
    /// The caller owns the consumer's end: its flag is up, and there is no other handle to it.
    pub(in crate::queue) unsafe fn attach(queue: &'q Spsc<T, N>) -> Self {
        crate::capacity::checked!(Spsc<T, N>);
        let line = &queue.consumer;
        line.end.open();
        // Relaxed, all: our own; whoever wrote them last gave the end back to us. The tail cannot be older than what
        // that owner saw of it.
        let head = line.head.load(Ordering::Relaxed);
        let depth = queue.producer.tail.load(Ordering::Relaxed).wrapping_sub(head);
        let taken = line.in_drain.load(Ordering::Relaxed).min(depth);
        let head = head.wrapping_add(taken);
        let mut this =
            Self { queue, head, seen: head, few: false, pace: ConsumerPacing::new(head), _not_sync: PhantomData };
        this.end_drain();
        this
    }

    /// Takes the oldest value.
    ///
    /// # Errors
    /// [`PopError::Empty`] when there is none now, [`PopError::Closed`] when there is none and the producer has
    /// closed after its last one.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        if self.head == self.seen && (self.pace.is_on() || self.look() == 0) {
            self.refill()?;
        }
        if broken("spsc_back_early") {
            self.queue.consumer.head.store(self.head.wrapping_add(1), Ordering::Release); // the value is still there
        }
        // SAFETY: head != seen, so the queue holds a value there that is ours.
        let value = unsafe { self.take() };
        self.give_back();
        Ok(value)
    }

    /// The oldest value, left where it is.
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        if self.head == self.seen && self.look() == 0 {
            return None;
        }
        self.queue.slots.will_read(self.head, 1);
        // SAFETY: head != seen, so the slot holds a value that is ours; the producer leaves it alone until given back,
        // which needs the handle that is borrowed as long as the reference lives.
        Some(unsafe { &*self.queue.slots.at(self.head) })
    }

    /// Takes as many values as there are and as `out` has room for, gives their slots back at once, and says how many.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize
    where
        T: Copy,
    {
        let len = out.len().min(self.depth_for(out.len()));
        let first = Slots::<T, N>::before_wrap(self.head, len);
        let slots = &self.queue.slots;
        slots.will_read(self.head, len);
        // SAFETY: `len` values from head on are ours, `first` of them in a row; `out` is as long and lies elsewhere.
        unsafe { out.as_mut_ptr().copy_from_nonoverlapping(slots.at(self.head), first) };
        if first < len {
            // SAFETY: as above; the rest begins at slot 0.
            unsafe { out.as_mut_ptr().add(first).copy_from_nonoverlapping(slots.at(0), len - first) };
        }
        self.head = self.head.wrapping_add(len);
        self.give_back();
        len
    }

    /// Lends the oldest `n` values, to be used in place and their slots given back at once.
    ///
    /// # Errors
    /// [`TooFew`] when there are fewer; it says how many.
    #[inline]
    pub fn read(&mut self, n: usize) -> Result<ReadGrant<'_, 'q, T, N>, TooFew> {
        let available = self.depth_for(n);
        if available < n {
            return Err(TooFew { available });
        }
        self.queue.slots.will_write(self.head, n);
        Ok(ReadGrant { consumer: self, len: n })
    }

    /// Lends up to `n` of the oldest values, as many as there are.
    #[inline]
    pub fn read_up_to(&mut self, n: usize) -> ReadGrant<'_, 'q, T, N> {
        let len = n.min(self.depth_for(n));
        self.queue.slots.will_write(self.head, len);
        ReadGrant { consumer: self, len }
    }

    /// Takes the values that are there now, one by one; their slots are given back at once, when the iterator is
    /// dropped. What was not taken by then stays in the queue. Values that come meanwhile wait for the next call.
    #[inline]
    pub fn drain(&mut self) -> Drain<'_, 'q, T, N> {
        let len = self.look();
        // `in_drain` counts from the stored head, which a forgotten drain has left behind ours.
        self.give_back();
        // Relaxed: the next owner of this end is the only other reader.
        self.queue.consumer.in_drain.store(len, Ordering::Relaxed);
        Drain { consumer: self }
    }

    /// How many values are there to take. At least as many stay until this consumer takes them.
    #[inline]
    pub fn available(&mut self) -> usize {
        self.look()
    }

    /// Whether the producer has closed. There may still be values to take: `pop` tells when there are none.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.producer.end.is_closed()
    }

    /// Tells the producer that nothing more will be taken. What is in the queue stays until a new consumer claims
    /// this end, or the queue is dropped. The producer learns of it when it asks, at the latest when it is refused.
    pub fn close(self) {
        self.say_closed();
    }

    pub(in crate::queue) fn say_closed(&self) {
        self.queue.consumer.end.close();
    }

    /// Whether there is something to take, by one look at one line.
    #[inline(always)]
    pub(in crate::queue) fn has_some(&self) -> bool {
        // Relaxed: to take it, `look` loads it again.
        self.queue.producer.tail.load(Ordering::Relaxed) != self.head
    }

    /// What the queue has done so far; see [`Spsc::stats`].
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// Values there, looking at the producer only if fewer than `wanted` are known.
    #[inline]
    fn depth_for(&mut self, wanted: usize) -> usize {
        let known = self.seen.wrapping_sub(self.head);
        if known < wanted { self.look() } else { known }
    }

    /// Looks where the producer is, and says how many values are there.
    ///
    /// In memory that another process can write, `tail` may be anything: an index that cannot be counts as an empty queue.
    #[inline]
    fn look(&mut self) -> usize {
        // Acquire: pairs with the Release in `Producer::publish`: the values before tail are written.
        let tail = self.queue.producer.tail.load(Ordering::Acquire);
        let depth = tail.wrapping_sub(self.head);
        if depth > N {
            return self.distrust();
        }
        self.seen = tail;
        raise(&self.queue.consumer.high_water, depth);
        depth
    }

    /// The producer's index cannot be: nothing is taken for it.
    #[cold]
    #[inline(never)]
    fn distrust(&mut self) -> usize {
        self.seen = self.head;
        0
    }

    /// Looks for values when those known are used up.
    #[cold]
    #[inline(never)]
    fn refill(&mut self) -> Result<(), PopError> {
        let away = self.few && self.pace.maybe_pause(self.head);
        let there = self.look();
        if away {
            self.pace.record(self.head, there, consumer_pacing::few(N));
        }
        self.few = there < consumer_pacing::few(N);
        if there > 0 {
            return Ok(());
        }
        self.pace.on_empty(self.head);
        // Whoever sees that it is closed sees the last tail published before, so one more look tells "closed and empty"
        // from "a last value came just now".
        if !self.queue.producer.end.is_closed() {
            return Err(PopError::Empty);
        }
        if self.look() > 0 { Ok(()) } else { Err(PopError::Closed) }
    }

    /// Moves the value at head out and steps on, without giving the slot back.
    ///
    /// # Safety
    /// `head != seen`
    #[inline(always)]
    unsafe fn take(&mut self) -> T {
        debug_assert!(self.head != self.seen);
        // SAFETY: between head and seen every slot holds a value that is ours, and head steps past it right away.
        let value = unsafe { self.queue.slots.read(self.head) };
        self.head = self.head.wrapping_add(1);
        value
    }

    /// Lets the producer have the slots before head.
    #[inline(always)]
    fn give_back(&mut self) {
        // Release: pairs with the Acquire in `Producer::look`: we are done with the slots before head.
        self.queue.consumer.head.store(self.head, Ordering::Release);
    }

    fn end_drain(&mut self) {
        self.give_back();
        // Relaxed: the next owner of this end is the only other reader.
        self.queue.consumer.in_drain.store(0, Ordering::Relaxed);
    }
}

impl<T, const N: usize> Drop for Consumer<'_, T, N> {
    fn drop(&mut self) {
        self.end_drain(); // a forgotten drain may have left head ahead
        self.queue.consumer.end.claimed.give_back();
    }
}

impl<T, const N: usize> fmt::Debug for Consumer<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("queue", self.queue).finish_non_exhaustive()
    }
}

/// Values lent in place by [`Consumer::read`]. Dropping it leaves them in the queue; [`release`](Self::release) drops
/// them and gives their slots back.
#[must_use = "dropping a read grant leaves the values in the queue; `release` gives their slots back"]
pub struct ReadGrant<'c, 'q, T, const N: usize> {
    consumer: &'c mut Consumer<'q, T, N>,
    len: usize,
}

// SAFETY: a shared grant reads its length and lends the values as shared references; nobody changes them while it lives.
// The consumer behind it is used by those only who have the grant for their own.
unsafe impl<T: Sync, const N: usize> Sync for ReadGrant<'_, '_, T, N> {}

impl<T, const N: usize> ReadGrant<'_, '_, T, N> {
    /// How many values were lent.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no value was lent.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values, oldest first: those before the wrap and those after it.
    #[must_use]
    #[inline]
    pub fn as_slices(&self) -> (&[T], &[T]) {
        let (slots, head) = (&self.consumer.queue.slots, self.consumer.head);
        let first = Slots::<T, N>::before_wrap(head, self.len);
        // SAFETY: `len` values from head on are ours as long as the grant lives: `first` in a row from head on, the
        // rest from slot 0 on. Nobody writes to them meanwhile.
        unsafe {
            (
                core::slice::from_raw_parts(slots.at(head), first),
                core::slice::from_raw_parts(slots.at(0), self.len - first),
            )
        }
    }

    /// The values, oldest first, to be changed in place.
    #[must_use]
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [T], &mut [T]) {
        let (slots, head) = (&self.consumer.queue.slots, self.consumer.head);
        let first = Slots::<T, N>::before_wrap(head, self.len);
        // SAFETY: as in `as_slices`; nobody else uses them meanwhile, and the two do not meet, since there are no
        // more than N.
        unsafe {
            (
                core::slice::from_raw_parts_mut(slots.at(head), first),
                core::slice::from_raw_parts_mut(slots.at(0), self.len - first),
            )
        }
    }

    /// The values, oldest first.
    #[inline]
    pub fn iter(&self) -> core::iter::Chain<core::slice::Iter<'_, T>, core::slice::Iter<'_, T>> {
        let (first, second) = self.as_slices();
        first.iter().chain(second)
    }

    /// Drops all the values and gives their slots back at once.
    #[inline]
    pub fn release(self) {
        let len = self.len;
        self.release_first(len);
    }

    /// Drops the oldest `n` values (or all, if fewer were lent) and gives their slots back at once. The others stay
    /// in the queue.
    #[inline]
    pub fn release_first(self, n: usize) {
        let n = n.min(self.len);
        let consumer = self.consumer;
        if core::mem::needs_drop::<T>() {
            let end = consumer.head.wrapping_add(n);
            // Gives back what was taken, also if a destructor panics.
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

/// Takes values one by one and gives their slots back all at once; see [`Consumer::drain`].
///
/// Were it forgotten (`mem::forget`), and the consumer with it, the next consumer of this end might skip as many values as
/// were there when the drain began: they are leaked. None is handed out twice.
#[must_use = "a drain takes nothing until it is iterated"]
pub struct Drain<'c, 'q, T, const N: usize> {
    consumer: &'c mut Consumer<'q, T, N>,
}

// SAFETY: a shared drain says how many values are left and nothing else; taking them needs it for one's own.
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
