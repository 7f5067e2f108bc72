//! The market from ITCH 5.0: against a plain model, and on real data where it is at hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use vvp_core::book::Side;
use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::itch::{
    AddOrder, AddOrderMpid, BuySell, Message, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace, Stamp, YesNo,
};
use vvp_replay::itch::market::{Anomaly, DayMarket, Market};
use vvp_replay::itch::{End, FrameReader, NoWatch, Options, ReplayError, Spent, Watch, replay};
use vvp_std_adapter::memory::{Pages, Zeroed};
use zerocopy::FromZeros;

use crate::small_day::session;

// ---- against a plain model ----------------------------------------------------------------

type Small = Market<64, 128, 32, 1024>;

/// Orders in the order of time priority, as plainly as can be.
#[derive(Default)]
struct Model {
    /// Reference → stock, side, shares, price, time of arrival.
    orders: BTreeMap<u64, (u16, BuySell, u32, u32, u64)>,
    arrivals: u64,
    unknown: u64,
    overfill: u64,
    duplicate: u64,
    no_shares: u64,
}

impl Model {
    fn add(&mut self, reference: u64, locate: u16, side: BuySell, shares: u32, price: u32) {
        if self.orders.remove(&reference).is_some() {
            self.duplicate += 1;
        }
        if shares == 0 {
            self.no_shares += 1;
            return;
        }
        self.arrivals += 1;
        self.orders.insert(reference, (locate, side, shares, price, self.arrivals));
    }

    fn take(&mut self, reference: u64, shares: Option<u32>) -> Option<(u16, BuySell)> {
        let Some(order) = self.orders.get_mut(&reference) else {
            self.unknown += 1;
            return None;
        };
        let was = (order.0, order.1);
        let by = shares.unwrap_or(order.2);
        self.overfill += u64::from(by > order.2);
        order.2 = order.2.saturating_sub(by);
        if order.2 == 0 {
            self.orders.remove(&reference);
        }
        Some(was)
    }

    /// L3: the best level first, in it the order that came first.
    fn orders(&self, locate: u16, side: BuySell) -> Vec<(u64, i64, u32)> {
        let mut found: Vec<_> = self.orders.iter().filter(|(_, o)| (o.0, o.1) == (locate, side)).collect();
        found.sort_by_key(|(_, o)| (if side == BuySell::Buy { -i64::from(o.3) } else { i64::from(o.3) }, o.4));
        found.into_iter().map(|(&reference, o)| (reference, i64::from(o.3), o.2)).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Add(u64, bool, u32, u32, bool),
    Take(u64, u32, u8),
    Delete(u64),
    Replace(u64, u64, u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let reference = || 1u64..40;
    prop_oneof![
        4 => (reference(), any::<bool>(), 0u32..9, 1u32..15, any::<bool>()).prop_map(|(r, b, q, p, f)| Step::Add(r, b, q, p, f)),
        2 => (reference(), 0u32..6, 0u8..3).prop_map(|(r, q, how)| Step::Take(r, q, how)),
        1 => reference().prop_map(Step::Delete),
        2 => (reference(), reference(), 0u32..9, 1u32..15).prop_map(|(r, n, q, p)| Step::Replace(r, n, q, p)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_market_is_the_plain_model(steps in prop::collection::vec((step(), 1u16..4), 1..300)) {
        let mut market = Small::new_box_zeroed().unwrap();
        let mut model = Model::default();
        for (at, (step, locate)) in (0u64..).zip(steps) {
            let stamp = Stamp { locate, tracking: 0, time: Nanos48::new(at).unwrap() };
            let side = |buy| if buy { BuySell::Buy } else { BuySell::Sell };
            match step {
                Step::Add(r, buy, q, p, mpid) => {
                    let (stock, price) = (Text::new(b"ABC").unwrap(), Price4::new(p));
                    if mpid {
                        let m = AddOrderMpid::new(stamp).with_reference(r).with_side(side(buy)).with_shares(q);
                        market.apply(at, &Message::AddOrderMpid(&m.with_stock(stock).with_price(price)));
                    } else {
                        let m = AddOrder::new(stamp).with_reference(r).with_side(side(buy)).with_shares(q);
                        market.apply(at, &Message::AddOrder(&m.with_stock(stock).with_price(price)));
                    }
                    model.add(r, locate, side(buy), q, p);
                }
                Step::Take(r, q, how) => {
                    match how {
                        0 => market.apply(at, &Message::OrderExecuted(&OrderExecuted::new(stamp).with_reference(r).with_shares(q))),
                        1 => {
                            let m = OrderExecutedWithPrice::new(stamp).with_reference(r).with_shares(q);
                            market.apply(at, &Message::OrderExecutedWithPrice(&m.with_printable(YesNo::No)))
                        }
                        _ => market.apply(at, &Message::OrderCancel(&OrderCancel::new(stamp).with_reference(r).with_shares(q))),
                    };
                    model.take(r, Some(q));
                }
                Step::Delete(r) => {
                    market.apply(at, &Message::OrderDelete(&OrderDelete::new(stamp).with_reference(r)));
                    model.take(r, None);
                }
                Step::Replace(old, new, q, p) => {
                    let m = OrderReplace::new(stamp).with_old_reference(old).with_new_reference(new);
                    market.apply(at, &Message::OrderReplace(&m.with_shares(q).with_price(Price4::new(p))));
                    if let Some((locate, side)) = model.take(old, None) {
                        model.add(new, locate, side, q, p);
                    }
                }
            }
            for locate in 1..4 {
                let stock = market.stock(locate);
                let mut best = [0; 4];
                for (side, ours, place) in [(BuySell::Buy, Side::Buy, 0), (BuySell::Sell, Side::Sell, 2)] {
                    let orders = model.orders(locate, side);
                    let found: Vec<_> = stock.orders(ours).map(|o| (o.reference, o.price.ticks(), o.shares)).collect();
                    prop_assert_eq!(&found, &orders);
                    if let Some(&(_, price, _)) = orders.first() {
                        let qty: u64 = orders.iter().filter(|o| o.1 == price).map(|o| u64::from(o.2)).sum();
                        (best[place], best[place + 1]) = (price as u64, qty);
                        let level = stock.depth(ours).next().unwrap();
                        prop_assert_eq!((level.price.ticks(), level.qty.lots()), (price, qty));
                    }
                }
                prop_assert_eq!(stock.best(), best);
            }
        }
        market.check_invariants();
        let count = |kind| market.anomalies().count(kind);
        prop_assert_eq!(count(Anomaly::UnknownReference), model.unknown);
        prop_assert_eq!(count(Anomaly::Overfill), model.overfill);
        prop_assert_eq!(count(Anomaly::DuplicateReference), model.duplicate);
        prop_assert_eq!(count(Anomaly::NoShares), model.no_shares);
        prop_assert_eq!(market.totals().live, model.orders.len() as u64);
    }
}

#[test]
fn full_market_is_counted_and_the_replay_continues() {
    let mut market = Small::new_box_zeroed().unwrap();
    let stamp = Stamp { locate: 1, tracking: 0, time: Nanos48::default() };
    for r in 1..=100u64 {
        // Two prices, then one each.
        let price = if r <= 50 { r as u32 % 2 } else { r as u32 };
        let m = AddOrder::new(stamp).with_reference(r).with_side(BuySell::Sell).with_shares(1);
        market.apply(r, &Message::AddOrder(&m.with_price(Price4::new(price + 1))));
    }
    market.check_invariants();
    assert_eq!(market.totals().live, 63);
    assert_eq!(market.anomalies().count(Anomaly::MarketFull), 37);
    assert_eq!(market.anomalies().places(Anomaly::MarketFull), [64, 65, 66, 67]);
    for r in 1..=100 {
        market.apply(0, &Message::OrderDelete(&OrderDelete::new(stamp).with_reference(r)));
    }
    market.check_invariants();
    assert_eq!((market.totals().live, market.stock(1).best()), (0, [0; 4]));
}

#[test]
fn book_that_stays_crossed_is_counted() {
    let mut market = Small::new_box_zeroed().unwrap();
    let stamp = Stamp { locate: 1, tracking: 0, time: Nanos48::default() };
    let add = |market: &mut Small, reference, side, price| {
        let m = AddOrder::new(stamp).with_reference(reference).with_side(side).with_shares(10);
        market.apply(0, &Message::AddOrder(&m.with_price(Price4::new(price))));
        market.check_invariants();
        (market.stock(1).is_crossed(), market.stock(1).counts().crossings)
    };
    assert_eq!(add(&mut market, 1, BuySell::Buy, 100), (false, 0));
    assert_eq!(add(&mut market, 2, BuySell::Sell, 101), (false, 0));
    // Locked, then crossed further: once.
    assert_eq!(add(&mut market, 3, BuySell::Buy, 101), (true, 1));
    assert_eq!(add(&mut market, 4, BuySell::Sell, 99), (true, 1));
    assert_eq!(add(&mut market, 5, BuySell::Buy, 90), (true, 1));
    let leave = |market: &mut Small, reference| {
        market.apply(0, &Message::OrderDelete(&OrderDelete::new(stamp).with_reference(reference)));
        market.check_invariants();
        market.stock(1).is_crossed()
    };
    assert!(leave(&mut market, 4));
    assert!(!leave(&mut market, 2));
    assert_eq!(add(&mut market, 6, BuySell::Sell, 100), (true, 2));
    // An execution, a cancel and a replace of the best uncross it as a delete does.
    market.apply(0, &Message::OrderExecuted(&OrderExecuted::new(stamp).with_reference(3).with_shares(10)));
    market.check_invariants();
    assert!(market.stock(1).is_crossed());
    market.apply(0, &Message::OrderCancel(&OrderCancel::new(stamp).with_reference(1).with_shares(10)));
    market.check_invariants();
    assert!(!market.stock(1).is_crossed());
    let replace = OrderReplace::new(stamp).with_old_reference(5).with_new_reference(7).with_shares(1);
    market.apply(0, &Message::OrderReplace(&replace.with_price(Price4::new(100))));
    market.check_invariants();
    assert_eq!((market.stock(1).is_crossed(), market.stock(1).counts().crossings), (true, 3));
    // Another stock at such a price is another book.
    assert!(!market.stock(2).is_crossed());
}

// ---- real data ----------------------------------------------------------------

fn day() -> Zeroed<DayMarket> {
    let mut market = Zeroed::<DayMarket>::new(Pages::LAZY).unwrap();
    market.set_checksum(true);
    market
}

fn run(market: &mut DayMarket, bytes: impl std::io::Read + Send, options: Options) -> Result<End, ReplayError> {
    let mut reader = FrameReader::new(bytes).unwrap();
    replay(&mut reader, 0, market, options, &mut NoWatch, &mut Spent::default())
}

/// A file with market data: in `VVP_DATA`, or in `shared/data` beside the checkout.
fn data(name: &str) -> Option<fs::File> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("VVP_DATA").map_or(beside, PathBuf::from);
    let file = fs::File::open(folder.join(name)).ok();
    if file.is_none() {
        use std::io::Write;
        // Straight to the stream: the test harness keeps what a test that passes prints.
        let loud = format!("SKIPPED: no {name} in {}; set VVP_DATA\n", folder.display());
        let _ = std::io::stderr().write_all(loud.as_bytes());
    }
    file
}

/// Checks the best bid and ask of a stock after each of its messages.
#[derive(Default)]
struct NeverCrossed(u64);

impl Watch for NeverCrossed {
    fn before(&mut self, _: &DayMarket, _: &Message<'_>, _: u64) -> std::io::Result<()> {
        Ok(())
    }

    fn after(&mut self, market: &DayMarket, locate: u16, time_ns: u64) -> std::io::Result<()> {
        let [bid, _, ask, _] = market.stock(locate).best();
        assert!(ask == 0 || bid < ask, "crossed at {time_ns}: {bid} {ask}");
        self.0 += 1;
        Ok(())
    }
}

#[test]
fn the_derived_session_has_no_anomaly_and_the_known_checksum() {
    let Some(file) = data("20120621_GOOG_from_LOBSTER.NASDAQ_ITCH50.xz") else { return };
    let mut market = day();
    let (mut reader, mut watch) = (FrameReader::new(file).unwrap(), NeverCrossed::default());
    let end = replay(&mut reader, 0, &mut market, Options::default(), &mut watch, &mut Spent::default());
    assert_eq!((end.unwrap(), watch.0), (End::File, 151_221));
    market.check_invariants();
    assert_eq!(market.checksum(), Some(0x2757_d5d2_e394_73a3));
    let totals = market.totals();
    assert_eq!((totals.messages, totals.book_messages, totals.live, totals.max_live), (155_142, 151_221, 418, 424));
    assert_eq!(market.anomalies().count(Anomaly::UnknownReference), 0);
    let goog = market.stock(market.locate_of("GOOG").unwrap());
    assert_eq!(goog.best(), [5_651_200, 200, 5_652_200, 42]);
    assert_eq!((goog.counts().executed, goog.counts().hidden), (492_509, 213_616));
}

#[test]
fn the_genuine_snippet_has_the_known_checksum() {
    let Some(file) = data("12302019_SNIPPET.NASDAQ_ITCH50") else { return };
    let mut market = day();
    assert_eq!(run(&mut market, file, Options::default()).unwrap(), End::File);
    market.check_invariants();
    assert_eq!(market.checksum(), Some(0x080d_bfb5_3e8f_7fdf));
    assert_eq!(market.anomalies().count(Anomaly::UnknownReference), 399);
    assert_eq!(market.anomalies().places(Anomaly::UnknownReference), [0, 21, 68, 89]);
    assert_eq!(market.totals().live, 532);
}

#[test]
fn wrong_lengths_and_unknown_types_are_counted_and_left_out() {
    let mut file = vec![0, 3, b'S', 1, 2, 0, 4, b'?', 1, 2, 3];
    let at = file.len() as u64;
    file.extend(session());
    file.extend([0, 40]);
    file.extend([b'A'; 40]);
    let mut market = day();
    assert_eq!(run(&mut market, std::io::Cursor::new(file), Options::default()).unwrap(), End::File);
    assert_eq!(market.anomalies().places(Anomaly::WrongLength), [0, at + session().len() as u64]);
    assert_eq!(market.anomalies().places(Anomaly::UnknownType), [5]);
    assert_eq!((market.totals().messages, market.totals().book_messages), (11, 6));
}
