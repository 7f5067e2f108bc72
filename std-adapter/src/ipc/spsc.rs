//! One sender, one receiver, each in any process.

use super::constructors::constructors;
use super::endpoint::{Claim, ClaimError, Endpoint, Peer, PeerWatch};
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
    sender: Endpoint,
    receiver: Endpoint,
    queue: Spsc<T, N>,
}

// SAFETY: zero is an empty queue without owners, and nothing is a pointer. All words are atomics of
// integers (the queue's flags are compared with 0); the queue masks its indices and bounds its
// lengths by N; any bytes are a valid message, and this module copies messages out. The hash covers
// all that the layout depends on. Messages need no drop.
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
    constructors!();

    /// Claims the sender's endpoint if it is free or its owner is dead. The sender continues after
    /// the last message published.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn sender(&self) -> Result<SpscSender<T, N>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.sender, 0)?;
        // SAFETY: `claim` keeps the region mapped, and is dropped after the producer.
        let queue: &'static Spsc<T, N> = unsafe { &*core::ptr::from_ref(&self.region.queue) };
        // SAFETY: this process owns the claim; the last owner released it or is dead.
        Ok(SpscSender { end: unsafe { queue.take_over_producer() }, claim })
    }

    /// Claims the receiver's endpoint if it is free or its owner is dead. The receiver continues
    /// with the first message whose slot was not released.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub fn receiver(&self) -> Result<SpscReceiver<T, N>, ClaimError> {
        let claim = Claim::new(&self.region, |shared, _| &shared.receiver, 0)?;
        // SAFETY: `claim` keeps the region mapped, and is dropped after the consumer.
        let queue: &'static Spsc<T, N> = unsafe { &*core::ptr::from_ref(&self.region.queue) };
        // SAFETY: this process owns the claim; the last owner released it or is dead.
        Ok(SpscReceiver { end: unsafe { queue.take_over_consumer() }, claim })
    }

    /// Returns the statistics of the channel, over all its owners.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        self.region.queue.stats()
    }
}

/// The sender. Dropping it releases the endpoint.
#[derive(Debug)]
#[must_use = "dropping the sender releases its endpoint"]
pub struct SpscSender<T: Message, const N: usize> {
    // Before the claim: dropped before the endpoint and the region are released.
    end: Producer<'static, T, N>,
    claim: Claim<Shared<T, N>>,
}

impl<T: Message, const N: usize> SpscSender<T, N> {
    /// Enqueues a message and publishes it. Wait-free; as fast as the core's queue.
    ///
    /// # Errors
    /// [`Full`] returns the message if there is no room.
    #[inline]
    pub fn push(&mut self, message: T) -> Result<(), Full<T>> {
        self.end.push(message)
    }

    /// Enqueues a message that the receiver sees at the next publication. It is lost if this
    /// process dies before.
    ///
    /// # Errors
    /// [`Full`] returns the message if there is no room.
    #[inline]
    pub fn stage(&mut self, message: T) -> Result<(), Full<T>> {
        self.end.stage(message)
    }

    /// Publishes the staged messages.
    #[inline]
    pub fn publish(&mut self) {
        self.end.publish();
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
        let mut rest = match self.end.push(message) {
            Ok(()) => return Ok(()),
            Err(Full(rest)) => rest,
        };
        let (mut watch, mut attempt) = (PeerWatch::new(), 0_u32);
        loop {
            if self.end.is_closed() {
                return Err(SendError::Closed(rest));
            }
            let dead = watch.check_dead(&self.claim, &self.claim.shared().receiver);
            // The push follows the check: the receiver may have made room just before it died.
            match (self.end.push(rest), dead) {
                (Ok(()), _) => return Ok(()),
                (Err(Full(rest)), Some(pid)) => return Err(SendError::PeerDied(rest, pid)),
                (Err(Full(back)), None) => rest = back,
            }
            wait.wait(attempt);
            attempt = attempt.saturating_add(1);
        }
    }

    /// Returns the sequence number of the next message: the number of messages published before, by
    /// this process and its predecessors. (It is a `usize` and may wrap; staged messages do not
    /// count.)
    #[must_use]
    pub fn position(&self) -> usize {
        self.claim.shared().queue.stats().pushed
    }

    /// Returns the receiver's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.claim.peer(&self.claim.shared().receiver)
    }

    /// Returns the receiver's heartbeat count; it increments when the receiver calls `beat`, and
    /// while it waits.
    #[must_use]
    pub fn peer_beats(&self) -> u64 {
        self.claim.shared().receiver.beats()
    }

    /// Increments this side's heartbeat.
    pub fn beat(&self) {
        self.claim.end().beat();
    }

    /// Returns whether the receiver has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end.is_closed()
    }

    /// Publishes the staged messages and closes the channel: no more will follow.
    pub fn close(self) {
        let Self { end, claim } = self;
        end.close();
        drop(claim);
    }
}

/// The receiver. Dropping it releases the endpoint.
#[derive(Debug)]
#[must_use = "dropping the receiver releases its endpoint"]
pub struct SpscReceiver<T: Message, const N: usize> {
    // Before the claim, as for the sender.
    end: Consumer<'static, T, N>,
    claim: Claim<Shared<T, N>>,
}

impl<T: Message, const N: usize> SpscReceiver<T, N> {
    /// Dequeues the oldest message. Wait-free; as fast as the core's queue.
    ///
    /// If this process dies before it has used the message, the message is lost;
    /// [`handle`](Self::handle) avoids that.
    ///
    /// # Errors
    /// [`PopError`] if there is none.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.end.pop()
    }

    /// Dequeues as many messages as there are and `out` has room for, and returns their number.
    #[inline]
    pub fn pop_slice(&mut self, out: &mut [T]) -> usize {
        self.end.pop_slice(out)
    }

    /// Calls `act` with the oldest message and its sequence number, and dequeues it only
    /// afterwards. If this process dies in between, its successor gets the same message with the
    /// same number: storing the number with the result makes the effect of `act` exactly-once.
    ///
    /// # Errors
    /// [`PopError`] if there is none.
    pub fn handle<R>(&mut self, act: impl FnOnce(T, usize) -> R) -> Result<R, PopError> {
        let number = self.position();
        let message = match self.end.peek().copied() {
            Some(message) => message,
            None if !self.end.is_closed() => return Err(PopError::Empty),
            // Closed: messages published before the close, if any, are visible now.
            None => self.end.peek().copied().ok_or(PopError::Closed)?,
        };
        let result = act(message, number);
        let _taken = self.end.pop();
        Ok(result)
    }

    /// Dequeues the oldest message; waits for one.
    ///
    /// # Errors
    /// [`RecvError`] if none will follow.
    pub fn recv(&mut self, wait: &mut impl Wait) -> Result<T, RecvError> {
        if let Ok(message) = self.end.pop() {
            return Ok(message);
        }
        let (mut watch, mut attempt) = (PeerWatch::new(), 0_u32);
        loop {
            let dead = watch.check_dead(&self.claim, &self.claim.shared().sender);
            // The pop follows the check: it sees what the sender published just before it died.
            match (self.end.pop(), dead) {
                (Ok(message), _) => return Ok(message),
                (Err(PopError::Closed), _) => return Err(RecvError::Closed),
                (Err(_), Some(pid)) => return Err(RecvError::PeerDied(pid)),
                (Err(_), None) => wait.wait(attempt),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// Returns the sequence number of the next message: the number of messages dequeued before, by
    /// this process and its predecessors.
    #[must_use]
    pub fn position(&self) -> usize {
        self.claim.shared().queue.stats().popped
    }

    /// Returns the sender's process.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.claim.peer(&self.claim.shared().sender)
    }

    /// Returns the sender's heartbeat count; it increments when the sender calls `beat`, and while
    /// it waits.
    #[must_use]
    pub fn peer_beats(&self) -> u64 {
        self.claim.shared().sender.beats()
    }

    /// Increments this side's heartbeat.
    pub fn beat(&self) {
        self.claim.end().beat();
    }

    /// Closes the channel: no more messages will be received.
    pub fn close(self) {
        let Self { end, claim } = self;
        end.close();
        drop(claim);
    }
}
