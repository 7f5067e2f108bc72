//! Seqlock with several copies: one writer publishes the newest value, readers never block it.
//!
//! Source: the seqlock of the Linux kernel; H.-J. Boehm, "Can seqlocks get along with programming
//! language memory models?", 2012. Ours copies words that are atomics, so no read is a data race,
//! and has four copies in rotation, so that a reader retries only when the writer has published
//! three values meanwhile.
//!
//! ```
//! use vvp_core::cell::{Latest, ReadError};
//! use zerocopy::{FromBytes, Immutable, IntoBytes};
//!
//! #[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
//! #[repr(C)]
//! struct Top {
//!     bid: i64,
//!     ask: i64,
//! }
//!
//! static TOP: Latest<Top> = Latest::new();
//!
//! let mut reader = TOP.reader();
//! assert_eq!(reader.read(), Err(ReadError::Nothing));
//! let mut writer = TOP.writer().expect("not claimed yet");
//! writer.write(Top { bid: 99, ask: 101 });
//! writer.write(Top { bid: 99, ask: 100 });
//! assert_eq!(reader.read_if_newer(), Some(Top { bid: 99, ask: 100 })); // only the newest
//! assert_eq!(reader.read_if_newer(), None);
//! assert_eq!(reader.read(), Ok(Top { bid: 99, ask: 100 }));
//! ```
//!
//! # How it works
//! There are [`COPIES`] places, used in turn, and a version: the count of the values published so
//! far, which determines the place of the newest. The writer fills the place of the next version
//! word by word and publishes it by storing the version. A reader loads the version, copies that
//! place word by word, and loads the version again: the copy is whole unless the writer has reached
//! that place again meanwhile. All words are atomics, so a torn copy is discarded and never a data
//! race.
//!
//! ```text
//!   offset 0  one word              two words
//!   +---------+--------+---------+--+---------+---------+---------+---------+
//!   | version | closed | claimed |  | place 0 | place 1 | place 2 | place 3 |
//!   +---------+--------+---------+--+---------+---------+---------+---------+
//!    usize     1 byte   1 byte       version & 3 chooses the place of a version;
//!                                    each as long as T, rounded up to whole words
//! ```
//! Only the writer writes, apart from `claimed`, so readers on many cores share the cache lines
//! without false sharing. Version and first place lie on one line, since a reader needs both. There
//! are no pointers; all-zero bytes mean that no value was written.
//!
//! A `T` that fits one atomic of the machine, such as a number, has one place and no second load of
//! the version: it is an `atomic::Atomic<T>`.
//!
//! # Progress
//! - Writing is wait-free: one store per word, and one to publish.
//! - Reading is wait-free if `T` fits one atomic. Otherwise one attempt is wait-free, and reading
//!   is lock-free: an attempt fails only if the writer has published three values or more
//!   meanwhile. A writer that stalls or dies in the middle of a write blocks no reader: they keep
//!   reading the previous value. So an interrupt handler may read a cell whose writer it has
//!   interrupted.
//!
//! # Limits
//! A version is a `usize`. A reader that stalls within one attempt for exactly 2³² published values
//! (on 32-bit targets; 2⁶⁴ on others) does not notice that its copy is torn.

use crate::layout::{Field, Layout, field};
use crate::queue::QueueStats;
use crate::queue::internal::endpoint::Endpoint;
use crate::sync::{AtomicBytes, AtomicUsize, Ordering, Plain, broken, const_unless_loom, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
#[cfg(not(loom))]
use core::mem::offset_of;

/// Number of places for a value. With 4, two values may be published while a reader copies a third.
/// (2 under loom, so that its models need fewer values to wrap.)
pub const COPIES: usize = if cfg!(loom) { 2 } else { 4 };

/// Number of attempts of `read`.
const TRIES: u32 = if cfg!(loom) { 3 } else { 64 };

/// A cell with the newest value: one writer, many readers. See the [module](self).
///
/// `T` is [`Plain`]: `Copy`, and plain bytes.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C, align(128))]
pub struct Latest<T> {
    /// Number of values published. 0 means that there is none, and is skipped when the count wraps.
    version: AtomicUsize,
    /// The writer's endpoint. Closed: no newer value will come.
    writer: Endpoint,
    places: [AtomicBytes<T>; COPIES],
}

#[cfg(not(loom))]
const _: () = {
    const WORD: usize = size_of::<usize>();
    assert!(offset_of!(Latest<u8>, version) == 0 && offset_of!(Latest<u8>, writer) == WORD);
    assert!(offset_of!(Latest<u8>, places) == 2 * WORD);
    assert!(size_of::<AtomicBytes<u8>>() == WORD && size_of::<AtomicBytes<[usize; 5]>>() == 5 * WORD);
    assert!(size_of::<Latest<[usize; 3]>>() == 128 && align_of::<Latest<u8>>() == 128);
};

impl<T> Layout for Latest<T> {
    const FIELDS: &'static [Field] = &[
        field!("version", Self, version),
        field!("closed", Self, writer.closed),
        field!("claimed", Self, writer.claimed),
        Field::new("places[i]", core::mem::offset_of!(Self, places), size_of::<T>(), size_of::<AtomicBytes<T>>()),
    ];
}

/// Reason why a read returned no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReadError {
    /// No value was ever written.
    Nothing,
    /// The writer published newer values during every attempt: try again.
    Overtaken,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no value was written yet: try again after the first write",
            Self::Overtaken => "the writer overtook every attempt to copy a value: try again",
        })
    }
}

impl core::error::Error for ReadError {}

impl<T: Plain> Latest<T> {
    const_unless_loom! {
        /// Creates a cell without a value.
        pub fn new() -> Self {
            Self {
                version: AtomicUsize::new(0),
                writer: Endpoint::new(),
                #[cfg(not(loom))]
                places: [const { AtomicBytes::new() }; COPIES],
                #[cfg(loom)]
                places: core::array::from_fn(|_| AtomicBytes::new()),
            }
        }
    }

    /// Returns the writer and a reader, for as long as the cell is borrowed. The value stays; a
    /// closed cell is open again.
    pub fn split(&mut self) -> (Writer<'_, T>, Reader<'_, T>) {
        self.writer.claimed.take();
        let latest = &*self;
        // SAFETY: the exclusive borrow lasts as long as the writer, so there is no other.
        (unsafe { Writer::attach(latest) }, latest.reader())
    }

    /// Claims the writer; `None` while it is claimed. Dropping the handle releases the claim, and
    /// the next owner continues from there. A closed cell is open again.
    #[must_use]
    pub fn writer(&self) -> Option<Writer<'_, T>> {
        self.writer.claimed.claim()?;
        // SAFETY: the flag was down and is now ours.
        Some(unsafe { Writer::attach(self) })
    }

    /// Takes the writer over from an owner that has died without releasing it. The successor
    /// continues after the last published value; readers never see a value that was being written.
    ///
    /// # Safety
    /// The previous writer is no longer in use, and no other thread takes it over at the same time.
    /// All that it did happens before this call, or its process is gone, so that memory holds
    /// everything it wrote.
    pub unsafe fn take_over_writer(&self) -> Writer<'_, T> {
        self.writer.claimed.take();
        // SAFETY: the caller guarantees that there is no other writer.
        unsafe { Writer::attach(self) }
    }

    /// Returns a reader. There can be any number of them; the writer pays only for sharing its
    /// cache lines.
    pub fn reader(&self) -> Reader<'_, T> {
        Reader { latest: self, seen: 0, _not_sync: PhantomData }
    }

    /// Returns the number of values published, wrapping with `usize` (0 is skipped: it means none).
    #[must_use]
    pub fn version(&self) -> usize {
        // Acquire: pairs with the Release in `Writer::write`, so that a value read next is at least
        // this new.
        self.version.load(Ordering::Acquire)
    }

    /// Returns whether the writer has closed and has not been claimed since.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.writer.is_closed()
    }

    /// Returns the statistics of the cell: the number of values published, and a depth of 1 if
    /// there is a value. Readers leave no trace, so `popped` is 0.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        let pushed = self.version.load(Ordering::Relaxed); // Relaxed: for display
        let depth = usize::from(pushed != 0);
        QueueStats { pushed, popped: 0, full_count: 0, high_water: depth, depth }
    }

    /// Makes one attempt. Returns the value and its version; if `T` fits one atomic, the value may
    /// be newer than the version.
    #[inline(always)]
    fn attempt(&self) -> Result<(T, usize), ReadError> {
        // Acquire: pairs with the Release in `Writer::write`, so that the place of this version is
        // filled.
        let version = self.version.load(Ordering::Acquire);
        if version == 0 {
            return Err(ReadError::Nothing);
        }
        if const { AtomicBytes::<T>::WHOLE } {
            // Acquire: pairs with the Release in `Writer::write`. The value may be newer than the
            // version, and seeing it must imply seeing what the writer did before.
            return Ok((self.places[0].load_whole(Ordering::Acquire), version));
        }
        // The words are loaded with Acquire, which pairs with the Release of their stores: a word
        // of the value that is written there COPIES versions later would show the COPIES - 1
        // versions published before it.
        let value = self.places[version & (COPIES - 1)].load();
        // Relaxed: the Acquire of the words keeps this load behind them.
        let since = self.version.load(Ordering::Relaxed).wrapping_sub(version);
        if since > COPIES - 2 && !broken("latest_recheck") {
            return Err(ReadError::Overtaken);
        }
        Ok((value, version))
    }
}

impl<T: Plain> Default for Latest<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Latest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.load(Ordering::Relaxed); // Relaxed: for display
        f.debug_struct("Latest").field("version", &version).finish_non_exhaustive()
    }
}

/// The writer of a [`Latest`]. Dropping it releases the claim; the value stays.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the writer releases its claim"]
pub struct Writer<'l, T: Plain> {
    latest: &'l Latest<T>,
    version: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'l, T: Plain> Writer<'l, T> {
    /// # Safety
    /// The caller owns the writer's endpoint: its flag is set, and there is no other writer.
    unsafe fn attach(latest: &'l Latest<T>) -> Self {
        latest.writer.open();
        // Relaxed: our own; its last writer released the endpoint to us.
        let version = latest.version.load(Ordering::Relaxed);
        Self { latest, version, _not_sync: PhantomData }
    }

    /// Publishes a value. Readers see it whole, or not yet.
    #[inline]
    pub fn write(&mut self, value: T) {
        let next = match self.version.wrapping_add(1) {
            0 => COPIES, // in the same place as 0, which means that there is no value
            next => next,
        };
        if const { AtomicBytes::<T>::WHOLE } {
            // Release: pairs with the Acquire of `load_whole`.
            self.latest.places[0].store_whole(value, Ordering::Release);
        } else {
            // The words are stored with Release, which pairs with the Acquire in `attempt`: seeing
            // one of them implies seeing the versions published before, and so that the older value
            // in this place is no longer whole.
            self.latest.places[next & (COPIES - 1)].store(value);
        }
        // Release: pairs with the Acquire in `attempt`: seeing this version implies seeing its
        // words.
        self.latest.version.store(next, unless_broken("latest_publish", Ordering::Release));
        self.version = next;
    }

    /// Returns the number of values published by this writer and its predecessors.
    #[must_use]
    pub const fn version(&self) -> usize {
        self.version
    }

    /// Closes the cell: readers see that no newer value will come. The last value stays readable.
    pub fn close(self) {
        self.latest.writer.close();
    }
}

impl<T: Plain> Drop for Writer<'_, T> {
    fn drop(&mut self) {
        self.latest.writer.claimed.give_back();
    }
}

impl<T: Plain> fmt::Debug for Writer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("version", &self.version).finish_non_exhaustive()
    }
}

/// A reader of a [`Latest`]. Remembers the version that it read last. `Clone` it for another
/// thread.
///
/// `Send` but not `Sync`: each thread has its own.
pub struct Reader<'l, T> {
    latest: &'l Latest<T>,
    /// The version read last, 0 for none.
    seen: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<T: Plain> Reader<'_, T> {
    /// Returns the newest value, in one attempt. Wait-free.
    ///
    /// # Errors
    /// [`ReadError::Nothing`] if there is none yet; [`ReadError::Overtaken`] if the writer
    /// published several values while this one was copied (never if `T` fits one atomic).
    #[inline]
    pub fn try_read(&mut self) -> Result<T, ReadError> {
        let (value, version) = self.latest.attempt()?;
        self.seen = version;
        Ok(value)
    }

    /// Returns the newest value, in up to 64 attempts.
    ///
    /// # Errors
    /// [`ReadError::Nothing`] if there is none yet; [`ReadError::Overtaken`] if every attempt was
    /// overtaken, each by several new values (never if `T` fits one atomic).
    #[inline]
    pub fn read(&mut self) -> Result<T, ReadError> {
        match self.try_read() {
            Err(ReadError::Overtaken) => self.read_again(),
            done => done,
        }
    }

    #[cold]
    fn read_again(&mut self) -> Result<T, ReadError> {
        for _ in 1..TRIES {
            crate::sync::spin_loop();
            let result = self.try_read();
            if !matches!(result, Err(ReadError::Overtaken)) {
                return result;
            }
        }
        Err(ReadError::Overtaken)
    }

    /// Returns the newest value if it is newer than the one that this reader read last, by any
    /// method. `None` costs one load of a line that is in this core's cache unless the writer has
    /// written. It can also mean that all attempts were overtaken; then the next call tries again.
    ///
    /// The newest value never stays unread for long. If `T` fits one atomic, a value may be
    /// returned twice.
    #[inline]
    pub fn read_if_newer(&mut self) -> Option<T> {
        if self.has_news() { self.read().ok() } else { None }
    }

    /// Returns whether there is a newer value than this reader read last.
    #[must_use]
    #[inline]
    pub fn has_news(&self) -> bool {
        // Relaxed: only a hint; reading the value loads the version again.
        self.latest.version.load(Ordering::Relaxed) != self.seen
    }

    /// Returns the version of the value read last, 0 for none: the number of values published by
    /// then (at least, if `T` fits one atomic). The difference of two is one more than the number
    /// of values skipped.
    #[must_use]
    pub const fn seen(&self) -> usize {
        self.seen
    }

    /// Returns whether the writer has closed and has not been claimed since. The last value can
    /// still be read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.latest.is_closed()
    }
}

impl<T> Clone for Reader<'_, T> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<T> fmt::Debug for Reader<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("seen", &self.seen).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_continue_when_the_version_wraps() {
        let latest = Latest::<[usize; 2]>::new();
        latest.version.store(usize::MAX - 2, Ordering::Relaxed);
        let (mut writer, mut reader) = (latest.writer().unwrap(), latest.reader());
        for n in 0..6 {
            writer.write([n, !n]);
            assert_eq!(reader.read_if_newer(), Some([n, !n]));
            assert_eq!(reader.try_read(), Ok([n, !n]));
        }
        assert_eq!(latest.version(), COPIES + 3); // 0 to 3 were left out
    }

    #[test]
    fn copy_is_whole_until_its_place_is_reused() {
        let latest = Latest::<[usize; 2]>::new();
        let mut writer = latest.writer().unwrap();
        writer.write([1, 1]);
        let (version, begun) = (latest.version(), latest.places[1].load());
        (2..COPIES).for_each(|n| writer.write([n, n]));
        assert_eq!(latest.version().wrapping_sub(version), COPIES - 2); // still whole: its place is the next to be used
        assert_eq!(begun, [1, 1]);
    }
}
