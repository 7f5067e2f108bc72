//! Consumer endpoint.

use super::super::{PopError, QueueStats};
use super::{Frames, HEADER, Ring, room};
use crate::sync::Ordering;
use bbqueue::prod_cons::stream::{StreamConsumer, StreamGrantR};
use core::cell::Cell;
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// The consumer endpoint of a [`Frames`]. Dropping it releases the claim; frames in the ring stay.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the consumer releases its endpoint"]
pub struct FrameConsumer<'q, const N: usize> {
    frames: &'q Frames<N>,
    ring: StreamConsumer<&'q Ring<N>>,
    popped: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'q, const N: usize> FrameConsumer<'q, N> {
    /// The caller owns the consumer endpoint: its flag is set, and there is no other handle to it.
    pub(super) fn attach(frames: &'q Frames<N>) -> Self {
        frames.consumer.end.open();
        // Relaxed: our own; its last writer released the endpoint to us.
        let popped = frames.consumer.popped.load(Ordering::Relaxed);
        Self { frames, ring: frames.ring.stream_consumer(), popped, _not_sync: PhantomData }
    }

    /// Grants the oldest frame.
    ///
    /// # Errors
    /// [`PopError::Empty`] if there is none now, [`PopError::Closed`] if there is none and the
    /// producer has closed.
    #[inline]
    pub fn read(&mut self) -> Result<FrameRead<'_, 'q, N>, PopError> {
        let bytes = self.bytes()?;
        let len = first(&bytes).map_or(0, <[u8]>::len);
        Ok(FrameRead { consumer: self, bytes, len })
    }

    /// Grants the contiguous frames from the oldest on: all of them, or those before the wrap.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    pub fn read_many(&mut self) -> Result<FramesRead<'_, 'q, N>, PopError> {
        let bytes = self.bytes()?;
        Ok(FramesRead { consumer: self, bytes })
    }

    /// Returns whether the producer has closed. There may still be frames: `read` returns `Closed`
    /// after the last one.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.frames.producer.end.is_closed()
    }

    /// Closes the consumer endpoint: nothing more will be read. Frames in the ring stay until a new
    /// consumer claims this endpoint. The producer sees it by `is_closed`.
    pub fn close(self) {
        self.frames.consumer.end.close();
    }

    /// Returns the statistics of the ring; see [`Frames::stats`].
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.frames.stats()
    }

    #[inline]
    fn bytes(&mut self) -> Result<StreamGrantR<&'q Ring<N>>, PopError> {
        match self.ring.read() {
            Ok(bytes) => Ok(bytes),
            Err(_) => self.nothing(),
        }
    }

    /// Slow path: returns why there is no frame, or the bytes if a last frame came before the
    /// close.
    #[cold]
    #[inline(never)]
    fn nothing(&mut self) -> Result<StreamGrantR<&'q Ring<N>>, PopError> {
        // Seeing the close implies seeing the last mark stored before it, so one more load
        // distinguishes "closed and empty" from "a last frame came just now".
        if !self.frames.producer.end.is_closed() {
            return Err(PopError::Empty);
        }
        self.ring.read().map_err(|_| PopError::Closed)
    }

    /// Releases the first `used` bytes of a grant, which held `count` frames.
    #[inline(always)]
    fn give_back(&mut self, bytes: StreamGrantR<&'q Ring<N>>, used: usize, count: usize) {
        bytes.release(used);
        self.popped = self.popped.wrapping_add(count);
        // Relaxed: bbqueue's mark releases the bytes, not this.
        self.frames.consumer.popped.store(self.popped, Ordering::Relaxed);
    }
}

/// Returns the first frame of the granted bytes.
#[inline(always)]
fn first(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<HEADER>()?;
    rest.get(..u32::from_le_bytes(*length) as usize)
}

impl<const N: usize> Drop for FrameConsumer<'_, N> {
    fn drop(&mut self) {
        self.frames.consumer.end.claimed.give_back();
    }
}

impl<const N: usize> fmt::Debug for FrameConsumer<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameConsumer").field("frames", self.frames).finish_non_exhaustive()
    }
}

/// A frame granted by [`FrameConsumer::read`]; derefs to its bytes, which may be changed in place.
/// Dropping it leaves the frame in the ring; [`release`](Self::release) frees its room.
#[must_use = "dropping it leaves the frame in the ring; `release` frees its room"]
pub struct FrameRead<'c, 'q, const N: usize> {
    consumer: &'c mut FrameConsumer<'q, N>,
    bytes: StreamGrantR<&'q Ring<N>>,
    len: usize,
}

impl<const N: usize> FrameRead<'_, '_, N> {
    /// Frees the frame's room.
    #[inline]
    pub fn release(self) {
        let Self { consumer, bytes, len } = self;
        consumer.give_back(bytes, room(len), 1);
    }
}

impl<const N: usize> Deref for FrameRead<'_, '_, N> {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(HEADER..).and_then(|rest| rest.get(..self.len)).unwrap_or_default()
    }
}

impl<const N: usize> DerefMut for FrameRead<'_, '_, N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(HEADER..).and_then(|rest| rest.get_mut(..self.len)).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for FrameRead<'_, '_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameRead").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Frames granted by [`FrameConsumer::read_many`]. Dropping it leaves them in the ring;
/// [`release`](Self::release) frees their room together.
#[must_use = "dropping it leaves the frames in the ring; `release` frees their room"]
pub struct FramesRead<'c, 'q, const N: usize> {
    consumer: &'c mut FrameConsumer<'q, N>,
    bytes: StreamGrantR<&'q Ring<N>>,
}

impl<const N: usize> FramesRead<'_, '_, N> {
    /// Iterates over the frames, oldest first.
    #[inline]
    pub fn iter(&self) -> FrameIter<'_> {
        FrameIter { rest: &self.bytes }
    }

    /// Frees the room of all frames.
    #[inline]
    pub fn release(self) {
        self.release_first(usize::MAX);
    }

    /// Frees the room of the oldest `n` frames, or of all if there are fewer. The others stay in
    /// the ring.
    #[inline]
    pub fn release_first(self, n: usize) {
        let Self { consumer, bytes } = self;
        let mut frames = FrameIter { rest: &bytes };
        let count = frames.by_ref().take(n).count();
        let used = bytes.len().wrapping_sub(frames.rest.len());
        consumer.give_back(bytes, used, count);
    }
}

impl<'g, const N: usize> IntoIterator for &'g FramesRead<'_, '_, N> {
    type Item = &'g [u8];
    type IntoIter = FrameIter<'g>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<const N: usize> fmt::Debug for FramesRead<'_, '_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FramesRead").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Iterator over the frames of a [`FramesRead`].
#[derive(Clone, Debug)]
pub struct FrameIter<'g> {
    rest: &'g [u8],
}

impl<'g> Iterator for FrameIter<'g> {
    type Item = &'g [u8];

    #[inline]
    fn next(&mut self) -> Option<&'g [u8]> {
        let frame = first(self.rest)?;
        self.rest = self.rest.get(room(frame.len())..).unwrap_or_default();
        Some(frame)
    }
}

impl FusedIterator for FrameIter<'_> {}
