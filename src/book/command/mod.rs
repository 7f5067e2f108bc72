//! Commands: the input of the engine, and their 64-byte records.

mod read;
mod record;

pub use record::BadCommand;

use super::{
    InstrumentId, OrderId, OrderType, OwnerId, Phase, Price, Qty, Reject, SelfTradePrevention, Side, TimeInForce,
};
use crate::types::instrument::{InstrumentSpec, Limits};
use crate::types::order_words::words;
use zerocopy::{Immutable, IntoBytes, KnownLayout, TryFromBytes};

words! {
    /// The operation of a [`Command`].
    #[derive(zerocopy::TryFromBytes)]
    Op {
        /// A new order.
        New = 1 "new",
        /// Cancel an order.
        Cancel = 2 "cancel",
        /// Take quantity off an order; it keeps priority.
        Reduce = 3 "reduce",
        /// Give an order a new price, stop or quantity.
        Replace = 4 "replace",
        /// Cancel all orders of an owner, or those of one side.
        MassCancel = 5 "mass_cancel",
        /// Put an instrument into a phase.
        Phase = 6 "phase",
        /// Move the clock.
        Time = 7 "time",
        /// Define an instrument.
        Instrument = 8 "instrument",
        /// Set an owner's risk limits.
        Limits = 9 "limits",
        /// A refusal by the edge, to be numbered in the event stream like any other.
        Refused = 10 "refused",
    }
}

// Flags: which optional fields are there, and the booleans.
pub(crate) const HAS_TS: u16 = 1;
pub(crate) const HAS_PRICE: u16 = 1 << 1; // replace: price. instrument: min_price
pub(crate) const HAS_STOP: u16 = 1 << 2; // replace: stop. instrument: max_price
pub(crate) const HAS_QTY: u16 = 1 << 3; // replace: qty. limits: max_qty
pub(crate) const HAS_EXTRA: u16 = 1 << 4; // new: protect, display or min_qty. instrument: reference. limits: max_notional
pub(crate) const HAS_SIDE: u16 = 1 << 5; // mass_cancel: side
pub(crate) const HAS_ID: u16 = 1 << 6; // refused: id. limits: max_orders
pub(crate) const HAS_EDGE_REF: u16 = 1 << 7; // refused: edge_ref
pub(crate) const POST_ONLY: u16 = 1 << 8;
pub(crate) const HIDDEN: u16 = 1 << 9;
pub(crate) const BLOCKED: u16 = 1 << 10;
pub(crate) const NO_INSTRUMENT: u16 = 1 << 11; // refused: belongs to no instrument
pub(crate) const LOSE_PRIORITY: u16 = 1 << 12; // replace: lose_priority
/// M0.16, M0.17: set by the builder for a contradiction. No valid record has it.
pub(crate) const CONTRADICTION: u16 = 1 << 15;

/// One command, a record of 64 bytes. [docs/records.md](crate::guide::records) gives the offset of
/// every field.
///
/// The record is little-endian on every target and is its own binary form: `as_bytes` writes it,
/// [`Command::from_record`] reads and checks it.
///
/// ```
/// use vvp_core::book::*;
/// let c = Command::limit(OrderId::new(1), Side::Buy, Price::new(15_000), Qty::new(100))
///     .with_owner(OwnerId::new(7))
///     .with_tif(TimeInForce::Ioc)
///     .with_ts(1_000);
/// assert!(c.is_well_formed());
/// assert!(!c.with_hidden().is_well_formed()); // an ioc order cannot be hidden
/// ```
#[derive(Clone, Copy, PartialEq, Eq, TryFromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct Command {
    op: Op,
    side: Side,
    order_type: OrderType,
    tif: TimeInForce,
    stp: SelfTradePrevention,
    /// phase: the phase. instrument: decimals of the tick. refused: the reason.
    detail: u8,
    flags: u16,
    instrument: u16,
    reserved: u16,
    owner: u32,
    /// Time. instrument: first half of the symbol.
    ts: u64,
    /// Order id. instrument: second half of the symbol. limits: max_orders.
    id: u64,
    /// Limit price; protect of an order that has none. instrument: min_price.
    price: u64,
    /// Quantity. instrument: max_price. limits: max_qty. refused: edge_ref.
    qty: u64,
    /// Stop or trail; display or min_qty of a limit order. instrument: reference. limits:
    /// max_notional, low half.
    extra: u64,
    /// Expiry time. instrument: mantissa of the tick. limits: max_notional, high half.
    expires: u64,
}

const _: () = assert!(size_of::<Command>() == 64);

/// Fields of a replace; `None` keeps the old value (M10.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Replacement {
    /// New limit price.
    pub price: Option<Price>,
    /// New stop price.
    pub stop: Option<Price>,
    /// New open quantity.
    pub qty: Option<Qty>,
    /// Gives up priority where price, stop and quantity would keep it (M10.2). Not one of the three
    /// of which one must be given.
    pub lose_priority: bool,
}

/// A refusal by the edge, before the engine (M19.15, M19.17).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal {
    /// The reason.
    pub reason: Reject,
    /// The command's order id, if it was readable and the command has one.
    pub id: Option<OrderId>,
    /// The number of the line or record, if it was no command at all.
    pub edge_ref: Option<u64>,
    /// The instrument, if one is known.
    pub instrument: Option<InstrumentId>,
    /// The command's time, if it had one.
    pub ts: Option<u64>,
}

impl Command {
    /// Bytes in a record.
    pub const SIZE: usize = 64;

    const fn blank(op: Op) -> Self {
        Self {
            op,
            side: Side::Buy,
            order_type: OrderType::Limit,
            tif: TimeInForce::Gtc,
            stp: SelfTradePrevention::None,
            detail: 0,
            flags: 0,
            instrument: 0,
            reserved: 0,
            owner: 0,
            ts: 0,
            id: 0,
            price: 0,
            qty: 0,
            extra: 0,
            expires: 0,
        }
    }

    const fn order(order_type: OrderType, id: OrderId, side: Side, qty: Qty) -> Self {
        let mut c = Self::blank(Op::New);
        c.order_type = order_type;
        c.side = side;
        c.id = id.get().to_le();
        c.qty = qty.lots().to_le();
        c
    }

    /// Creates a limit order; default gtc, owner 0, instrument 0.
    ///
    /// ```
    /// use vvp_core::book::*;
    ///
    /// let bid = Command::limit(OrderId::new(1), Side::Buy, Price::new(15_000), Qty::new(100));
    /// let ioc = bid.with_tif(TimeInForce::Ioc).with_min_qty(Qty::new(50));
    /// let iceberg =
    ///     bid.with_expiry(1_700_000_000).with_display_qty(Qty::new(10)).with_post_only();
    /// assert!(ioc.is_well_formed() && iceberg.is_well_formed());
    /// assert!(!iceberg.with_hidden().is_well_formed()); // `display` with `hidden`
    /// ```
    #[must_use]
    pub const fn limit(id: OrderId, side: Side, price: Price, qty: Qty) -> Self {
        let mut c = Self::order(OrderType::Limit, id, side, qty);
        c.price = (price.ticks() as u64).to_le();
        c
    }

    /// Creates a market order.
    ///
    /// ```
    /// use vvp_core::book::*;
    ///
    /// let sell = Command::market(OrderId::new(2), Side::Sell, Qty::new(40)).with_protection(5);
    /// assert!(sell.is_well_formed()); // trades at most 5 ticks from the best price
    /// ```
    #[must_use]
    pub const fn market(id: OrderId, side: Side, qty: Qty) -> Self {
        Self::order(OrderType::Market, id, side, qty)
    }

    /// Creates a stop: becomes a market order when the last trade price reaches `stop`.
    #[must_use]
    pub const fn stop(id: OrderId, side: Side, stop: Price, qty: Qty) -> Self {
        let mut c = Self::order(OrderType::Stop, id, side, qty);
        c.extra = (stop.ticks() as u64).to_le();
        c
    }

    /// Creates a stop that becomes a limit order at `price`.
    #[must_use]
    pub const fn stop_limit(id: OrderId, side: Side, stop: Price, price: Price, qty: Qty) -> Self {
        let mut c = Self::order(OrderType::StopLimit, id, side, qty);
        c.extra = (stop.ticks() as u64).to_le();
        c.price = (price.ticks() as u64).to_le();
        c
    }

    /// Creates a stop that follows the last trade price at a distance of `trail` ticks.
    #[must_use]
    pub const fn trailing_stop(id: OrderId, side: Side, trail: u64, qty: Qty) -> Self {
        let mut c = Self::order(OrderType::TrailingStop, id, side, qty);
        c.extra = trail.to_le();
        c
    }

    /// Creates a cancel of an order.
    #[must_use]
    pub const fn cancel(id: OrderId) -> Self {
        let mut c = Self::blank(Op::Cancel);
        c.id = id.get().to_le();
        c
    }

    /// Creates a reduce: takes `qty` off an order's open quantity.
    #[must_use]
    pub const fn reduce(id: OrderId, qty: Qty) -> Self {
        let mut c = Self::blank(Op::Reduce);
        c.id = id.get().to_le();
        c.qty = qty.lots().to_le();
        c
    }

    /// Creates a replace of price, stop or open quantity; at least one must be given (M10.1).
    ///
    /// ```
    /// use vvp_core::book::*;
    ///
    /// let with = Replacement { price: Some(Price::new(15_010)), ..Replacement::default() };
    /// assert!(Command::replace(OrderId::new(1), with).is_well_formed());
    /// assert!(!Command::replace(OrderId::new(1), Replacement::default()).is_well_formed());
    /// ```
    #[must_use]
    pub const fn replace(id: OrderId, with: Replacement) -> Self {
        let mut c = Self::blank(Op::Replace);
        c.id = id.get().to_le();
        if let Some(price) = with.price {
            c.flags |= HAS_PRICE.to_le();
            c.price = (price.ticks() as u64).to_le();
        }
        if let Some(stop) = with.stop {
            c.flags |= HAS_STOP.to_le();
            c.extra = (stop.ticks() as u64).to_le();
        }
        if let Some(qty) = with.qty {
            c.flags |= HAS_QTY.to_le();
            c.qty = qty.lots().to_le();
        }
        if c.flags == 0 {
            c.flags |= CONTRADICTION.to_le();
        }
        if with.lose_priority {
            c.flags |= LOSE_PRIORITY.to_le();
        }
        c
    }

    /// Creates a mass cancel of all orders of an owner on one instrument, or those of one side.
    #[must_use]
    pub const fn mass_cancel(owner: OwnerId, side: Option<Side>) -> Self {
        let mut c = Self::blank(Op::MassCancel);
        c.owner = owner.get().to_le();
        if let Some(side) = side {
            c.flags |= HAS_SIDE.to_le();
            c.side = side;
        }
        c
    }

    /// Creates a change of the instrument's phase.
    #[must_use]
    pub const fn phase(phase: Phase) -> Self {
        let mut c = Self::blank(Op::Phase);
        c.detail = phase as u8;
        c
    }

    /// Creates a command that moves the clock to `ts` nanoseconds.
    #[must_use]
    pub const fn time(ts: u64) -> Self {
        let mut c = Self::blank(Op::Time);
        c.flags = HAS_TS.to_le();
        c.ts = ts.to_le();
        c
    }

    /// Creates the definition of instrument `instrument`, which must be the next index. The engine
    /// refuses another index, and a `min_price` above the `max_price`, with `bad_field` (M17.15).
    ///
    /// ```
    /// use vvp_core::book::*;
    ///
    /// let mut spec = InstrumentSpec::new(Symbol::new(b"AAPL").expect("a symbol"));
    /// spec.min_price = Some(Price::new(1));
    /// let define = Command::instrument(InstrumentId::new(0), &spec);
    /// assert_eq!(define.instrument_spec(), Some(spec));
    /// ```
    #[must_use]
    pub const fn instrument(instrument: InstrumentId, spec: &InstrumentSpec) -> Self {
        let mut c = Self::blank(Op::Instrument);
        c.instrument = instrument.get().to_le();
        let (low, high) = spec.symbol.to_words();
        c.ts = low.to_le();
        c.id = high.to_le();
        c.detail = spec.tick.decimals();
        c.expires = (spec.tick.mantissa() as u64).to_le();
        if let Some(price) = spec.min_price {
            c.flags |= HAS_PRICE.to_le();
            c.price = (price.ticks() as u64).to_le();
        }
        if let Some(price) = spec.max_price {
            c.flags |= HAS_STOP.to_le();
            c.qty = (price.ticks() as u64).to_le();
        }
        if let Some(price) = spec.reference {
            c.flags |= HAS_EXTRA.to_le();
            c.extra = (price.ticks() as u64).to_le();
        }
        c
    }

    /// Creates a command that replaces all risk limits of an owner (M16.1).
    #[must_use]
    pub const fn limits(owner: OwnerId, limits: &Limits) -> Self {
        let mut c = Self::blank(Op::Limits);
        c.owner = owner.get().to_le();
        if let Some(qty) = limits.max_qty {
            c.flags |= HAS_QTY.to_le();
            c.qty = qty.lots().to_le();
        }
        if let Some(notional) = limits.max_notional {
            c.flags |= HAS_EXTRA.to_le();
            c.extra = (notional as u64).to_le();
            c.expires = ((notional >> 64) as u64).to_le();
        }
        if let Some(orders) = limits.max_orders {
            c.flags |= HAS_ID.to_le();
            c.id = orders.to_le();
        }
        if limits.blocked {
            c.flags |= BLOCKED.to_le();
        }
        c
    }

    /// Creates a command that passes on a refusal of the edge, so that it is numbered in its place
    /// in the event stream.
    #[must_use]
    pub const fn refused(refusal: &Refusal) -> Self {
        let mut c = Self::blank(Op::Refused);
        c.detail = refusal.reason as u8;
        if let Some(id) = refusal.id {
            c.flags |= HAS_ID.to_le();
            c.id = id.get().to_le();
        }
        if let Some(edge_ref) = refusal.edge_ref {
            c.flags |= HAS_EDGE_REF.to_le();
            c.qty = edge_ref.to_le();
        }
        match refusal.instrument {
            Some(instrument) => c.instrument = instrument.get().to_le(),
            None => c.flags |= NO_INSTRUMENT.to_le(),
        }
        if let Some(ts) = refusal.ts {
            c.flags |= HAS_TS.to_le();
            c.ts = ts.to_le();
        }
        c
    }

    // ---- options, each checked against the command: M0.16, M0.17 --------------------------------

    const fn allow(mut self, allowed: bool, flags: u16) -> Self {
        self.flags |= if allowed { flags.to_le() } else { CONTRADICTION.to_le() };
        self
    }

    const fn is_new(&self) -> bool {
        matches!(self.op, Op::New)
    }

    /// Sets the instrument of the command.
    #[must_use]
    pub const fn with_instrument(mut self, instrument: InstrumentId) -> Self {
        let allowed = !matches!(self.op, Op::Time | Op::Limits | Op::Instrument | Op::Refused);
        if allowed {
            self.instrument = instrument.get().to_le();
        }
        self.allow(allowed, 0)
    }

    /// Sets the time of the command in nanoseconds (M13.2).
    #[must_use]
    pub const fn with_ts(mut self, ts: u64) -> Self {
        let allowed = !matches!(self.op, Op::Limits | Op::Instrument | Op::Refused);
        if allowed {
            self.ts = ts.to_le();
        }
        self.allow(allowed, HAS_TS)
    }

    /// Sets the owner of a new order.
    #[must_use]
    pub const fn with_owner(mut self, owner: OwnerId) -> Self {
        let allowed = self.is_new();
        if allowed {
            self.owner = owner.get().to_le();
        }
        self.allow(allowed, 0)
    }

    /// Sets the time in force of a new order; for gtd use [`Command::with_expiry`].
    #[must_use]
    pub const fn with_tif(mut self, tif: TimeInForce) -> Self {
        let allowed = self.is_new() && !matches!(tif, TimeInForce::Gtd) && !matches!(self.tif, TimeInForce::Gtd);
        // The options that depend on the time in force are set after it.
        let early =
            self.has(POST_ONLY | HIDDEN) || (self.has(HAS_EXTRA) && matches!(self.order_type, OrderType::Limit));
        if allowed {
            self.tif = tif;
        }
        self.allow(allowed && !early, 0)
    }

    /// Makes the order good till `expires` nanoseconds (gtd).
    #[must_use]
    pub const fn with_expiry(mut self, expires: u64) -> Self {
        let allowed = self.is_new() && matches!(self.tif, TimeInForce::Gtc | TimeInForce::Gtd);
        if allowed {
            self.tif = TimeInForce::Gtd;
            self.expires = expires.to_le();
        }
        self.allow(allowed, 0)
    }

    /// Sets the self-trade prevention mode (M12.1).
    #[must_use]
    pub const fn with_self_trade(mut self, stp: SelfTradePrevention) -> Self {
        let allowed = self.is_new();
        if allowed {
            self.stp = stp;
        }
        self.allow(allowed, 0)
    }

    const fn is_resting_limit(&self) -> bool {
        self.is_new() && matches!(self.order_type, OrderType::Limit) && self.tif.may_rest()
    }

    /// Makes the order post-only: refused if it would trade on arrival (M6.1). Limit with gtc, day
    /// or gtd only.
    #[must_use]
    pub const fn with_post_only(self) -> Self {
        self.allow(self.is_resting_limit(), POST_ONLY)
    }

    /// Makes the order hidden: not visible in depth; it trades after the displayed orders of its
    /// price (M1.2). Limit with gtc, day or gtd only.
    #[must_use]
    pub const fn with_hidden(self) -> Self {
        self.allow(self.is_resting_limit() && !self.has(HAS_EXTRA), HIDDEN)
    }

    /// Makes the order an iceberg with slices of `display` (M7.3). Limit with gtc, day or gtd only;
    /// not with hidden.
    #[must_use]
    pub const fn with_display_qty(mut self, display: Qty) -> Self {
        let allowed = self.is_resting_limit() && !self.has(HIDDEN);
        if allowed {
            self.extra = display.lots().to_le();
        }
        self.allow(allowed, HAS_EXTRA)
    }

    /// Sets a minimum quantity: the order is canceled unless `min_qty` can trade immediately
    /// (M5.1). Limit with ioc only.
    #[must_use]
    pub const fn with_min_qty(mut self, min_qty: Qty) -> Self {
        let allowed =
            self.is_new() && matches!(self.order_type, OrderType::Limit) && matches!(self.tif, TimeInForce::Ioc);
        if allowed {
            self.extra = min_qty.lots().to_le();
        }
        self.allow(allowed, HAS_EXTRA)
    }

    /// Sets a protection: no trade further than `ticks` from the best opposite price (M3.4).
    /// Market, stop and trailing stop only.
    #[must_use]
    pub const fn with_protection(mut self, ticks: u64) -> Self {
        let allowed = self.is_new() && !self.order_type.has_limit();
        if allowed {
            self.price = ticks.to_le();
        }
        self.allow(allowed, HAS_EXTRA)
    }

    /// Returns whether the command has no contradiction (M0.17). The engine refuses others with
    /// `bad_field` (M17.14).
    #[must_use]
    #[inline]
    pub const fn is_well_formed(&self) -> bool {
        !self.has(CONTRADICTION)
    }
}
