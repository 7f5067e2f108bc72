//! The first page of a region: its type, its creator, and whether it is ready.

use super::RegionError;
use crate::memory::process::ProcessToken;
use core::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

/// Offset of the contents: a page of their own.
pub(super) const HEADER_BYTES: usize = 4096;

/// "VVPREGN" and a byte that is not valid in a text, so that no text file passes for a region.
const MAGIC: u64 = u64::from_le_bytes(*b"VVPREGN\xB7");

/// Incremented with every change of this header.
pub(super) const VERSION: u32 = 2;

/// ```text
///   0      8        16      24        32       40                       128
///   +------+--------+-------+---------+--------+---------+-- - - ---------+-----------+-- - - --+
///   |magic |version | ready | layout  | total  | creator |                | heartbeat |  4096   |
///   |      |        |       | hash    | bytes  |         |                |           |         |
///   +------+--------+-------+---------+--------+---------+-- - - ---------+-----------+-- - - --+
/// ```
/// `creator` is the creator's process number, for messages; its bytes of the file are locked from
/// before the region has its name until it is ready. (Version 1 had a time beside the number,
/// followed by the PID namespace.)
///
/// Words of 8 bytes in native byte order: a region never leaves its machine. All are atomics, and
/// each is checked, since other processes may write there.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Header {
    magic: AtomicU64,
    version: AtomicU64,
    ready: AtomicU64,
    layout_hash: AtomicU64,
    total_bytes: AtomicU64,
    creator: AtomicU64,
    _reserved: [u64; 10],
    heartbeat: AtomicU64,
}

const _: () = {
    assert!(offset_of!(Header, ready) == 16 && offset_of!(Header, creator) == 40);
    assert!(offset_of!(Header, heartbeat) == 128 && size_of::<Header>() <= HEADER_BYTES);
};

impl Header {
    /// Writes all of the header but `ready`.
    pub(super) fn begin(&self, layout_hash: u64, total_bytes: usize) {
        // Relaxed, all: the file cannot be opened before it has its name, and `ready` follows that.
        self.version.store(u64::from(VERSION), Ordering::Relaxed);
        self.layout_hash.store(layout_hash, Ordering::Relaxed);
        self.total_bytes.store(total_bytes as u64, Ordering::Relaxed);
        self.creator.store(u64::from(std::process::id()), Ordering::Relaxed);
        self.magic.store(MAGIC, Ordering::Relaxed);
    }

    pub(super) fn finish(&self) {
        // Release: pairs with the Acquire in `check`: a process that reads 1 sees the contents as
        // created.
        self.ready.store(1, Ordering::Release);
    }

    /// Returns whether the creator has finished.
    pub(super) fn is_ready(&self) -> bool {
        // Acquire: pairs with the Release in `finish`.
        self.ready.load(Ordering::Acquire) == 1
    }

    /// Checks that this process can use the region. `NotReady` does not imply that the creator is
    /// alive.
    pub(super) fn check(&self, layout_hash: u64, total_bytes: usize, found_bytes: u64) -> Result<(), RegionError> {
        let ready = self.is_ready();
        // Relaxed, all: written before `ready`, or by a faulty process.
        if self.magic.load(Ordering::Relaxed) != MAGIC {
            return Err(RegionError::NotARegion);
        }
        let version = self.version.load(Ordering::Relaxed);
        if version != u64::from(VERSION) {
            return Err(RegionError::OtherVersion { found: u32::try_from(version).unwrap_or(u32::MAX) });
        }
        let found = self.layout_hash.load(Ordering::Relaxed);
        if found != layout_hash {
            return Err(RegionError::OtherLayout { expected: layout_hash, found });
        }
        let needed = self.total_bytes.load(Ordering::Relaxed).max(total_bytes as u64);
        if found_bytes < needed {
            return Err(RegionError::TooSmall { needed_bytes: needed, found_bytes });
        }
        if !ready {
            return Err(RegionError::NotReady { pid: self.creator().map_or(0, ProcessToken::pid) });
        }
        Ok(())
    }

    /// Returns the word that the creator locks until it has finished.
    pub(super) const fn creator_word(&self) -> &AtomicU64 {
        &self.creator
    }

    pub(super) fn creator(&self) -> Option<ProcessToken> {
        ProcessToken::from_word(self.creator.load(Ordering::Relaxed)) // Relaxed: for messages
    }

    pub(super) fn beat(&self) {
        self.heartbeat.fetch_add(1, Ordering::Relaxed); // Relaxed: a statistic
    }

    pub(super) fn beats(&self) -> u64 {
        self.heartbeat.load(Ordering::Relaxed) // Relaxed: as above
    }
}
