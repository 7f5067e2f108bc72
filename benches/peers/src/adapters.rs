//! Adapters from our commands to other order books, each as thin as possible.
//!
//! Each translates our commands inside the timed loop, which costs a few nanoseconds: negligible
//! beside the cost of every peer.
//!
//! Left out: nanobook 0.19, which keeps every order forever and did not finish one round of `cross`
//! (2,000,000 commands) in 25 seconds.

use crate::support::contender::Contender;
use std::collections::HashMap;
use std::hint::black_box;
use vvp_core::book::{Command, Op, Price, Side, TimeInForce};

fn is_buy(c: &Command) -> bool {
    c.side() == Side::Buy
}

fn is_ioc(c: &Command) -> bool {
    c.tif() == TimeInForce::Ioc
}

/// matchcore 0.4: assigns its own ids (the sequence number of the command), so a table maps our ids
/// to its ids; the table is a plain array, whose cost is negligible. A replace is its amend, which
/// keeps the id as ours does. It has no reduce and no owners.
pub struct Matchcore {
    book: matchcore::OrderBook,
    ids: Vec<u64>,
    seq: u64,
    events: u64,
}

impl Matchcore {
    pub fn new() -> Self {
        Self { book: matchcore::OrderBook::new("X"), ids: vec![0; 1 << 22], seq: 0, events: 0 }
    }

    #[inline(always)]
    fn apply(&mut self, c: &Command) {
        use matchcore as m;
        let seq = self.seq; // must start at 0 and have no gap
        self.seq += 1;
        let our = c.id().get() as usize;
        let kind = match c.op() {
            Op::New => {
                self.ids[our] = seq;
                let side = if is_buy(c) { m::Side::Buy } else { m::Side::Sell };
                let tif = if is_ioc(c) { m::TimeInForce::Ioc } else { m::TimeInForce::Gtc };
                m::CommandKind::Submit(m::SubmitCmd {
                    order: m::NewOrder::Limit(m::LimitOrder::new(
                        m::Price(c.limit_price().map_or(0, Price::ticks) as u64),
                        m::QuantityPolicy::Standard { quantity: m::Quantity(c.qty().lots()) },
                        m::OrderFlags::new(side, false, tif),
                    )),
                })
            }
            Op::Cancel => m::CommandKind::Cancel(m::CancelCmd {
                order_id: m::OrderId(self.ids[our]),
                order_kind: m::OrderKind::Limit,
            }),
            Op::Replace => {
                let with = c.replacement();
                let mut patch = m::LimitOrderPatch::new();
                if let Some(price) = with.price {
                    patch = patch.with_price(m::Price(price.ticks() as u64));
                }
                if let Some(qty) = with.qty {
                    let quantity = m::Quantity(qty.lots());
                    patch = patch.with_quantity_policy(m::QuantityPolicy::Standard { quantity });
                }
                m::CommandKind::Amend(m::AmendCmd {
                    order_id: m::OrderId(self.ids[our]),
                    patch: m::AmendPatch::Limit(patch),
                })
            }
            _ => return,
        };
        let outcome = self.book.execute(&m::Command {
            meta: m::CommandMeta { sequence_number: m::SequenceNumber(seq), timestamp: m::Timestamp(seq) },
            kind,
        });
        // As many events as ours would be: one for the command, one a trade, one for the rest of an
        // ioc.
        self.events += 1;
        if let m::CommandOutcome::Applied(m::CommandReport::Submit(e) | m::CommandReport::Amend(e)) = &outcome {
            let target = e.target_order();
            self.events += target.match_result().map_or(0, |r| r.trades().len() as u64);
            self.events += u64::from(target.cancel_reason().is_some());
        }
        black_box(&outcome);
    }
}

/// orderbook-rs 0.15: made for many concurrent threads; ids and limit orders as ours. A replace is
/// its price-and-quantity update. Trades are reported to a listener, which is left out: it only
/// makes it slower; its return values say how an order ended, not with whom it traded. So its
/// events are not counted.
pub struct OrderbookRs {
    book: orderbook_rs::OrderBook<()>,
}

impl OrderbookRs {
    pub fn new() -> Self {
        Self { book: orderbook_rs::OrderBook::new("X") }
    }

    #[inline(always)]
    fn apply(&mut self, c: &Command) {
        use orderbook_rs as o;
        let id = o::Id::sequential(c.id().get());
        match c.op() {
            Op::New => {
                let side = if is_buy(c) { o::Side::Buy } else { o::Side::Sell };
                let tif = if is_ioc(c) { o::TimeInForce::Ioc } else { o::TimeInForce::Gtc };
                let price = c.limit_price().map_or(0, Price::ticks) as u128;
                let _ = black_box(self.book.add_limit_order(id, price, c.qty().lots(), side, tif, None));
            }
            Op::Cancel => {
                let _ = black_box(self.book.cancel_order(id));
            }
            Op::Replace => {
                let with = c.replacement();
                if let (Some(price), Some(qty)) = (with.price, with.qty) {
                    let _ = black_box(self.book.update_order(pricelevel::OrderUpdate::UpdatePriceAndQuantity {
                        order_id: id,
                        new_price: pricelevel::Price::new(price.ticks() as u128),
                        new_quantity: pricelevel::Quantity::new(qty.lots()),
                    }));
                }
            }
            _ => {}
        }
    }
}

/// lobster 0.7: limit, market and cancel only. No ioc (here: the order, then a cancel of what may
/// rest), no replace (here: cancel, then a new order with the same id, which loses priority
/// always), no reduce. A cancel of an id that is not there is answered like any other.
pub struct Lobster {
    book: lobster::OrderBook,
    sides: Vec<bool>,
    events: u64,
}

impl Lobster {
    pub fn new() -> Self {
        Self { book: lobster::OrderBook::new(131_072, 16, false), sides: vec![false; 1 << 22], events: 0 }
    }

    #[inline(always)]
    fn apply(&mut self, c: &Command) {
        use lobster as l;
        let id = u128::from(c.id().get());
        let side = |buy| if buy { l::Side::Bid } else { l::Side::Ask };
        let fills = |event: &l::OrderEvent| match event {
            l::OrderEvent::PartiallyFilled { fills, .. } | l::OrderEvent::Filled { fills, .. } => fills.len() as u64,
            _ => 0,
        };
        match c.op() {
            Op::New => {
                self.sides[c.id().get() as usize] = is_buy(c);
                let (qty, price) = (c.qty().lots(), c.limit_price().map_or(0, Price::ticks) as u64);
                let event = self.book.execute(l::OrderType::Limit { id, side: side(is_buy(c)), qty, price });
                self.events += 1 + fills(&event);
                if is_ioc(c) && !matches!(event, l::OrderEvent::Filled { .. }) {
                    black_box(self.book.execute(l::OrderType::Cancel { id }));
                    self.events += 1;
                }
                black_box(event);
            }
            Op::Cancel => {
                black_box(self.book.execute(l::OrderType::Cancel { id }));
                self.events += 1;
            }
            Op::Replace => {
                let with = c.replacement();
                if let (Some(price), Some(qty)) = (with.price, with.qty) {
                    black_box(self.book.execute(l::OrderType::Cancel { id }));
                    let (qty, price) = (qty.lots(), price.ticks() as u64);
                    let side = side(self.sides[c.id().get() as usize]);
                    let event = self.book.execute(l::OrderType::Limit { id, side, qty, price });
                    self.events += 1 + fills(&event);
                    black_box(event);
                }
            }
            _ => {}
        }
    }
}

/// rust_ob 2.5: decimal prices and quantities; limit, market and cancel only. No ioc (here: the
/// order, then a cancel), no replace (here: cancel, then a new order). It lists the taker among the
/// makers of a match, so its events are not counted.
pub struct RustOb {
    book: rust_ob::OrderBook<u64>,
    sides: HashMap<u64, bool>,
}

impl RustOb {
    pub fn new() -> Self {
        Self { book: rust_ob::OrderBook::new(), sides: HashMap::new() }
    }

    #[inline(always)]
    fn apply(&mut self, c: &Command) {
        use rust_ob as r;
        let id = c.id().get();
        let side = |buy| if buy { r::Side::Buy } else { r::Side::Sell };
        match c.op() {
            Op::New => {
                self.sides.insert(id, is_buy(c));
                let (price, qty) =
                    (r::Decimal::from(c.limit_price().map_or(0, Price::ticks)), r::Decimal::from(c.qty().lots()));
                let _ = black_box(self.book.process_limit_order(id, side(is_buy(c)), price, qty));
                if is_ioc(c) {
                    let _ = black_box(self.book.cancel_order(id));
                }
            }
            Op::Cancel => {
                let _ = black_box(self.book.cancel_order(id));
            }
            Op::Replace => {
                let with = c.replacement();
                if let (Some(price), Some(qty)) = (with.price, with.qty) {
                    let _ = black_box(self.book.cancel_order(id));
                    let (price, qty) = (r::Decimal::from(price.ticks()), r::Decimal::from(qty.lots()));
                    let buy = self.sides.get(&id).copied().unwrap_or(false);
                    let _ = black_box(self.book.process_limit_order(id, side(buy), price, qty));
                }
            }
            _ => {}
        }
    }
}

macro_rules! peer {
    ($type:ty, $name:literal, $events:expr) => {
        impl Contender for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn start(&mut self, filling: &[Command]) {
                *self = Self::new();
                self.run(filling);
            }

            #[inline(never)]
            fn run(&mut self, commands: &[Command]) {
                for c in commands {
                    self.apply(c);
                }
            }

            #[inline(never)]
            fn one(&mut self, command: &Command) {
                self.apply(command);
            }

            fn events(&self) -> u64 {
                let events: fn(&Self) -> u64 = $events;
                events(self)
            }
        }
    };
}

peer!(Matchcore, "matchcore 0.4", |p| p.events);
peer!(OrderbookRs, "orderbook-rs 0.15", |_| 0);
peer!(Lobster, "lobster 0.7", |p| p.events);
peer!(RustOb, "rust_ob 2.5", |_| 0);
