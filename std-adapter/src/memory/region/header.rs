//! The first page of a region: what it is, who made it, whether it is ready.

use super::RegionError;
use crate::memory::process::ProcessToken;
use core::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the contents begin: on a page of their own.
pub(super) const HEADER_BYTES: usize = 4096;

/// "VVPREGN" and a byte that no text has, so that a text file is not taken for a region.
const MAGIC: u64 = u64::from_le_bytes(*b"VVPREGN\xB7");

/// Goes up with every change of this header.
pub(super) const VERSION: u32 = 2;

/// ```text
///   0      8        16      24        32       40                       128
///   +------+--------+-------+---------+--------+---------+-- - - ---------+-----------+-- - - --+
///   |magic |version | ready | layout  | total  | maker   |                | heartbeat |  4096   |
///   |      |        |       | hash    | bytes  |         |                |           |         |
///   +------+--------+-------+---------+--------+---------+-- - - ---------+-----------+-- - - --+
/// ```
/// `maker` is the process's number, for messages; its bytes of the file are locked from before the
/// region has its name until it is ready. (Version 1 had a time beside the number, and the PID
/// namespace behind it.)
///
/// Words of 8 bytes in the machine's order: a region never leaves its machine. All are atomics, and every one is checked:
/// another process may write there.
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
    /// Says what the region will be, all but that it is ready.
    pub(super) fn begin(&self, layout_hash: u64, total_bytes: usize) {
        // Relaxed, all: nobody can open the file before it has its name, and `ready` comes after that.
        self.version.store(u64::from(VERSION), Ordering::Relaxed);
        self.layout_hash.store(layout_hash, Ordering::Relaxed);
        self.total_bytes.store(total_bytes as u64, Ordering::Relaxed);
        self.creator.store(u64::from(std::process::id()), Ordering::Relaxed);
        self.magic.store(MAGIC, Ordering::Relaxed);
    }

    pub(super) fn finish(&self) {
        // Release: pairs with the Acquire in `check`: who sees this sees the contents as they were made.
        self.ready.store(1, Ordering::Release);
    }

    /// Whether it is finished.
    pub(super) fn is_ready(&self) -> bool {
        // Acquire: pairs with the Release in `finish`.
        self.ready.load(Ordering::Acquire) == 1
    }

    /// Whether this is a region that we can use. `NotReady` does not say that its maker lives.
    pub(super) fn check(&self, layout_hash: u64, total_bytes: usize, found_bytes: u64) -> Result<(), RegionError> {
        let ready = self.is_ready();
        // Relaxed, all: written before `ready`, or by somebody who keeps no rules.
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

    /// The word whose bytes of the file the maker holds until it has finished.
    pub(super) const fn creator_word(&self) -> &AtomicU64 {
        &self.creator
    }

    pub(super) fn creator(&self) -> Option<ProcessToken> {
        ProcessToken::from_word(self.creator.load(Ordering::Relaxed)) // Relaxed: a word to look at
    }

    pub(super) fn beat(&self) {
        self.heartbeat.fetch_add(1, Ordering::Relaxed); // Relaxed: a count to look at
    }

    pub(super) fn beats(&self) -> u64 {
        self.heartbeat.load(Ordering::Relaxed) // Relaxed: as above
    }
}
