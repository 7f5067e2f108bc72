//! One sender, one receiver, each in whatever process.

use super::claim::{Claim, ClaimError, End, Peer, Watch};
use super::doors::doors;
use super::error::{RecvError, SendError};
use crate::memory::region::{LayoutHash, Message, Region, RegionDir, RegionError, RegionOptions, SharedLayout};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use vvp_core::queue::{Consumer, Full, PopError, Producer, QueueStats, Spsc, Wait};
use zerocopy::FromZeros;

/// ```text
///   0               128              256
///   +---------------+----------------+-- - - ------------------+
///   | sender: owner | receiver:owner | the core's Spsc:        |
///   |         beats |          beats | tail | head | slots ... |
///   +---------------+----------------+-- - - ------------------+
/// ```
#[derive(FromZeros)]
#[repr(C)]
struct Shared<T, const N: usize> {
    sender: End,
    receiver: End,
    queue: Spsc<T, N>,
}

// SAFETY: zero is an empty queue without owners, and nothing is a pointer. All words are atomics of integers (the queue's
// flags are compared with 0); the queue masks its indices and bounds its lengths by N; of values, any bytes are valid, and
// this module copies them out. The hash has all that the layout depends on. Messages need no drop.
unsafe impl<T: Message, const N: usize> SharedLayout for Shared<T, N> {
    const LAYOUT_HASH: u64 =
        LayoutHash::new("spsc channel 1").with(T::LAYOUT_HASH).number(N).shape_of::<Self>().finish();
}

/// A queue of `N` messages from one process to another (or to the same). `N` is a power of two.
#[derive(Debug)]
pub struct SpscChannel<T: Message, const N: usize> {
    region: Arc<Region<Shared<T, N>>>,
}

impl<T: Message, const N: usize> Clone for SpscChannel<T, N> {
    fn clone(&self) -> Self {
        Self { region: Arc::clone(&self.region) }
    }
}

impl<T: Message, const N: usize> SpscChannel<T, N> {
    doors!();

    /// Claims the sender's end: free, or that of a process that died. It goes on after the last message published.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn sender(&self) -> Result<Sender<T, N>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.sender, 0)?;
        // SAFETY: the region lives as long as `claim`, which is dropped after the producer.
        let queue: &'static Spsc<T, N> = unsafe { &*core::ptr::from_ref(&self.region.queue) };
        // SAFETY: the claim is ours, and its last owner gave it back or is dead.
        Ok(Sender { end: unsafe { queue.take_over_producer() }, claim })
    }

    /// Claims the receiver's end: free, or that of a process that died. It goes on with the first message whose slot was not
    /// given back.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn receiver(&self) -> Result<Receiver<T, N>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.receiver, 0)?;
        // SAFETY: the region lives as long as `claim`, which is dropped after the consumer.
        let queue: &'static Spsc<T, N> = unsafe { &*core::ptr::from_ref(&self.region.queue) };
        // SAFETY: the claim is ours, and its last owner gave it back or is dead.
        Ok(Receiver { end: unsafe { queue.take_over_consumer() }, claim })
    }

    /// What the channel has done so far, whoever did it.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.region.queue.stats()
    }
}

/// The end that puts messages in. Dropping it gives the end back.
#[derive(Debug)]
#[must_use = "dropping the sender gives its end back"]
pub struct Sender<T: Message, const N: usize> {
    // Before the claim, so that it is dropped before the end and the region are given back.
    end: Producer<'static, T, N>,
    claim: Claim<Shared<T, N>>,
}

impl<T: Message, const N: usize> Sender<T, N> {
    /// Puts a message in and publishes it. Wait-free; as fast as the core's queue.
    ///
    /// # Errors
    /// [`Full`] gives it back when there is no room.
    #[inline]
    pub fn push(&mut self, message: T) -> Result<(), Full<T>> {
        self.end.push(message)
    }

    /// Puts a message in that the receiver will see at the next publication. Lost if this process dies before that.
    ///
    /// # Errors
    /// [`Full`] gives it back when there is no room.
    #[inline]
    pub fn stage(&mut self, message: T) -> Result<(), Full<T>> {
        self.end.stage(message)
    }

    /// Lets the receiver see what was staged.
    #[inline]
    pub fn publish(&mut self) {
        self.end.publish();
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
        let mut rest = match self.end.push(message) {
            Ok(()) => return Ok(()),
            Err(Full(rest)) => rest,
        };
        let (mut watch, mut attempt) = (Watch::new(), 0_u32);
        loop {
            if self.end.is_closed() {
                return Err(SendError::Closed(rest));
            }
            let dead = watch.found_dead(&self.claim, &self.claim.shared().receiver);
            // After the look at the process: it may have made room with its last breath.
            match (self.end.push(rest), dead) {
                (Ok(()), _) => return Ok(()),
                (Err(Full(rest)), Some(pid)) => return Err(SendError::PeerDied(rest, pid)),
                (Err(Full(back)), None) => rest = back,
            }
            wait.wait(attempt);
            attempt = attempt.saturating_add(1);
        }
    }

    /// The number of the next message: how many were published before, by this process and those whose place it took.
    /// (Counted in `usize`, which may wrap; staged ones are not in it.)
    #[must_use]
    pub fn position(&self) -> usize {
        self.claim.shared().queue.stats().pushed
    }

    /// The receiver's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.claim.peer(&self.claim.shared().receiver)
    }

    /// How often the receiver has shown that it is at work; it does so when it asks to, and while it waits.
    #[must_use]
    pub fn peer_beats(&self) -> u64 {
        self.claim.shared().receiver.beats()
    }

    /// Shows that this side is at work.
    pub fn beat(&self) {
        self.claim.end().beat();
    }

    /// Whether the receiver has closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end.is_closed()
    }

    /// Publishes what was staged and tells the receiver that no more will come.
    pub fn close(self) {
        let Self { end, claim } = self;
        end.close();
        drop(claim);
    }
}

/// The end that takes messages out. Dropping it gives the end back.
#[derive(Debug)]
#[must_use = "dropping the receiver gives its end back"]
pub struct Receiver<T: Message, const N: usize> {
    // Before the claim, as for the sender.
    end: Consumer<'static, T, N>,
    claim: Claim<Shared<T, N>>,
}

impl<T: Message, const N: usize> Receiver<T, N> {
    /// Takes the oldest message. Wait-free; as fast as the core's queue.
    ///
    /// A process that dies between this and the use of the message has lost it; [`handle`](Self::handle) is for those who
    /// cannot afford that.
    ///
    /// # Errors
    /// [`PopError`] when there is none.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.end.pop()
    }

    /// Takes as many as there are and as `out` has room for, and says how many.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize {
        self.end.pop_slice(out)
    }

    /// Lets `act` work on the oldest message and its number, and only then takes it out. If this process dies meanwhile,
    /// whoever takes its place gets the same message with the same number: what `act` does can so be made to happen exactly
    /// once, by keeping the number with the result.
    ///
    /// # Errors
    /// [`PopError`] when there is none.
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize) -> R) -> Result<R, PopError> {
        let number = self.position();
        let message = match self.end.peek().copied() {
            Some(message) => message,
            None if !self.end.is_closed() => return Err(PopError::Empty),
            // Closed: what came before that is there now, if there is anything.
            None => self.end.peek().copied().ok_or(PopError::Closed)?,
        };
        let result = act(message, number);
        let _taken = self.end.pop();
        Ok(result)
    }

    /// Takes the oldest message, waiting for one.
    ///
    /// # Errors
    /// [`RecvError`] when none will come.
    pub fn recv(&mut self, wait: &mut impl Wait) -> Result<T, RecvError> {
        if let Ok(message) = self.end.pop() {
            return Ok(message);
        }
        let (mut watch, mut attempt) = (Watch::new(), 0_u32);
        loop {
            let dead = watch.found_dead(&self.claim, &self.claim.shared().sender);
            // After the look at the process: what it published with its last breath is there now.
            match (self.end.pop(), dead) {
                (Ok(message), _) => return Ok(message),
                (Err(PopError::Closed), _) => return Err(RecvError::Closed),
                (Err(_), Some(pid)) => return Err(RecvError::PeerDied(pid)),
                (Err(_), None) => wait.wait(attempt),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// The number of the next message: how many were taken before, by this process and those whose place it took.
    #[must_use]
    pub fn position(&self) -> usize {
        self.claim.shared().queue.stats().popped
    }

    /// The sender's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.claim.peer(&self.claim.shared().sender)
    }

    /// How often the sender has shown that it is at work; it does so when it asks to, and while it waits.
    #[must_use]
    pub fn peer_beats(&self) -> u64 {
        self.claim.shared().sender.beats()
    }

    /// Shows that this side is at work.
    pub fn beat(&self) {
        self.claim.end().beat();
    }

    /// Tells the sender that nothing more will be taken.
    pub fn close(self) {
        let Self { end, claim } = self;
        end.close();
        drop(claim);
    }
}
