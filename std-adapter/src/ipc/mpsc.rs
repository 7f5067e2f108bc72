//! Many senders, one receiver, one order.

use super::constructors::constructors;
use super::endpoint::{Claim, ClaimError, Endpoint, Peer, PeerWatch, SenderDeaths};
use super::error::{RecvError, SendError};
use crate::memory::region::{LayoutHash, Message, Region, RegionDir, RegionError, RegionOptions, SharedLayout};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use vvp_core::queue::{Full, PopError, QueueStats, RobustConsumer, RobustMpsc, RobustProducer, Wait};
use zerocopy::FromZeros;

/// The endpoints, followed by the core's `RobustMpsc`, which learns from them which senders are
/// dead.
#[derive(FromZeros)]
#[repr(C)]
struct Shared<T, const N: usize, const LANES: usize> {
    receiver: Endpoint,
    senders: [Endpoint; LANES],
    queue: RobustMpsc<T, N, LANES>,
}

// SAFETY: zero is an empty queue without owners, and nothing is a pointer. All words are atomics of
// integers (the queue's flags are compared with 0); messages are copied word by word with atomics;
// slot and lane indices are masked or checked; any bytes are a valid message. The hash covers all
// that the layout depends on. Messages need no drop.
unsafe impl<T: Message, const N: usize, const LANES: usize> SharedLayout for Shared<T, N, LANES> {
    const LAYOUT_HASH: u64 =
        LayoutHash::new("mpsc channel 2").with(T::LAYOUT_HASH).number(N).number(LANES).shape_of::<Self>().finish();
}

/// A queue of `N` messages from up to `LANES` processes to one, in one order. `N` is a power of
/// two, `LANES` from 1 to 256.
///
/// A live sender that is stopped during a push (a few instructions) delays the messages behind it;
/// a dead one does not, once its death is detected. [`FanInChannel`](super::FanInChannel) has
/// neither limit, but no common order. The algorithm is described at
/// [`RobustMpsc`](vvp_core::queue::robust_mpsc), which follows the endpoints in memory.
///
/// ```
/// use vvp_std_adapter::ipc::MpscChannel;
/// use vvp_std_adapter::memory::region::RegionOptions;
/// let orders = MpscChannel::<u64, 64, 4>::anonymous(&RegionOptions::READY)?;
/// let (mut a, mut b, mut rx) = (orders.sender(0)?, orders.sender(1)?, orders.receiver()?);
/// a.push(7).expect("room");
/// b.push(8).expect("room");
/// assert_eq!((rx.pop(), rx.pop()), (Ok((0, 7)), Ok((1, 8))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MpscChannel<T: Message, const N: usize, const LANES: usize> {
    region: Arc<Region<Shared<T, N, LANES>>>,
}

impl<T: Message, const N: usize, const LANES: usize> MpscChannel<T, N, LANES> {
    constructors!();

    /// Claims a lane that is free or whose owner is dead. The sender continues after the last
    /// message published there.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn sender(&self, lane: usize) -> Result<MpscSender<T, N, LANES>, ClaimError> {
        if lane >= LANES {
            return Err(ClaimError::NoSuchLane);
        }
        let claim = Claim::new(&self.region, |shared, lane| &shared.senders[lane], lane)?;
        // SAFETY: `claim` keeps the region mapped, and is dropped after the producer.
        let queue: &'static RobustMpsc<T, N, LANES> = unsafe { &*core::ptr::from_ref(&self.region.queue) };
        // This process owns the claim; the last owner released it or is dead.
        Ok(MpscSender { end: queue.take_over_producer_of(lane).ok_or(ClaimError::NoSuchLane)?, claim })
    }

    /// Claims the receiver's endpoint if it is free or its owner is dead. The receiver continues
    /// with the first message whose slot was not released.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn receiver(&self) -> Result<MpscReceiver<T, N, LANES>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.receiver, 0)?;
        // SAFETY: `claim` keeps the region mapped, and is dropped after the consumer.
        let queue: &'static RobustMpsc<T, N, LANES> = unsafe { &*core::ptr::from_ref(&self.region.queue) };
        // This process owns the claim; the last owner released it or is dead.
        Ok(MpscReceiver { end: queue.take_over_consumer(), deaths: SenderDeaths::new(LANES), claim })
    }

    /// Returns the statistics of the channel, over all its owners.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.region.queue.stats()
    }

    /// Returns the number of slots skipped because a sender died during a push.
    #[must_use]
    pub fn passed_over(&self) -> usize {
        self.region.queue.passed_over()
    }
}

/// A sender. Dropping it releases its lane.
#[derive(Debug)]
#[must_use = "dropping the sender releases its lane"]
pub struct MpscSender<T: Message, const N: usize, const LANES: usize> {
    // Before the claim: dropped before the endpoint and the region are released.
    end: RobustProducer<'static, T, N, LANES>,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> MpscSender<T, N, LANES> {
    /// Enqueues a message and publishes it. Lock-free.
    ///
    /// # Errors
    /// [`Full`] returns the message if there is no room.
    #[inline]
    pub fn push(&mut self, message: T) -> Result<(), Full<T>> {
        self.end.push(message)
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
    pub const fn position(&self) -> usize {
        self.end.position()
    }

    /// Returns whether the receiver has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end.is_closed()
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

/// The receiver. Dropping it releases the endpoint.
#[derive(Debug)]
#[must_use = "dropping the receiver releases its endpoint"]
pub struct MpscReceiver<T: Message, const N: usize, const LANES: usize> {
    // Before the claim, as for the sender.
    end: RobustConsumer<'static, T, N, LANES>,
    deaths: SenderDeaths,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> MpscReceiver<T, N, LANES> {
    /// Dequeues the oldest message and returns it with its lane. Wait-free.
    ///
    /// # Errors
    /// [`PopError::Empty`] if there is none, or the oldest slot is not published yet;
    /// [`recv`](Self::recv) and [`pass_over`](Self::pass_over) handle a slot that never will be.
    /// [`PopError::Closed`] if no more will follow.
    #[inline]
    pub fn pop(&mut self) -> Result<(usize, T), PopError> {
        self.end.pop_with_lane()
    }

    /// Calls `act` with the oldest message, its lane and its sequence number there, and dequeues it
    /// only afterwards. If this process dies in between, its successor gets the same message with
    /// the same number.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize, usize) -> R) -> Result<R, PopError> {
        self.end.handle(act)
    }

    /// Dequeues the oldest message; waits for one. Each death of a sender is reported once, when
    /// the queue is empty.
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
            let (checked, dead) = self.deaths.poll(&self.claim, self.claim.shared().senders.iter());
            if checked {
                self.pass_over();
            }
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

    /// Skips the oldest slot if its sender died between reserving and publishing it; returns
    /// whether it did. It may take several calls until the death is certain. Asks the kernel once
    /// for each sender that is inside a push.
    pub fn pass_over(&mut self) -> bool {
        let (claim, senders) = (&self.claim, &self.claim.shared().senders);
        self.end.pass_over(|lane| matches!(senders.get(lane).map(|end| claim.peer(end)), Some(Peer::Alive(_))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use vvp_core::queue::robust_mpsc::Stage;

    type Channel = MpscChannel<u64, 4, 2>;

    /// The claims of dead processes: never dropped, and reachable from here for a leak checker.
    static GONE: std::sync::Mutex<Vec<Claim<Shared<u64, 4, 2>>>> = std::sync::Mutex::new(Vec::new());

    /// Returns a channel in which lane 1 died at this stage of its second push, and lane 0 pushed
    /// after it.
    fn with_a_dead_sender(at: Stage) -> (Channel, MpscSender<u64, 4, 2>, MpscReceiver<u64, 4, 2>) {
        let channel = Channel::anonymous(&RegionOptions::default()).expect("memory");
        let MpscSender { mut end, claim } = channel.sender(1).expect("free");
        end.push(10).expect("room");
        end.die(11, at);
        claim.die();
        GONE.lock().expect("no test panicked").push(claim);
        let (mut tx, rx) = (channel.sender(0).expect("free"), channel.receiver().expect("free"));
        tx.push(1).expect("room");
        (channel, tx, rx)
    }

    #[test]
    fn slot_reserved_by_a_dead_sender_is_skipped() {
        for at in [Stage::Reserved, Stage::Written] {
            let (channel, _tx, mut rx) = with_a_dead_sender(at);
            assert_eq!((rx.pop(), rx.pop()), (Ok((1, 10)), Err(PopError::Empty)), "blocked by the reserved slot");
            assert_eq!(rx.peer(1), channel.region.senders[1].peer(channel.region()));
            assert!(rx.pass_over());
            assert!(!rx.pass_over(), "a message has come");
            assert_eq!((rx.pop(), channel.passed_over()), (Ok((0, 1)), 1));
            assert!(!rx.pass_over(), "nothing is reserved");
            // The lane's next owner continues after what was published.
            assert_eq!(channel.sender(1).expect("its owner is dead").position(), 1);
        }
    }

    #[test]
    fn messages_published_by_a_dead_sender_are_delivered() {
        let (channel, _tx, mut rx) = with_a_dead_sender(Stage::Published);
        assert!(!rx.pass_over());
        assert_eq!((rx.pop(), rx.pop(), rx.pop()), (Ok((1, 10)), Ok((1, 11)), Ok((0, 1))));
        assert_eq!((channel.sender(1).expect("its owner is dead").position(), channel.passed_over()), (2, 0));
    }

    #[test]
    fn recv_skips_the_slot_and_reports_the_death() {
        let (_channel, _tx, mut rx) = with_a_dead_sender(Stage::Reserved);
        let mut wait = crate::thread::SpinThenSleep::new(true);
        assert_eq!(rx.recv(&mut wait), Ok((1, 10)));
        assert_eq!(rx.recv(&mut wait), Ok((0, 1)));
        assert_eq!(rx.recv(&mut wait), Err(RecvError::PeerDied(std::process::id())));
    }
}
