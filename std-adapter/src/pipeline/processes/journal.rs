//! Commands in the order of matching, in a file, each there as a whole or not at all.

use super::StageError;
use crate::memory::MappedFile;
use std::path::Path;
use zerocopy::{FromBytes, IntoBytes};

/// A command of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The gateway.
    pub lane: usize,
    /// Its number there, from 0 on.
    pub number: u64,
    /// The command's 64 bytes.
    pub command: [u64; 8],
}

/// ```text
///   0          8          16               80
///   +----------+----------+----------------+-----------+
///   | lane     | number   | command        | count     |   88 bytes each, from the start of the file
///   +----------+----------+----------------+-----------+
/// ```
/// `count` is one more than the entry's place. It is written after all the rest, so an entry whose writer was killed does
/// not count, and is written again.
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

    /// The size of a journal of so many entries.
    pub(super) const fn bytes_for(entries_max: usize) -> usize {
        let entries = if entries_max == 0 { 1 } else { entries_max };
        entries.saturating_mul(ENTRY_BYTES)
    }

    /// Opens it behind its last entry.
    pub(super) fn open(path: &Path) -> Result<Self, StageError> {
        let mut this = Self { file: MappedFile::read_write(path)?, len: 0 };
        while this.get(this.len)?.is_some() {
            this.len += 1;
        }
        Ok(this)
    }

    /// How many commands are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry at a place; `None` behind the last.
    ///
    /// # Errors
    /// What the file says; being at its end is none.
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

    /// Writes an entry behind the last.
    pub(super) fn append(&mut self, entry: &JournalEntry) -> Result<(), StageError> {
        let offset = self.len * ENTRY_BYTES;
        if offset + ENTRY_BYTES > self.file.len() {
            return Err(StageError::JournalFull);
        }
        let mut words = [0_u64; ENTRY_BYTES / 8 - 1];
        (words[0], words[1]) = (entry.lane as u64, entry.number);
        words[2..].copy_from_slice(&entry.command);
        self.file.write_at(offset, words.as_bytes())?;
        // A kill between the two leaves no entry; the kernel keeps what was stored before the kill. (A machine that loses its
        // power is another matter: `flush` is not called here.)
        core::sync::atomic::fence(core::sync::atomic::Ordering::Release);
        self.file.write_at(offset + ENTRY_BYTES - 8, (self.len as u64 + 1).as_bytes())?;
        self.len += 1;
        Ok(())
    }
}

impl JournalEntry {
    /// The command; `None` if its bytes are none.
    #[must_use]
    pub fn decoded(&self) -> Option<vvp_core::book::Command> {
        zerocopy::TryFromBytes::try_read_from_bytes(self.command.as_bytes()).ok()
    }
}

/// The words of 64 bytes.
pub(super) fn words(bytes: &[u8]) -> [u64; 8] {
    <[u64; 8]>::read_from_bytes(bytes).unwrap_or_default()
}
