//! Market data records of 64 bytes.

use crate::book::{DepthLevel, InstrumentId, OrderId, Price, Qty, Side, Visible};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The content of a [`Record`], as an enum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MarketData {
    /// L1: the best visible levels; `None` where nothing is visible.
    Top {
        /// The best bid.
        bid: Option<DepthLevel>,
        /// The best ask.
        ask: Option<DepthLevel>,
    },
    /// L2: the new state of a level; without orders it is deleted.
    Level {
        /// Its side.
        side: Side,
        /// Price, visible quantity, visible orders.
        level: DepthLevel,
    },
    /// L3: what happened to one order.
    Order {
        /// Its side.
        side: Side,
        /// The price of its level.
        price: Price,
        /// Kind of the event.
        what: Visible,
    },
}

/// One market data record, 64 bytes. [docs/market-data.md](crate::guide::market_data) gives the
/// offset of every field.
///
/// The record is little-endian on every target and is its own binary form: `as_bytes` writes it,
/// [`Record::from_record`] reads it. [`Record::data`] returns it as an enum to match on.
///
/// ```text
/// offset  0 number (low 32 bits) | kind | flags | instrument     8 clock in ns
///        16 price          24 quantity      32 order id        40 what is left
///        48 trade price, or order counts    56 number of the event it belongs to
/// ```
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct Record {
    head: u64,
    clock: u64,
    /// Price of the level; L1: of the best bid.
    price: u64,
    /// L2: visible quantity of the level. L1: of the best bid. L3: lots of this change.
    qty: u64,
    /// L3: order id. L1: price of the best ask.
    id: u64,
    /// L3: visible quantity of the order now. L1: visible quantity of the best ask.
    left: u64,
    /// L3: price of the trade. L2: visible orders. L1: visible orders of the best bid, and × 2^32
    /// of the best ask.
    more: u64,
    seq: u64,
}

const _: () = assert!(size_of::<Record>() == 64 && core::mem::offset_of!(Record, seq) == 56);

// Kinds.
const TOP: u8 = 1;
const LEVEL: u8 = 2;
const ADDED: u8 = 3;
const REDUCED: u8 = 4;
const DELETED: u8 = 5;
const EXECUTED: u8 = 6;
const HIDDEN_TRADE: u8 = 7;

// Flags.
const SELL: u8 = 1;
const AGAIN: u8 = 2;

/// 64 bytes are not a [`Record`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct BadRecord;

impl core::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not a market data record: unknown kind or flag, or an unused byte that is not zero; skip it")
    }
}

impl core::error::Error for BadRecord {}

impl Record {
    /// Bytes in a record.
    pub const SIZE: usize = 64;

    /// Builds the record of `data`. `seq` is the number of the last event that it belongs to,
    /// `clock` the engine's clock.
    #[must_use]
    #[inline]
    pub fn new(number_low: u32, instrument: InstrumentId, clock: u64, seq: u64, data: MarketData) -> Self {
        let head = |kind: u8, flags: u8| {
            (u64::from(number_low) | u64::from(kind) << 32 | u64::from(flags) << 40 | u64::from(instrument.get()) << 48)
                .to_le()
        };
        let mut r = Self { head: 0, clock: clock.to_le(), price: 0, qty: 0, id: 0, left: 0, more: 0, seq: seq.to_le() };
        let ticks = |price: Price| (price.ticks() as u64).to_le();
        match data {
            MarketData::Top { bid, ask } => {
                r.head = head(TOP, 0);
                let mut orders = 0;
                if let Some(bid) = bid {
                    r.price = ticks(bid.price);
                    r.qty = bid.qty.lots().to_le();
                    orders = u64::from(bid.orders);
                }
                if let Some(ask) = ask {
                    r.id = ticks(ask.price);
                    r.left = ask.qty.lots().to_le();
                    orders |= u64::from(ask.orders) << 32;
                }
                r.more = orders.to_le();
            }
            MarketData::Level { side, level } => {
                r.head = head(LEVEL, side as u8);
                r.price = ticks(level.price);
                r.qty = level.qty.lots().to_le();
                r.more = u64::from(level.orders).to_le();
            }
            MarketData::Order { side, price, what } => {
                let (kind, id, qty, left, at, again) = match what {
                    Visible::Added { id, qty } => (ADDED, id, qty, qty, None, false),
                    Visible::Reduced { id, by, left } => (REDUCED, id, by, left, None, false),
                    Visible::Deleted { id, qty } => (DELETED, id, qty, Qty::ZERO, None, false),
                    Visible::Executed { id, at, qty, left, again } => (EXECUTED, id, qty, left, Some(at), again),
                    Visible::HiddenTrade { at, qty, again } => {
                        (HIDDEN_TRADE, OrderId::new(0), qty, Qty::ZERO, Some(at), again)
                    }
                };
                r.head = head(kind, side as u8 | if again { AGAIN } else { 0 });
                r.price = ticks(price);
                r.qty = qty.lots().to_le();
                r.id = id.get().to_le();
                r.left = left.lots().to_le();
                r.more = at.map_or(0, ticks);
            }
        }
        r
    }

    /// Reads a record and checks every field of it.
    ///
    /// # Errors
    /// [`BadRecord`] when the bytes are not a record that [`Record::new`] could have made.
    pub fn from_record(bytes: &[u8; Self::SIZE]) -> Result<Self, BadRecord> {
        let record = Self::read_from_bytes(bytes).map_err(|_| BadRecord)?;
        let data = record.parse().ok_or(BadRecord)?;
        let again = Self::new(record.number_low(), record.instrument(), record.clock(), record.seq(), data);
        if again == record { Ok(record) } else { Err(BadRecord) }
    }

    /// Returns the low 32 bits of the record's own number. Records of a feed count from 1 without a
    /// gap.
    #[must_use]
    #[inline]
    pub const fn number_low(&self) -> u32 {
        u64::from_le(self.head) as u32
    }

    /// Returns the instrument.
    #[must_use]
    #[inline]
    pub const fn instrument(&self) -> InstrumentId {
        InstrumentId::new((u64::from_le(self.head) >> 48) as u16)
    }

    /// Returns the engine's clock in nanoseconds.
    #[must_use]
    #[inline]
    pub const fn clock(&self) -> u64 {
        u64::from_le(self.clock)
    }

    /// Returns the number of the event that it belongs to; of L1 and L2 the last event of the
    /// command (or, for an instrument where orders expired only, of its expiries).
    #[must_use]
    #[inline]
    pub const fn seq(&self) -> u64 {
        u64::from_le(self.seq)
    }

    /// Returns the content of the record as an enum.
    #[must_use]
    pub fn data(&self) -> MarketData {
        match self.parse() {
            Some(data) => data,
            // `new` and `from_record` are the only ways to a record, and both keep it readable.
            None => unreachable!("a market data record is always readable"),
        }
    }

    pub(crate) fn parse(&self) -> Option<MarketData> {
        let head = u64::from_le(self.head);
        let (kind, flags) = ((head >> 32) as u8, (head >> 40) as u8);
        let side = if flags & SELL == 0 { Side::Buy } else { Side::Sell };
        let again = flags & AGAIN != 0;
        let ticks = |word: u64| Price::new(u64::from_le(word) as i64);
        let lots = |word: u64| Qty::new(u64::from_le(word));
        let (id, more) = (OrderId::new(u64::from_le(self.id)), u64::from_le(self.more));
        let (qty, left, at) = (lots(self.qty), lots(self.left), ticks(self.more));
        let what = match kind {
            TOP => {
                let level = |price, qty, orders| {
                    (orders != 0).then_some(DepthLevel { price: ticks(price), qty: lots(qty), orders })
                };
                let bid = level(self.price, self.qty, more as u32);
                return Some(MarketData::Top { bid, ask: level(self.id, self.left, (more >> 32) as u32) });
            }
            LEVEL => {
                let level = DepthLevel { price: ticks(self.price), qty, orders: u32::try_from(more).ok()? };
                return Some(MarketData::Level { side, level });
            }
            ADDED => Visible::Added { id, qty },
            REDUCED => Visible::Reduced { id, by: qty, left },
            DELETED => Visible::Deleted { id, qty },
            EXECUTED => Visible::Executed { id, at, qty, left, again },
            HIDDEN_TRADE => Visible::HiddenTrade { at, qty, again },
            _ => return None,
        };
        Some(MarketData::Order { side, price: ticks(self.price), what })
    }
}

impl core::fmt::Debug for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Record")
            .field("number_low", &self.number_low())
            .field("instrument", &self.instrument())
            .field("clock", &self.clock())
            .field("seq", &self.seq())
            .field("data", &self.parse())
            .finish()
    }
}
