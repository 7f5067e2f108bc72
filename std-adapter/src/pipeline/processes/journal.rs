//! A journal of commands in matching order, in a file; each entry is complete or absent.

use super::StageError;
use crate::memory::MappedFile;
use std::path::Path;
use zerocopy::{FromBytes, IntoBytes};

/// A command of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The gateway.
    pub lane: usize,
    /// Its sequence number in the lane, from 0.
    pub number: u64,
    /// The command's 64 bytes.
    pub command: [u64; 8],
}

/// ```text
///   0          8          16               80
///   +----------+----------+----------------+-----------+
///   | lane     | number   | command        | count     |   88 bytes each
///   +----------+----------+----------------+-----------+
/// ```
/// `count` is one more than the entry's index. It is written last, so an entry whose writer was
/// killed does not count, and is written again.
#[derive(Debug)]
pub struct Journal {
    file: MappedFile,
    len: usize,
}

const ENTRY_BYTES: usize = 88;

impl Journal {
    pub(super) fn create(path: &Path, entries_max: usize) -> Result<Self, StageError> {
        Ok(Self { file: MappedFile::create(path, Self::bytes_for(entries_max))?, len: 0 })
    }

    /// Returns the size of a journal with this capacity.
    pub(super) const fn bytes_for(entries_max: usize) -> usize {
        let entries = if entries_max == 0 { 1 } else { entries_max };
        entries.saturating_mul(ENTRY_BYTES)
    }

    /// Opens a journal for appending.
    pub(super) fn open(path: &Path) -> Result<Self, StageError> {
        let mut this = Self { file: MappedFile::read_write(path)?, len: 0 };
        while this.get(this.len)?.is_some() {
            this.len += 1;
        }
        Ok(this)
    }

    /// Returns the number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether it is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the entry at an index; `None` behind the last.
    ///
    /// # Errors
    /// Those of the file; reading behind its end is no error.
    pub fn get(&self, at: usize) -> Result<Option<JournalEntry>, StageError> {
        let mut words = [0_u64; ENTRY_BYTES / 8];
        let offset = at.saturating_mul(ENTRY_BYTES);
        if offset.saturating_add(ENTRY_BYTES) > self.file.len() {
            return Ok(None);
        }
        self.file.read_at(offset, words.as_mut_bytes())?;
        let [lane, number, command @ .., count] = words;
        let entry = JournalEntry { lane: usize::try_from(lane).unwrap_or(usize::MAX), number, command };
        Ok((count == at as u64 + 1).then_some(entry))
    }

    /// Appends an entry.
    pub(super) fn append(&mut self, entry: &JournalEntry) -> Result<(), StageError> {
        let offset = self.len * ENTRY_BYTES;
        if offset + ENTRY_BYTES > self.file.len() {
            return Err(StageError::JournalFull);
        }
        let mut words = [0_u64; ENTRY_BYTES / 8 - 1];
        (words[0], words[1]) = (entry.lane as u64, entry.number);
        words[2..].copy_from_slice(&entry.command);
        self.file.write_at(offset, words.as_bytes())?;
        // A kill between the two writes leaves no entry; the kernel keeps what was stored before
        // the kill. (A loss of power is not covered: `flush` is not called here.)
        core::sync::atomic::fence(core::sync::atomic::Ordering::Release);
        self.file.write_at(offset + ENTRY_BYTES - 8, (self.len as u64 + 1).as_bytes())?;
        self.len += 1;
        Ok(())
    }
}

impl JournalEntry {
    /// Returns the command; `None` if its bytes are invalid.
    #[must_use]
    pub fn decoded(&self) -> Option<vvp_core::book::Command> {
        zerocopy::TryFromBytes::try_read_from_bytes(self.command.as_bytes()).ok()
    }
}

/// Returns 64 bytes as words.
pub(super) fn words(bytes: &[u8]) -> [u64; 8] {
    <[u64; 8]>::read_from_bytes(bytes).unwrap_or_default()
}
