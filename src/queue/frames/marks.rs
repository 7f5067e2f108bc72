//! How far the bytes of a ring are written and read: bbqueue's bookkeeping, made anew for one writer and one reader.
//!
//! bbqueue's own keeps all its marks on one cache line, and each grant and each commit, on either side, is a locked
//! instruction or two on it. Here each side has a line of its own and remembers what it last saw of the other's, there
//! is no locked instruction, and so no compare-and-swap to emulate on cores that have none. What bbqueue guards with
//! flags at run time (one grant at a time a side) the borrow checker guards here: a grant borrows its handle.
//!
//! ```text
//!   not wrapped:  | free ....... | written ........ | free .......... |     read <= write
//!                 0              read               write             N
//!
//!   wrapped:      | written .... | free (1 at least) | written .. | unused |   write < read <= last
//!                 0              write               read         last     N
//! ```
//! A piece never lies across the end: one that does not fit there goes to the front, and `last` says where the written
//! part of the end stops.

use crate::layout::{Field, Layout, field};
use crate::sync::{AtomicUsize, CachePadded, Ordering, unless_broken};

/// The two sides' marks; all zero for the empty ring.
#[derive(Debug)]
#[repr(C)]
pub struct Marks {
    writer: CachePadded<WriterLine>,
    reader: CachePadded<ReaderLine>,
}

/// Written by the writer; `write` and `last` are read by the reader.
#[derive(Debug)]
#[repr(C)]
struct WriterLine {
    /// Where the written bytes end.
    write: AtomicUsize,
    /// Where the written bytes before the end of the ring end, as long as the writer is in front of the reader.
    last: AtomicUsize,
    /// The reader's mark as last seen. Only the writer's.
    seen_read: AtomicUsize,
    /// Where the present grant starts. Only the writer's.
    start: AtomicUsize,
}

/// Written by the reader; `read` is read by the writer.
#[derive(Debug)]
#[repr(C)]
struct ReaderLine {
    /// Where the unread bytes start.
    read: AtomicUsize,
    /// The writer's marks as last seen. Only the reader's.
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

/// How a commit is published. Release: pairs with the Acquire in `Marks::readable`, so that a reader who sees the mark
/// sees the bytes before it, and `last`.
#[inline(always)]
fn publish_ordering() -> Ordering {
    unless_broken("frames_publish", Ordering::Release)
}

/// Where a piece of `len` bytes may start, `cap` bytes being all.
fn place(cap: usize, len: usize, write: usize, read: usize) -> Option<usize> {
    if write < read {
        (len < read - write).then_some(write) // never up to `read`, which would look empty
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

    /// The empty ring's, for the model checker, whose atomics have no constant constructor.
    #[cfg(loom)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let zero = || AtomicUsize::new(0);
        Self {
            writer: CachePadded::new(WriterLine { write: zero(), last: zero(), seen_read: zero(), start: zero() }),
            reader: CachePadded::new(ReaderLine { read: zero(), seen_write: zero(), seen_last: zero() }),
        }
    }

    /// For the writer: where the next `len` bytes may lie in one piece.
    #[inline]
    pub fn grant(&self, cap: usize, len: usize) -> Option<usize> {
        let line = &self.writer;
        // Relaxed, all: the writer's own.
        let write = line.write.load(Ordering::Relaxed);
        let start = match place(cap, len, write, line.seen_read.load(Ordering::Relaxed)) {
            Some(start) => start,
            None => {
                // Acquire: pairs with the Release in `release`: the reader is done with the bytes before its mark.
                let read = self.reader.read.load(Ordering::Acquire);
                line.seen_read.store(read, Ordering::Relaxed);
                place(cap, len, write, read)?
            }
        };
        line.start.store(start, Ordering::Relaxed);
        Some(start)
    }

    /// For the writer: the first `used` bytes of the grant are written, the rest is not wanted.
    #[inline]
    pub fn commit(&self, used: usize) {
        if used == 0 {
            return;
        }
        let line = &self.writer;
        // Relaxed, both: the writer's own.
        let (write, start) = (line.write.load(Ordering::Relaxed), line.start.load(Ordering::Relaxed));
        if start != write {
            // To the front. Relaxed: published by the store of `write`. Nobody reads the value that was there: the
            // reader has been past it, or the bytes in front would not have been free.
            line.last.store(write, Ordering::Relaxed);
        }
        line.write.store(start.wrapping_add(used), publish_ordering());
    }

    /// For the reader: where the unread bytes lie that are in one piece, and how many.
    #[inline]
    pub fn readable(&self) -> Option<(usize, usize)> {
        let line = &self.reader;
        // Relaxed, all three: the reader's own.
        let read = line.read.load(Ordering::Relaxed);
        let known = (line.seen_write.load(Ordering::Relaxed), line.seen_last.load(Ordering::Relaxed));
        if let Some(piece) = self.piece(read, known) {
            return Some(piece);
        }
        // Acquire: pairs with the Release in `commit`: the bytes before the mark are written.
        let write = self.writer.write.load(Ordering::Acquire);
        // Relaxed: what the Acquire above has shown, or the same, since the writer does not touch it again until we
        // have been to the front.
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

    /// For the reader: it is done with the first `used` of the bytes that `readable` named.
    #[inline]
    pub fn release(&self, used: usize) {
        let read = &self.reader.read;
        // Release: pairs with the Acquire in `grant`: we are done with the bytes before it. Relaxed: our own.
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

    // SAFETY: what is granted to one side is not granted to the other until the one has given it back: see `Marks`. A
    // side asks for one grant at a time: `FrameProducer` and `FrameConsumer`, the only users, are borrowed by theirs.
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
