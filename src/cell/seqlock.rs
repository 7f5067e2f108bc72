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
//! There are [`COPIES`] places, used in turn, and a count of the values published so far, the version, which also says
//! where the newest lies. The writer fills the place of the next version, word by word, and then publishes by storing
//! the version. A reader loads the version, copies that place, word by word, and loads the version again: unless the
//! writer has come round to that place meanwhile, the copy is whole. All words are atomics, so a copy that is not whole
//! is garbage that is thrown away, and never a data race.
//!
//! ```text
//!   offset 0  one word              two words
//!   +---------+--------+---------+--+---------+---------+---------+---------+
//!   | version | closed | claimed |  | place 0 | place 1 | place 2 | place 3 |
//!   +---------+--------+---------+--+---------+---------+---------+---------+
//!    usize     1 byte   1 byte       version & 3 chooses the place of a version;
//!                                    each as long as T, rounded up to whole words
//! ```
//! Only the writer writes, apart from `claimed`, so readers on many cores share the lines and do not slow each other.
//! Version and first place lie on one line, since a reader needs both. Nothing is a pointer; zero bytes are "nothing
//! yet".
//!
//! A `T` that is one atomic of the machine (a number, say) has one place and no second look: it is an `atomic::Atomic<T>`.
//!
//! # Progress
//! - Writing is wait-free: one store a word, and one to publish.
//! - Reading is wait-free where `T` is one atomic. Else one try is, and reading is lock-free: a try is wasted only if
//!   the writer has published three values or more meanwhile. A writer that stops in the middle of a write, or dies
//!   there, holds nobody up: readers go on with the value before. So an interrupt handler may read what it has
//!   interrupted the writing of.
//!
//! # Limits
//! A version is a `usize`. A reader that is stopped within one try for exactly as long as the writer takes to publish
//! 2³² values (on 32-bit machines; 2⁶⁴ on others) would not notice.

use crate::layout::{Field, Layout, field};
use crate::queue::QueueStats;
use crate::queue::internal::endpoint::Endpoint;
use crate::sync::{AtomicBytes, AtomicUsize, Ordering, Plain, broken, const_unless_loom, unless_broken};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
#[cfg(not(loom))]
use core::mem::offset_of;

/// How many places for a value there are. With 4, two values may be published while a reader copies a third.
/// (Under loom 2, so that its models need fewer values to come round.)
pub const COPIES: usize = if cfg!(loom) { 2 } else { 4 };

/// How often `read` tries.
const TRIES: u32 = if cfg!(loom) { 3 } else { 64 };

/// The newest value of a kind: one writer, many readers. See the [module](self).
///
/// `T` is [`Plain`]: `Copy`, and nothing but bytes.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C, align(128))]
pub struct Latest<T> {
    /// How many values were published; 0 is "nothing yet", and left out when the count wraps.
    version: AtomicUsize,
    /// Who holds the writer. Closed: no newer value will come.
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

/// Why there was nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing was ever written.
    Nothing,
    /// The writer was faster than the copying, each time: try again.
    Overtaken,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing was written yet: try again once the writer has begun",
            Self::Overtaken => "newer values came faster than one could be copied: try again",
        })
    }
}

impl core::error::Error for ReadError {}

impl<T: Plain> Latest<T> {
    const_unless_loom! {
        /// Nothing yet.
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

    /// The writer and a reader, for as long as this is borrowed. The value stays; a closed one is open again.
    pub fn split(&mut self) -> (Writer<'_, T>, Reader<'_, T>) {
        self.writer.claimed.take();
        let latest = &*self;
        // SAFETY: the exclusive borrow lasts as long as the writer, so there is no other.
        (unsafe { Writer::attach(latest) }, latest.reader())
    }

    /// Claims the writer, or `None` while somebody has it. Dropping it gives it back, so that another can go on. What
    /// was closed is open again.
    #[must_use]
    pub fn writer(&self) -> Option<Writer<'_, T>> {
        self.writer.claimed.claim()?;
        // SAFETY: the flag was down and is now ours.
        Some(unsafe { Writer::attach(self) })
    }

    /// The writer, taken from an owner that is gone without having given it back: a process that died. It goes on after
    /// the last value published; one that the other was writing is not seen by anybody.
    ///
    /// # Safety
    /// No writer is in use any more, and nobody else takes it over at the same time. The caller has seen what the other
    /// did, or sees all that memory holds of it because its process is gone.
    pub unsafe fn take_over_writer(&self) -> Writer<'_, T> {
        self.writer.claimed.take();
        // SAFETY: the caller sees to it that there is no other writer.
        unsafe { Writer::attach(self) }
    }

    /// A reader. There can be any number of them, at no cost to the writer but that its lines are shared.
    pub fn reader(&self) -> Reader<'_, T> {
        Reader { latest: self, seen: 0, _not_sync: PhantomData }
    }

    /// How many values were published, wrapping with `usize` (0 is left out: it means nothing yet).
    #[must_use]
    pub fn version(&self) -> usize {
        // Acquire: pairs with the Release in `Writer::write`, so that a value read next is at least this new.
        self.version.load(Ordering::Acquire)
    }

    /// Whether the writer has closed and nobody has claimed it since.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.writer.is_closed()
    }

    /// What was done so far: values published, and whether there is one. Readers leave no trace, so `popped` is 0.
    #[must_use]
    pub fn stats(&self) -> QueueStats {
        let pushed = self.version.load(Ordering::Relaxed); // Relaxed: a number to look at
        let depth = usize::from(pushed != 0);
        QueueStats { pushed, popped: 0, full_count: 0, high_water: depth, depth }
    }

    /// One try, and the version that was read: exact, or where `T` is one atomic, perhaps a newer value.
    #[inline(always)]
    fn attempt(&self) -> Result<(T, usize), ReadError> {
        // Acquire: pairs with the Release in `Writer::write`, so that the place of this version is filled.
        let version = self.version.load(Ordering::Acquire);
        if version == 0 {
            return Err(ReadError::Nothing);
        }
        if const { AtomicBytes::<T>::WHOLE } {
            // Acquire: pairs with the Release in `Writer::write`; the value may be newer than the version, and who reads
            // it shall see what the writer did before.
            return Ok((self.places[0].load_whole(Ordering::Acquire), version));
        }
        // Its words are loaded with Acquire, which pairs with the Release of those that store them: had a word come from
        // the value that is put there COPIES versions later, we would see the COPIES - 1 versions published before that.
        let value = self.places[version & (COPIES - 1)].load();
        // Relaxed: the words' Acquire keeps it behind them.
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
        let version = self.version.load(Ordering::Relaxed); // Relaxed: a number to look at
        f.debug_struct("Latest").field("version", &version).finish_non_exhaustive()
    }
}

/// The one who writes to a [`Latest`]. Dropping it gives the right to write back; the value stays.
///
/// `Send` but not `Sync`. All operations are wait-free.
#[must_use = "dropping the writer gives the right to write back"]
pub struct Writer<'l, T: Plain> {
    latest: &'l Latest<T>,
    version: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<'l, T: Plain> Writer<'l, T> {
    /// # Safety
    /// The caller owns the right to write: the flag is up, and there is no other writer.
    unsafe fn attach(latest: &'l Latest<T>) -> Self {
        latest.writer.open();
        // Relaxed: our own; whoever wrote it last gave the right to write back to us.
        let version = latest.version.load(Ordering::Relaxed);
        Self { latest, version, _not_sync: PhantomData }
    }

    /// Writes the newest value. Readers see it whole, or not yet.
    #[inline]
    pub fn write(&mut self, value: T) {
        let next = match self.version.wrapping_add(1) {
            0 => COPIES, // in the same place as 0, which means "nothing"
            next => next,
        };
        if const { AtomicBytes::<T>::WHOLE } {
            // Release: pairs with the Acquire of `load_whole`.
            self.latest.places[0].store_whole(value, Ordering::Release);
        } else {
            // Its words are stored with Release, which pairs with the Acquire in `attempt`: whoever sees one sees the
            // versions published before, and so that the older value in the same place is no longer whole.
            self.latest.places[next & (COPIES - 1)].store(value);
        }
        // Release: pairs with the Acquire in `attempt`: who sees this version sees its words.
        self.latest.version.store(next, unless_broken("latest_publish", Ordering::Release));
        self.version = next;
    }

    /// How many values were published, by this writer and those before it.
    #[must_use]
    pub const fn version(&self) -> usize {
        self.version
    }

    /// Tells readers that no newer value will come. The last one stays.
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

/// Reads a [`Latest`], and remembers how new the value was that it read last. Clone it at will.
///
/// `Send` but not `Sync`: each thread has its own.
pub struct Reader<'l, T> {
    latest: &'l Latest<T>,
    /// The version read last, 0 for none.
    seen: usize,
    _not_sync: PhantomData<Cell<()>>,
}

impl<T: Plain> Reader<'_, T> {
    /// The newest value, in one try. Wait-free.
    ///
    /// # Errors
    /// [`ReadError::Nothing`] when there is none yet; [`ReadError::Overtaken`] when the writer published several values
    /// while this was copying one (never where `T` is one atomic).
    #[inline]
    pub fn try_read(&mut self) -> Result<T, ReadError> {
        let (value, version) = self.latest.attempt()?;
        self.seen = version;
        Ok(value)
    }

    /// The newest value, in up to 64 tries.
    ///
    /// # Errors
    /// [`ReadError::Nothing`] when there is none yet; [`ReadError::Overtaken`] when every try was overtaken, each by
    /// several new values (never where `T` is one atomic).
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

    /// The newest value if it is newer than what this reader read last, by whichever method. `None` costs one load of a
    /// line that is in this core's cache unless the writer wrote. It can also mean that all tries were overtaken: as
    /// nothing was read then, the next call tries again.
    ///
    /// No value stays unread that was the newest for long; where `T` is one atomic, one may be given twice.
    #[inline]
    pub fn read_if_newer(&mut self) -> Option<T> {
        if self.has_news() { self.read().ok() } else { None }
    }

    /// Whether there is a newer value than this reader read last.
    #[must_use]
    #[inline]
    pub fn has_news(&self) -> bool {
        // Relaxed: nothing is read because of it but the value, after a look of its own.
        self.latest.version.load(Ordering::Relaxed) != self.seen
    }

    /// The version of the value read last, 0 for none: how many values had been published. (Where `T` is one atomic, at
    /// least as many.) The difference between two says how many were passed over.
    #[must_use]
    pub const fn seen(&self) -> usize {
        self.seen
    }

    /// Whether the writer has closed and nobody has claimed it since. The last value can still be read.
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
    fn goes_on_when_the_version_wraps() {
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
    fn a_try_that_is_overtaken_says_so() {
        let latest = Latest::<[usize; 2]>::new();
        let mut writer = latest.writer().unwrap();
        writer.write([1, 1]);
        let (version, begun) = (latest.version(), latest.places[1].load());
        (2..COPIES).for_each(|n| writer.write([n, n]));
        assert_eq!(latest.version().wrapping_sub(version), COPIES - 2); // still whole: its place is the next to be used
        assert_eq!(begun, [1, 1]);
    }
}
