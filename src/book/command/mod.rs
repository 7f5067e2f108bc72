//! Commands: what the engine is asked, and their 64-byte records.

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
    /// What a [`Command`] asks for.
    #[derive(zerocopy::TryFromBytes)]
    Op {
        /// A new order.
        New = 1 "new",
        /// Cancel an order.
        Cancel = 2 "cancel",
        /// Take quantity off an order; it keeps its place.
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
        /// Something that the edge refused already; it takes its number in the event stream like any refusal.
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
pub(crate) const HAS_LINE: u16 = 1 << 7; // refused: line
pub(crate) const POST_ONLY: u16 = 1 << 8;
pub(crate) const HIDDEN: u16 = 1 << 9;
pub(crate) const BLOCKED: u16 = 1 << 10;
pub(crate) const NO_INSTRUMENT: u16 = 1 << 11; // refused: belongs to no instrument
/// Set by the builder when it was asked for something that the order cannot have. No valid record has it.
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
///     .owner(OwnerId::new(7))
///     .tif(TimeInForce::Ioc)
///     .at(1_000);
/// assert!(c.is_well_formed());
/// assert!(!c.hidden().is_well_formed()); // an ioc order cannot be hidden
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
    /// Quantity. instrument: max_price. limits: max_qty. refused: line.
    qty: u64,
    /// Stop or trail; display or min_qty of a limit order. instrument: reference. limits: max_notional, low half.
    extra: u64,
    /// Expiry time. instrument: mantissa of the tick. limits: max_notional, high half.
    expires: u64,
}

const _: () = assert!(size_of::<Command>() == 64);

/// A replacement: what is `None` stays as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Replacement {
    /// New limit price.
    pub price: Option<Price>,
    /// New stop price.
    pub stop: Option<Price>,
    /// New open quantity.
    pub qty: Option<Qty>,
}

/// Something the edge refused before the engine saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal {
    /// Why.
    pub reason: Reject,
    /// The command's order id, if it was readable and the command has one.
    pub id: Option<OrderId>,
    /// The line or record, when it was no command at all.
    pub line: Option<u64>,
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

    /// A limit order: gtc, owner 0, on instrument 0, until told otherwise.
    #[must_use]
    pub const fn limit(id: OrderId, side: Side, price: Price, qty: Qty) -> Self {
        let mut c = Self::order(OrderType::Limit, id, side, qty);
        c.price = (price.ticks() as u64).to_le();
        c
    }

    /// A market order.
    #[must_use]
    pub const fn market(id: OrderId, side: Side, qty: Qty) -> Self {
        Self::order(OrderType::Market, id, side, qty)
    }

    /// A stop: becomes a market order when the last trade price reaches `stop`.
    #[must_use]
    pub const fn stop(id: OrderId, side: Side, stop: Price, qty: Qty) -> Self {
        let mut c = Self::order(OrderType::Stop, id, side, qty);
        c.extra = (stop.ticks() as u64).to_le();
        c
    }

    /// A stop that becomes a limit order at `price`.
    #[must_use]
    pub const fn stop_limit(id: OrderId, side: Side, stop: Price, price: Price, qty: Qty) -> Self {
        let mut c = Self::order(OrderType::StopLimit, id, side, qty);
        c.extra = (stop.ticks() as u64).to_le();
        c.price = (price.ticks() as u64).to_le();
        c
    }

    /// A stop that follows the last trade price at `trail` ticks.
    #[must_use]
    pub const fn trailing_stop(id: OrderId, side: Side, trail: u64, qty: Qty) -> Self {
        let mut c = Self::order(OrderType::TrailingStop, id, side, qty);
        c.extra = trail.to_le();
        c
    }

    /// Cancels an order.
    #[must_use]
    pub const fn cancel(id: OrderId) -> Self {
        let mut c = Self::blank(Op::Cancel);
        c.id = id.get().to_le();
        c
    }

    /// Takes `qty` off an order's open quantity.
    #[must_use]
    pub const fn reduce(id: OrderId, qty: Qty) -> Self {
        let mut c = Self::blank(Op::Reduce);
        c.id = id.get().to_le();
        c.qty = qty.lots().to_le();
        c
    }

    /// Replaces price, stop or open quantity of an order; at least one must be given.
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
        c
    }

    /// Cancels all orders of an owner on one instrument, or those of one side.
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

    /// Puts the instrument into a phase.
    #[must_use]
    pub const fn phase(phase: Phase) -> Self {
        let mut c = Self::blank(Op::Phase);
        c.detail = phase as u8;
        c
    }

    /// Moves the clock to `ts` nanoseconds.
    #[must_use]
    pub const fn time(ts: u64) -> Self {
        let mut c = Self::blank(Op::Time);
        c.flags = HAS_TS.to_le();
        c.ts = ts.to_le();
        c
    }

    /// Defines the instrument with index `instrument`, which must be the next in order. The engine refuses another index, and a
    /// `min_price` above the `max_price`, as `bad_field`.
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

    /// Replaces all risk limits of an owner.
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

    /// Passes on a refusal of the edge, so that it is numbered in its place in the event stream.
    #[must_use]
    pub const fn refused(refusal: &Refusal) -> Self {
        let mut c = Self::blank(Op::Refused);
        c.detail = refusal.reason as u8;
        if let Some(id) = refusal.id {
            c.flags |= HAS_ID.to_le();
            c.id = id.get().to_le();
        }
        if let Some(line) = refusal.line {
            c.flags |= HAS_LINE.to_le();
            c.qty = line.to_le();
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

    // ---- options, each checked against what the command is -------------------------------------------------

    const fn allow(mut self, allowed: bool, flags: u16) -> Self {
        self.flags |= if allowed { flags.to_le() } else { CONTRADICTION.to_le() };
        self
    }

    const fn is_new(&self) -> bool {
        matches!(self.op, Op::New)
    }

    /// The instrument the command is for.
    #[must_use]
    pub const fn on(mut self, instrument: InstrumentId) -> Self {
        let allowed = !matches!(self.op, Op::Time | Op::Limits | Op::Instrument | Op::Refused);
        if allowed {
            self.instrument = instrument.get().to_le();
        }
        self.allow(allowed, 0)
    }

    /// The time of the command in nanoseconds.
    #[must_use]
    pub const fn at(mut self, ts: u64) -> Self {
        let allowed = !matches!(self.op, Op::Limits | Op::Instrument | Op::Refused);
        if allowed {
            self.ts = ts.to_le();
        }
        self.allow(allowed, HAS_TS)
    }

    /// The owner of a new order.
    #[must_use]
    pub const fn owner(mut self, owner: OwnerId) -> Self {
        let allowed = self.is_new();
        if allowed {
            self.owner = owner.get().to_le();
        }
        self.allow(allowed, 0)
    }

    /// The time in force of a new order; for gtd use [`Command::expires`].
    #[must_use]
    pub const fn tif(mut self, tif: TimeInForce) -> Self {
        let allowed = self.is_new() && !matches!(tif, TimeInForce::Gtd) && !matches!(self.tif, TimeInForce::Gtd);
        // What depends on the time in force is set after it.
        let early =
            self.has(POST_ONLY | HIDDEN) || (self.has(HAS_EXTRA) && matches!(self.order_type, OrderType::Limit));
        if allowed {
            self.tif = tif;
        }
        self.allow(allowed && !early, 0)
    }

    /// Good till `expires` nanoseconds (gtd).
    #[must_use]
    pub const fn expires(mut self, expires: u64) -> Self {
        let allowed = self.is_new() && matches!(self.tif, TimeInForce::Gtc | TimeInForce::Gtd);
        if allowed {
            self.tif = TimeInForce::Gtd;
            self.expires = expires.to_le();
        }
        self.allow(allowed, 0)
    }

    /// What to do when the order meets one of its own owner.
    #[must_use]
    pub const fn self_trade(mut self, stp: SelfTradePrevention) -> Self {
        let allowed = self.is_new();
        if allowed {
            self.stp = stp;
        }
        self.allow(allowed, 0)
    }

    const fn is_resting_limit(&self) -> bool {
        self.is_new() && matches!(self.order_type, OrderType::Limit) && self.tif.may_rest()
    }

    /// Refuse the order rather than let it trade on arrival. Limit with gtc, day or gtd only.
    #[must_use]
    pub const fn post_only(self) -> Self {
        self.allow(self.is_resting_limit(), POST_ONLY)
    }

    /// Nobody sees the order; it trades after the displayed orders of its price. Limit with gtc, day or gtd only.
    #[must_use]
    pub const fn hidden(self) -> Self {
        self.allow(self.is_resting_limit() && !self.has(HAS_EXTRA), HIDDEN)
    }

    /// An iceberg that shows `display` at a time. Limit with gtc, day or gtd only; not with hidden.
    #[must_use]
    pub const fn display(mut self, display: Qty) -> Self {
        let allowed = self.is_resting_limit() && !self.has(HIDDEN);
        if allowed {
            self.extra = display.lots().to_le();
        }
        self.allow(allowed, HAS_EXTRA)
    }

    /// Cancel the order unless `min_qty` can trade at once. Limit with ioc only.
    #[must_use]
    pub const fn min_qty(mut self, min_qty: Qty) -> Self {
        let allowed =
            self.is_new() && matches!(self.order_type, OrderType::Limit) && matches!(self.tif, TimeInForce::Ioc);
        if allowed {
            self.extra = min_qty.lots().to_le();
        }
        self.allow(allowed, HAS_EXTRA)
    }

    /// Trade no further than `ticks` from the best opposite price. Market, stop and trailing stop only.
    #[must_use]
    pub const fn protect(mut self, ticks: u64) -> Self {
        let allowed = self.is_new() && !self.order_type.has_limit();
        if allowed {
            self.price = ticks.to_le();
        }
        self.allow(allowed, HAS_EXTRA)
    }

    /// Whether the builder was never asked for something that the command cannot have.
    #[must_use]
    #[inline]
    pub const fn is_well_formed(&self) -> bool {
        !self.has(CONTRADICTION)
    }
}
