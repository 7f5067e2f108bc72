//! Who holds an end of a channel, and whether it still lives.

use crate::memory::ProcessToken;
use crate::memory::region::{Region, SharedLayout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zerocopy::FromZeros;

/// How often who waits looks whether the other side still lives.
pub const PEER_CHECK: Duration = Duration::from_millis(1);

/// One end of a channel, on lines of its own: its owner, and the owner's sign of life.
#[derive(Debug, FromZeros)]
#[repr(C, align(128))]
pub(super) struct End {
    /// The word of the owner's [`ProcessToken`]; 0 for nobody.
    owner: AtomicU64,
    beats: AtomicU64,
}

/// The process at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Nobody has the end: not yet, or it was given back.
    Absent,
    /// A process has it, and lives.
    Alive(ProcessToken),
    /// A process had it when it died, and no other has taken it over yet.
    Dead(ProcessToken),
}

/// Why an end could not be claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClaimError {
    /// A live process has it: perhaps this one.
    Taken {
        /// Its process number.
        pid: u32,
    },
    /// There is no lane of that number.
    NoSuchLane,
    /// Others claimed it at the same moment: try again.
    Contended,
    /// `/proc` is not there, so that this process cannot say who it is: mount it.
    NoProc,
}

impl core::fmt::Display for ClaimError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Taken { pid } => write!(f, "process {pid} has this end of the channel: wait until it gives it back"),
            Self::NoSuchLane => f.write_str("there is no lane of that number: choose one below LANES"),
            Self::Contended => f.write_str("another process claimed this end at the same moment: try again"),
            Self::NoProc => f.write_str("/proc does not tell who this process is: mount it"),
        }
    }
}

impl core::error::Error for ClaimError {}

impl End {
    /// Makes this process the owner, if nobody is, or one that is dead.
    pub(super) fn claim(&self) -> Result<ProcessToken, ClaimError> {
        let own = ProcessToken::own().ok_or(ClaimError::NoProc)?;
        // Relaxed: the exchange below decides.
        let before = self.owner.load(Ordering::Relaxed);
        if let Peer::Alive(owner) = state(before) {
            return Err(ClaimError::Taken { pid: owner.pid() });
        }
        // Acquire: pairs with the Release in `give_back`: we see all that the last owner did. One that died gave nothing
        // back, but its process is gone, and with it all that had not reached memory.
        self.owner
            .compare_exchange(before, own.word(), Ordering::Acquire, Ordering::Relaxed)
            .map_err(|_| ClaimError::Contended)?;
        Ok(own)
    }

    /// Gives the end back, if it is still ours.
    pub(super) fn give_back(&self, own: ProcessToken) {
        // Release: pairs with the Acquire in `claim`. Relaxed: what is not ours is left alone.
        let _ = self.owner.compare_exchange(own.word(), 0, Ordering::Release, Ordering::Relaxed);
    }

    pub(super) fn peer(&self) -> Peer {
        // Acquire: pairs with the Release in `give_back`; of the dead, everything has reached memory.
        state(self.owner.load(Ordering::Acquire))
    }

    /// Another owner, at a stroke.
    #[cfg(test)]
    pub(super) fn set_owner(&self, word: u64) {
        self.owner.store(word, Ordering::Relaxed);
    }

    pub(super) fn beat(&self) {
        // Relaxed, both: a count with one writer, to be looked at.
        self.beats.store(self.beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed) // Relaxed: a count to look at
    }
}

/// An end of a channel in a region that is this process's until this is dropped. It keeps the region mapped.
pub(super) struct Claim<S: SharedLayout> {
    region: Arc<Region<S>>,
    end: fn(&S, usize) -> &End,
    lane: usize,
    own: ProcessToken,
}

impl<S: SharedLayout> Claim<S> {
    /// Claims the end that `end` chooses, which for many-laned channels depends on `lane`.
    pub(super) fn new(region: &Arc<Region<S>>, end: fn(&S, usize) -> &End, lane: usize) -> Result<Self, ClaimError> {
        let own = end(region, lane).claim()?;
        Ok(Self { region: Arc::clone(region), end, lane, own })
    }

    pub(super) fn end(&self) -> &End {
        (self.end)(&self.region, self.lane)
    }

    pub(super) fn shared(&self) -> &S {
        &self.region
    }
}

impl<S: SharedLayout> Drop for Claim<S> {
    fn drop(&mut self) {
        self.end().give_back(self.own);
    }
}

impl<S: SharedLayout> core::fmt::Debug for Claim<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Claim").field("lane", &self.lane).field("own", &self.own).finish_non_exhaustive()
    }
}

fn state(word: u64) -> Peer {
    match ProcessToken::from_word(word) {
        None => Peer::Absent,
        Some(token) if token.is_alive() => Peer::Alive(token),
        Some(token) => Peer::Dead(token),
    }
}

/// Looks after the other side while this one waits: every [`PEER_CHECK`].
#[derive(Debug)]
pub(super) struct Watch {
    next: Instant,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { next: Instant::now() + PEER_CHECK }
    }

    fn is_time(&mut self) -> bool {
        let now = Instant::now();
        let due = now >= self.next;
        if due {
            self.next = now + PEER_CHECK;
        }
        due
    }

    /// The number of a process that had the other end and is dead, if it is time to look.
    pub(super) fn found_dead(&mut self, own: &End, other: &End) -> Option<u32> {
        if !self.is_time() {
            return None;
        }
        own.beat();
        if let Peer::Dead(token) = other.peer() { Some(token.pid()) } else { None }
    }
}

/// The deaths of many senders, each to be told once.
#[derive(Debug)]
pub(super) struct Deaths {
    watch: Watch,
    /// For each lane, the owner whose death was told last.
    told: Vec<u64>,
}

impl Deaths {
    pub(super) fn new(lanes: usize) -> Self {
        Self { watch: Watch::new(), told: vec![0; lanes] }
    }

    /// If it is time: looks at all `ends`. Says whether it did, and the first that is newly dead: lane and process number.
    pub(super) fn look<'e>(&mut self, own: &End, ends: impl Iterator<Item = &'e End>) -> (bool, Option<(usize, u32)>) {
        if !self.watch.is_time() {
            return (false, None);
        }
        own.beat();
        for (lane, (end, told)) in ends.zip(&mut self.told).enumerate() {
            match end.peer() {
                Peer::Dead(token) if token.word() != *told => {
                    *told = token.word();
                    return (true, Some((lane, token.pid())));
                }
                _ => {}
            }
        }
        (true, None)
    }

    /// This death was not told after all.
    pub(super) fn keep(&mut self, dead: Option<(usize, u32)>) {
        if let Some(told) = dead.and_then(|(lane, _)| self.told.get_mut(lane)) {
            *told = 0;
        }
    }
}
