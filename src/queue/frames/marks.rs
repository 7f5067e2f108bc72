//! Positions of a ring of bytes: bbqueue's bookkeeping, reimplemented for one writer and one
//! reader.
//!
//! bbqueue's own bookkeeping keeps all its positions on one cache line, and each grant and each
//! commit, on either side, is a locked instruction or two on it. Here each side has its own line
//! and caches what it last saw of the other's; there is no locked instruction, and so no
//! compare-and-swap to emulate on cores without one. What bbqueue guards with flags at run time
//! (one grant at a time per side) the borrow checker guarantees here: an endpoint is borrowed by
//! its grant.
//!
//! ```text
//!   not wrapped:  | free ....... | written ........ | free .......... |     read <= write
//!                 0              read               write             N
//!
//!   wrapped:      | written .... | free (1 at least) | written .. | unused |   write < read <= last
//!                 0              write               read         last     N
//! ```
//! A grant never wraps: one that does not fit before the end starts at the front, and `last` is
//! where the written part before the end stops.

use crate::layout::{Field, Layout, field};
use crate::sync::{AtomicUsize, CachePadded, Ordering, unless_broken};

/// The positions of both sides; all-zero bytes are the empty ring.
#[derive(Debug)]
#[repr(C)]
pub struct Marks {
    writer: CachePadded<WriterLine>,
    reader: CachePadded<ReaderLine>,
}

/// The cache line of the writer; the reader loads `write` and `last`.
#[derive(Debug)]
#[repr(C)]
struct WriterLine {
    /// Position after the last written byte.
    write: AtomicUsize,
    /// Where the written bytes before the end of the ring stop, while the writer is in front of the
    /// reader.
    last: AtomicUsize,
    /// The reader's position as last seen. Used by the writer only.
    seen_read: AtomicUsize,
    /// Position of the current grant. Used by the writer only.
    start: AtomicUsize,
}

/// The cache line of the reader; the writer loads `read`.
#[derive(Debug)]
#[repr(C)]
struct ReaderLine {
    /// Position of the first unread byte.
    read: AtomicUsize,
    /// The writer's positions as last seen. Used by the reader only.
    seen_write: AtomicUsize,
    seen_last: AtomicUsize,
}

impl Layout for Marks {
    const FIELDS: &'static [Field] = &[
        field!("writer.write", Self, writer.0.write),
        field!("writer.last", Self, writer.0.last),
        field!("writer.seen_read", Self, writer.0.seen_read),
        field!("writer.start", Self, writer.0.start),
        field!("reader.read", Self, reader.0.read),
        field!("reader.seen_write", Self, reader.0.seen_write),
        field!("reader.seen_last", Self, reader.0.seen_last),
    ];
}

/// Ordering of a commit. Release: pairs with the Acquire in `Marks::readable`, so that seeing the
/// position implies seeing the bytes before it, and `last`.
#[inline(always)]
fn publish_ordering() -> Ordering {
    unless_broken("frames_publish", Ordering::Release)
}

/// Returns where a grant of `len` bytes may start in a ring of `cap` bytes.
fn place(cap: usize, len: usize, write: usize, read: usize) -> Option<usize> {
    if write < read {
        (len < read - write).then_some(write) // never up to `read`: that is the empty ring
    } else if len <= cap.wrapping_sub(write) {
        Some(write)
    } else {
        (len < read).then_some(0)
    }
}

impl Marks {
    #[cfg(not(loom))]
    #[allow(clippy::declare_interior_mutable_const)] // each use is a ring of its own
    const NEW: Self = Self {
        writer: CachePadded::new(WriterLine {
            write: AtomicUsize::new(0),
            last: AtomicUsize::new(0),
            seen_read: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
        }),
        reader: CachePadded::new(ReaderLine {
            read: AtomicUsize::new(0),
            seen_write: AtomicUsize::new(0),
            seen_last: AtomicUsize::new(0),
        }),
    };

    /// Creates the positions of the empty ring, for the model checker, whose atomics have no
    /// constant constructor.
    #[cfg(loom)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let zero = || AtomicUsize::new(0);
        Self {
            writer: CachePadded::new(WriterLine { write: zero(), last: zero(), seen_read: zero(), start: zero() }),
            reader: CachePadded::new(ReaderLine { read: zero(), seen_write: zero(), seen_last: zero() }),
        }
    }

    /// Grants the writer `len` contiguous bytes; returns where they start.
    #[inline]
    pub fn grant(&self, cap: usize, len: usize) -> Option<usize> {
        let line = &self.writer;
        // Relaxed, all: the writer's own.
        let write = line.write.load(Ordering::Relaxed);
        let start = match place(cap, len, write, line.seen_read.load(Ordering::Relaxed)) {
            Some(start) => start,
            None => {
                // Acquire: pairs with the Release in `release`: the reader is done with the bytes
                // before its position.
                let read = self.reader.read.load(Ordering::Acquire);
                line.seen_read.store(read, Ordering::Relaxed);
                place(cap, len, write, read)?
            }
        };
        line.start.store(start, Ordering::Relaxed);
        Some(start)
    }

    /// Publishes the first `used` bytes of the writer's grant; the rest stays free.
    #[inline]
    pub fn commit(&self, used: usize) {
        if used == 0 {
            return;
        }
        let line = &self.writer;
        // Relaxed, both: the writer's own.
        let (write, start) = (line.write.load(Ordering::Relaxed), line.start.load(Ordering::Relaxed));
        if start != write {
            // The grant starts at the front. Relaxed: published by the store of `write`. The
            // previous value is not read any more: the reader has passed it, or the bytes in front
            // would not have been free.
            line.last.store(write, Ordering::Relaxed);
        }
        line.write.store(start.wrapping_add(used), publish_ordering());
    }

    /// Returns where the reader's contiguous unread bytes start, and how many there are.
    #[inline]
    pub fn readable(&self) -> Option<(usize, usize)> {
        let line = &self.reader;
        // Relaxed, all three: the reader's own.
        let read = line.read.load(Ordering::Relaxed);
        let known = (line.seen_write.load(Ordering::Relaxed), line.seen_last.load(Ordering::Relaxed));
        if let Some(piece) = self.piece(read, known) {
            return Some(piece);
        }
        // Acquire: pairs with the Release in `commit`: the bytes before the position are written.
        let write = self.writer.write.load(Ordering::Acquire);
        // Relaxed: the value that the Acquire above has made visible, or the same again, since the
        // writer does not change it until we have moved to the front.
        let last = self.writer.last.load(Ordering::Relaxed);
        line.seen_write.store(write, Ordering::Relaxed);
        line.seen_last.store(last, Ordering::Relaxed);
        self.piece(read, (write, last))
    }

    #[inline]
    fn piece(&self, read: usize, (write, last): (usize, usize)) -> Option<(usize, usize)> {
        if write >= read {
            return (write > read).then(|| (read, write - read));
        }
        if read < last {
            return Some((read, last - read));
        }
        // The end is read; the rest is in front. Release: pairs with the Acquire in `grant`.
        self.reader.read.store(0, Ordering::Release);
        (write > 0).then_some((0, write))
    }

    /// Releases the first `used` bytes that `readable` returned.
    #[inline]
    pub fn release(&self, used: usize) {
        let read = &self.reader.read;
        // Release: pairs with the Acquire in `grant`: we are done with the bytes before it.
        // Relaxed: our own.
        read.store(read.load(Ordering::Relaxed).wrapping_add(used), Ordering::Release);
    }
}

#[cfg(not(loom))]
impl const_init::ConstInit for Marks {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: Self = Self::NEW;
}

#[cfg(not(loom))]
mod coordination {
    use super::{Marks, Ordering};
    use bbqueue::traits::coordination::{Coord, ReadGrantError, WriteGrantError};

    // SAFETY: what is granted to one side is not granted to the other before it is released: see
    // `Marks`. Each side has one grant at a time: `FrameProducer` and `FrameConsumer`, the only
    // users, are borrowed by theirs.
    unsafe impl Coord for Marks {
        fn reset(&self) {
            let (writer, reader) = (&self.writer, &self.reader);
            for mark in [&writer.write, &writer.last, &writer.seen_read, &writer.start] {
                mark.store(0, Ordering::Release);
            }
            for mark in [&reader.read, &reader.seen_write, &reader.seen_last] {
                mark.store(0, Ordering::Release);
            }
        }

        #[inline]
        fn grant_max_remaining(&self, cap: usize, len: usize) -> Result<(usize, usize), WriteGrantError> {
            // Relaxed: the writer's own.
            let write = self.writer.write.load(Ordering::Relaxed);
            let at_end = cap.wrapping_sub(write);
            let len = if at_end > 0 && at_end < len { at_end } else { len };
            self.grant(cap, len).map(|start| (start, len)).ok_or(WriteGrantError::InsufficientSize)
        }

        #[inline]
        fn grant_exact(&self, cap: usize, len: usize) -> Result<usize, WriteGrantError> {
            self.grant(cap, len).ok_or(WriteGrantError::InsufficientSize)
        }

        #[inline]
        fn commit_inner(&self, _cap: usize, granted: usize, used: usize) {
            self.commit(used.min(granted));
        }

        #[inline]
        fn read(&self) -> Result<(usize, usize), ReadGrantError> {
            self.readable().ok_or(ReadGrantError::Empty)
        }

        #[inline]
        fn release_inner(&self, used: usize) {
            if used > 0 {
                self.release(used);
            }
        }
    }
}
