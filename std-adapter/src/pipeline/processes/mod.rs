//! A pipeline whose stages are processes, any of which may be killed and restarted.
//!
//! ```text
//!   [ gateway 0 ] ┐ FanInChannel, a lane each          ┌── SpscChannel ──→ [ publisher 0 ]
//!   [ gateway 1 ] ┼────────────────────→ [ matcher ] ──┴── SpscChannel ──→ [ publisher 1 ]
//!   [ gateway 2 ] ┘                        │     └→ LatestCell: the status, for observers
//!                                          └→ journal: every command, in matching order
//! ```
//! # Why nothing is lost or repeated
//! - A **gateway** generates each command from its sequence number. When it is restarted, its lane
//!   has the count of published commands.
//! - The **matcher** writes a command to the journal and applies it before it dequeues it from the
//!   lane. When it is restarted, it applies the journal: the same commands give the same state and
//!   the same events. A command that its predecessor had journaled but not dequeued comes again
//!   with the same number, by which it is recognized. The event queues count the events already
//!   published, and these are not published again.
//! - A **publisher** gets all events, as every other publisher does. It keeps the sum of all events
//!   up to each sequence number, and dequeues an event only after it has stored the sum.
//!
//! # How it stops
//! A gateway that is asked to stop (SIGTERM, Ctrl-C) closes its lane after the last command that it
//! sent. Everything sent is matched, and its events are published, before the other stages end:
//! each ends after those before it, even if all are asked at the same moment. A stage that is asked
//! alone, while those before it continue, ends after a grace period and releases its endpoints; its
//! successor continues.
//!
//! The final state is therefore that of an engine to which the journal is applied without any
//! disturbance, and the journal holds each gateway's commands once and in order. `vvpx stress`
//! kills the stages at random and verifies this.

mod gateway;
mod journal;
mod matcher;
mod publisher;
mod status_board;

pub use gateway::{gateway, order};
pub use journal::{Journal, JournalEntry};
pub use matcher::{HashedSmallEngine, define, matcher};
pub use publisher::{EventSum, publisher};
pub use status_board::{BOOKS, BookSummary, LEVELS, LatencySummary, LevelSummary, PipelineStatus, QueueCounters};

use super::Stop;
use crate::ipc::{ClaimError, FanInChannel, LatestCell, LatestView, SpscChannel};
use crate::memory::region::{LayoutHash, Region, RegionDir, RegionError, RegionOptions, SharedLayout};
use crate::memory::{MapError, MapFileError, MemorySample};
use crate::os::System;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vvp_core::metrics::Histogram;
use zerocopy::FromZeros;

/// The most gateways.
pub const GATEWAYS_MAX: usize = 4;
/// Commands that fit into a lane.
pub const COMMANDS_WAITING_MAX: usize = 512;
/// Events that fit into the queue of a publisher.
pub const EVENTS_WAITING_MAX: usize = 2048;

/// The most publishers.
pub const PUBLISHERS_MAX: usize = 4;

/// A command or event of 64 bytes, and the time at which it was sent: nanoseconds of
/// `CLOCK_MONOTONIC_RAW`, which is the same in all processes.
pub type ChannelRecord = [u64; 9];

pub(crate) type Orders = FanInChannel<ChannelRecord, COMMANDS_WAITING_MAX, GATEWAYS_MAX>;
pub(crate) type Events = SpscChannel<ChannelRecord, EVENTS_WAITING_MAX>;
pub(crate) type StatusBoard = LatestCell<PipelineStatus>;

/// A read-only view of the status of a pipeline.
pub type StatusView = LatestView<PipelineStatus>;

/// Latencies of the stages in nanoseconds, and the publishers' sums; each field has one writer.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(crate) struct Counters {
    /// From a gateway's push to the matcher.
    pub(crate) to_matcher: Histogram,
    /// The matching of one command, including the journal.
    pub(crate) matching: Histogram,
    /// From the matcher's push to each publisher.
    pub(crate) to_publisher: [Histogram; PUBLISHERS_MAX],
    /// For each publisher, the sum of the first n events at index n modulo 2.
    pub(crate) sums: [[AtomicU64; 2]; PUBLISHERS_MAX],
    /// Gateways that must have sent a command before the matcher may end.
    pub(crate) gateways: AtomicU64,
    /// Publishers beyond the first.
    pub(crate) more_publishers: AtomicU64,
}

// SAFETY: the histograms consist of atomic integers and bound their own indices; zero bytes are
// empty histograms; no pointers.
unsafe impl SharedLayout for Counters {
    const LAYOUT_HASH: u64 = LayoutHash::new("pipeline counters 2").shape_of::<Self>().finish();
}

/// Reason why a stage cannot run.
#[derive(Debug)]
#[non_exhaustive]
pub enum StageError {
    /// A region is missing or unusable.
    Region(RegionError),
    /// The stage's endpoint is already claimed.
    Claim(ClaimError),
    /// The journal cannot be used.
    Journal(MapFileError),
    /// The journal is full: create it for more commands.
    JournalFull,
    /// No memory for the engine.
    Memory(MapError),
    /// There is no publisher of that number: choose one below [`PUBLISHERS_MAX`].
    NoSuchPublisher,
}

impl core::fmt::Display for StageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Region(error) => error.fmt(f),
            Self::Claim(error) => error.fmt(f),
            Self::Journal(error) => write!(f, "journal: {error}"),
            Self::JournalFull => f.write_str("the journal is full: create it for more commands"),
            Self::Memory(error) => error.fmt(f),
            Self::NoSuchPublisher => {
                write!(f, "there is no publisher of this number: choose one below {PUBLISHERS_MAX}")
            }
        }
    }
}

impl core::error::Error for StageError {}

impl From<RegionError> for StageError {
    fn from(error: RegionError) -> Self {
        Self::Region(error)
    }
}

impl From<ClaimError> for StageError {
    fn from(error: ClaimError) -> Self {
        Self::Claim(error)
    }
}

impl From<MapFileError> for StageError {
    fn from(error: MapFileError) -> Self {
        Self::Journal(error)
    }
}

impl From<MapError> for StageError {
    fn from(error: MapError) -> Self {
        Self::Memory(error)
    }
}

/// The names of the publishers' queues.
const EVENTS: [&str; PUBLISHERS_MAX] = ["events-0", "events-1", "events-2", "events-3"];

/// The directory of a pipeline: the regions that its stages share, and the journal.
#[derive(Debug)]
pub struct PipelineDirectory {
    dir: RegionDir,
    path: PathBuf,
}

/// Time that a matcher that was asked to stop waits for gateways that were not asked, or not yet.
const GRACE: Duration = Duration::from_secs(2);
/// Time that a matcher waits for room in a publisher's queue, and a publisher for the matcher.
/// Longer than `GRACE`, so that a stage outlives those before it.
const LONGER_GRACE: Duration = Duration::from_secs(5);

/// The time since a stage noticed a request to stop.
#[derive(Debug)]
struct StopTimer<'a> {
    stop: &'a Stop,
    since: Option<Instant>,
}

impl<'a> StopTimer<'a> {
    const fn new(stop: &'a Stop) -> Self {
        Self { stop, since: None }
    }

    /// Returns whether the request was noticed at least `grace` ago.
    fn has_lasted(&mut self, grace: Duration) -> bool {
        if self.since.is_none() && self.stop.is_asked() {
            self.since = Some(Instant::now());
        }
        self.since.is_some_and(|since| since.elapsed() >= grace)
    }
}

/// Returns the wait strategy of a stage on a full or empty queue: it sleeps, since stages share
/// processors.
pub(crate) fn stage_wait() -> crate::thread::SpinThenSleep {
    crate::thread::SpinThenSleep::new(true)
}

impl PipelineDirectory {
    /// Creates the regions, and a journal for this many commands, in a directory that is created if
    /// it does not exist.
    ///
    /// # Errors
    /// [`StageError`]. A journal that takes more than half of the available memory is refused,
    /// since the directory may be in memory.
    pub fn create(path: &Path, commands_max: usize) -> Result<Self, StageError> {
        let needed_bytes = Journal::bytes_for(commands_max) as u64;
        let available = MemorySample::take(&System::this()).obtainable_bytes();
        if let Some(available_bytes) = available.map(|n| n / 2).filter(|&n| needed_bytes > n) {
            return Err(RegionError::NotEnoughMemory { needed_bytes, available_bytes }.into());
        }
        let dir = RegionDir::at(path)?;
        let options = RegionOptions::default();
        Orders::create_in(&dir, "orders", &options)?;
        for name in EVENTS {
            Events::create_in(&dir, name, &options)?;
        }
        StatusBoard::create_in(&dir, "board", &options)?;
        Region::<Counters>::create_in(&dir, "figures", &options, |_| ())?;
        Journal::create(&path.join("journal"), commands_max)?;
        Ok(Self { dir, path: path.to_owned() })
    }

    /// Opens an existing directory.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn open(path: &Path) -> Result<Self, StageError> {
        if !path.is_dir() {
            return Err(StageError::Region(RegionError::Missing));
        }
        Ok(Self { dir: RegionDir::at(path)?, path: path.to_owned() })
    }

    /// Sets how many gateways must have sent a command before the matcher may end (default 1). It
    /// ends once these, and all others that sent one, have closed.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn expect_gateways(&self, gateways: usize) -> Result<(), StageError> {
        self.counters()?.gateways.store(gateways as u64, Ordering::Relaxed); // Relaxed: stored before any stage starts
        Ok(())
    }

    /// Sets the number of publishers, from 1 to [`PUBLISHERS_MAX`] (default 1). Must be called
    /// before the first matcher starts, which waits for room in the queue of each of them.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn expect_publishers(&self, publishers: usize) -> Result<(), StageError> {
        if !(1..=PUBLISHERS_MAX).contains(&publishers) {
            return Err(StageError::NoSuchPublisher);
        }
        // Relaxed: stored before any stage starts.
        self.counters()?.more_publishers.store(publishers as u64 - 1, Ordering::Relaxed);
        Ok(())
    }

    /// Returns the number of commands that all gateways together have sent so far.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn commands_sent(&self) -> Result<u64, StageError> {
        Ok(self.orders()?.stats().pushed as u64)
    }

    /// Opens the journal for reading.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn journal(&self) -> Result<Journal, StageError> {
        Journal::open(&self.path.join("journal"))
    }

    /// Opens the status that the matcher publishes.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn view(&self) -> Result<StatusView, StageError> {
        Ok(StatusView::open_in(&self.dir, "board")?)
    }

    pub(crate) fn orders(&self) -> Result<Orders, RegionError> {
        Orders::open_in(&self.dir, "orders", &RegionOptions::default())
    }

    pub(crate) fn events(&self, publisher: usize) -> Result<Events, StageError> {
        let name = EVENTS.get(publisher).ok_or(StageError::NoSuchPublisher)?;
        Ok(Events::open_in(&self.dir, name, &RegionOptions::default())?)
    }

    pub(crate) fn status_board(&self) -> Result<StatusBoard, RegionError> {
        StatusBoard::open_in(&self.dir, "board", &RegionOptions::default())
    }

    pub(crate) fn counters(&self) -> Result<Region<Counters>, RegionError> {
        Region::open_in(&self.dir, "figures", &RegionOptions::default())
    }
}
