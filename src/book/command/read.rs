//! Field accessors of a command.

use super::{
    BLOCKED, Command, HAS_EDGE_REF, HAS_EXTRA, HAS_ID, HAS_PRICE, HAS_QTY, HAS_SIDE, HAS_STOP, HAS_TS, HIDDEN,
    LOSE_PRIORITY, NO_INSTRUMENT, Op, POST_ONLY, Refusal, Replacement,
};
use crate::book::{
    InstrumentId, OrderId, OrderType, OwnerId, Phase, Price, Qty, Reject, SelfTradePrevention, Side, TimeInForce,
};
use crate::types::instrument::{InstrumentSpec, Limits, Symbol, Tick};

/// The first word of a command: which of the fast paths it can take.
#[derive(Clone, Copy)]
pub(crate) struct CommandHead(u64);

impl CommandHead {
    /// Returns whether it is that of a vanilla order: see [`Command::is_vanilla`].
    #[inline(always)]
    pub(crate) const fn is_vanilla(self) -> bool {
        const ANY: u64 = 0xff << 8 | 0xff << 24 | 0xff << 32 | (HAS_TS as u64) << 48; // side, tif, stp, has a time
        let tif = (self.0 >> 24) as u8;
        self.0 & !ANY == Op::New as u64
            && (tif == TimeInForce::Gtc as u8 || tif == TimeInForce::Day as u8 || tif == TimeInForce::Ioc as u8)
    }

    /// Returns whether it is that of a cancel.
    #[inline(always)]
    pub(crate) const fn is_cancel(self) -> bool {
        self.0 & !((HAS_TS as u64) << 48) == Op::Cancel as u64
    }

    /// Returns whether it is that of a replace of price or quantity or both.
    #[inline(always)]
    pub(crate) const fn is_vanilla_replace(self) -> bool {
        const ANY: u64 = ((HAS_TS | HAS_PRICE | HAS_QTY) as u64) << 48;
        self.0 & !ANY == Op::Replace as u64
    }
}

impl Command {
    /// Returns whether this is a vanilla order: limit; gtc, day or ioc; no option but self-trade
    /// prevention.
    #[inline(always)]
    pub(crate) fn is_vanilla(&self) -> bool {
        self.head().is_vanilla()
    }

    /// Returns operation, side, type, time in force, self-trade mode, detail and flags as one word,
    /// in one load.
    #[inline(always)]
    pub(crate) fn head(&self) -> CommandHead {
        let words: &[u64; 8] = zerocopy::transmute_ref!(self);
        CommandHead(u64::from_le(words[0]))
    }

    /// [`Command::head`] of a command that the caller has just built: of what is constant there
    /// nothing is left, and no load waits for the stores of single fields.
    #[inline(always)]
    pub(crate) const fn head_of_fields(&self) -> CommandHead {
        CommandHead(
            self.op as u64
                | (self.side as u64) << 8
                | (self.order_type as u64) << 16
                | (self.tif as u64) << 24
                | (self.stp as u64) << 32
                | (self.detail as u64) << 40
                | (u16::from_le(self.flags) as u64) << 48,
        )
    }

    /// Returns whether a command that is for an instrument, or `time`, has a time.
    #[inline(always)]
    pub(crate) const fn has_ts(&self) -> bool {
        self.has(HAS_TS)
    }

    /// Returns the field of the time, 0 if a command for an instrument has none.
    #[inline(always)]
    pub(crate) const fn ts_field(&self) -> u64 {
        u64::from_le(self.ts)
    }

    /// Returns the time of a command that is for an instrument, or of `time`.
    #[inline(always)]
    pub(crate) const fn timed(&self) -> Option<u64> {
        self.when(HAS_TS, self.ts)
    }

    #[inline]
    pub(crate) const fn has(&self, any: u16) -> bool {
        u16::from_le(self.flags) & any != 0
    }

    #[inline]
    const fn when(&self, flag: u16, value: u64) -> Option<u64> {
        if self.has(flag) { Some(u64::from_le(value)) } else { None }
    }

    /// Returns the operation.
    #[must_use]
    #[inline]
    pub const fn op(&self) -> Op {
        self.op
    }

    /// Returns the instrument (for [`Op::Instrument`] the index it is to get).
    #[must_use]
    #[inline]
    pub const fn instrument_id(&self) -> InstrumentId {
        InstrumentId::new(u16::from_le(self.instrument))
    }

    /// Returns the command's time in nanoseconds, if it has one.
    #[must_use]
    #[inline]
    pub const fn ts(&self) -> Option<u64> {
        match self.op {
            Op::Instrument | Op::Limits => None,
            _ => self.when(HAS_TS, self.ts),
        }
    }

    /// Returns the order id of new, cancel, reduce and replace.
    #[must_use]
    #[inline]
    pub const fn id(&self) -> OrderId {
        OrderId::new(u64::from_le(self.id))
    }

    /// Returns the owner of a new order, of a mass cancel, of limits.
    #[must_use]
    #[inline]
    pub const fn owner(&self) -> OwnerId {
        OwnerId::new(u32::from_le(self.owner))
    }

    /// Returns the side of a new order.
    #[must_use]
    #[inline]
    pub const fn side(&self) -> Side {
        self.side
    }

    /// Returns the type of a new order.
    #[must_use]
    #[inline]
    pub const fn order_type(&self) -> OrderType {
        self.order_type
    }

    /// Returns the time in force of a new order.
    #[must_use]
    #[inline]
    pub const fn tif(&self) -> TimeInForce {
        self.tif
    }

    /// Returns the self-trade mode of a new order.
    #[must_use]
    #[inline]
    pub const fn self_trade(&self) -> SelfTradePrevention {
        self.stp
    }

    /// Returns the quantity of a new order or a reduce.
    #[must_use]
    #[inline]
    pub const fn qty(&self) -> Qty {
        Qty::new(u64::from_le(self.qty))
    }

    /// Returns the limit price of a new limit or stop_limit order.
    #[must_use]
    #[inline]
    pub const fn limit_price(&self) -> Option<Price> {
        match self.op {
            Op::New if self.order_type.has_limit() => Some(self.price_field()),
            _ => None,
        }
    }

    /// Returns the field of the limit price, for commands that have one.
    #[inline(always)]
    pub(crate) const fn price_field(&self) -> Price {
        Price::new(u64::from_le(self.price) as i64)
    }

    /// Returns the stop price of a new stop or stop_limit.
    #[must_use]
    pub const fn stop_price(&self) -> Option<Price> {
        match self.order_type {
            OrderType::Stop | OrderType::StopLimit => Some(Price::new(u64::from_le(self.extra) as i64)),
            _ => None,
        }
    }

    /// Returns the distance of a new trailing stop in ticks.
    #[must_use]
    pub const fn trail(&self) -> Option<u64> {
        match self.order_type {
            OrderType::TrailingStop => Some(u64::from_le(self.extra)),
            _ => None,
        }
    }

    /// Returns the visible slice of a new iceberg.
    #[must_use]
    pub const fn display_qty(&self) -> Option<Qty> {
        match self.when(HAS_EXTRA, self.extra) {
            Some(q) if self.is_resting_limit() => Some(Qty::new(q)),
            _ => None,
        }
    }

    /// Returns the minimum quantity of a new ioc order.
    #[must_use]
    pub const fn min_qty(&self) -> Option<Qty> {
        match self.when(HAS_EXTRA, self.extra) {
            Some(q) if self.order_type.has_limit() && !self.tif.may_rest() => Some(Qty::new(q)),
            _ => None,
        }
    }

    /// Returns the protection of a new market, stop or trailing stop order in ticks.
    #[must_use]
    pub const fn protection(&self) -> Option<u64> {
        if self.order_type.has_limit() { None } else { self.when(HAS_EXTRA, self.price) }
    }

    /// Returns the expiry time of a new gtd order in nanoseconds.
    #[must_use]
    pub const fn expiry(&self) -> Option<u64> {
        match self.tif {
            TimeInForce::Gtd => Some(u64::from_le(self.expires)),
            _ => None,
        }
    }

    /// Returns whether a new order is post-only.
    #[must_use]
    pub const fn is_post_only(&self) -> bool {
        self.has(POST_ONLY)
    }

    /// Returns whether a new order is hidden.
    #[must_use]
    pub const fn is_hidden(&self) -> bool {
        self.has(HIDDEN)
    }

    /// Returns the fields that a replace changes.
    #[must_use]
    pub const fn replacement(&self) -> Replacement {
        Replacement {
            price: if self.has(HAS_PRICE) { Some(self.price_field()) } else { None },
            stop: if self.has(HAS_STOP) { Some(Price::new(u64::from_le(self.extra) as i64)) } else { None },
            qty: if self.has(HAS_QTY) { Some(self.qty()) } else { None },
            lose_priority: self.has(LOSE_PRIORITY),
        }
    }

    /// Returns the side that a mass cancel is limited to.
    #[must_use]
    pub const fn mass_cancel_side(&self) -> Option<Side> {
        if self.has(HAS_SIDE) { Some(self.side) } else { None }
    }

    /// Returns the phase asked for, if this is a phase command.
    #[must_use]
    pub const fn new_phase(&self) -> Option<Phase> {
        match self.op {
            Op::Phase => Phase::from_code(self.detail),
            _ => None,
        }
    }

    /// Returns the definition, if this is an instrument command.
    #[must_use]
    pub fn instrument_spec(&self) -> Option<InstrumentSpec> {
        if self.op != Op::Instrument {
            return None;
        }
        let price = |flag, raw: u64| self.when(flag, raw).map(|p| Price::new(p as i64));
        Some(InstrumentSpec {
            symbol: Symbol::from_words(u64::from_le(self.ts), u64::from_le(self.id))?,
            tick: Tick::new(u64::from_le(self.expires) as i64, self.detail)?,
            min_price: price(HAS_PRICE, self.price),
            max_price: price(HAS_STOP, self.qty),
            reference: price(HAS_EXTRA, self.extra),
        })
    }

    /// Returns the limits, if this is a limits command.
    #[must_use]
    pub fn new_limits(&self) -> Option<Limits> {
        if self.op != Op::Limits {
            return None;
        }
        let notional = u128::from(u64::from_le(self.expires)) << 64 | u128::from(u64::from_le(self.extra));
        Some(Limits {
            max_qty: self.when(HAS_QTY, self.qty).map(Qty::new),
            max_notional: self.has(HAS_EXTRA).then_some(notional),
            max_orders: self.when(HAS_ID, self.id),
            blocked: self.has(BLOCKED),
        })
    }

    /// Returns the refusal, if this is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        if self.op != Op::Refused {
            return None;
        }
        Some(Refusal {
            reason: Reject::from_code(self.detail)?,
            id: self.when(HAS_ID, self.id).map(OrderId::new),
            edge_ref: self.when(HAS_EDGE_REF, self.qty),
            instrument: if self.has(NO_INSTRUMENT) { None } else { Some(self.instrument_id()) },
            ts: self.ts(),
        })
    }
}
