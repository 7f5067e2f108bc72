//! Many senders, one receiver, one order.

use super::claim::{Claim, ClaimError, Deaths, End, Peer, Watch};
use super::doors::doors;
use super::error::{RecvError, SendError};
use crate::memory::region::{LayoutHash, Message, Region, RegionDir, RegionError, RegionOptions, SharedLayout};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use vvp_core::queue::{Full, PopError, Stats, Wait};
use vvp_core::sync::{AtomicBytes, CachePadded};
use zerocopy::FromZeros;

/// ```text
///   0          128     256     384            384 + 384 LANES
///   +----------+-------+-------+--------------+-- - - --+-----------------------------------+-- - - --+
///   | receiver | tail  | head  | lane 0:      |         | slot 0: turn | lane | number |    |         |
///   |          |       |       | End | step.. |         |         message                   |         |
///   +----------+-------+-------+--------------+-- - - --+-----------------------------------+-- - - --+
/// ```
/// `tail` counts the slots reserved, `head` those given back; a slot's turn is one more than the count at which it was
/// reserved, stored when its message is there.
///
/// Not the core's `Mpsc`: there a sender that dies between reserving a slot and publishing it stops the queue for good.
/// Here each sender says in its lane, by an odd `step`, that it is in the middle of a push. A slot that stays unpublished
/// while every sender that lives has been seen outside that push belongs to a dead one, and is passed over.
#[derive(FromZeros)]
#[repr(C)]
struct Shared<T, const N: usize, const LANES: usize> {
    receiver: End,
    tail: CachePadded<AtomicU64>,
    head: CachePadded<HeadLine>,
    lanes: [Lane; LANES],
    slots: [Slot<T>; N],
}

/// What the receiver writes for all senders.
#[derive(FromZeros)]
#[repr(C)]
struct HeadLine {
    head: AtomicU64,
    /// Slots passed over.
    passed: AtomicU64,
    /// 1: nothing more will be taken.
    closed: AtomicU64,
}

#[derive(FromZeros)]
#[repr(C)]
struct Lane {
    owner: End,
    sender: CachePadded<SenderLine>,
    /// The number of the lane's next message to be delivered. The receiver's.
    delivered: CachePadded<AtomicU64>,
}

/// What one sender writes.
#[derive(FromZeros)]
#[repr(C)]
struct SenderLine {
    /// Odd while it is in the middle of a push.
    step: AtomicU64,
    /// 1: no more will come from here.
    closed: AtomicU64,
}

#[derive(FromZeros)]
#[repr(C)]
struct Slot<T> {
    turn: AtomicU64,
    lane: AtomicU64,
    number: AtomicU64,
    message: AtomicBytes<T>,
}

// SAFETY: zero is an empty queue without owners, and nothing is a pointer. All words are atomics, messages are copied word by
// word with atomics; slots and lanes are chosen by masked or checked indices; of messages, any bytes are valid. The hash
// has all that the layout depends on. Messages need no drop.
unsafe impl<T: Message, const N: usize, const LANES: usize> SharedLayout for Shared<T, N, LANES> {
    const LAYOUT_HASH: u64 =
        LayoutHash::new("mpsc channel 1").with(T::LAYOUT_HASH).number(N).number(LANES).shape_of::<Self>().finish();
}

impl<T: Message, const N: usize, const LANES: usize> Shared<T, N, LANES> {
    const MASK: u64 = {
        assert!(N.is_power_of_two(), "the capacity of a queue must be a power of two");
        assert!(LANES > 0, "somebody must send");
        N as u64 - 1
    };

    fn slot(&self, number: u64) -> &Slot<T> {
        #[allow(clippy::cast_possible_truncation, reason = "masked to below N, which is a usize")]
        let index = (number & Self::MASK) as usize;
        &self.slots[index]
    }

    /// The number of the next message of a lane whose owner is gone: after the last published, delivered or not.
    fn next_of(&self, lane: usize) -> u64 {
        let mut next = 0;
        for slot in &self.slots {
            // Acquire: pairs with the Release in `push`.
            let turn = slot.turn.load(Ordering::Acquire);
            // Acquire, both: pair with the Releases in `push`, should another sender have got the slot meanwhile: it has seen
            // the head behind us, and so will we.
            let (from, number) = (slot.lane.load(Ordering::Acquire), slot.number.load(Ordering::Acquire));
            // Acquire: pairs with the Release in `give_back`: what was ours before head is counted as delivered.
            let waiting = turn.wrapping_sub(1).wrapping_sub(self.head.head.load(Ordering::Acquire)) <= Self::MASK;
            if waiting && from == lane as u64 {
                next = next.max(number.wrapping_add(1));
            }
        }
        // Acquire: pairs with the Release in `handle`. After the slots: what was taken out meanwhile is in it.
        next.max(self.lanes[lane].delivered.load(Ordering::Acquire))
    }
}

/// A queue of `N` messages from up to `LANES` processes to one, in one order. `N` is a power of two.
///
/// A live sender that is stopped in the middle of a push (a few instructions) holds up what is behind it; a dead one does not,
/// once it is known to be dead. [`FanIn`](super::FanIn) has neither limit, and no common order.
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
        let claim = Claim::new(&self.region, |shared, lane| &shared.lanes[lane].owner, lane)?;
        let shared = claim.shared();
        let line = &shared.lanes[lane].sender;
        // Relaxed: who sees it sees only that more may come.
        line.closed.store(0, Ordering::Relaxed);
        // Relaxed: ours alone to write. The one before us died perhaps in the middle of a push; nobody finishes that.
        let step = line.step.load(Ordering::Relaxed);
        // Release: as in `push`.
        line.step.store(step.wrapping_add(step & 1), Ordering::Release);
        let next = shared.next_of(lane);
        Ok(MpscSender { next, claim })
    }

    /// Claims the receiver's end: free, or that of a process that died. It goes on with the first message whose slot was not
    /// given back.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn receiver(&self) -> Result<MpscReceiver<T, N, LANES>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.receiver, 0)?;
        let line = &claim.shared().head;
        line.closed.store(0, Ordering::Relaxed); // Relaxed: only delays what a sender does about a full queue
        let head = line.head.load(Ordering::Relaxed); // Relaxed: ours alone to write
        Ok(MpscReceiver { head, stall: Stall { steps: vec![0; LANES], at: None }, deaths: Deaths::new(LANES), claim })
    }

    /// What the channel has done so far, whoever did it. High water and refusals are not counted here.
    #[must_use]
    pub fn stats(&self) -> Stats {
        // Relaxed, all: numbers to look at. Head before tail, so that the difference is not negative.
        let passed = self.region.head.passed.load(Ordering::Relaxed);
        let head = self.region.head.head.load(Ordering::Relaxed);
        let tail = self.region.tail.load(Ordering::Relaxed);
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let depth = count(tail.wrapping_sub(head)).min(N);
        let (pushed, popped) = (count(tail.wrapping_sub(passed)), count(head.wrapping_sub(passed)));
        let mut stats = Stats::default();
        (stats.pushed, stats.popped, stats.high_water, stats.depth) = (pushed, popped, depth, depth);
        stats
    }

    /// Slots passed over, because a sender died in the middle of a push.
    #[must_use]
    pub fn passed_over(&self) -> u64 {
        self.region.head.passed.load(Ordering::Relaxed) // Relaxed: a number to look at
    }
}

/// One of the ends that put messages in. Dropping it gives its lane back.
#[derive(Debug)]
#[must_use = "dropping the sender gives its lane back"]
pub struct MpscSender<T: Message, const N: usize, const LANES: usize> {
    next: u64,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> MpscSender<T, N, LANES> {
    /// Puts a message in and publishes it. Lock-free.
    ///
    /// # Errors
    /// [`Full`] gives it back when there is no room.
    pub fn push(&mut self, message: T) -> Result<(), Full<T>> {
        let (shared, lane) = (self.claim.shared(), self.claim.lane());
        let step = &shared.lanes[lane].sender.step;
        let even = step.load(Ordering::Relaxed) & !1; // Relaxed: ours alone to write
        // Relaxed: a guess, which the compare-and-swap checks.
        let mut tail = shared.tail.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `pass_over`: who sees it sees the push before.
        step.store(even | 1, Ordering::Release);
        let number = loop {
            // Acquire: pairs with the Release in `give_back`: the receiver is done with the slots before head.
            if tail.wrapping_sub(shared.head.head.load(Ordering::Acquire)) > Shared::<T, N, LANES>::MASK {
                // Relaxed: if the tail has moved, we were mistaken.
                let now = shared.tail.load(Ordering::Relaxed);
                if now == tail {
                    step.store(even.wrapping_add(2), Ordering::Release);
                    return Err(Full(message));
                }
                tail = now;
                continue;
            }
            // Release: pairs with the Acquire in `MpscReceiver::pass_over`: who sees the slot reserved sees our step odd.
            match shared.tail.compare_exchange(tail, tail.wrapping_add(1), Ordering::Release, Ordering::Relaxed) {
                Ok(number) => break number,
                Err(now) => tail = now,
            }
        };
        let slot = shared.slot(number);
        slot.message.store(message);
        // Release, both: pair with the Acquires in `next_of`; for the receiver the turn would do.
        slot.lane.store(lane as u64, Ordering::Release);
        slot.number.store(self.next, Ordering::Release);
        // Release: pairs with the Acquire in `MpscReceiver::arrived`.
        slot.turn.store(number.wrapping_add(1), Ordering::Release);
        self.next = self.next.wrapping_add(1);
        // Release: pairs with the Acquire in `pass_over`: who sees it sees the turn.
        step.store(even.wrapping_add(2), Ordering::Release);
        Ok(())
    }

    /// Puts a message in, waiting for room.
    ///
    /// # Errors
    /// [`SendError`] when no room will come.
    pub fn send(&mut self, message: T, wait: &mut impl Wait) -> Result<(), SendError<T>> {
        let (mut rest, mut watch, mut attempt) = (message, Watch::new(), 0_u32);
        loop {
            let dead = watch.found_dead(self.claim.end(), &self.claim.shared().receiver);
            // After the look at the process: it may have made room with its last breath.
            match (self.push(rest), dead) {
                (Ok(()), _) => return Ok(()),
                (Err(Full(rest)), _) if self.is_closed() => return Err(SendError::Closed(rest)),
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
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Whether the receiver has closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `MpscReceiver::close`.
        self.claim.shared().head.closed.load(Ordering::Acquire) != 0
    }

    /// The receiver's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.claim.shared().receiver.peer()
    }

    /// Says that no more will come from here.
    pub fn close(self) {
        // Release: pairs with the Acquire in `MpscReceiver::all_closed`.
        self.claim.shared().lanes[self.claim.lane()].sender.closed.store(1, Ordering::Release);
    }
}

/// A slot that was reserved and is not published.
#[derive(Debug)]
struct Stall {
    /// The slot that `steps` is about.
    at: Option<u64>,
    /// Each lane's step when the stall was met first; even once the lane is known to have nothing to do with it.
    steps: Vec<u64>,
}

/// The end that takes messages out. Dropping it gives the end back.
#[derive(Debug)]
#[must_use = "dropping the receiver gives its end back"]
pub struct MpscReceiver<T: Message, const N: usize, const LANES: usize> {
    head: u64,
    stall: Stall,
    deaths: Deaths,
    claim: Claim<Shared<T, N, LANES>>,
}

impl<T: Message, const N: usize, const LANES: usize> MpscReceiver<T, N, LANES> {
    /// Takes the oldest message, and says which lane it is from. Wait-free.
    ///
    /// # Errors
    /// [`PopError::Empty`] when there is none, or the oldest slot is not published yet; [`recv`](Self::recv) and
    /// [`pass_over`](Self::pass_over) deal with one that never will be. [`PopError::Closed`] when none will come.
    pub fn pop(&mut self) -> Result<(usize, T), PopError> {
        self.handle(|message, lane, _| (lane, message))
    }

    /// Lets `act` work on the oldest message, its lane and its number there, and only then takes it out. If this process
    /// dies meanwhile, whoever takes its place gets the same message with the same number.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize, u64) -> R) -> Result<R, PopError> {
        if !self.arrived() {
            // Who sees the senders gone sees what they published, so one more look tells.
            let none = if self.all_closed() { PopError::Closed } else { PopError::Empty };
            if !self.arrived() {
                return Err(none);
            }
        }
        let shared = self.claim.shared();
        let slot = shared.slot(self.head);
        // Relaxed, both: published by the turn.
        let (lane, number) = (slot.lane.load(Ordering::Relaxed), slot.number.load(Ordering::Relaxed));
        let message = slot.message.load();
        // Another process may have written any number there.
        let lane = usize::try_from(lane).unwrap_or(0) % LANES;
        let result = act(message, lane, number);
        // Release: pairs with the Acquire in `next_of`.
        shared.lanes[lane].delivered.store(number.wrapping_add(1), Ordering::Release);
        self.give_back();
        Ok(result)
    }

    /// Takes the oldest message, waiting for one. Each death of a sender is told once, when there is nothing to take.
    ///
    /// # Errors
    /// [`RecvError::PeerDied`]: a sender is dead; the others may go on, so receive again. [`RecvError::Closed`]: none will
    /// come.
    pub fn recv(&mut self, wait: &mut impl Wait) -> Result<(usize, T), RecvError> {
        if let Ok(found) = self.pop() {
            return Ok(found);
        }
        let mut attempt = 0_u32;
        loop {
            let (looked, dead) = self.deaths.look(self.claim.end(), self.claim.shared().lanes.iter().map(|l| &l.owner));
            if looked {
                self.pass_over();
            }
            // After the look at the process: what it published with its last breath is there now.
            match (self.pop(), dead) {
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
    /// few calls until that is known. Reads a file of `/proc` for each sender that is in the middle of a push.
    pub fn pass_over(&mut self) -> bool {
        let shared = self.claim.shared();
        // Acquire: pairs with the Release in `push`: the slot's sender has said that it is in the middle of a push.
        if self.arrived() || shared.tail.load(Ordering::Acquire) == self.head {
            return false;
        }
        let again = self.stall.at == Some(self.head);
        let mut all_known = true;
        for (seen, lane) in self.stall.steps.iter_mut().zip(&shared.lanes) {
            // Acquire: pairs with the Releases in `push`: a step later than the slot's push shows its turn.
            let step = lane.sender.step.load(Ordering::Acquire);
            if !again {
                *seen = step;
            } else if *seen != step {
                *seen = 0;
            }
            if *seen & 1 == 1 {
                match lane.owner.peer() {
                    Peer::Alive(_) => all_known = false,
                    Peer::Dead(_) | Peer::Absent => *seen = 0,
                }
            }
        }
        self.stall.at = Some(self.head);
        if !all_known || self.arrived() {
            return false;
        }
        // Relaxed: a count with one writer, to be looked at.
        let passed = shared.head.passed.load(Ordering::Relaxed);
        shared.head.passed.store(passed.wrapping_add(1), Ordering::Relaxed);
        self.give_back();
        true
    }

    /// The process at a lane.
    #[must_use]
    pub fn peer(&self, lane: usize) -> Peer {
        self.claim.shared().lanes.get(lane).map_or(Peer::Absent, |lane| lane.owner.peer())
    }

    /// Tells the senders that nothing more will be taken.
    pub fn close(self) {
        // Release: pairs with the Acquire in `MpscSender::is_closed`.
        self.claim.shared().head.closed.store(1, Ordering::Release);
    }

    /// Whether the oldest message is there.
    fn arrived(&self) -> bool {
        // Acquire: pairs with the Release in `push`: the message is written.
        self.claim.shared().slot(self.head).turn.load(Ordering::Acquire) == self.head.wrapping_add(1)
    }

    fn give_back(&mut self) {
        self.head = self.head.wrapping_add(1);
        // Release: pairs with the Acquire in `push`: we are done with the slots before head.
        self.claim.shared().head.head.store(self.head, Ordering::Release);
    }

    /// Whether no lane has an owner, and one of them closed.
    fn all_closed(&self) -> bool {
        let lanes = &self.claim.shared().lanes;
        // Acquire: pairs with the Release in `MpscSender::close`, which comes before the lane is given back.
        lanes.iter().any(|lane| lane.sender.closed.load(Ordering::Acquire) != 0)
            && lanes.iter().all(|lane| !lane.owner.is_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Channel = MpscChannel<u64, 4, 2>;

    /// A process that is no more: its number with a start that nobody has.
    const DEAD: u64 = (1 << 60) | 77;

    /// The senders of dead processes: nobody drops those, and a checker of leaks finds them here.
    static GONE: std::sync::Mutex<Vec<MpscSender<u64, 4, 2>>> = std::sync::Mutex::new(Vec::new());

    /// Lane 1 dies between reserving a slot and publishing it, then lane 0 pushes.
    fn with_a_death() -> (Channel, MpscSender<u64, 4, 2>, MpscReceiver<u64, 4, 2>) {
        let channel = Channel::anonymous(&RegionOptions::default()).expect("memory");
        let mut dead = channel.sender(1).expect("free");
        dead.push(10).expect("room");
        GONE.lock().expect("no test panicked").push(dead);
        let shared = &channel.region;
        shared.lanes[1].owner.set_owner(DEAD);
        shared.lanes[1].sender.step.fetch_or(1, Ordering::Relaxed);
        shared.tail.fetch_add(1, Ordering::Relaxed);
        let (mut tx, rx) = (channel.sender(0).expect("free"), channel.receiver().expect("free"));
        tx.push(1).expect("room");
        (channel, tx, rx)
    }

    #[test]
    fn a_slot_of_the_dead_is_passed_over_and_nothing_else() {
        let (channel, mut tx, mut rx) = with_a_death();
        assert_eq!((rx.pop(), rx.pop()), (Ok((1, 10)), Err(PopError::Empty)), "held up");
        // A live sender in the middle of a push may be the one: it is waited for.
        let step = &channel.region.lanes[0].sender.step;
        let even = step.fetch_or(1, Ordering::Relaxed);
        assert!(!rx.pass_over() && !rx.pass_over());
        // It is done, and in the middle of the next: then it was not that slot.
        step.store(even + 3, Ordering::Relaxed);
        assert!(rx.pass_over());
        step.store(even + 2, Ordering::Relaxed);
        assert!(!rx.pass_over(), "a message has come");
        assert_eq!((rx.pop(), channel.passed_over()), (Ok((0, 1)), 1));
        assert!(!rx.pass_over(), "nothing is reserved");
        // The next one of the lane goes on after what was published.
        let mut again = channel.sender(1).expect("its owner is dead");
        assert_eq!(again.position(), 1);
        for n in 0..4 {
            assert!(if n % 2 == 0 { again.push(n).is_ok() } else { tx.push(n).is_ok() });
        }
        for n in 0..4 {
            assert_eq!(rx.pop(), Ok((usize::from(n % 2 == 0), n)));
        }
    }

    #[test]
    fn a_lane_taken_over_before_the_slot_was_passed_over_frees_it_as_well() {
        let (channel, _tx, mut rx) = with_a_death();
        assert_eq!(rx.pop(), Ok((1, 10)));
        let mut again = channel.sender(1).expect("its owner is dead");
        assert_eq!(again.position(), 1);
        again.push(11).expect("room");
        assert!(rx.pass_over());
        assert_eq!((rx.pop(), rx.pop()), (Ok((0, 1)), Ok((1, 11))));
    }

    #[test]
    fn who_waits_is_told_of_the_death_and_gets_past_it() {
        let (_channel, _tx, mut rx) = with_a_death();
        let mut wait = crate::thread::Backoff::new(true);
        assert_eq!(rx.recv(&mut wait), Ok((1, 10)));
        assert_eq!(rx.recv(&mut wait), Ok((0, 1)));
        assert_eq!(rx.recv(&mut wait), Err(RecvError::PeerDied(77)));
    }
}
