//! Many senders with a lane each, one receiver.

use super::claim::{Claim, ClaimError, Deaths, End, Peer, Watch};
use super::doors::doors;
use super::error::{RecvError, SendError};
use crate::memory::region::{LayoutHash, Message, Region, RegionDir, RegionError, RegionOptions, SharedLayout};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use vvp_core::queue::{self, FanInConsumer, Full, PopError, Producer, QueueStats, Wait};
use zerocopy::FromZeros;

/// The owners, and the core's `FanIn` behind them.
#[derive(FromZeros)]
#[repr(C)]
struct Shared<T, const N: usize, const LANES: usize> {
    receiver: End,
    senders: [End; LANES],
    lanes: queue::FanIn<T, N, LANES>,
}

// SAFETY: zero is empty lanes without owners, and nothing is a pointer. All words are atomics of integers; the lanes mask
// their indices, bound their lengths by N and their own numbers by LANES; of values, any bytes are valid, and this module
// copies them out. The hash has all that the layout depends on. Messages need no drop.
unsafe impl<T: Message, const N: usize, const LANES: usize> SharedLayout for Shared<T, N, LANES> {
    const LAYOUT_HASH: u64 =
        LayoutHash::new("fan-in 1").with(T::LAYOUT_HASH).number(N).number(LANES).shape_of::<Self>().finish();
}

/// `LANES` queues of `N` messages each, from as many processes to one. `N` is a power of two, `LANES` from 1 to 256.
///
/// The messages of a lane come in order; between lanes there is none but the receiver's turns. Nobody can hold up anybody
/// else, dead or alive.
///
/// ```
/// use vvp_std_adapter::ipc::FanIn;
/// use vvp_std_adapter::memory::region::RegionOptions;
/// let orders = FanIn::<u64, 64, 4>::anonymous(&RegionOptions::READY)?;
/// let (mut gateway, mut matcher) = (orders.sender(2)?, orders.receiver()?);
/// gateway.push(7).expect("room");
/// assert_eq!(matcher.pop(), Ok((2, 7)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FanIn<T: Message, const N: usize, const LANES: usize> {
    region: Arc<Region<Shared<T, N, LANES>>>,
}

impl<T: Message, const N: usize, const LANES: usize> FanIn<T, N, LANES> {
    doors!();

    /// Claims a lane: free, or that of a process that died. It goes on after the last message published there.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn sender(&self, lane: usize) -> Result<FanInSender<T, N, LANES>, ClaimError> {
        if lane >= LANES {
            return Err(ClaimError::NoSuchLane);
        }
        let claim = Claim::new(&self.region, |shared, lane| &shared.senders[lane], lane)?;
        // SAFETY: the region lives as long as `claim`, which is dropped after the producer.
        let lanes: &'static queue::FanIn<T, N, LANES> = unsafe { &*core::ptr::from_ref(&self.region.lanes) };
        // SAFETY: the claim is ours, and its last owner gave it back or is dead.
        let end = unsafe { lanes.take_over_producer_of(lane) }.ok_or(ClaimError::NoSuchLane)?;
        Ok(FanInSender { end, claim })
    }

    /// Claims the receiver's end: free, or that of a process that died. It goes on with the first message of each lane whose
    /// slot was not given back.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn receiver(&self) -> Result<FanInReceiver<T, N, LANES>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.receiver, 0)?;
        // SAFETY: the region lives as long as `claim`, which is dropped after the consumer.
        let lanes: &'static queue::FanIn<T, N, LANES> = unsafe { &*core::ptr::from_ref(&self.region.lanes) };
        // SAFETY: the claim is ours, and its last owner gave it back or is dead.
        Ok(FanInReceiver { end: unsafe { lanes.take_over_consumer() }, deaths: Deaths::new(LANES), claim })
    }

    /// What all lanes have done so far.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.region.lanes.stats()
    }

    /// What one lane has done so far.
    #[must_use]
    pub fn lane_stats(&self, lane: usize) -> Option<QueueStats> {
        self.region.lanes.lane_stats(lane)
    }
}

/// The end of one lane that puts messages in. Dropping it gives the lane back.
#[derive(Debug)]
#[must_use = "dropping the sender gives its lane back"]
pub struct FanInSender<T: Message, const N: usize, const LANES: usize> {
    // Before the claim, so that it is dropped before the end and the region are given back.
    end: Producer<'static, T, N>,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> FanInSender<T, N, LANES> {
    /// Puts a message in and publishes it. Wait-free; as fast as the core's queue.
    ///
    /// # Errors
    /// [`Full`] gives it back when there is no room.
    #[inline]
    pub fn push(&mut self, message: T) -> Result<(), Full<T>> {
        self.end.push(message)
    }

    /// Puts in as many as fit, publishes them at once, and says how many.
    #[inline]
    pub fn push_slice(&mut self, messages: &[T]) -> usize {
        self.end.push_slice(messages)
    }

    /// Puts a message in, waiting for room.
    ///
    /// # Errors
    /// [`SendError`] when no room will come.
    pub fn send(&mut self, message: T, wait: &mut impl Wait) -> Result<(), SendError<T>> {
        let (mut rest, mut watch, mut attempt) = (message, Watch::new(), 0_u32);
        loop {
            let dead = watch.found_dead(&self.claim, &self.claim.shared().receiver);
            // After the look at the process: it may have made room with its last breath.
            match (self.end.push(rest), dead) {
                (Ok(()), _) => return Ok(()),
                (Err(Full(rest)), _) if self.end.is_closed() => return Err(SendError::Closed(rest)),
                (Err(Full(rest)), Some(pid)) => return Err(SendError::PeerDied(rest, pid)),
                (Err(Full(back)), None) => rest = back,
            }
            wait.wait(attempt);
            attempt = attempt.saturating_add(1);
        }
    }

    /// The number of the next message of this lane: how many were published before, by this process and those whose place
    /// it took.
    #[must_use]
    pub fn position(&self) -> usize {
        self.end.stats().pushed
    }

    /// The receiver's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.claim.peer(&self.claim.shared().receiver)
    }

    /// Says that no more will come from here.
    pub fn close(self) {
        let Self { end, claim } = self;
        end.close();
        drop(claim);
    }
}

/// The end that takes messages out of all lanes. Dropping it gives the end back.
#[derive(Debug)]
#[must_use = "dropping the receiver gives its end back"]
pub struct FanInReceiver<T: Message, const N: usize, const LANES: usize> {
    // Before the claim, as for the sender.
    end: FanInConsumer<'static, T, N, LANES>,
    deaths: Deaths,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> FanInReceiver<T, N, LANES> {
    /// Takes the next message, and says which lane it is from. Wait-free.
    ///
    /// # Errors
    /// [`PopError`] when there is none.
    #[inline]
    pub fn pop(&mut self) -> Result<(usize, T), PopError> {
        self.end.pop_with_lane()
    }

    /// Lets `act` work on the next message, its lane and its number there, and only then takes it out. If this process dies
    /// meanwhile, whoever takes its place gets the same message with the same number.
    ///
    /// # Errors
    /// [`PopError`] when there is none.
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize, usize) -> R) -> Result<R, PopError> {
        let (lane, message) = self.end.peek_with_lane().map(|(lane, message)| (lane, *message))?;
        let number = self.claim.shared().lanes.lane_stats(lane).map_or(0, |stats| stats.popped);
        let result = act(message, lane, number);
        let _taken = self.end.pop();
        Ok(result)
    }

    /// Takes the next message, waiting for one. Each death of a sender is told once, when there is nothing to take.
    ///
    /// # Errors
    /// [`RecvError::PeerDied`]: a sender is dead; the others may go on, so receive again. [`RecvError::Closed`]: none will
    /// come.
    pub fn recv(&mut self, wait: &mut impl Wait) -> Result<(usize, T), RecvError> {
        if let Ok(found) = self.end.pop_with_lane() {
            return Ok(found);
        }
        let mut attempt = 0_u32;
        loop {
            let (_, dead) = self.deaths.look(&self.claim, self.claim.shared().senders.iter());
            // After the look at the process: what it published with its last breath is there now.
            match (self.end.pop_with_lane(), dead) {
                (Ok(found), dead) => {
                    self.deaths.keep(dead);
                    return Ok(found);
                }
                (Err(_), Some((_, pid))) => return Err(RecvError::PeerDied(pid)),
                (Err(PopError::Closed), None) => return Err(RecvError::Closed),
                (Err(_), None) => wait.wait(attempt),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// The process at a lane.
    #[must_use]
    pub fn peer(&self, lane: usize) -> Peer {
        self.claim.shared().senders.get(lane).map_or(Peer::Absent, |end| self.claim.peer(end))
    }

    /// Tells the senders that nothing more will be taken.
    pub fn close(self) {
        let Self { end, claim, .. } = self;
        end.close();
        drop(claim);
    }
}
