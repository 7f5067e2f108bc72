//! SPSC ring of byte frames, each of its own length: for packets, serial lines, DMA.
//!
//! Source: the bip buffer (S. Cooke, 2003), by way of the `bbqueue` crate (J. Munns). What differs
//! is below.
//!
//! ```
//! use vvp_core::queue::{FrameError, Frames, PopError};
//!
//! static FRAMES: Frames<256> = Frames::new();
//!
//! let mut tx = FRAMES.producer().expect("not claimed yet");
//! let mut rx = FRAMES.consumer().expect("not claimed yet");
//! tx.push(b"first")?;
//! let mut grant = tx.grant(100)?; // 100 bytes in one piece, for a DMA controller to fill
//! grant[..6].copy_from_slice(b"second");
//! grant.commit(6);
//! assert_eq!(tx.push(&[0; 200]), Err(FrameError::TooLong { max: 124 }));
//!
//! let frame = rx.read().expect("there are two");
//! assert_eq!(&*frame, b"first");
//! frame.release();
//! let frames = rx.read_many().expect("there is one more"); // all contiguous ones
//! assert!(frames.iter().eq([b"second"]));
//! frames.release();
//! tx.close();
//! assert_eq!(rx.read().unwrap_err(), PopError::Closed);
//! # Ok::<(), FrameError>(())
//! ```
//!
//! # How it works
//! Built on `bbqueue`: its storage, its grants, its stream mode. A frame is four bytes of length
//! (little-endian), its bytes, and up to three bytes that round it up to four. Ours are the
//! bookkeeping behind the grants (`marks.rs` has the reasons), claims, `close`, counts, and
//! batches: any number of frames may be written into one grant and published together, and read
//! from one grant and released together.
//!
//! ```text
//!   offset 0                128                     256
//!   +----------------------+-----------------------+-----------------------------------------------------------+
//!   | pushed   high_water  | popped                | bbqueue's: the marks, a line for the writer, one for the  |
//!   | full_count  flags    | flags                 | reader; and N bytes:  | len | bytes .. pad | len | bytes  |
//!   +----------------------+-----------------------+-----------------------------------------------------------+
//!     only the producer      only the consumer       each byte has one owner at a time: see `marks.rs`
//! ```
//! There are no pointers, so the same bytes work at any address; all-zero bytes are the empty ring.
//! The compiler decides whether the marks or the bytes come first in bbqueue's part (its struct is
//! not `repr(C)`), so programs that share a region must be built by one compiler.
//! `zerocopy::FromZeros` cannot be derived through it either.
//!
//! # Cost and progress
//! Every operation is wait-free: none loops over more than the frames that it is given, and only
//! claiming needs a compare-and-swap.

mod consumer;
#[cfg(feature = "embedded-io")]
pub mod io;
#[allow(unreachable_pub)] // public for the model checker's build
mod marks;
mod producer;

pub use consumer::{FrameConsumer, FrameIter, FrameRead, FramesRead};
pub use producer::{FrameBatch, FrameGrant, FrameProducer};

use super::QueueStats;
use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::queue::internal::endpoint::Endpoint;
use crate::sync::{AtomicUsize, CachePadded, Ordering};
use bbqueue::BBQueue;
use bbqueue::traits::notifier::polling::Polling;
use bbqueue::traits::storage::Inline;
use core::fmt;
use core::mem::offset_of;
use marks::Marks;

/// Bytes before each frame.
const HEADER: usize = 4;

/// Bytes that a frame takes.
#[inline(always)]
const fn room(len: usize) -> usize {
    // `len` has been checked against a maximum well below the greatest `usize`.
    HEADER.wrapping_add(len).wrapping_add(3) & !3
}

/// bbqueue with our bookkeeping, for polling.
type Ring<const N: usize> = BBQueue<Inline<N>, Marks, Polling>;

/// `N` bytes of frames from one producer to one consumer. `N` is a multiple of 4, at least 16
/// (checked at compile time).
///
/// A frame of up to [`MAX_FRAME`](Self::MAX_FRAME) bytes always fits once the consumer has caught
/// up; longer ones are refused, because whether they ever fit would depend on the position of the
/// last one.
#[repr(C)]
pub struct Frames<const N: usize> {
    producer: CachePadded<ProducerLine>,
    consumer: CachePadded<ConsumerLine>,
    ring: Ring<N>,
    checked: Checked<Self>,
}

/// The cache line that the producer writes.
#[derive(Debug)]
#[repr(C)]
struct ProducerLine {
    /// Number of frames published.
    pushed: AtomicUsize,
    /// The greatest depth that the producer saw, in frames.
    high_water: AtomicUsize,
    /// Number of calls that found no room.
    full_count: AtomicUsize,
    /// Closed: nothing more will come.
    end: Endpoint,
}

/// The cache line that the consumer writes.
#[derive(Debug)]
#[repr(C)]
struct ConsumerLine {
    /// Number of frames released.
    popped: AtomicUsize,
    /// Closed: nothing more will be taken.
    end: Endpoint,
}

const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(ProducerLine, pushed) == 0 && offset_of!(ConsumerLine, popped) == 0);
    assert!(offset_of!(ProducerLine, high_water) == WORD && offset_of!(ProducerLine, full_count) == 2 * WORD);
    assert!(offset_of!(ProducerLine, end) == 3 * WORD && offset_of!(ConsumerLine, end) == WORD);
    assert!(offset_of!(Frames<1024>, consumer) == 128 && offset_of!(Frames<1024>, ring) == 256);
    assert!(size_of::<Frames<1024>>() == 512 + 1024);
};

impl<const N: usize> Layout for Frames<N> {
    const FIELDS: &'static [Field] = &[
        field!("producer.pushed", Self, producer.0.pushed),
        field!("producer.high_water", Self, producer.0.high_water),
        field!("producer.full_count", Self, producer.0.full_count),
        field!("producer.closed", Self, producer.0.end.closed),
        field!("producer.claimed", Self, producer.0.end.claimed),
        field!("consumer.popped", Self, consumer.0.popped),
        field!("consumer.closed", Self, consumer.0.end.closed),
        field!("consumer.claimed", Self, consumer.0.end.claimed),
        field!("ring", Self, ring),
    ];
}

impl<const N: usize> CheckedCapacity for Frames<N> {
    const CHECK: () = assert!(N >= 16 && N.is_multiple_of(4), "Frames: N must be a multiple of 4 bytes, at least 16");
}

impl<const N: usize> Frames<N> {
    /// Offsets of the positions *within* bbqueue's part, relative to the first of them: where that
    /// is, only the compiler knows.
    pub const MARKS: &'static [Field] = Marks::FIELDS;

    /// The longest frame, in bytes: half of the ring less the length that goes before each.
    pub const MAX_FRAME: usize = {
        checked!(Self);
        let half = N / 2 / 4 * 4 - HEADER;
        if half > u32::MAX as usize { u32::MAX as usize } else { half }
    };

    /// Creates an empty ring. A `const fn`: a static ring is zeroed memory and costs no image.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            producer: CachePadded::new(ProducerLine {
                pushed: AtomicUsize::new(0),
                high_water: AtomicUsize::new(0),
                full_count: AtomicUsize::new(0),
                end: Endpoint::new(),
            }),
            consumer: CachePadded::new(ConsumerLine { popped: AtomicUsize::new(0), end: Endpoint::new() }),
            ring: Ring::new(),
            checked: Checked::new(),
        }
    }

    /// Returns both endpoints, for as long as the ring is borrowed. Frames in the ring stay; a
    /// closed endpoint is open again.
    pub fn split(&mut self) -> (FrameProducer<'_, N>, FrameConsumer<'_, N>) {
        checked!(Self);
        self.producer.end.claimed.take();
        self.consumer.end.claimed.take();
        let frames = &*self;
        (FrameProducer::attach(frames), FrameConsumer::attach(frames))
    }

    /// Claims the producer endpoint; `None` while it is claimed. Dropping the handle releases it,
    /// and the next owner continues where this one stopped. A closed endpoint is open again.
    #[must_use]
    pub fn producer(&self) -> Option<FrameProducer<'_, N>> {
        checked!(Self);
        self.producer.end.claimed.claim()?;
        Some(FrameProducer::attach(self))
    }

    /// Claims the consumer endpoint; `None` while it is claimed. Dropping the handle releases it,
    /// and the next owner continues where this one stopped. A closed endpoint is open again.
    #[must_use]
    pub fn consumer(&self) -> Option<FrameConsumer<'_, N>> {
        checked!(Self);
        self.consumer.end.claimed.claim()?;
        Some(FrameConsumer::attach(self))
    }

    /// Returns the capacity in bytes, for frames and the four bytes before each.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        checked!(Self);
        N
    }

    /// Returns whether either endpoint has closed and has not been claimed since.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        checked!(Self);
        self.producer.end.is_closed() || self.consumer.end.is_closed()
    }

    /// Returns the statistics of the ring in frames. `high_water` is the greatest depth that the
    /// producer saw when it wrapped to the front of the ring or was refused.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        checked!(Self);
        // Relaxed, all: for display.
        let popped = self.consumer.popped.load(Ordering::Relaxed);
        let pushed = self.producer.pushed.load(Ordering::Relaxed);
        let met = self.producer.high_water.load(Ordering::Relaxed);
        QueueStats::of(pushed, popped, self.producer.full_count.load(Ordering::Relaxed), met, N / HEADER)
    }
}

impl<const N: usize> Default for Frames<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for Frames<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("bytes", &N).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Reason why a frame was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FrameError {
    /// No contiguous room now: wait for the consumer and try again.
    Full,
    /// Longer than a frame can be in this ring: send it in parts, or use a larger ring.
    TooLong {
        /// The longest frame, in bytes.
        max: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("no room for the frame: wait for the consumer and try again"),
            Self::TooLong { max } => {
                write!(f, "a frame has at most {max} bytes here: send it in parts, or make the ring greater")
            }
        }
    }
}

impl core::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a ring are moved and used elsewhere, as in another mapping of the same memory.
    #[test]
    fn ring_works_at_another_address() {
        let (here, mut there) = (Frames::<64>::new(), Frames::<64>::new());
        here.producer().unwrap().push(b"one").unwrap();
        // SAFETY: neither has a claimed endpoint or anything to drop.
        unsafe { core::ptr::from_mut(&mut there).copy_from_nonoverlapping(&here, 1) };
        there.producer().unwrap().push(b"two").unwrap();
        assert!(there.consumer().unwrap().read_many().unwrap().iter().eq([b"one", b"two"]));
    }

    #[test]
    fn zeroed_memory_is_an_empty_ring() {
        // SAFETY: atomics and bytes: no value is invalid.
        let zeroed: Frames<64> = unsafe { core::mem::zeroed() };
        assert_eq!(zeroed.stats(), Frames::<64>::new().stats());
        let (mut tx, mut rx) = (zeroed.producer().unwrap(), zeroed.consumer().unwrap());
        for n in 0..100 {
            tx.push(&[n; 11]).unwrap();
            assert_eq!(&*rx.read().unwrap(), &[n; 11]);
            rx.read().unwrap().release();
        }
    }
}
