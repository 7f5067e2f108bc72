//! A pipeline whose stages are processes, any of which may be killed and started again.
//!
//! ```text
//!   [ gateway 0 ] ┐ FanInChannel, a lane each                 ┌── SpscChannel ──→ [ publisher 0 ]
//!   [ gateway 1 ] ┼────────────────────→ [ matcher ] ──┴── SpscChannel ──→ [ publisher 1 ]
//!   [ gateway 2 ] ┘                        │     └→ LatestCell: the state, for whoever looks
//!                                          └→ journal: every command, in the order of matching
//! ```
//! # How nothing is lost or doubled
//! - A **gateway** makes its commands from their number. When it is started again, its lane tells how many were published.
//! - The **matcher** takes a command out of its lane only once it stands in the journal, and applies it after that. Started
//!   again, it applies the journal: the same commands give the same state and the same events. A command that its forerunner
//!   had written down and not taken out comes again with the same number, and is known by it. Events already published are
//!   counted by their queue, and are not published again.
//! - A **publisher** gets all events, as every other one does, and keeps a sum of all events, one for each number, and takes an event out once its sum is stored.
//!
//! # How it stops
//! A gateway that is asked to stop (SIGTERM, Ctrl-C) closes its lane behind the last command that it sent; what was sent is
//! matched, and its events are published, before the others end: they end when those before them have, also when all are
//! asked at the same moment. One that is asked alone, while those before it go on, ends after a time of grace and gives
//! its ends back; whoever is started in its place goes on.
//!
//! So the state at the end is that of an engine to which the journal is applied without any
//! disturbance, and the journal holds each gateway's commands once and in order. `vvpx stress`
//! kills the stages at random, and checks just that.

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

/// Gateways that there can be.
pub const GATEWAYS_MAX: usize = 4;
/// Commands that can wait in a lane.
pub const COMMANDS_WAITING_MAX: usize = 512;
/// Events that can wait for the publisher.
pub const EVENTS_WAITING_MAX: usize = 2048;

/// Publishers that there can be.
pub const PUBLISHERS_MAX: usize = 4;

/// A command or an event of 64 bytes, and when it was sent: nanoseconds of `CLOCK_MONOTONIC_RAW`, the same in all processes.
pub type ChannelRecord = [u64; 9];

pub(crate) type Orders = FanInChannel<ChannelRecord, COMMANDS_WAITING_MAX, GATEWAYS_MAX>;
pub(crate) type Events = SpscChannel<ChannelRecord, EVENTS_WAITING_MAX>;
pub(crate) type StatusBoard = LatestCell<PipelineStatus>;

/// Looks at the state of a pipeline, through a mapping that is read-only.
pub type StatusView = LatestView<PipelineStatus>;

/// Latencies of the stages in nanoseconds, and what the publisher keeps; each field has one writer.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(crate) struct Counters {
    /// From a gateway's push to the matcher.
    pub(crate) to_matcher: Histogram,
    /// The matching of one command, journal and all.
    pub(crate) matching: Histogram,
    /// From the matcher's push to each publisher.
    pub(crate) to_publisher: [Histogram; PUBLISHERS_MAX],
    /// For each publisher, the sum of the first n events, at n modulo 2.
    pub(crate) sums: [[AtomicU64; 2]; PUBLISHERS_MAX],
    /// Gateways that must have come before the matcher may end.
    pub(crate) gateways: AtomicU64,
    /// Publishers, but for the first.
    pub(crate) more_publishers: AtomicU64,
}

// SAFETY: the histograms are made of atomic integers and bound their own indices; zero is "nothing yet"; no pointers.
unsafe impl SharedLayout for Counters {
    const LAYOUT_HASH: u64 = LayoutHash::new("pipeline counters 2").shape_of::<Self>().finish();
}

/// Why a stage cannot state.
#[derive(Debug)]
#[non_exhaustive]
pub enum StageError {
    /// A region is missing or wrong.
    Region(RegionError),
    /// The stage's place is taken.
    Claim(ClaimError),
    /// The journal cannot be used.
    Journal(MapFileError),
    /// The journal is full: give it room for more commands.
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
            Self::JournalFull => f.write_str("the journal is full: give it room for more commands"),
            Self::Memory(error) => error.fmt(f),
            Self::NoSuchPublisher => {
                write!(f, "there is no publisher of that number: choose one below {PUBLISHERS_MAX}")
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

/// Where the stages meet: a directory of regions, and the journal in it.
#[derive(Debug)]
pub struct PipelineDirectory {
    dir: RegionDir,
    path: PathBuf,
}

/// How long a matcher that was asked to stop waits for gateways that were not, or not yet.
const GRACE: Duration = Duration::from_secs(2);
/// How long it waits for room in a publisher's queue, and a publisher for it. Longer, so that they outlive those before them.
const LONGER_GRACE: Duration = Duration::from_secs(5);

/// Since when a stage knows that it was asked to stop.
#[derive(Debug)]
struct StopTimer<'a> {
    stop: &'a Stop,
    since: Option<Instant>,
}

impl<'a> StopTimer<'a> {
    const fn new(stop: &'a Stop) -> Self {
        Self { stop, since: None }
    }

    /// Whether it was asked so long ago.
    fn has_lasted(&mut self, grace: Duration) -> bool {
        if self.since.is_none() && self.stop.is_asked() {
            self.since = Some(Instant::now());
        }
        self.since.is_some_and(|since| since.elapsed() >= grace)
    }
}

/// How much each stage waits on a full or empty queue: naps, since stages share processors.
pub(crate) fn patience() -> crate::thread::SpinThenSleep {
    crate::thread::SpinThenSleep::new(true)
}

impl PipelineDirectory {
    /// Makes the regions, and a journal for so many commands, in a directory that is made if it is not there.
    ///
    /// # Errors
    /// [`StageError`]. A journal that takes more than half of the memory that can be had is refused: the directory may lie in
    /// memory.
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

    /// Comes to one that is there.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn open(path: &Path) -> Result<Self, StageError> {
        if !path.is_dir() {
            return Err(StageError::Region(RegionError::Missing));
        }
        Ok(Self { dir: RegionDir::at(path)?, path: path.to_owned() })
    }

    /// Says that the matcher ends only once so many gateways have sent something and all that came have closed. Unless it is
    /// said, one is enough.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn expect_gateways(&self, gateways: usize) -> Result<(), StageError> {
        self.counters()?.gateways.store(gateways as u64, Ordering::Relaxed); // Relaxed: said before any stage starts
        Ok(())
    }

    /// Says how many publishers get the events, from 1 to [`PUBLISHERS_MAX`]; 1 unless it is said. To be said before the matcher
    /// is started first: it waits for those that were promised.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn expect_publishers(&self, publishers: usize) -> Result<(), StageError> {
        if !(1..=PUBLISHERS_MAX).contains(&publishers) {
            return Err(StageError::NoSuchPublisher);
        }
        // Relaxed: said before any stage starts.
        self.counters()?.more_publishers.store(publishers as u64 - 1, Ordering::Relaxed);
        Ok(())
    }

    /// Commands that all gateways together have sent so far.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn commands_sent(&self) -> Result<u64, StageError> {
        Ok(self.orders()?.stats().pushed as u64)
    }

    /// The journal, to be read.
    ///
    /// # Errors
    /// [`StageError`]
    pub fn journal(&self) -> Result<Journal, StageError> {
        Journal::open(&self.path.join("journal"))
    }

    /// What the matcher says of the pipeline.
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
