//! Events: the output of the engine, and their 64-byte records.

use super::{InstrumentId, OrderId, Phase, Price, Qty};
use crate::types::instrument::{InstrumentSpec, Symbol, Tick};
use crate::types::order_words::words;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

words! {
    /// Reason of a refusal. A refusal changes nothing but the clock, with its expiries (M17.1).
    #[derive(zerocopy::TryFromBytes)]
    Reject {
        /// A line or record that is not a command, or a field that this order cannot have.
        BadField = 1 "bad_field",
        /// The instrument's phase does not allow it; wait for another phase.
        Phase = 2 "phase",
        /// A live order of this instrument has this id.
        DuplicateId = 3 "duplicate_id",
        /// No live order of this instrument has this id.
        UnknownOrder = 4 "unknown_order",
        /// No instrument of this name is defined.
        UnknownInstrument = 5 "unknown_instrument",
        /// A quantity that is zero, out of its bounds, or overflows its level's total.
        BadQty = 6 "bad_qty",
        /// A price outside `i64` ticks, or a trail of zero.
        BadPrice = 7 "bad_price",
        /// A price that is not a multiple of the tick.
        OffTick = 8 "off_tick",
        /// A price outside the instrument's band.
        PriceOutOfBand = 9 "price_out_of_band",
        /// The owner may not trade.
        OwnerBlocked = 10 "owner_blocked",
        /// More than the owner's limit on an order's quantity.
        MaxQty = 11 "max_qty",
        /// More than the owner's limit on quantity × price.
        MaxNotional = 12 "max_notional",
        /// The owner has reached its limit of live orders.
        MaxOrders = 13 "max_orders",
        /// A post-only order that would trade.
        WouldCross = 14 "would_cross",
        /// No room for one more resting order.
        BookFull = 15 "book_full",
        /// No room for one more untriggered stop.
        StopsFull = 16 "stops_full",
        /// No room for one more price level so far from the touch.
        LevelsFull = 17 "levels_full",
        /// The command's time is before the clock.
        TimeReversed = 18 "time_reversed",
    }
}

words! {
    /// Reason of a cancel of an order or of its rest.
    #[derive(zerocopy::TryFromBytes)]
    CancelReason {
        /// `cancel`, or a `reduce` of everything.
        Requested = 1 "user",
        /// The rest of an immediate-or-cancel order (M2.3).
        Ioc = 2 "ioc",
        /// A fill-or-kill order that could not trade in full (M4.1).
        Fok = 3 "fok",
        /// Less than `min_qty` could trade (M5.1).
        MinQty = 4 "min_qty",
        /// The rest of a market order: the other side is empty (M3.3).
        NoLiquidity = 5 "no_liquidity",
        /// The rest of a market order: the next price is beyond its `protect` (M3.3).
        Protection = 6 "protection",
        /// Self-trade prevention (M12.6).
        SelfTradePrevention = 7 "stp",
        /// `mass_cancel` (M11.3).
        MassCancel = 8 "mass",
        /// A gtd order was due (M13.2), or a day order's instrument closed (M14.9).
        Expired = 9 "expired",
        /// The rest of a triggered stop_limit found no room in the book (M17.10).
        BookFull = 10 "book_full",
        /// The rest of a triggered stop_limit found no room for its level (M17.10).
        LevelsFull = 11 "levels_full",
        /// The rest of a triggered stop_limit would overflow its level's total (M17.10).
        BadQty = 12 "bad_qty",
    }
}

words! {
    /// The kind of an [`Event`].
    #[derive(zerocopy::TryFromBytes)]
    EventKind {
        /// A new order was accepted.
        Accepted = 1 "accepted",
        /// A command was refused.
        Rejected = 2 "rejected",
        /// Two orders traded.
        Trade = 3 "trade",
        /// An order, or the rest of one, was canceled.
        Canceled = 4 "canceled",
        /// An order's open quantity was reduced; it kept priority.
        Reduced = 5 "reduced",
        /// An order was replaced.
        Replaced = 6 "replaced",
        /// A stop was triggered.
        Triggered = 7 "triggered",
        /// The phase of an instrument, as requested (M14.8).
        Phase = 8 "phase",
        /// The price and volume of an uncross; its trades follow (M15.1).
        Uncross = 9 "uncross",
        /// An instrument was defined. It has no number and no line in the text format: it gives a
        /// printer or a store the name and the tick of the events that follow (M18.9).
        Defined = 10 "defined",
    }
}

pub(crate) const HAS_TS: u8 = 1;
pub(crate) const HAS_ID: u8 = 2;
pub(crate) const HAS_EDGE_REF: u8 = 4;
pub(crate) const HAS_PRICE: u8 = 8;
pub(crate) const NO_INSTRUMENT: u8 = 16;

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

/// The content of an [`Event`], as an enum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[allow(missing_docs)] // the fields carry the names of the text format
pub enum EventBody {
    /// A new order was accepted.
    Accepted { id: OrderId },
    /// A command was refused. `id` if and only if the command had one (M18.6); `edge_ref`, a number
    /// of the edge that refused (for text the line), if and only if the input was no command.
    Rejected { id: Option<OrderId>, reason: Reject, edge_ref: Option<u64> },
    /// `maker` rested, `taker` came in; the price is the maker's (M1.4). The open quantities are
    /// those after the trade; a maker with 0 is dead (M18.2).
    Trade { maker: OrderId, taker: OrderId, price: Price, qty: Qty, maker_open: Qty, taker_open: Qty },
    /// `qty` is the open quantity before (M18.5).
    Canceled { id: OrderId, qty: Qty, reason: CancelReason },
    /// `qty` is the open quantity now (M18.5).
    Reduced { id: OrderId, qty: Qty },
    /// Price (of an order that has a limit price) and open quantity after the change and before
    /// matching (M18.3).
    Replaced { id: OrderId, price: Option<Price>, qty: Qty },
    /// A stop's turn has come; its trades follow.
    Triggered { id: OrderId },
    /// The phase as requested, even if nothing changed (M14.8).
    Phase { phase: Phase },
    /// Auction price and executed volume in lots, which may exceed `u64` (M15.13); the text format
    /// calls it `qty`.
    Uncross { price: Price, volume: u128 },
    /// An instrument was defined; see [`EventKind::Defined`].
    Defined { symbol: Symbol, tick: Tick },
}

/// 64 bytes are not an [`Event`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct BadEvent;

impl core::fmt::Display for BadEvent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not an event record: unknown kind, reason, phase or flag")
    }
}

impl core::error::Error for BadEvent {}

/// The origin of an event: instrument and time, which all events of one command share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventOrigin {
    /// Flags and instrument, where they stand in an event's head.
    head: u64,
    ts: u64,
}

// Where kind, flags and instrument start in an event's head.
const KIND: u32 = 32;
const FLAGS: u32 = 40;
const INSTRUMENT: u32 = 48;

impl EventOrigin {
    #[inline(always)]
    pub(crate) const fn new(instrument: u16, ts: Option<u64>) -> Self {
        let head = (instrument as u64) << INSTRUMENT;
        match ts {
            Some(ts) => Self { head: head | (HAS_TS as u64) << FLAGS, ts },
            None => Self { head, ts: 0 },
        }
    }

    /// Returns the origin of the same command at another instrument.
    pub(crate) const fn of(self, instrument: u16) -> Self {
        let head = self.head & ((1 << INSTRUMENT) - 1);
        Self { head: head | (instrument as u64) << INSTRUMENT, ts: self.ts }
    }

    pub(crate) const fn instrument(self) -> InstrumentId {
        InstrumentId::new((self.head >> INSTRUMENT) as u16)
    }

    const NOWHERE: u64 = (NO_INSTRUMENT as u64) << FLAGS;
}

impl Event {
    /// Bytes in a record.
    pub const SIZE: usize = 64;

    #[inline(always)]
    fn make(origin: &EventOrigin, seq_low: u32, kind: EventKind) -> Self {
        Self {
            head: (origin.head | u64::from(seq_low) | (kind as u64) << KIND).to_le(),
            ts: origin.ts.to_le(),
            id: 0,
            detail: 0,
            price: 0,
            qty: 0,
            maker_open: 0,
            taker_open: 0,
        }
    }

    /// Builds the record of `body`. `ts` is the time of the current command, if it had one;
    /// `instrument` is `None` for events of no instrument (M18.7).
    #[must_use]
    pub fn new(seq_low: u32, instrument: Option<InstrumentId>, ts: Option<u64>, body: EventBody) -> Self {
        let mut origin = EventOrigin::new(instrument.unwrap_or_default().get(), ts);
        if instrument.is_none() {
            origin.head |= EventOrigin::NOWHERE;
        }
        Self::at_origin(&origin, seq_low, body)
    }

    const fn flag(&mut self, flag: u8) {
        self.head |= ((flag as u64) << FLAGS).to_le();
    }

    const fn has(&self, flag: u8) -> bool {
        (u64::from_le(self.head) >> FLAGS) as u8 & flag != 0
    }

    #[inline(always)]
    pub(crate) fn at_origin(origin: &EventOrigin, seq_low: u32, body: EventBody) -> Self {
        match body {
            EventBody::Accepted { id } => {
                Self { id: id.get().to_le(), ..Self::make(origin, seq_low, EventKind::Accepted) }
            }
            EventBody::Rejected { id, reason, edge_ref } => {
                let mut e = Self::make(origin, seq_low, EventKind::Rejected);
                e.detail = u64::from(reason as u8).to_le();
                if let Some(id) = id {
                    e.flag(HAS_ID);
                    e.id = id.get().to_le();
                }
                if let Some(edge_ref) = edge_ref {
                    e.flag(HAS_EDGE_REF);
                    e.qty = edge_ref.to_le();
                }
                e
            }
            EventBody::Trade { maker, taker, price, qty, maker_open, taker_open } => Self {
                id: maker.get().to_le(),
                detail: taker.get().to_le(),
                price: (price.ticks() as u64).to_le(),
                qty: qty.lots().to_le(),
                maker_open: maker_open.lots().to_le(),
                taker_open: taker_open.lots().to_le(),
                ..Self::make(origin, seq_low, EventKind::Trade)
            },
            EventBody::Canceled { id, qty, reason } => Self {
                id: id.get().to_le(),
                detail: u64::from(reason as u8).to_le(),
                qty: qty.lots().to_le(),
                ..Self::make(origin, seq_low, EventKind::Canceled)
            },
            EventBody::Reduced { id, qty } => Self {
                id: id.get().to_le(),
                qty: qty.lots().to_le(),
                ..Self::make(origin, seq_low, EventKind::Reduced)
            },
            EventBody::Replaced { id, price, qty } => {
                let mut e = Self::make(origin, seq_low, EventKind::Replaced);
                e.id = id.get().to_le();
                e.qty = qty.lots().to_le();
                if let Some(price) = price {
                    e.flag(HAS_PRICE);
                    e.price = (price.ticks() as u64).to_le();
                }
                e
            }
            EventBody::Triggered { id } => {
                Self { id: id.get().to_le(), ..Self::make(origin, seq_low, EventKind::Triggered) }
            }
            EventBody::Phase { phase } => {
                Self { detail: u64::from(phase as u8).to_le(), ..Self::make(origin, seq_low, EventKind::Phase) }
            }
            EventBody::Uncross { price, volume } => Self {
                price: (price.ticks() as u64).to_le(),
                qty: (volume as u64).to_le(),
                detail: ((volume >> 64) as u64).to_le(),
                ..Self::make(origin, seq_low, EventKind::Uncross)
            },
            EventBody::Defined { symbol, tick } => {
                let (low, high) = symbol.to_words();
                Self {
                    id: low.to_le(),
                    detail: high.to_le(),
                    price: (tick.mantissa() as u64).to_le(),
                    qty: u64::from(tick.decimals()).to_le(),
                    ..Self::make(origin, seq_low, EventKind::Defined)
                }
            }
        }
    }

    /// Reads a record and checks every field of it.
    ///
    /// # Errors
    /// [`BadEvent`] if [`Event::new`] cannot make these bytes.
    pub fn from_record(bytes: &[u8; Self::SIZE]) -> Result<Self, BadEvent> {
        let event = Self::read_from_bytes(bytes).map_err(|_| BadEvent)?;
        let body = event.parse().ok_or(BadEvent)?;
        let again = Self::new(event.seq_low(), event.instrument(), event.ts(), body);
        if again == event { Ok(event) } else { Err(BadEvent) }
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

    /// Returns the low 32 bits of the event's number; 0 in a [`EventKind::Defined`] record, which
    /// has none.
    #[must_use]
    #[inline]
    pub const fn seq_low(&self) -> u32 {
        u64::from_le(self.head) as u32
    }

    /// Returns the instrument, unless the event belongs to none.
    #[must_use]
    #[inline]
    pub const fn instrument(&self) -> Option<InstrumentId> {
        let instrument = (u64::from_le(self.head) >> INSTRUMENT) as u16;
        if self.has(NO_INSTRUMENT) { None } else { Some(InstrumentId::new(instrument)) }
    }

    /// Returns the time of the command in nanoseconds, if it had one.
    #[must_use]
    #[inline]
    pub const fn ts(&self) -> Option<u64> {
        if self.has(HAS_TS) { Some(u64::from_le(self.ts)) } else { None }
    }

    /// Returns the content of the event as an enum.
    #[must_use]
    pub fn body(&self) -> EventBody {
        match self.parse() {
            Some(body) => body,
            // `new` and `from_record` are the only ways to a record, and both keep it readable.
            None => unreachable!("an event record is always readable"),
        }
    }

    fn parse(&self) -> Option<EventBody> {
        let id = OrderId::new(u64::from_le(self.id));
        let detail = u64::from_le(self.detail);
        let code = u8::try_from(detail).unwrap_or(u8::MAX);
        let price = Price::new(u64::from_le(self.price) as i64);
        let qty = Qty::new(u64::from_le(self.qty));
        Some(match EventKind::from_code((u64::from_le(self.head) >> KIND) as u8)? {
            EventKind::Accepted => EventBody::Accepted { id },
            EventKind::Rejected => EventBody::Rejected {
                id: if self.has(HAS_ID) { Some(id) } else { None },
                reason: Reject::from_code(code)?,
                edge_ref: if self.has(HAS_EDGE_REF) { Some(qty.lots()) } else { None },
            },
            EventKind::Trade => EventBody::Trade {
                maker: id,
                taker: OrderId::new(detail),
                price,
                qty,
                maker_open: Qty::new(u64::from_le(self.maker_open)),
                taker_open: Qty::new(u64::from_le(self.taker_open)),
            },
            EventKind::Canceled => EventBody::Canceled { id, qty, reason: CancelReason::from_code(code)? },
            EventKind::Reduced => EventBody::Reduced { id, qty },
            EventKind::Replaced => {
                EventBody::Replaced { id, price: if self.has(HAS_PRICE) { Some(price) } else { None }, qty }
            }
            EventKind::Triggered => EventBody::Triggered { id },
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

impl core::fmt::Debug for Event {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Event")
            .field("seq_low", &self.seq_low())
            .field("instrument", &self.instrument())
            .field("ts", &self.ts())
            .field("body", &self.body())
            .finish()
    }
}
