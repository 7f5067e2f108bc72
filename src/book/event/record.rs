//! Events as 64-byte records.

use super::{CancelReason, EventBody, EventKind, Reject};
use crate::book::{Command, InstrumentId, OrderId, OwnerId, Phase, Price, Qty, Side};
use crate::types::instrument::{InstrumentSpec, Symbol, Tick};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const HAS_TS: u8 = 1;
const HAS_ID: u8 = 2;
const HAS_EDGE_REF: u8 = 4;
const HAS_PRICE: u8 = 8;
const NO_INSTRUMENT: u8 = 16;
const SELL: u8 = 32;
const VERSION_1: u8 = 64;

/// One event, a record of 64 bytes. [docs/records.md](crate::guide::records) gives the offset of
/// every field.
///
/// The record is little-endian on every target and is its own binary form: `as_bytes` writes it,
/// [`Event::from_record`] reads it. [`Event::body`] gives it as an enum to match on.
///
/// Events are numbered from 1 without a gap over a whole run (M18.4); the record has the low 32
/// bits of the number ([`Event::seq_low`], M18.10), so that a reader can detect a lost record.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct Event {
    /// Low half of the number, kind (8 bits), flags (8 bits), instrument (16 bits): built and
    /// stored as one word.
    head: u64,
    ts: u64,
    id: u64,
    detail: u64,
    price: u64,
    qty: u64,
    maker_open: u64,
    taker_open: u64,
}

const _: () = assert!(size_of::<Event>() == 64);

/// 64 bytes are not an [`Event`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct BadEvent;

impl core::fmt::Display for BadEvent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not an event record: unknown kind, reason, phase or flag, or a field that this kind has not")
    }
}

impl core::error::Error for BadEvent {}

/// What every event has beside its [`EventBody`]: number, instrument, and time in ns.
///
/// A [`Sink`](crate::book::Sink) that translates events receives both separately, by
/// [`Sink::emit_body`](crate::book::Sink::emit_body).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventHead {
    /// An event's head without its kind.
    word: u64,
    ts: u64,
}

// Where kind, flags and instrument start in an event's head.
const KIND: u32 = 32;
const FLAGS: u32 = 40;
const INSTRUMENT: u32 = 48;

impl EventHead {
    /// Creates a head; the fields are those of [`Event::new`].
    #[must_use]
    pub const fn new(seq_low: u32, instrument: Option<InstrumentId>, ts: Option<u64>) -> Self {
        let mut head = match instrument {
            Some(instrument) => Self::unnumbered(instrument.get(), ts),
            None => Self::unnumbered(0, ts),
        };
        if instrument.is_none() {
            head.word |= (NO_INSTRUMENT as u64) << FLAGS;
        }
        head.numbered(seq_low)
    }

    /// Returns what all events of one command share; the number is 0.
    #[inline(always)]
    pub(crate) const fn unnumbered(instrument: u16, ts: Option<u64>) -> Self {
        let word = (instrument as u64) << INSTRUMENT;
        match ts {
            Some(ts) => Self { word: word | (HAS_TS as u64) << FLAGS, ts },
            None => Self { word, ts: 0 },
        }
    }

    /// [`EventHead::unnumbered`] for a command of an instrument, whose field of the time is 0 if it
    /// has none.
    #[inline(always)]
    pub(crate) fn of_command(c: &Command) -> Self {
        let word = u64::from(c.instrument_id().get()) << INSTRUMENT | u64::from(c.has_ts()) << FLAGS;
        Self { word, ts: c.ts_field() }
    }

    /// Gives an unnumbered head its number.
    #[inline(always)]
    pub(crate) const fn numbered(self, seq_low: u32) -> Self {
        Self { word: self.word | seq_low as u64, ts: self.ts }
    }

    /// Returns the unnumbered head of the same command at another instrument.
    pub(crate) const fn of(self, instrument: u16) -> Self {
        let word = self.word & ((1 << INSTRUMENT) - 1);
        Self { word: word | (instrument as u64) << INSTRUMENT, ts: self.ts }
    }

    /// Returns the instrument of a head that has one.
    pub(crate) const fn own_instrument(self) -> InstrumentId {
        InstrumentId::new((self.word >> INSTRUMENT) as u16)
    }

    const fn has(self, flag: u8) -> bool {
        (self.word >> FLAGS) as u8 & flag != 0
    }

    /// Returns the low 32 bits of the event's number; 0 for [`EventBody::Defined`], which has none.
    #[must_use]
    #[inline]
    pub const fn seq_low(self) -> u32 {
        self.word as u32
    }

    /// Returns the instrument, unless the event belongs to none.
    #[must_use]
    #[inline]
    pub const fn instrument(self) -> Option<InstrumentId> {
        if self.has(NO_INSTRUMENT) { None } else { Some(self.own_instrument()) }
    }

    /// Returns the time of the command in nanoseconds, if it had one.
    #[must_use]
    #[inline]
    pub const fn ts(self) -> Option<u64> {
        if self.has(HAS_TS) { Some(self.ts) } else { None }
    }

    /// [`Event::is_version_1`].
    #[must_use]
    #[inline]
    pub const fn is_version_1(self) -> bool {
        self.has(VERSION_1)
    }
}

impl core::fmt::Debug for EventHead {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EventHead")
            .field("seq_low", &self.seq_low())
            .field("instrument", &self.instrument())
            .field("ts", &self.ts())
            .field("is_version_1", &self.is_version_1())
            .finish()
    }
}

impl Event {
    /// Bytes in a record.
    pub const SIZE: usize = 64;

    /// Builds the record of `body`. `ts` is the time of the current command, if it had one;
    /// `instrument` is `None` for events of no instrument (M18.7).
    #[must_use]
    pub fn new(seq_low: u32, instrument: Option<InstrumentId>, ts: Option<u64>, body: EventBody) -> Self {
        Self::from_parts(&EventHead::new(seq_low, instrument, ts), body)
    }

    #[inline(always)]
    fn make(head: &EventHead, kind: EventKind, flags: u64) -> Self {
        Self {
            head: (head.word | (kind as u64) << KIND | flags << FLAGS).to_le(),
            ts: head.ts.to_le(),
            id: 0,
            detail: 0,
            price: 0,
            qty: 0,
            maker_open: 0,
            taker_open: 0,
        }
    }

    /// Builds the record of an event of one order; `code` is its reason or 0.
    #[inline(always)]
    fn of_order(
        head: &EventHead,
        kind: EventKind,
        (id, side, owner): (OrderId, Side, OwnerId),
        price: Option<Price>,
        qty: Qty,
        code: u8,
    ) -> Self {
        let (flags, price) = match price {
            Some(price) => (u64::from(HAS_PRICE), price.ticks() as u64),
            None => (0, 0),
        };
        Self {
            id: id.get().to_le(),
            detail: (u64::from(code) | u64::from(owner.get()) << 32).to_le(),
            price: price.to_le(),
            qty: qty.lots().to_le(),
            ..Self::make(head, kind, flags | side_flag(side))
        }
    }

    /// Builds the record of a head and a body: of [`Event::head`] and [`Event::body`], the same
    /// event again.
    #[must_use]
    #[inline(always)]
    pub fn from_parts(head: &EventHead, body: EventBody) -> Self {
        match body {
            EventBody::Accepted { id, side, owner, price, qty } => {
                Self::of_order(head, EventKind::Accepted, (id, side, owner), price, qty, 0)
            }
            EventBody::Rejected { id, reason, edge_ref } => {
                let flags = if id.is_some() { HAS_ID } else { 0 } | if edge_ref.is_some() { HAS_EDGE_REF } else { 0 };
                Self {
                    id: id.map_or(0, OrderId::get).to_le(),
                    detail: u64::from(reason as u8).to_le(),
                    qty: edge_ref.unwrap_or(0).to_le(),
                    ..Self::make(head, EventKind::Rejected, u64::from(flags))
                }
            }
            EventBody::Trade { maker, taker, taker_side, price, qty, maker_open, taker_open } => Self {
                id: maker.get().to_le(),
                detail: taker.get().to_le(),
                price: (price.ticks() as u64).to_le(),
                qty: qty.lots().to_le(),
                maker_open: maker_open.lots().to_le(),
                taker_open: taker_open.lots().to_le(),
                ..Self::make(head, EventKind::Trade, side_flag(taker_side))
            },
            EventBody::Canceled { id, side, owner, price, qty, reason } => {
                Self::of_order(head, EventKind::Canceled, (id, side, owner), price, qty, reason as u8)
            }
            EventBody::Reduced { id, side, owner, price, qty } => {
                Self::of_order(head, EventKind::Reduced, (id, side, owner), price, qty, 0)
            }
            EventBody::Replaced { id, side, owner, price, qty } => {
                Self::of_order(head, EventKind::Replaced, (id, side, owner), price, qty, 0)
            }
            EventBody::Triggered { id, side, owner, price, qty } => {
                Self::of_order(head, EventKind::Triggered, (id, side, owner), price, qty, 0)
            }
            EventBody::Phase { phase } => {
                Self { detail: u64::from(phase as u8).to_le(), ..Self::make(head, EventKind::Phase, 0) }
            }
            EventBody::Uncross { price, volume } => Self {
                price: (price.ticks() as u64).to_le(),
                qty: (volume as u64).to_le(),
                detail: ((volume >> 64) as u64).to_le(),
                ..Self::make(head, EventKind::Uncross, 0)
            },
            EventBody::Defined { symbol, tick } => {
                let (low, high) = symbol.to_words();
                Self {
                    id: low.to_le(),
                    detail: high.to_le(),
                    price: (tick.mantissa() as u64).to_le(),
                    qty: u64::from(tick.decimals()).to_le(),
                    ..Self::make(head, EventKind::Defined, 0)
                }
            }
        }
    }

    /// Reads a record and checks every field of it. It may be one that [`Event::from_record_v1`]
    /// has returned.
    ///
    /// # Errors
    /// [`BadEvent`] if neither [`Event::new`] nor [`Event::from_record_v1`] can make these bytes.
    pub fn from_record(bytes: &[u8; Self::SIZE]) -> Result<Self, BadEvent> {
        let event = Self::read_from_bytes(bytes).map_err(|_| BadEvent)?;
        let body = event.parse().ok_or(BadEvent)?;
        let mut again = Self::new(event.seq_low(), event.instrument(), event.ts(), body);
        if event.is_version_1() {
            again.head |= version_1();
        }
        let right = again == event && (!event.is_version_1() || event.fits_version_1());
        if right { Ok(event) } else { Err(BadEvent) }
    }

    /// Reads a record of version 1 (files that begin with `VVPEVT1`) and checks every field of it.
    ///
    /// Such a record has neither side nor owner; a price only if it is a replaced order, a trade or
    /// an uncross; and no quantity if the order was accepted or triggered. [`Event::body`] gives
    /// [`Side::Buy`], owner 0, `None` and 0 lots in their place, and [`Event::is_version_1`] is
    /// `true`.
    ///
    /// # Errors
    /// [`BadEvent`] if these bytes are no record of version 1.
    pub fn from_record_v1(bytes: &[u8; Self::SIZE]) -> Result<Self, BadEvent> {
        let mut event = Self::read_from_bytes(bytes).map_err(|_| BadEvent)?;
        if event.is_version_1() {
            return Err(BadEvent);
        }
        event.head |= version_1();
        Self::from_record(&zerocopy::transmute!(event))
    }

    /// Returns whether the event was read by [`Event::from_record_v1`], so that side, owner, some
    /// prices and some quantities are not known.
    #[must_use]
    #[inline]
    pub const fn is_version_1(&self) -> bool {
        self.has(VERSION_1)
    }

    /// Returns whether every field is zero that a record of version 1 does not have.
    fn fits_version_1(&self) -> bool {
        let no_qty = self.qty == 0;
        let no_price = !self.has(HAS_PRICE);
        let no_owner = u64::from_le(self.detail) >> 32 == 0;
        !self.has(SELL)
            && match self.kind() {
                EventKind::Accepted | EventKind::Triggered => no_owner && no_price && no_qty,
                EventKind::Canceled | EventKind::Reduced => no_owner && no_price,
                EventKind::Replaced => no_owner,
                _ => true,
            }
    }

    #[inline(always)]
    const fn has(&self, flag: u8) -> bool {
        (u64::from_le(self.head) >> FLAGS) as u8 & flag != 0
    }

    /// Returns the kind.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> EventKind {
        match EventKind::from_code((u64::from_le(self.head) >> KIND) as u8) {
            Some(kind) => kind,
            None => unreachable!(), // see `body`
        }
    }

    /// Returns number, instrument, time, and whether it is [of version 1](Event::is_version_1).
    #[must_use]
    #[inline]
    pub const fn head(&self) -> EventHead {
        let fields = ((HAS_TS | NO_INSTRUMENT | VERSION_1) as u64) << FLAGS | 0xffff << INSTRUMENT | u32::MAX as u64;
        EventHead { word: u64::from_le(self.head) & fields, ts: u64::from_le(self.ts) }
    }

    /// Returns the low 32 bits of the event's number; 0 in a [`EventKind::Defined`] record, which
    /// has none.
    #[must_use]
    #[inline]
    pub const fn seq_low(&self) -> u32 {
        self.head().seq_low()
    }

    /// Returns the instrument, unless the event belongs to none.
    #[must_use]
    #[inline]
    pub const fn instrument(&self) -> Option<InstrumentId> {
        self.head().instrument()
    }

    /// Returns the time of the command in nanoseconds, if it had one.
    #[must_use]
    #[inline]
    pub const fn ts(&self) -> Option<u64> {
        self.head().ts()
    }

    /// Returns the content of the event as an enum. Of an event [of version 1](Event::is_version_1)
    /// some fields are not known: see [`Event::from_record_v1`].
    #[must_use]
    #[inline]
    pub fn body(&self) -> EventBody {
        match self.parse() {
            Some(body) => body,
            // `new` and `from_record` are the only ways to a record, and both keep it readable.
            None => unreachable!("an event record is always readable"),
        }
    }

    #[inline(always)]
    fn parse(&self) -> Option<EventBody> {
        let id = OrderId::new(u64::from_le(self.id));
        let detail = u64::from_le(self.detail);
        let code = u8::try_from(detail).unwrap_or(u8::MAX);
        let price = Price::new(u64::from_le(self.price) as i64);
        let qty = Qty::new(u64::from_le(self.qty));
        let side = if self.has(SELL) { Side::Sell } else { Side::Buy };
        let owner = OwnerId::new((detail >> 32) as u32);
        let limit = if self.has(HAS_PRICE) { Some(price) } else { None };
        Some(match EventKind::from_code((u64::from_le(self.head) >> KIND) as u8)? {
            EventKind::Accepted => EventBody::Accepted { id, side, owner, price: limit, qty },
            EventKind::Rejected => EventBody::Rejected {
                id: if self.has(HAS_ID) { Some(id) } else { None },
                reason: Reject::from_code(code)?,
                edge_ref: if self.has(HAS_EDGE_REF) { Some(qty.lots()) } else { None },
            },
            EventKind::Trade => EventBody::Trade {
                maker: id,
                taker: OrderId::new(detail),
                taker_side: side,
                price,
                qty,
                maker_open: Qty::new(u64::from_le(self.maker_open)),
                taker_open: Qty::new(u64::from_le(self.taker_open)),
            },
            EventKind::Canceled => {
                let reason = CancelReason::from_code(u8::try_from(detail as u32).ok()?)?;
                EventBody::Canceled { id, side, owner, price: limit, qty, reason }
            }
            EventKind::Reduced => EventBody::Reduced { id, side, owner, price: limit, qty },
            EventKind::Replaced => EventBody::Replaced { id, side, owner, price: limit, qty },
            EventKind::Triggered => EventBody::Triggered { id, side, owner, price: limit, qty },
            EventKind::Phase => EventBody::Phase { phase: Phase::from_code(code)? },
            EventKind::Uncross => {
                EventBody::Uncross { price, volume: u128::from(detail) << 64 | u128::from(qty.lots()) }
            }
            EventKind::Defined => EventBody::Defined {
                symbol: Symbol::from_words(id.get(), detail)?,
                tick: Tick::new(price.ticks(), u8::try_from(qty.lots()).ok()?)?,
            },
        })
    }

    /// Returns the record of an instrument's definition, which has no number.
    #[must_use]
    pub fn defined(instrument: InstrumentId, spec: &InstrumentSpec) -> Self {
        Self::new(0, Some(instrument), None, EventBody::Defined { symbol: spec.symbol, tick: spec.tick })
    }
}

#[inline(always)]
const fn side_flag(side: Side) -> u64 {
    side as u64 * SELL as u64
}

/// The flag of version 1, where it stands in a record's head.
const fn version_1() -> u64 {
    ((VERSION_1 as u64) << FLAGS).to_le()
}

impl core::fmt::Debug for Event {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Event")
            .field("seq_low", &self.seq_low())
            .field("instrument", &self.instrument())
            .field("ts", &self.ts())
            .field("is_version_1", &self.is_version_1())
            .field("body", &self.body())
            .finish()
    }
}
