//! Snapshot: save an engine to bytes and restore it from bytes. Implements M21.4.
//!
//! A snapshot holds all state that decides the engine's behaviour, in little-endian records of
//! fixed size that are independent of slots, word size and capacities: the restoring engine may
//! have other capacities, as long as everything fits. [docs/snapshot.md](crate::guide::snapshot)
//! gives every byte. Nothing here allocates; the stack holds a few records.

mod crc64;
mod records;
mod writer;

pub use writer::{FnWriter, NoRoom, SliceWriter, SnapshotWriter};

use super::{Engine, Spec};
use crate::book::snapshot::{BookParts, Capacity, RestoreError, RestoreFault};
use crate::book::{Book, Limits, StateHash};
use crate::capacity::checked;
use crc64::Crc64;
use records::{Header, MAGIC, OwnerRecord, VERSION};
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of the checksum, which comes last.
const CHECKSUM: usize = 8;

impl<
    const INSTRUMENTS: usize,
    const OWNERS: usize,
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
    T: StateHash,
> Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>, INSTRUMENTS, OWNERS>
{
    /// Returns how many bytes [`Engine::save`] writes now. Visits each instrument once.
    #[must_use]
    pub fn snapshot_len(&self) -> u64 {
        checked!(Self);
        let fixed = size_of::<Header>() + size_of::<OwnerRecord>() * self.state.risk.len() + CHECKSUM;
        fixed as u64 + self.defined().map(|(_, book)| book.saved_len()).sum::<u64>()
    }

    /// Saves the engine: an engine restored from these bytes gives the same events.
    ///
    /// Two engines that were given the same commands write the same bytes if their near-level
    /// windows have the same width; so do an engine and one restored from it. High-water marks are
    /// not saved. Walks all orders and writes each as a small piece: use a writer that buffers.
    ///
    /// [docs/snapshot.md](crate::guide::snapshot) gives every byte.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher, SliceWriter};
    ///
    /// type OneBook =
    ///     vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
    /// let mut engine: Engine<OneBook, 1, 4> = Engine::new();
    /// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    /// engine.apply(&define, &mut CountSink::default());
    /// let ask = Command::limit(OrderId::new(1), Side::Sell, Price::new(101), Qty::new(10));
    /// engine.apply(&ask, &mut CountSink::default());
    ///
    /// let mut memory = [0; 512];
    /// let mut writer = SliceWriter::new(&mut memory);
    /// engine.save(&mut writer).expect("it is 240 bytes");
    /// let bytes = writer.written();
    /// assert_eq!(bytes.len() as u64, engine.snapshot_len());
    ///
    /// // Into an engine of another size.
    /// type Other = vvp_core::book_type!(orders: 16, ticks_per_side: 128, far_levels: 0, stops: 0);
    /// let mut other = Engine::<Other, 2, 0>::new();
    /// other.restore(bytes).expect("it fits");
    /// let book = other.book(InstrumentId::new(0)).expect("defined");
    /// assert_eq!(book.best(Side::Sell).map(|level| level.qty), Some(Qty::new(10)));
    /// ```
    ///
    /// # Errors
    /// The writer's error; the engine is unchanged.
    pub fn save<W: SnapshotWriter + ?Sized>(&self, writer: &mut W) -> Result<(), W::Error> {
        let mut sum = Crc64::new();
        let mut out = |bytes: &[u8]| {
            sum.update(bytes);
            writer.write(bytes)
        };
        let header = Header {
            magic: MAGIC,
            version: VERSION.into(),
            reserved: 0.into(),
            len: self.snapshot_len().into(),
            seq: self.state.seq.into(),
            clock: self.state.clock.into(),
            instruments: self.state.instruments.into(),
            owners: (self.state.risk.len() as u32).into(),
        };
        out(header.as_bytes())?;
        for (owner, limits) in self.state.risk.sorted() {
            out(OwnerRecord::new(owner, &limits).as_bytes())?;
        }
        for (spec, book) in self.defined() {
            book.save(&spec, &mut out)?;
        }
        writer.write(&sum.value().to_le_bytes())
    }

    fn defined(
        &self,
    ) -> impl Iterator<Item = (crate::book::InstrumentSpec, &Book<ORDERS, BLOCKS, FAR, STOPS, IDS, T>)> {
        let specs = self.specs.iter().take(self.state.instruments as usize).filter_map(Spec::unpack);
        specs.zip(&self.books)
    }

    /// Replaces the state of the engine by that in `bytes`, as [`Engine::save`] wrote them.
    ///
    /// Checks everything before it changes anything: the checksum, then each record by itself and
    /// against its neighbours, then the capacities. Takes time proportional to the old and the new
    /// content. The example is at [`Engine::save`].
    ///
    /// # Errors
    /// The first fault and its place; the engine is unchanged. Only a duplicate id or entry stamp
    /// is found while orders are inserted: then the engine is empty
    /// ([`RestoreError::left_empty`]).
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        checked!(Self);
        let parts = Parts::open(bytes)?;
        parts.verify::<ORDERS, BLOCKS, FAR, STOPS, IDS>(INSTRUMENTS, OWNERS)?;
        self.clear();
        let filled = self.fill(&parts);
        if filled.is_err() {
            self.clear();
        }
        filled
    }

    fn fill(&mut self, parts: &Parts<'_>) -> Result<(), RestoreError> {
        let state = &mut self.state;
        state.seq = parts.header.seq.get();
        state.clock = parts.header.clock.get();
        for (owner, limits) in parts.owners.iter().filter_map(OwnerRecord::read) {
            state.risk.set(owner, &limits, 0);
        }
        for ((part, book), slot) in parts.books().zip(&mut self.books).zip(&mut self.specs) {
            let part = part?;
            let Some(spec) = part.spec() else { continue };
            *slot = Spec::pack(&spec);
            state.instruments += 1;
            book.restore(&spec, &part, &mut |owner, expires| {
                state.risk.on_open(owner);
                if expires != 0 {
                    state.schedule_expiry(expires);
                }
            })?;
        }
        Ok(())
    }

    /// Empties the engine: no instruments, no limits, sequence number and clock 0. Takes time
    /// proportional to the content, and touches no memory that was never used.
    pub fn clear(&mut self) {
        checked!(Self);
        let books = self.books.iter_mut().zip(&mut self.specs);
        for (book, spec) in books.take(self.state.instruments as usize) {
            book.clear();
            *spec = Spec::NONE;
        }
        self.state.risk.clear();
        (self.state.clock, self.state.seq, self.state.first_expiry, self.state.instruments) = (0, 0, 0, 0);
    }
}

/// The parts of a snapshot with a valid checksum.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    header: &'a Header,
    owners: &'a [OwnerRecord],
    books: &'a [u8],
}

impl<'a> Parts<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, RestoreError> {
        let fail = |fault| RestoreError::new(fault, 0);
        if bytes.first_chunk() != Some(&MAGIC) {
            return Err(fail(RestoreFault::NotASnapshot));
        }
        let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| fail(RestoreFault::Length))?;
        if header.version.get() != VERSION {
            return Err(fail(RestoreFault::Version(header.version.get())));
        }
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(fail(RestoreFault::Length))?;
        if header.len.get() != bytes.len() as u64 || body.len() < size_of::<Header>() {
            return Err(fail(RestoreFault::Length));
        }
        let mut sum = Crc64::new();
        sum.update(body);
        if sum.value() != u64::from_le_bytes(*checksum) {
            return Err(fail(RestoreFault::Checksum));
        }
        if header.reserved.get() != 0 {
            return Err(fail(RestoreFault::BadRecord));
        }
        let rest = body.get(size_of::<Header>()..).unwrap_or(&[]);
        let owners = usize::try_from(header.owners.get()).unwrap_or(usize::MAX);
        let (owners, books) = <[OwnerRecord]>::ref_from_prefix_with_elems(rest, owners)
            .map_err(|_| RestoreError::new(RestoreFault::Length, size_of::<Header>() as u64))?;
        Ok(Self { header, owners, books })
    }

    /// Iterates over the books; an error if bytes are missing or left over.
    fn books(self) -> impl Iterator<Item = Result<BookParts<'a>, RestoreError>> {
        let mut left = self.header.instruments.get();
        let mut bytes = self.books;
        let end = (size_of::<Header>() + size_of_val(self.owners) + self.books.len()) as u64;
        core::iter::from_fn(move || {
            let offset = end - bytes.len() as u64;
            let fail = Some(Err(RestoreError::new(RestoreFault::Length, offset)));
            if left == 0 {
                return if core::mem::take(&mut bytes).is_empty() { None } else { fail };
            }
            left -= 1;
            let Some((part, rest)) = BookParts::split(bytes, offset) else {
                left = 0;
                bytes = &[];
                return fail;
            };
            bytes = rest;
            Some(Ok(part))
        })
    }

    fn verify<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize>(
        &self,
        instruments: usize,
        owners: usize,
    ) -> Result<(), RestoreError> {
        let counts = [
            (Capacity::Instruments, self.header.instruments.get(), instruments),
            (Capacity::Owners, self.header.owners.get(), owners),
        ];
        for (of, needed, room) in counts {
            if needed as usize > room {
                let fault = RestoreFault::NoRoom { of, needed: needed.into(), room: room as u64 };
                return Err(RestoreError::new(fault, 0));
            }
        }
        let mut before = None;
        for (i, record) in self.owners.iter().enumerate() {
            let at = |fault| RestoreError::new(fault, (size_of::<Header>() + i * size_of::<OwnerRecord>()) as u64);
            let (owner, limits) = record.read().ok_or(at(RestoreFault::BadRecord))?;
            if limits == Limits::default() {
                return Err(at(RestoreFault::BadRecord));
            }
            if before >= Some(owner) {
                return Err(at(RestoreFault::OwnerOrder));
            }
            before = Some(owner);
        }
        for part in self.books() {
            Book::<ORDERS, BLOCKS, FAR, STOPS, IDS>::verify(&part?, self.header.clock.get())?;
        }
        Ok(())
    }
}
