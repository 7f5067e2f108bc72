//! Ownership of a channel's endpoints, and detection of dead owners.
//!
//! A process owns an endpoint as long as it holds the kernel's lock on the bytes of the region's
//! file that hold the endpoint's owner word ([`SharedRegion::lock`]). The word identifies the
//! owner.
//!
//! - Claim: lock, then write the word. Of two successors of a dead owner, one gets the lock.
//! - Release: clear the word, then unlock.
//! - An owner is dead if its word is the same before and after a query of the lock, and no process
//!   holds the lock. Each claim writes a different word, so the lock was lost between writing and
//!   clearing this one, which only the owner's death causes.
//! - A process that cannot lock ([`SharedRegion::sees_deaths`]) sets a bit of the word instead: all
//!   others treat such an owner as alive until it releases the endpoint.

use crate::memory::region::{Holder, LockError, Region, SharedLayout, SharedRegion};
use crate::memory::{ProcessToken, copy_number};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zerocopy::FromZeros;

/// The interval at which a waiting process checks whether its peer is alive.
pub const PEER_CHECK: Duration = Duration::from_millis(1);

/// One endpoint of a channel, on cache lines of its own: its owner and the owner's heartbeat.
#[derive(Debug, FromZeros)]
#[repr(C, align(128))]
pub(super) struct Endpoint {
    /// The word of the owner's [`ProcessToken`]; process number 0 if the endpoint is free. The
    /// owner locks the bytes of the file that hold this word.
    owner: AtomicU64,
    beats: AtomicU64,
}

/// The process at the other endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// No process owns the endpoint: it was never claimed, or it was released.
    Absent,
    /// A process owns the endpoint and is alive, or its death cannot be detected
    /// ([`SharedRegion::sees_deaths`]).
    Alive(ProcessToken),
    /// The owner died, and no process has taken the endpoint over yet.
    Dead(ProcessToken),
}

/// Reason why an endpoint could not be claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClaimError {
    /// A live process owns it, possibly this one.
    Taken {
        /// The owner's process number, in its own PID namespace.
        pid: u32,
    },
    /// There is no lane of that number.
    NoSuchLane,
    /// Another process claimed it at the same moment: try again.
    Contended,
    /// The system cannot lock the region's file, so other processes could not detect the death of
    /// this one.
    NotLocked {
        /// The system's error.
        errno: i32,
    },
}

impl core::fmt::Display for ClaimError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Taken { pid } => write!(f, "process {pid} owns this endpoint: wait until it releases it"),
            Self::NoSuchLane => f.write_str("there is no lane of this number: choose one below LANES"),
            Self::Contended => f.write_str("another process claimed this endpoint at the same moment: try again"),
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
    /// Makes this process the owner, if there is none or it is dead.
    fn claim(&self, region: &SharedRegion) -> Result<ProcessToken, ClaimError> {
        let locked = match region.lock(&self.owner) {
            Ok(locked) => locked,
            Err(LockError::System(errno)) => return Err(ClaimError::NotLocked { errno }),
            // Relaxed: a number for a message. The word is 0 if the holder of the lock is just
            // claiming or releasing.
            Err(LockError::Held) => {
                let owner = ProcessToken::from_word(self.owner.load(Ordering::Relaxed));
                return Err(owner.map_or(ClaimError::Contended, |owner| ClaimError::Taken { pid: owner.pid() }));
            }
        };
        // Relaxed: the exchange below decides.
        let before = self.owner.load(Ordering::Relaxed);
        let claimed = match ProcessToken::from_word(before) {
            // Its lock would not show its death, or this process cannot query the lock.
            Some(owner) if !(locked && owner.is_locked()) => Err(ClaimError::Taken { pid: owner.pid() }),
            _ => {
                let own = ProcessToken::next_after(before, locked);
                // Acquire: pairs with the Release in `release`: everything the last owner did is
                // visible. A dead owner released nothing, but its process is gone, and with it all
                // stores that had not reached memory.
                let exchanged = self.owner.compare_exchange(before, own.word(), Ordering::Acquire, Ordering::Relaxed);
                exchanged.map(|_| own).map_err(|_| ClaimError::Contended)
            }
        };
        if claimed.is_err() && locked {
            region.unlock(&self.owner);
        }
        claimed
    }

    /// Releases the endpoint if this process still owns it.
    fn release(&self, region: &SharedRegion, own: ProcessToken) {
        // Release: pairs with the Acquire in `claim`. Relaxed on failure: the word of another owner
        // is left alone.
        let _ = self.owner.compare_exchange(own.word(), own.word_without(), Ordering::Release, Ordering::Relaxed);
        if own.is_locked() {
            region.unlock(&self.owner);
        }
    }

    /// Returns the owner and whether it is alive. `region` is the region of the endpoint.
    pub(super) fn peer(&self, region: &SharedRegion) -> Peer {
        // Acquire, both: pairs with the Release in `release`; the stores of a dead owner have all
        // reached memory.
        let mut word = self.owner.load(Ordering::Acquire);
        // Repeats only if the endpoint changes owners meanwhile.
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
        // Relaxed, both: a count with one writer.
        self.beats.store(self.beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed) // Relaxed: a statistic
    }
}

/// An endpoint that this process owns until this is dropped. It keeps the region mapped. A copy in
/// a forked child owns nothing: dropping it there releases nothing.
pub(super) struct Claim<S: SharedLayout> {
    region: Arc<Region<S>>,
    end: fn(&S, usize) -> &Endpoint,
    lane: usize,
    own: ProcessToken,
    /// The fork number of the process that made the claim.
    copy_number: u64,
}

impl<S: SharedLayout> Claim<S> {
    /// Claims the endpoint that `end` selects; in channels of several lanes it depends on `lane`.
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

    /// Returns the owner of another endpoint of the same region.
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
            self.end().release(self.region.region(), self.own);
        }
    }
}

impl<S: SharedLayout> core::fmt::Debug for Claim<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Claim").field("lane", &self.lane).field("own", &self.own).finish_non_exhaustive()
    }
}

/// Checks the peer every [`PEER_CHECK`] while this side waits.
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

    /// Returns the process number of a dead owner of the other endpoint, if a check is due.
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
    /// For each lane, the word of the owner whose death was reported last.
    reported: Vec<u64>,
}

impl SenderDeaths {
    pub(super) fn new(lanes: usize) -> Self {
        Self { watch: PeerWatch::new(), reported: vec![0; lanes] }
    }

    /// If a check is due, checks all `ends`. Returns whether it did, and the first owner newly
    /// found dead: lane and process number.
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

    /// Marks a death as not reported after all.
    pub(super) fn retract(&mut self, dead: Option<(usize, u32)>) {
        if let Some(reported) = dead.and_then(|(lane, _)| self.reported.get_mut(lane)) {
            *reported = 0;
        }
    }
}
