//! Producer endpoint.

use super::super::QueueStats;
use super::{FrameError, Frames, HEADER, Ring, room};
use crate::queue::internal::stats::{count, raise};
use crate::sync::Ordering;
use bbqueue::prod_cons::stream::{StreamGrantW, StreamProducer};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// The producer endpoint of a [`Frames`]. Dropping it releases the claim.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the producer releases its endpoint"]
pub struct FrameProducer<'q, const N: usize> {
    frames: &'q Frames<N>,
    ring: StreamProducer<&'q Ring<N>>,
    pushed: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, const N: usize> FrameProducer<'q, N> {
    /// The caller owns the producer endpoint: its flag is set, and there is no other handle to it.
    pub(super) fn attach(frames: &'q Frames<N>) -> Self {
        frames.producer.end.open();
        // Relaxed: our own; its last writer released the endpoint to us.
        let pushed = frames.producer.pushed.load(Ordering::Relaxed);
        Self { frames, ring: frames.ring.stream_producer(), pushed, _not_sync: PhantomData }
    }

    /// Pushes a frame and publishes it.
    ///
    /// # Errors
    /// [`FrameError::Full`] if there is no room now, [`FrameError::TooLong`] if there never will
    /// be.
    #[inline]
    pub fn push(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        let mut grant = self.grant(frame.len())?;
        grant.copy_from(frame);
        grant.commit(frame.len());
        Ok(())
    }

    /// Grants `len` contiguous bytes for a frame of at most that length, for example to be filled
    /// by DMA. They contain the bytes of earlier frames.
    ///
    /// # Errors
    /// [`FrameError::Full`] if there is no room now, [`FrameError::TooLong`] if there never will
    /// be.
    #[inline]
    pub fn grant(&mut self, len: usize) -> Result<FrameGrant<'_, 'q, N>, FrameError> {
        if len > Frames::<N>::MAX_FRAME {
            return Err(FrameError::TooLong { max: Frames::<N>::MAX_FRAME });
        }
        let bytes = self.bytes(room(len))?;
        Ok(FrameGrant { producer: self, bytes, len })
    }

    /// Grants `bytes` contiguous bytes for any number of frames that are published together. Each
    /// frame takes four bytes and its length, rounded up to a multiple of four.
    ///
    /// # Errors
    /// [`FrameError::Full`] if there is no such room now, [`FrameError::TooLong`] if it is longer
    /// than [`MAX_FRAME`](Frames::MAX_FRAME).
    #[inline]
    pub fn batch(&mut self, bytes: usize) -> Result<FrameBatch<'_, 'q, N>, FrameError> {
        if bytes > Frames::<N>::MAX_FRAME {
            return Err(FrameError::TooLong { max: Frames::<N>::MAX_FRAME });
        }
        let bytes = self.bytes(bytes)?;
        Ok(FrameBatch { producer: self, bytes, used: 0, count: 0 })
    }

    /// Returns whether the consumer has closed: nothing more will be read, unless a new consumer
    /// claims its endpoint.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.frames.consumer.end.is_closed()
    }

    /// Closes the ring: after the last frame `read` returns `Closed`. Frames in the ring stay.
    pub fn close(self) {
        self.frames.producer.end.close();
    }

    /// Returns the statistics of the ring; see [`Frames::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.frames.stats()
    }

    #[inline]
    fn bytes(&mut self, len: usize) -> Result<StreamGrantW<&'q Ring<N>>, FrameError> {
        match self.ring.grant_exact(len) {
            Ok(bytes) => Ok(bytes),
            Err(_) => Err(self.refuse()),
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse(&mut self) -> FrameError {
        count(&self.frames.producer.full_count, 1);
        self.note_depth();
        FrameError::Full
    }

    /// Records the depth of the ring for `high_water`.
    fn note_depth(&mut self) {
        // Relaxed: for display. Frames not yet counted may have been taken already: no depth then.
        let depth = self.pushed.wrapping_sub(self.frames.consumer.popped.load(Ordering::Relaxed));
        if depth <= N {
            raise(&self.frames.producer.high_water, depth);
        }
    }

    /// Publishes the first `used` bytes of a grant, which hold `count` frames.
    #[inline(always)]
    fn publish(&mut self, bytes: StreamGrantW<&'q Ring<N>>, used: usize, count: usize) {
        bytes.commit(used);
        self.pushed = self.pushed.wrapping_add(count);
        // Relaxed: bbqueue's mark publishes, not this.
        self.frames.producer.pushed.store(self.pushed, Ordering::Relaxed);
    }
}

impl<const N: usize> Drop for FrameProducer<'_, N> {
    fn drop(&mut self) {
        self.frames.producer.end.claimed.give_back();
    }
}

impl<const N: usize> fmt::Debug for FrameProducer<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameProducer").field("frames", self.frames).finish_non_exhaustive()
    }
}

/// Room for one frame, granted by [`FrameProducer::grant`]; derefs to its bytes. The consumer sees
/// nothing of it until [`commit`](Self::commit); dropping it leaves the ring unchanged.
#[must_use = "dropping a grant aborts it; `commit` publishes"]
pub struct FrameGrant<'p, 'q, const N: usize> {
    producer: &'p mut FrameProducer<'q, N>,
    bytes: StreamGrantW<&'q Ring<N>>,
    len: usize,
}

impl<const N: usize> FrameGrant<'_, '_, N> {
    /// Publishes a frame of the first `len` bytes, or of all of them if there are fewer.
    #[inline]
    pub fn commit(self, len: usize) {
        let Self { producer, mut bytes, len: most } = self;
        let len = if len < most { len } else { most };
        header(&mut bytes, 0, len);
        producer.publish(bytes, room(len), 1);
    }

    #[inline(always)]
    fn copy_from(&mut self, frame: &[u8]) {
        if let Some(place) = self.bytes.get_mut(HEADER..).and_then(|rest| rest.get_mut(..frame.len())) {
            place.copy_from_slice(frame);
        }
    }
}

/// Writes the length before a frame that starts at `at`.
#[inline(always)]
fn header(bytes: &mut [u8], at: usize, len: usize) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<HEADER>()) {
        *place = (len as u32).to_le_bytes(); // at most MAX_FRAME <= u32::MAX
    }
}

impl<const N: usize> Deref for FrameGrant<'_, '_, N> {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(HEADER..).and_then(|rest| rest.get(..self.len)).unwrap_or_default()
    }
}

impl<const N: usize> DerefMut for FrameGrant<'_, '_, N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(HEADER..).and_then(|rest| rest.get_mut(..self.len)).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for FrameGrant<'_, '_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameGrant").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Room for any number of frames, granted by [`FrameProducer::batch`]. The consumer sees nothing of
/// them until [`commit`](Self::commit); dropping it leaves the ring unchanged.
#[must_use = "dropping a batch aborts it; `commit` publishes"]
pub struct FrameBatch<'p, 'q, const N: usize> {
    producer: &'p mut FrameProducer<'q, N>,
    bytes: StreamGrantW<&'q Ring<N>>,
    used: usize,
    count: usize,
}

impl<const N: usize> FrameBatch<'_, '_, N> {
    /// Adds a frame.
    ///
    /// # Errors
    /// [`FrameError::Full`] if the batch has no room for it: commit, and begin another.
    #[inline]
    pub fn push(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        if frame.len() > Frames::<N>::MAX_FRAME {
            return Err(FrameError::TooLong { max: Frames::<N>::MAX_FRAME });
        }
        let place = self.bytes.get_mut(self.used..).and_then(|rest| rest.get_mut(..room(frame.len())));
        let Some((length, rest)) = place.and_then(|place| place.split_first_chunk_mut::<HEADER>()) else {
            return Err(FrameError::Full);
        };
        let Some(body) = rest.get_mut(..frame.len()) else { return Err(FrameError::Full) };
        *length = (frame.len() as u32).to_le_bytes(); // at most MAX_FRAME <= u32::MAX
        body.copy_from_slice(frame);
        self.used = self.used.wrapping_add(room(frame.len()));
        self.count = self.count.wrapping_add(1);
        Ok(())
    }

    /// Returns the number of frames so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there is no frame.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Publishes all frames of the batch together.
    #[inline]
    pub fn commit(self) {
        let Self { producer, bytes, used, count } = self;
        producer.publish(bytes, used, count);
    }
}

impl<const N: usize> fmt::Debug for FrameBatch<'_, '_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameBatch").field("frames", &self.count).finish_non_exhaustive()
    }
}
