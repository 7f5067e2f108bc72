//! Decoding of a command from its 64 bytes, and its debug form.

use super::{Command, HAS_TS, Op};
use crate::book::{OrderType, Price, SelfTradePrevention, Side, TimeInForce};

/// 64 bytes are not a [`Command`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BadCommand {
    /// An unknown code of an operation, side, type or other word.
    Code,
    /// A field that this operation or order cannot have, or lacks; or a reserved byte that is not
    /// zero.
    Contradiction,
}

impl core::fmt::Display for BadCommand {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Code => "not a command record: unknown operation, side, type, time in force or self-trade code",
            Self::Contradiction => "not a command record: a field that this command cannot have, or lacks",
        })
    }
}

impl core::error::Error for BadCommand {}

impl Command {
    /// Reads a record and checks every field of it.
    ///
    /// # Errors
    /// [`BadCommand`] if no constructor of [`Command`] makes these bytes.
    pub fn from_record(bytes: &[u8; Self::SIZE]) -> Result<Self, BadCommand> {
        let c = Self::of_fields(bytes).ok_or(BadCommand::Code)?;
        if c.is_vanilla() && c.has_no_other_field() {
            debug_assert!(c.rebuilt() == Some(c) && c.is_well_formed());
            return Ok(c);
        }
        match c.rebuilt() {
            Some(again) if again == c && c.is_well_formed() => Ok(c),
            _ => Err(BadCommand::Contradiction),
        }
    }

    /// Reads the fields as they stand, and checks only that the codes are known.
    #[inline(always)]
    fn of_fields(bytes: &[u8; Self::SIZE]) -> Option<Self> {
        let [_, _, ts, id, price, qty, extra, expires]: [u64; 8] = zerocopy::transmute!(*bytes);
        let [op, side, order_type, tif, stp, detail, rest @ ..] = *bytes;
        let [f0, f1, i0, i1, r0, r1, o0, o1, o2, o3, ..] = rest;
        Some(Self {
            op: Op::from_code(op)?,
            side: Side::from_code(side)?,
            order_type: OrderType::from_code(order_type)?,
            tif: TimeInForce::from_code(tif)?,
            stp: SelfTradePrevention::from_code(stp)?,
            detail,
            // Fields keep the byte order of the record.
            flags: u16::from_ne_bytes([f0, f1]),
            instrument: u16::from_ne_bytes([i0, i1]),
            reserved: u16::from_ne_bytes([r0, r1]),
            owner: u32::from_ne_bytes([o0, o1, o2, o3]),
            ts,
            id,
            price,
            qty,
            extra,
            expires,
        })
    }

    /// Returns whether every field is zero that a vanilla order does not have.
    #[inline(always)]
    fn has_no_other_field(&self) -> bool {
        let ts = if self.has(HAS_TS) { 0 } else { self.ts };
        self.reserved == 0 && (ts | self.extra | self.expires) == 0
    }

    /// Rebuilds the command with the constructors: equal if and only if every byte is valid.
    fn rebuilt(&self) -> Option<Self> {
        let mut c = match self.op {
            Op::New => self.rebuilt_order(),
            Op::Cancel => Self::cancel(self.id()),
            Op::Reduce => Self::reduce(self.id(), self.qty()),
            Op::Replace => Self::replace(self.id(), self.replacement()),
            Op::MassCancel => Self::mass_cancel(self.owner(), self.mass_cancel_side()),
            Op::Phase => Self::phase(self.new_phase()?),
            Op::Time => return Some(Self::time(self.ts()?)),
            Op::Instrument => return Some(Self::instrument(self.instrument_id(), &self.instrument_spec()?)),
            Op::Limits => return Some(Self::limits(self.owner(), &self.new_limits()?)),
            Op::Refused => return Some(Self::refused(&self.refusal()?)),
        };
        if let Some(ts) = self.ts() {
            c = c.with_ts(ts);
        }
        Some(c.with_instrument(self.instrument_id()))
    }

    fn rebuilt_order(&self) -> Self {
        let (id, side, qty) = (self.id(), self.side, self.qty());
        let extra = u64::from_le(self.extra);
        let mut c = match self.order_type {
            OrderType::Limit => Self::limit(id, side, self.price_field(), qty),
            OrderType::Market => Self::market(id, side, qty),
            OrderType::Stop => Self::stop(id, side, Price::new(extra as i64), qty),
            OrderType::StopLimit => Self::stop_limit(id, side, Price::new(extra as i64), self.price_field(), qty),
            OrderType::TrailingStop => Self::trailing_stop(id, side, extra, qty),
        };
        c = match self.expiry() {
            Some(expires) => c.with_expiry(expires),
            None => c.with_tif(self.tif),
        };
        c = c.with_owner(self.owner()).with_self_trade(self.stp);
        if self.is_post_only() {
            c = c.with_post_only();
        }
        if self.is_hidden() {
            c = c.with_hidden();
        }
        if let Some(ticks) = self.protection() {
            c = c.with_protection(ticks);
        }
        if let Some(qty) = self.display_qty() {
            c = c.with_display_qty(qty);
        }
        if let Some(qty) = self.min_qty() {
            c = c.with_min_qty(qty);
        }
        c
    }
}

impl core::fmt::Debug for Command {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut d = f.debug_struct("Command");
        d.field("op", &self.op).field("instrument", &self.instrument_id()).field("ts", &self.ts());
        match self.op {
            Op::New => d
                .field("id", &self.id())
                .field("owner", &self.owner())
                .field("side", &self.side)
                .field("type", &self.order_type)
                .field("tif", &self.tif)
                .field("stp", &self.stp)
                .field("price", &self.limit_price())
                .field("qty", &self.qty())
                .field("stop", &self.stop_price())
                .field("trail", &self.trail())
                .field("display", &self.display_qty())
                .field("min_qty", &self.min_qty())
                .field("protect", &self.protection())
                .field("expires", &self.expiry())
                .field("post_only", &self.is_post_only())
                .field("hidden", &self.is_hidden()),
            Op::Cancel => d.field("id", &self.id()),
            Op::Reduce => d.field("id", &self.id()).field("qty", &self.qty()),
            Op::Replace => d.field("id", &self.id()).field("with", &self.replacement()),
            Op::MassCancel => d.field("owner", &self.owner()).field("side", &self.mass_cancel_side()),
            Op::Phase => d.field("phase", &self.new_phase()),
            Op::Time => &mut d,
            Op::Instrument => d.field("spec", &self.instrument_spec()),
            Op::Limits => d.field("owner", &self.owner()).field("limits", &self.new_limits()),
            Op::Refused => d.field("refusal", &self.refusal()),
        };
        d.finish()
    }
}
