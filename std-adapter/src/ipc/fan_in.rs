//! Many senders with one lane each, one receiver.

use super::constructors::constructors;
use super::endpoint::{Claim, ClaimError, Endpoint, Peer, PeerWatch, SenderDeaths};
use super::error::{RecvError, SendError};
use crate::memory::region::{LayoutHash, Message, Region, RegionDir, RegionError, RegionOptions, SharedLayout};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use vvp_core::queue::{self, FanInConsumer, Full, PopError, Producer, QueueStats, Wait};
use zerocopy::FromZeros;

/// The endpoints, followed by the core's `FanIn`.
#[derive(FromZeros)]
#[repr(C)]
struct Shared<T, const N: usize, const LANES: usize> {
    receiver: Endpoint,
    senders: [Endpoint; LANES],
    lanes: queue::FanIn<T, N, LANES>,
}

// SAFETY: zero is a set of empty lanes without owners, and nothing is a pointer. All words are
// atomics of integers; the lanes mask their indices and bound their lengths by N and their own
// numbers by LANES; any bytes are a valid message, and this module copies messages out. The hash
// covers all that the layout depends on. Messages need no drop.
unsafe impl<T: Message, const N: usize, const LANES: usize> SharedLayout for Shared<T, N, LANES> {
    const LAYOUT_HASH: u64 =
        LayoutHash::new("fan-in 1").with(T::LAYOUT_HASH).number(N).number(LANES).shape_of::<Self>().finish();
}

/// `LANES` queues of `N` messages each, from as many processes to one. `N` is a power of two,
/// `LANES` from 1 to 256.
///
/// Messages of one lane arrive in order; across lanes the order is that in which the receiver
/// visits them. No sender, dead or alive, can delay another.
///
/// ```
/// use vvp_std_adapter::ipc::FanInChannel;
/// use vvp_std_adapter::memory::region::RegionOptions;
/// let orders = FanInChannel::<u64, 64, 4>::anonymous(&RegionOptions::READY)?;
/// let (mut gateway, mut matcher) = (orders.sender(2)?, orders.receiver()?);
/// gateway.push(7).expect("room");
/// assert_eq!(matcher.pop(), Ok((2, 7)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FanInChannel<T: Message, const N: usize, const LANES: usize> {
    region: Arc<Region<Shared<T, N, LANES>>>,
}

impl<T: Message, const N: usize, const LANES: usize> FanInChannel<T, N, LANES> {
    constructors!();

    /// Claims a lane that is free or whose owner is dead. The sender continues after the last
    /// message published there.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn sender(&self, lane: usize) -> Result<FanInSender<T, N, LANES>, ClaimError> {
        if lane >= LANES {
            return Err(ClaimError::NoSuchLane);
        }
        let claim = Claim::new(&self.region, |shared, lane| &shared.senders[lane], lane)?;
        // SAFETY: `claim` keeps the region mapped, and is dropped after the producer.
        let lanes: &'static queue::FanIn<T, N, LANES> = unsafe { &*core::ptr::from_ref(&self.region.lanes) };
        // SAFETY: this process owns the claim; the last owner released it or is dead.
        let end = unsafe { lanes.take_over_producer_of(lane) }.ok_or(ClaimError::NoSuchLane)?;
        Ok(FanInSender { end, claim })
    }

    /// Claims the receiver's endpoint if it is free or its owner is dead. The receiver continues
    /// with the first message of each lane whose slot was not released.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn receiver(&self) -> Result<FanInReceiver<T, N, LANES>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.receiver, 0)?;
        // SAFETY: `claim` keeps the region mapped, and is dropped after the consumer.
        let lanes: &'static queue::FanIn<T, N, LANES> = unsafe { &*core::ptr::from_ref(&self.region.lanes) };
        // SAFETY: this process owns the claim; the last owner released it or is dead.
        Ok(FanInReceiver { end: unsafe { lanes.take_over_consumer() }, deaths: SenderDeaths::new(LANES), claim })
    }

    /// Returns the statistics of all lanes together.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.region.lanes.stats()
    }

    /// Returns the statistics of one lane.
    #[must_use]
    pub fn lane_stats(&self, lane: usize) -> Option<QueueStats> {
        self.region.lanes.lane_stats(lane)
    }
}

/// The sender of one lane. Dropping it releases the lane.
#[derive(Debug)]
#[must_use = "dropping the sender releases its lane"]
pub struct FanInSender<T: Message, const N: usize, const LANES: usize> {
    // Before the claim: dropped before the endpoint and the region are released.
    end: Producer<'static, T, N>,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> FanInSender<T, N, LANES> {
    /// Enqueues a message and publishes it. Wait-free; as fast as the core's queue.
    ///
    /// # Errors
    /// [`Full`] returns the message if there is no room.
    #[inline]
    pub fn push(&mut self, message: T) -> Result<(), Full<T>> {
        self.end.push(message)
    }

    /// Enqueues as many messages as fit, publishes them together, and returns their number.
    #[inline]
    pub fn push_slice(&mut self, messages: &[T]) -> usize {
        self.end.push_slice(messages)
    }

    /// Enqueues a message; waits while there is no room.
    ///
    /// # Errors
    /// [`SendError`] if no room will become free.
    pub fn send(&mut self, message: T, wait: &mut impl Wait) -> Result<(), SendError<T>> {
        let (mut rest, mut watch, mut attempt) = (message, PeerWatch::new(), 0_u32);
        loop {
            let dead = watch.check_dead(&self.claim, &self.claim.shared().receiver);
            // The push follows the check: the receiver may have made room just before it died.
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

    /// Returns the sequence number of the next message of this lane: the number of messages
    /// published before, by this process and its predecessors.
    #[must_use]
    pub fn position(&self) -> usize {
        self.end.stats().pushed
    }

    /// Returns the receiver's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.claim.peer(&self.claim.shared().receiver)
    }

    /// Closes the lane: no more messages will follow.
    pub fn close(self) {
        let Self { end, claim } = self;
        end.close();
        drop(claim);
    }
}

/// The receiver of all lanes. Dropping it releases the endpoint.
#[derive(Debug)]
#[must_use = "dropping the receiver releases its endpoint"]
pub struct FanInReceiver<T: Message, const N: usize, const LANES: usize> {
    // Before the claim, as for the sender.
    end: FanInConsumer<'static, T, N, LANES>,
    deaths: SenderDeaths,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> FanInReceiver<T, N, LANES> {
    /// Dequeues the next message and returns it with its lane. Wait-free.
    ///
    /// # Errors
    /// [`PopError`] if there is none.
    #[inline]
    pub fn pop(&mut self) -> Result<(usize, T), PopError> {
        self.end.pop_with_lane()
    }

    /// Calls `act` with the next message, its lane and its sequence number there, and dequeues it
    /// only afterwards. If this process dies in between, its successor gets the same message with
    /// the same number.
    ///
    /// # Errors
    /// [`PopError`] if there is none.
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize, usize) -> R) -> Result<R, PopError> {
        let (lane, message) = self.end.peek_with_lane().map(|(lane, message)| (lane, *message))?;
        let number = self.claim.shared().lanes.lane_stats(lane).map_or(0, |stats| stats.popped);
        let result = act(message, lane, number);
        let _taken = self.end.pop();
        Ok(result)
    }

    /// Dequeues the next message; waits for one. Each death of a sender is reported once, when the
    /// queue is empty.
    ///
    /// # Errors
    /// [`RecvError::PeerDied`]: a sender is dead; others may continue, so receive again.
    /// [`RecvError::Closed`]: no more will follow.
    pub fn recv(&mut self, wait: &mut impl Wait) -> Result<(usize, T), RecvError> {
        if let Ok(found) = self.end.pop_with_lane() {
            return Ok(found);
        }
        let mut attempt = 0_u32;
        loop {
            let (_, dead) = self.deaths.poll(&self.claim, self.claim.shared().senders.iter());
            // The pop follows the check: it sees what the sender published just before it died.
            match (self.end.pop_with_lane(), dead) {
                (Ok(found), dead) => {
                    self.deaths.retract(dead);
                    return Ok(found);
                }
                (Err(_), Some((_, pid))) => return Err(RecvError::PeerDied(pid)),
                (Err(PopError::Closed), None) => return Err(RecvError::Closed),
                (Err(_), None) => wait.wait(attempt),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// Returns the process of a lane.
    #[must_use]
    pub fn peer(&self, lane: usize) -> Peer {
        self.claim.shared().senders.get(lane).map_or(Peer::Absent, |end| self.claim.peer(end))
    }

    /// Closes the channel: no more messages will be received.
    pub fn close(self) {
        let Self { end, claim, .. } = self;
        end.close();
        drop(claim);
    }
}
