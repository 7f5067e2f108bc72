//! Who holds an end of a channel, and whether it still lives.
//!
//! An end is its owner's as long as the owner holds the kernel's lock on the bytes of the region's
//! file in which the end's owner word lies ([`SharedRegion::lock`]). The word says who that is.
//!
//! - To claim: lock, then write the word. Of two successors of a dead owner, the lock has one.
//! - To give back: clear the word, then unlock.
//! - Dead is an owner whose word stands, before and after the look at the lock, while no process
//!   holds the lock: as every taking writes another word, its lock was lost between writing and clearing
//!   it, which only its death does.
//! - Where a process cannot lock ([`SharedRegion::sees_deaths`]), the word alone decides and says
//!   so: such an owner is alive until it gives back, for all that ask.

use crate::memory::region::{Holder, LockError, Region, SharedLayout, SharedRegion};
use crate::memory::{ProcessToken, copy_number};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zerocopy::FromZeros;

/// How often who waits looks whether the other side still lives.
pub const PEER_CHECK: Duration = Duration::from_millis(1);

/// One end of a channel, on lines of its own: its owner, and the owner's sign of life.
#[derive(Debug, FromZeros)]
#[repr(C, align(128))]
pub(super) struct Endpoint {
    /// The word of the owner's [`ProcessToken`]; its process number is 0 where the end is free.
    /// Its bytes of the file are what the owner locks.
    owner: AtomicU64,
    beats: AtomicU64,
}

/// The process at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Nobody has the end: not yet, or it was given back.
    Absent,
    /// A process has it, and lives; or it cannot be reported whether it does
    /// ([`SharedRegion::sees_deaths`]).
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
        /// Its process number, in its own PID namespace.
        pid: u32,
    },
    /// There is no lane of that number.
    NoSuchLane,
    /// Others claimed it at the same moment: try again.
    Contended,
    /// The system does not lock the region's file, so that others could not see this process die.
    NotLocked {
        /// What it said.
        errno: i32,
    },
}

impl core::fmt::Display for ClaimError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Taken { pid } => write!(f, "process {pid} has this end of the channel: wait until it gives it back"),
            Self::NoSuchLane => f.write_str("there is no lane of that number: choose one below LANES"),
            Self::Contended => f.write_str("another process claimed this end at the same moment: try again"),
            Self::NotLocked { errno } => {
                let remedy = match *errno {
                    libc::ENOLCK | libc::ENOMEM => "free locks or memory",
                    _ => "put the region into /dev/shm",
                };
                write!(f, "the region's file cannot be locked (fcntl, errno {errno}): {remedy}")
            }
        }
    }
}

impl core::error::Error for ClaimError {}

impl Endpoint {
    /// Makes this process the owner, if there is none, or one that is dead.
    fn claim(&self, region: &SharedRegion) -> Result<ProcessToken, ClaimError> {
        let locked = match region.lock(&self.owner) {
            Ok(locked) => locked,
            Err(LockError::System(errno)) => return Err(ClaimError::NotLocked { errno }),
            // Relaxed: a number for a message. None yet, or no more: who holds the lock is just
            // coming or going.
            Err(LockError::Held) => {
                let owner = ProcessToken::from_word(self.owner.load(Ordering::Relaxed));
                return Err(owner.map_or(ClaimError::Contended, |owner| ClaimError::Taken { pid: owner.pid() }));
            }
        };
        // Relaxed: the exchange below decides.
        let before = self.owner.load(Ordering::Relaxed);
        let claimed = match ProcessToken::from_word(before) {
            // Its lock would not show its death; or it may be alive, and we cannot tell.
            Some(owner) if !(locked && owner.is_locked()) => Err(ClaimError::Taken { pid: owner.pid() }),
            _ => {
                let own = ProcessToken::next_after(before, locked);
                // Acquire: pairs with the Release in `give_back`: we see all that the last owner
                // did. One that died gave nothing back, but its process is gone, and with it all
                // that had not reached memory.
                let exchanged = self.owner.compare_exchange(before, own.word(), Ordering::Acquire, Ordering::Relaxed);
                exchanged.map(|_| own).map_err(|_| ClaimError::Contended)
            }
        };
        if claimed.is_err() && locked {
            region.unlock(&self.owner);
        }
        claimed
    }

    /// Gives the end back, if it is still ours.
    fn give_back(&self, region: &SharedRegion, own: ProcessToken) {
        // Release: pairs with the Acquire in `claim`. Relaxed: what is not ours is left alone.
        let _ = self.owner.compare_exchange(own.word(), own.word_without(), Ordering::Release, Ordering::Relaxed);
        if own.is_locked() {
            region.unlock(&self.owner);
        }
    }

    /// The owner, and whether it lives. `region` is the one that the end lies in.
    pub(super) fn peer(&self, region: &SharedRegion) -> Peer {
        // Acquire, both: pairs with the Release in `give_back`; of the dead, everything has reached
        // memory.
        let mut word = self.owner.load(Ordering::Acquire);
        // More than one turn only where the end changes hands meanwhile.
        for _ in 0..64 {
            let Some(owner) = ProcessToken::from_word(word) else { return Peer::Absent };
            if !owner.is_locked() || region.holder(&self.owner) != Holder::Free {
                return Peer::Alive(owner);
            }
            let now = self.owner.load(Ordering::Acquire);
            if now == word {
                return Peer::Dead(owner);
            }
            word = now;
        }
        ProcessToken::from_word(word).map_or(Peer::Absent, Peer::Alive)
    }

    pub(super) fn beat(&self) {
        // Relaxed, both: a count with one writer, to be looked at.
        self.beats.store(self.beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed) // Relaxed: a count to look at
    }
}

/// An end of a channel in a region that is this process's until this is dropped. It keeps the
/// region mapped. In a copy of the process (fork) it is nothing: dropped there, it gives nothing
/// back.
pub(super) struct Claim<S: SharedLayout> {
    region: Arc<Region<S>>,
    end: fn(&S, usize) -> &Endpoint,
    lane: usize,
    own: ProcessToken,
    /// Of the process that made the claim.
    copy_number: u64,
}

impl<S: SharedLayout> Claim<S> {
    /// Claims the end that `end` chooses, which for many-laned channels depends on `lane`.
    pub(super) fn new(
        region: &Arc<Region<S>>,
        end: fn(&S, usize) -> &Endpoint,
        lane: usize,
    ) -> Result<Self, ClaimError> {
        let own = end(region, lane).claim(region.region())?;
        Ok(Self { region: Arc::clone(region), end, lane, own, copy_number: copy_number() })
    }

    pub(super) fn end(&self) -> &Endpoint {
        (self.end)(&self.region, self.lane)
    }

    pub(super) fn shared(&self) -> &S {
        &self.region
    }

    /// The owner of another end of the same region.
    pub(super) fn peer(&self, other: &Endpoint) -> Peer {
        other.peer(self.region.region())
    }

    /// Loses the lock as by death, and leaves the word.
    #[cfg(test)]
    pub(super) fn die(&self) {
        self.region.region().unlock(&self.end().owner);
    }
}

impl<S: SharedLayout> Drop for Claim<S> {
    fn drop(&mut self) {
        if self.copy_number == copy_number() {
            self.end().give_back(self.region.region(), self.own);
        }
    }
}

impl<S: SharedLayout> core::fmt::Debug for Claim<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Claim").field("lane", &self.lane).field("own", &self.own).finish_non_exhaustive()
    }
}

/// Looks after the other side while this one waits: every [`PEER_CHECK`].
#[derive(Debug)]
pub(super) struct PeerWatch {
    next: Instant,
}

impl PeerWatch {
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
    pub(super) fn check_dead<S: SharedLayout>(&mut self, own: &Claim<S>, other: &Endpoint) -> Option<u32> {
        if !self.is_time() {
            return None;
        }
        own.end().beat();
        if let Peer::Dead(token) = own.peer(other) { Some(token.pid()) } else { None }
    }
}

/// The deaths of many senders, each to be reported once.
#[derive(Debug)]
pub(super) struct SenderDeaths {
    watch: PeerWatch,
    /// For each lane, the owner whose death was reported last.
    reported: Vec<u64>,
}

impl SenderDeaths {
    pub(super) fn new(lanes: usize) -> Self {
        Self { watch: PeerWatch::new(), reported: vec![0; lanes] }
    }

    /// If it is time: looks at all `ends`. Says whether it did, and the first that is newly dead: lane and process number.
    pub(super) fn poll<'e, S: SharedLayout>(
        &mut self,
        own: &Claim<S>,
        ends: impl Iterator<Item = &'e Endpoint>,
    ) -> (bool, Option<(usize, u32)>) {
        if !self.watch.is_time() {
            return (false, None);
        }
        own.end().beat();
        for (lane, (end, reported)) in ends.zip(&mut self.reported).enumerate() {
            match own.peer(end) {
                Peer::Dead(token) if token.word() != *reported => {
                    *reported = token.word();
                    return (true, Some((lane, token.pid())));
                }
                _ => {}
            }
        }
        (true, None)
    }

    /// This death was not reported after all.
    pub(super) fn retract(&mut self, dead: Option<(usize, u32)>) {
        if let Some(reported) = dead.and_then(|(lane, _)| self.reported.get_mut(lane)) {
            *reported = 0;
        }
    }
}
