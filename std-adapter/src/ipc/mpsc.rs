//! Many senders, one receiver, one order.

use super::claim::{Claim, ClaimError, Deaths, End, Peer, Watch};
use super::doors::doors;
use super::error::{RecvError, SendError};
use crate::memory::region::{LayoutHash, Message, Region, RegionDir, RegionError, RegionOptions, SharedLayout};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use vvp_core::queue::{Full, PopError, QueueStats, RobustConsumer, RobustMpsc, RobustProducer, Wait};
use zerocopy::FromZeros;

/// The owners, and the core's `RobustMpsc` behind them, which is told here who is dead.
#[derive(FromZeros)]
#[repr(C)]
struct Shared<T, const N: usize, const LANES: usize> {
    receiver: End,
    senders: [End; LANES],
    queue: RobustMpsc<T, N, LANES>,
}

// SAFETY: zero is an empty queue without owners, and nothing is a pointer. All words are atomics of integers (the queue's
// flags are compared with 0), messages are copied word by word with atomics; slots and lanes are chosen by masked or checked
// indices; of messages, any bytes are valid. The hash has all that the layout depends on. Messages need no drop.
unsafe impl<T: Message, const N: usize, const LANES: usize> SharedLayout for Shared<T, N, LANES> {
    const LAYOUT_HASH: u64 =
        LayoutHash::new("mpsc channel 2").with(T::LAYOUT_HASH).number(N).number(LANES).shape_of::<Self>().finish();
}

/// A queue of `N` messages from up to `LANES` processes to one, in one order. `N` is a power of two, `LANES` from 1 to 256.
///
/// A live sender that is stopped in the middle of a push (a few instructions) holds up what is
/// behind it; a dead one does not, once it is known to be dead. [`FanIn`](super::FanIn) has neither
/// limit, and no common order. How it works is told at
/// [`RobustMpsc`](vvp_core::queue::robust_mpsc), with which this one's memory begins after the
/// owners.
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
    doors!();

    /// Claims a lane: free, or that of a process that died. It goes on after the last message published there.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn sender(&self, lane: usize) -> Result<MpscSender<T, N, LANES>, ClaimError> {
        if lane >= LANES {
            return Err(ClaimError::NoSuchLane);
        }
        let claim = Claim::new(&self.region, |shared, lane| &shared.senders[lane], lane)?;
        // SAFETY: the region lives as long as `claim`, which is dropped after the producer.
        let queue: &'static RobustMpsc<T, N, LANES> = unsafe { &*core::ptr::from_ref(&self.region.queue) };
        // The claim is ours, and its last owner gave it back or is dead.
        Ok(MpscSender { end: queue.take_over_producer_of(lane).ok_or(ClaimError::NoSuchLane)?, claim })
    }

    /// Claims the receiver's end: free, or that of a process that died. It goes on with the first message whose slot was not
    /// given back.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn receiver(&self) -> Result<MpscReceiver<T, N, LANES>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.receiver, 0)?;
        // SAFETY: the region lives as long as `claim`, which is dropped after the consumer.
        let queue: &'static RobustMpsc<T, N, LANES> = unsafe { &*core::ptr::from_ref(&self.region.queue) };
        // The claim is ours, and its last owner gave it back or is dead.
        Ok(MpscReceiver { end: queue.take_over_consumer(), deaths: Deaths::new(LANES), claim })
    }

    /// What the channel has done so far, whoever did it.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.region.queue.stats()
    }

    /// Slots passed over, because a sender died in the middle of a push.
    #[must_use]
    pub fn passed_over(&self) -> usize {
        self.region.queue.passed_over()
    }
}

/// One of the ends that put messages in. Dropping it gives its lane back.
#[derive(Debug)]
#[must_use = "dropping the sender gives its lane back"]
pub struct MpscSender<T: Message, const N: usize, const LANES: usize> {
    // Before the claim, so that it is dropped before the end and the region are given back.
    end: RobustProducer<'static, T, N, LANES>,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> MpscSender<T, N, LANES> {
    /// Puts a message in and publishes it. Lock-free.
    ///
    /// # Errors
    /// [`Full`] gives it back when there is no room.
    #[inline]
    pub fn push(&mut self, message: T) -> Result<(), Full<T>> {
        self.end.push(message)
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
    pub const fn position(&self) -> usize {
        self.end.position()
    }

    /// Whether the receiver has closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end.is_closed()
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

/// The end that takes messages out. Dropping it gives the end back.
#[derive(Debug)]
#[must_use = "dropping the receiver gives its end back"]
pub struct MpscReceiver<T: Message, const N: usize, const LANES: usize> {
    // Before the claim, as for the sender.
    end: RobustConsumer<'static, T, N, LANES>,
    deaths: Deaths,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> MpscReceiver<T, N, LANES> {
    /// Takes the oldest message, and says which lane it is from. Wait-free.
    ///
    /// # Errors
    /// [`PopError::Empty`] when there is none, or the oldest slot is not published yet; [`recv`](Self::recv) and
    /// [`pass_over`](Self::pass_over) deal with one that never will be. [`PopError::Closed`] when none will come.
    #[inline]
    pub fn pop(&mut self) -> Result<(usize, T), PopError> {
        self.end.pop_with_lane()
    }

    /// Lets `act` work on the oldest message, its lane and its number there, and only then takes it out. If this process
    /// dies meanwhile, whoever takes its place gets the same message with the same number.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize, usize) -> R) -> Result<R, PopError> {
        self.end.handle(act)
    }

    /// Takes the oldest message, waiting for one. Each death of a sender is told once, when there is nothing to take.
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
            let (looked, dead) = self.deaths.look(&self.claim, self.claim.shared().senders.iter());
            if looked {
                self.pass_over();
            }
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

    /// Passes over the oldest slot if its sender died between reserving and publishing it; says whether it did. It may take a
    /// few calls until that is known. Asks the kernel once for each sender that is in the middle of
    /// a push.
    pub fn pass_over(&mut self) -> bool {
        let (claim, senders) = (&self.claim, &self.claim.shared().senders);
        self.end.pass_over(|lane| matches!(senders.get(lane).map(|end| claim.peer(end)), Some(Peer::Alive(_))))
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

#[cfg(test)]
mod tests {
    use super::*;
    use vvp_core::queue::robust_mpsc::Stage;

    type Channel = MpscChannel<u64, 4, 2>;

    /// The claims of dead processes: nobody drops those, and a checker of leaks finds them here.
    static GONE: std::sync::Mutex<Vec<Claim<Shared<u64, 4, 2>>>> = std::sync::Mutex::new(Vec::new());

    /// Lane 1 dies at this stage of its second push, then lane 0 pushes.
    fn with_a_death(at: Stage) -> (Channel, MpscSender<u64, 4, 2>, MpscReceiver<u64, 4, 2>) {
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
    fn a_slot_of_the_dead_is_passed_over() {
        for at in [Stage::Reserved, Stage::Written] {
            let (channel, _tx, mut rx) = with_a_death(at);
            assert_eq!((rx.pop(), rx.pop()), (Ok((1, 10)), Err(PopError::Empty)), "held up");
            assert_eq!(rx.peer(1), channel.region.senders[1].peer(channel.region()));
            assert!(rx.pass_over());
            assert!(!rx.pass_over(), "a message has come");
            assert_eq!((rx.pop(), channel.passed_over()), (Ok((0, 1)), 1));
            assert!(!rx.pass_over(), "nothing is reserved");
            // The next one of the lane goes on after what was published.
            assert_eq!(channel.sender(1).expect("its owner is dead").position(), 1);
        }
    }

    #[test]
    fn what_the_dead_had_published_is_not() {
        let (channel, _tx, mut rx) = with_a_death(Stage::Published);
        assert!(!rx.pass_over());
        assert_eq!((rx.pop(), rx.pop(), rx.pop()), (Ok((1, 10)), Ok((1, 11)), Ok((0, 1))));
        assert_eq!((channel.sender(1).expect("its owner is dead").position(), channel.passed_over()), (2, 0));
    }

    #[test]
    fn who_waits_is_told_of_the_death_and_gets_past_it() {
        let (_channel, _tx, mut rx) = with_a_death(Stage::Reserved);
        let mut wait = crate::thread::Backoff::new(true);
        assert_eq!(rx.recv(&mut wait), Ok((1, 10)));
        assert_eq!(rx.recv(&mut wait), Ok((0, 1)));
        assert_eq!(rx.recv(&mut wait), Err(RecvError::PeerDied(std::process::id())));
    }
}
