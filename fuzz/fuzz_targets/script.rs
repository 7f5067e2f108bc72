//! Decodes commands from a fuzzer's bytes.
//!
//! The first byte selects the decoding. Even: the rest are 64-byte records, of which invalid ones
//! are skipped. Odd: a dense script, in which nearly every byte string is a sequence of valid
//! commands with few ids, prices and owners, so that orders interact.

use vvp_core::book::{
    Command, InstrumentId, InstrumentSpec, Limits, OrderId, OwnerId, Phase, Price, Qty, Refusal, Reject, Replacement,
    SelfTradePrevention, Side, Symbol, TimeInForce,
};

/// Iterator over the commands decoded from bytes.
pub struct Script<'a> {
    bytes: &'a [u8],
    dense: bool,
    clock: u64,
    instruments: u16,
}

impl<'a> Script<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        match bytes.split_first() {
            None => Self { bytes, dense: false, clock: 0, instruments: 0 },
            Some((mode, bytes)) => Self { bytes, dense: mode % 2 == 1, clock: 0, instruments: 0 },
        }
    }

    fn record(&mut self) -> Option<Command> {
        while let Some((record, rest)) = self.bytes.split_first_chunk::<{ Command::SIZE }>() {
            self.bytes = rest;
            if let Ok(command) = Command::from_record(record) {
                return Some(command);
            }
        }
        None
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            None => 0,
            Some((byte, rest)) => {
                self.bytes = rest;
                *byte
            }
        }
    }

    fn dense(&mut self) -> Option<Command> {
        if self.bytes.is_empty() {
            return None;
        }
        if self.instruments == 0 {
            return Some(self.define());
        }
        let op = self.byte();
        let command = match op % 32 {
            0..=13 => self.order(),
            14..=16 => Command::cancel(self.id()),
            17..=18 => Command::reduce(self.id(), self.qty()),
            19..=22 => self.replace(),
            23 => Command::mass_cancel(self.owner(), [None, Some(Side::Buy), Some(Side::Sell)][self.pick(3)]),
            24..=26 => Command::phase(Phase::ALL[self.pick(4)]),
            27 => return Some(Command::time(self.time())),
            28 => return Some(self.define()),
            29 => return Some(self.limits()),
            30 => return Some(self.refusal()),
            _ => Command::cancel(OrderId::new(u64::MAX - u64::from(self.byte()))),
        };
        let command = if op & 0x20 != 0 { command.with_ts(self.time()) } else { command };
        let instrument = if op & 0xc0 == 0xc0 { u16::from(self.byte() % 5) } else { 0 };
        Some(command.with_instrument(InstrumentId::new(instrument)))
    }

    fn pick(&mut self, among: u8) -> usize {
        usize::from(self.byte() % among)
    }

    fn id(&mut self) -> OrderId {
        OrderId::new(u64::from(self.byte() % 40))
    }

    fn owner(&mut self) -> OwnerId {
        OwnerId::new(u32::from(self.byte() % 3))
    }

    fn qty(&mut self) -> Qty {
        Qty::new(match self.byte() {
            255 => u64::MAX,
            254 => u64::MAX / 2,
            253 => 100_000,
            b => u64::from(b % 24),
        })
    }

    /// Returns a price: mostly near 0, sometimes far, sometimes at an end of the range.
    fn price(&mut self) -> Price {
        let b = self.byte();
        Price::new(match b >> 5 {
            7 if b % 32 < 4 => [i64::MIN, i64::MAX, i64::MIN + 1, i64::MAX - 1][usize::from(b % 4)],
            7 => i64::from(b % 32) * 1_000_000_007 - 15_000_000_000,
            6 => i64::from(b % 32) * 40 - 640,
            _ => i64::from(b % 32) - 16,
        })
    }

    fn side(&mut self) -> Side {
        Side::ALL[self.pick(2)]
    }

    fn time(&mut self) -> u64 {
        match self.byte() {
            255 => u64::MAX,
            0 => self.clock.saturating_sub(1),
            b => {
                self.clock = self.clock.saturating_add(u64::from(b % 8));
                self.clock
            }
        }
    }

    fn order(&mut self) -> Command {
        let (id, side, kind) = (self.id(), self.side(), self.byte());
        let qty = self.qty();
        let mut order = match kind % 16 {
            0..=8 => Command::limit(id, side, self.price(), qty),
            9..=10 => Command::market(id, side, qty),
            11..=12 => Command::stop(id, side, self.price(), qty),
            13..=14 => Command::stop_limit(id, side, self.price(), self.price(), qty),
            _ => Command::trailing_stop(id, side, u64::from(self.byte() % 20), qty),
        };
        order = order.with_owner(self.owner()).with_self_trade(SelfTradePrevention::ALL[usize::from(kind >> 4) % 5]);
        order = match self.byte() % 12 {
            0..=4 => order,
            5 => order.with_tif(TimeInForce::Day),
            6..=7 => order.with_expiry(self.clock.saturating_add(u64::from(self.byte() % 12))),
            8 => order.with_tif(TimeInForce::Fok),
            _ => order.with_tif(TimeInForce::Ioc),
        };
        // An option that the order cannot have is ignored.
        let options: [fn(Command, &mut Self) -> Command; 6] = [
            |c, _| c,
            |c, _| c.with_post_only(),
            |c, _| c.with_hidden(),
            |c, s| c.with_display_qty(Qty::new(u64::from(s.byte() % 8))),
            |c, s| c.with_min_qty(s.qty()),
            |c, s| c.with_protection(u64::from(s.byte() % 20)),
        ];
        let with = options[self.pick(6)](order, self);
        if with.is_well_formed() { with } else { order }
    }

    fn replace(&mut self) -> Command {
        let (id, which) = (self.id(), self.byte());
        let price = if which & 1 != 0 { Some(self.price()) } else { None };
        let stop = if which & 2 != 0 { Some(self.price()) } else { None };
        let qty = if which & 4 != 0 || which & 3 == 0 { Some(self.qty()) } else { None };
        Command::replace(id, Replacement { price, stop, qty, lose_priority: which & 8 != 0 })
    }

    fn define(&mut self) -> Command {
        let shape = self.byte();
        let mut spec = InstrumentSpec::new(Symbol::X);
        if shape & 1 != 0 {
            spec.min_price = Some(Price::new(-12));
            spec.max_price = Some(Price::new(12));
        }
        if shape & 2 != 0 {
            spec.reference = Some(self.price());
        }
        let instrument = self.instruments;
        self.instruments += 1;
        Command::instrument(InstrumentId::new(instrument), &spec)
    }

    fn limits(&mut self) -> Command {
        let (owner, which) = (OwnerId::new(u32::from(self.byte() % 6)), self.byte());
        let some = |flag: u8, value: u64| if which & flag != 0 { Some(value) } else { None };
        let limits = Limits {
            max_qty: some(1, 20).map(Qty::new),
            max_notional: some(2, 100).map(u128::from),
            max_orders: some(4, 3),
            blocked: which & 8 != 0,
        };
        Command::limits(owner, &limits)
    }

    fn refusal(&mut self) -> Command {
        let which = self.byte();
        let reason = Reject::ALL[self.pick(Reject::ALL.len() as u8)];
        Command::refused(&Refusal {
            reason,
            id: if which & 1 != 0 { Some(self.id()) } else { None },
            edge_ref: if which & 2 != 0 { Some(u64::from(which)) } else { None },
            instrument: if which & 4 != 0 { Some(InstrumentId::new(0)) } else { None },
            ts: if which & 8 != 0 { Some(self.clock) } else { None },
        })
    }
}

impl Iterator for Script<'_> {
    type Item = Command;

    fn next(&mut self) -> Option<Command> {
        if self.dense { self.dense() } else { self.record() }
    }
}
