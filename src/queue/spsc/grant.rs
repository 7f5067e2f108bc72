//! Write grant: free slots, lent to be filled in place.

use super::super::Full;
use super::Producer;
use crate::sync::Slots;
use core::fmt;
use core::mem::MaybeUninit;

/// Free slots of a queue, granted by [`Producer::grant`]. The consumer sees nothing of them until
/// [`commit`](Self::commit); dropping the grant instead drops what was written and leaves the queue
/// unchanged.
#[must_use = "dropping a grant aborts it; `commit` publishes"]
pub struct Grant<'p, 'q, T, const N: usize> {
    producer: &'p mut Producer<'q, T, N>,
    len: usize,
    /// Number of slots, from the first on, that hold a value.
    written: usize,
}

impl<'p, 'q, T, const N: usize> Grant<'p, 'q, T, N> {
    /// The slots from the producer's tail on must be known to be free.
    #[inline]
    pub(super) fn new(producer: &'p mut Producer<'q, T, N>, len: usize) -> Self {
        producer.queue.slots.will_write(producer.tail, len);
        Self { producer, len, written: 0 }
    }

    /// Returns how many slots were granted.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether no slot was granted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns how many slots hold a value so far: what `commit` will publish.
    #[must_use]
    pub const fn written(&self) -> usize {
        self.written
    }

    /// Writes a value into the next slot.
    ///
    /// # Errors
    /// [`Full`] returns the value if all granted slots are written.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        if self.written == self.len {
            return Err(Full(value));
        }
        // SAFETY: the slot is one of those granted, so it is free and ours until committed.
        unsafe { self.producer.queue.slots.write(self.producer.tail.wrapping_add(self.written), value) };
        self.written += 1;
        Ok(())
    }

    /// Copies as many of the values as there are slots left, and returns how many.
    #[inline]
    pub fn push_slice(&mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let len = values.len().min(self.len - self.written);
        self.producer.copy_in(self.written, &values[..len]);
        self.written += len;
        len
    }

    /// Returns the slots not written yet: those before the wrap and those after it. Fill them from
    /// the first on, then declare how many with [`assume_written`](Self::assume_written).
    ///
    /// ```
    /// use vvp_core::queue::Spsc;
    ///
    /// let mut queue = Spsc::<u32, 4>::new();
    /// let (mut tx, mut rx) = queue.split();
    /// let mut grant = tx.grant(2).expect("free");
    /// let (first, second) = grant.slots();
    /// for (slot, value) in first.iter_mut().chain(second).zip([10, 11]) {
    ///     slot.write(value);
    /// }
    /// // SAFETY: both are written.
    /// unsafe { grant.assume_written(2) };
    /// grant.commit();
    /// assert!(rx.drain().eq([10, 11]));
    /// ```
    #[inline]
    pub fn slots(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        let start = self.producer.tail.wrapping_add(self.written);
        let len = self.len - self.written;
        let first = Slots::<T, N>::before_wrap(start, len);
        let slots = &self.producer.queue.slots;
        // SAFETY: the slots are granted, so there is no other access to them while we are borrowed.
        // `first` of them are contiguous from `start` on and the rest from slot 0 on, and the two
        // do not overlap, since a grant is no longer than N.
        unsafe {
            (
                core::slice::from_raw_parts_mut(slots.at(start).cast(), first),
                core::slice::from_raw_parts_mut(slots.at(0).cast(), len - first),
            )
        }
    }

    /// Declares the next `n` slots written. More than are left counts as all that are left.
    ///
    /// # Safety
    /// The first `n` of [`slots`](Self::slots) (or all, if fewer) must hold values.
    #[inline]
    pub unsafe fn assume_written(&mut self, n: usize) {
        self.written += n.min(self.len - self.written);
    }

    /// Publishes the slots that were written, and what was staged before. The others stay free.
    #[inline]
    pub fn commit(self) {
        // Not dropped: the values are the queue's now.
        let mut this = core::mem::ManuallyDrop::new(self);
        let (tail, written) = (this.producer.tail, this.written);
        this.producer.queue.slots.will_write(tail, written);
        this.producer.tail = tail.wrapping_add(written);
        this.producer.publish();
    }
}

impl<T, const N: usize> Drop for Grant<'_, '_, T, N> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() {
            for i in 0..self.written {
                // SAFETY: the slot holds an unpublished value, and it will be overwritten before it
                // is published. If a destructor panics, the rest is leaked.
                drop(unsafe { self.producer.queue.slots.read(self.producer.tail.wrapping_add(i)) });
            }
        }
    }
}

impl<T, const N: usize> fmt::Debug for Grant<'_, '_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("len", &self.len).field("written", &self.written).finish_non_exhaustive()
    }
}
