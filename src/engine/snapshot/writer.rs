//! Destinations of a snapshot's bytes.

/// Stores the bytes of a snapshot, piece by piece.
pub trait SnapshotWriter {
    /// The error of a write.
    type Error;

    /// Stores the next piece, at most 128 bytes.
    ///
    /// # Errors
    /// The piece could not be stored; saving ends there.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// A writer that calls a closure.
#[derive(Clone, Copy)]
pub struct FnWriter<F>(pub F);

impl<E, F: FnMut(&[u8]) -> Result<(), E>> SnapshotWriter for FnWriter<F> {
    type Error = E;

    fn write(&mut self, bytes: &[u8]) -> Result<(), E> {
        (self.0)(bytes)
    }
}

impl<F> core::fmt::Debug for FnWriter<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FnWriter(..)")
    }
}

/// A writer into a slice.
#[derive(Debug)]
pub struct SliceWriter<'a> {
    memory: &'a mut [u8],
    used: usize,
}

/// The slice of a [`SliceWriter`] is too small: it needs `snapshot_len` bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct NoRoom;

impl core::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no room for the snapshot: give it as many bytes as `snapshot_len` says")
    }
}

impl core::error::Error for NoRoom {}

impl<'a> SliceWriter<'a> {
    /// Creates a writer to the start of `memory`.
    pub const fn new(memory: &'a mut [u8]) -> Self {
        Self { memory, used: 0 }
    }

    /// Returns the bytes written so far.
    #[must_use]
    pub fn written(self) -> &'a [u8] {
        self.memory.get(..self.used).unwrap_or(&[])
    }
}

impl SnapshotWriter for SliceWriter<'_> {
    type Error = NoRoom;

    fn write(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let room = self.memory.get_mut(self.used..).and_then(|m| m.get_mut(..bytes.len())).ok_or(NoRoom)?;
        room.copy_from_slice(bytes);
        self.used += bytes.len();
        Ok(())
    }
}
