//! Write grant: a run of reserved slots, filled one by one.

use super::super::Full;
use super::producer::MpscProducer;
use core::fmt;

/// A run of slots of an [`Mpsc`](super::Mpsc), reserved by [`MpscProducer::grant`]. The consumer
/// sees nothing of it, nor of what other producers push behind it, until [`commit`](Self::commit).
/// Dropping the grant instead drops what was written, and the consumer skips the slots.
#[must_use = "dropping a grant gives up its slots; `commit` publishes"]
pub struct MpscGrant<'p, 'q, T, const N: usize> {
    producer: &'p mut MpscProducer<'q, T, N>,
    start: usize,
    len: usize,
    /// Number of slots, from the first on, that hold a value.
    written: usize,
}

impl<'p, 'q, T, const N: usize> MpscGrant<'p, 'q, T, N> {
    /// `len` slots from `start` on must be reserved for us.
    #[inline]
    pub(super) fn new(producer: &'p mut MpscProducer<'q, T, N>, start: usize, len: usize) -> Self {
        Self { producer, start, len, written: 0 }
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

    /// Writes a value to the next slot.
    ///
    /// # Errors
    /// [`Full`] returns the value if all granted slots are written.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), Full<T>> {
        if self.written == self.len {
            return Err(Full(value));
        }
        // SAFETY: the slot is one of those granted, and is not published before the commit.
        unsafe { self.producer.write(self.start.wrapping_add(self.written), value) };
        self.written += 1;
        Ok(())
    }

    /// Publishes the slots that were written; the consumer skips the others.
    #[inline]
    pub fn commit(self) {
        // Not dropped: the values are the queue's now.
        let mut this = core::mem::ManuallyDrop::new(self);
        let (start, written, len) = (this.start, this.written, this.len);
        // From the last to the first, so that the consumer begins only when all are there.
        for offset in (written..len).rev() {
            this.producer.leave_out(start.wrapping_add(offset));
        }
        for offset in (0..written).rev() {
            this.producer.publish(start.wrapping_add(offset));
        }
    }
}

impl<T, const N: usize> Drop for MpscGrant<'_, '_, T, N> {
    fn drop(&mut self) {
        // Skipped at the end, and also if a destructor panics; the remaining values are leaked
        // then.
        let slots = LeaveOut { producer: self.producer, start: self.start, len: self.len };
        if core::mem::needs_drop::<T>() {
            for offset in 0..self.written {
                // SAFETY: the slot is written and not published, so only we can access its value.
                drop(unsafe { slots.producer.take_back(slots.start.wrapping_add(offset)) });
            }
        }
    }
}

/// Publishes slots without a value when it is dropped.
struct LeaveOut<'g, 'q, T, const N: usize> {
    producer: &'g mut MpscProducer<'q, T, N>,
    start: usize,
    len: usize,
}

impl<T, const N: usize> Drop for LeaveOut<'_, '_, T, N> {
    fn drop(&mut self) {
        for offset in (0..self.len).rev() {
            self.producer.leave_out(self.start.wrapping_add(offset));
        }
    }
}

impl<T, const N: usize> fmt::Debug for MpscGrant<'_, '_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MpscGrant").field("len", &self.len).field("written", &self.written).finish_non_exhaustive()
    }
}
