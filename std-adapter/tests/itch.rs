//! The market from ITCH 5.0: against a plain model, on real data where it is at hand, and at the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use proptest::prelude::*;
use vvp_core::book::Side;
use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::frame;
use vvp_core::wire::itch::{
    AddOrder, AddOrderMpid, BuySell, Message, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace, Stamp, Trade, TradingAction, TradingState, YesNo,
};
use vvp_std_adapter::itch::market::{Anomaly, DayMarket, Market};
use vvp_std_adapter::itch::{End, FrameReader, NoWatch, Options, ReplayError, Spent, Watch, replay};
use vvp_std_adapter::memory::{Pages, Zeroed};
use zerocopy::{FromZeros, IntoBytes};

// ---- against a plain model ----------------------------------------------------------------------------------

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
fn a_full_market_says_so_and_goes_on() {
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
fn a_book_that_stays_crossed_is_counted() {
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

// ---- real data ----------------------------------------------------------------------------------------------

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

/// Looks at the best of a stock after each of its messages.
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

// ---- files and the command line -----------------------------------------------------------------------------

/// A small session: two stocks, a halt, an execution, a hidden trade.
fn session() -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |message: &[u8]| {
        let mut bytes = [0; 64];
        let n = frame::write(message, &mut bytes).unwrap();
        file.extend_from_slice(&bytes[..n]);
    };
    let at = |s: u64, locate| Stamp { locate, tracking: 0, time: Nanos48::new(s * 1_000_000_000).unwrap() };
    let (abc, xyz) = (Text::new(b"ABC").unwrap(), Text::new(b"XYZ").unwrap());
    put(TradingAction::new(at(36_000, 1)).with_stock(abc).with_state(TradingState::Trading).as_bytes());
    let add = |s, locate, stock, reference, side, shares, price| {
        let m = AddOrder::new(at(s, locate)).with_reference(reference).with_stock(stock).with_side(side);
        m.with_shares(shares).with_price(Price4::new(price))
    };
    put(add(36_001, 1, abc, 1, BuySell::Buy, 100, 1_000_000).as_bytes());
    put(add(36_002, 1, abc, 2, BuySell::Sell, 50, 1_000_100).as_bytes());
    put(add(36_003, 2, xyz, 3, BuySell::Buy, 7, 50_000).as_bytes());
    put(OrderExecuted::new(at(36_010, 1)).with_reference(1).with_shares(40).as_bytes());
    put(Trade::new(at(36_011, 1)).with_stock(abc).with_shares(5).with_price(Price4::new(1_000_050)).as_bytes());
    put(OrderDelete::new(at(36_012, 1)).with_reference(99).as_bytes());
    put(OrderDelete::new(at(36_013, 1)).with_reference(2).as_bytes());
    file
}

struct Desk(PathBuf);

impl Desk {
    fn new(test: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("itch-{test}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("day.itch"), session()).unwrap();
        Self(folder)
    }

    fn replay(&self, args: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vvp"));
        command.current_dir(&self.0).arg("replay").args(args.split_whitespace()).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn rows_and_ladders_show_the_book_through_time() {
    let desk = Desk::new("rows");
    let done = desk.replay("day.itch --symbol ABC --out csv");
    let expect = "36001000000000,ABC,9999999999,0,1000000,100\n\
        36002000000000,ABC,1000100,50,1000000,100\n\
        36010000000000,ABC,1000100,50,1000000,60\n\
        36012000000000,ABC,1000100,50,1000000,60\n\
        36013000000000,ABC,9999999999,0,1000000,60\n";
    assert_eq!((text(&done.stdout), done.status.code()), (expect.into(), Some(0)));
    assert!(text(&done.stderr).contains("unknown_ref 1, first at byte"), "{}", text(&done.stderr));

    let done = desk.replay("day.itch --out jsonl --every 5s --depth 2");
    let lines: Vec<String> = text(&done.stdout).lines().map(String::from).collect();
    assert_eq!(
        lines,
        [
            "{\"time_ns\":36005000000000,\"symbol\":\"ABC\",\"bids\":[[\"100.0000\",100,1]],\"asks\":[[\"100.0100\",50,1]]}",
            "{\"time_ns\":36005000000000,\"symbol\":\"XYZ\",\"bids\":[[\"5.0000\",7,1]],\"asks\":[]}",
            "{\"time_ns\":36010000000000,\"symbol\":\"ABC\",\"bids\":[[\"100.0000\",60,1]],\"asks\":[[\"100.0100\",50,1]]}",
            "{\"time_ns\":36010000000000,\"symbol\":\"XYZ\",\"bids\":[[\"5.0000\",7,1]],\"asks\":[]}",
        ]
    );
    assert_eq!(desk.replay("day.itch --out bin").stdout.len(), 6 * 64);

    let done = desk.replay("day.itch --at 10:00:05 --symbol ABC");
    let ladder = text(&done.stdout);
    assert!(ladder.starts_with("  ABC  state T  2 orders on 1 bid and 1 ask levels\n"), "{ladder}");
    assert!(ladder.contains("bid   100.0000           100       1"), "{ladder}");
}

#[test]
fn summaries_and_exit_codes() {
    let desk = Desk::new("summary");
    let done = desk.replay("day.itch --json");
    let json: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0));
    for (key, value) in [("messages", 8), ("book_messages", 6), ("unknown_ref", 1), ("live", 2), ("max_live", 3)] {
        assert_eq!(json["total"][key], value, "{key}");
    }
    assert_eq!(json["total"]["allocations_after_start"], 0);
    assert_eq!(json["stocks"]["ABC"]["executed"], 40);
    assert_eq!((&json["stocks"]["ABC"]["unknown_ref"], &json["stocks"]["XYZ"]["unknown_ref"]), (&1.into(), &0.into()));
    assert_eq!(json["stocks"]["ABC"]["trading"], "T");
    assert_eq!(json["stocks"]["XYZ"]["bid"], 50_000);
    let cut = desk.0.join("cut.itch");
    fs::write(&cut, &session()[..100]).unwrap();
    fs::write(desk.0.join("empty.itch"), "").unwrap();
    for (args, code, says) in [
        ("day.itch --strict", 1, "unknown_ref at byte 220; --strict ends here"),
        ("cut.itch", 1, "cut.itch: at byte 65: the stream ends after 35 of a frame's 38 bytes"),
        ("empty.itch", 1, "empty.itch: no ITCH message in it"),
        ("nowhere.itch", 1, "nowhere.itch: no such file"),
        ("day.itch --at 10:00:05 --symbol NONE", 1, "no message names NONE so far"),
        ("day.itch --at noon", 2, "not a time of day like 10:30:00"),
        ("day.itch --every 1s", 2, "--every is for --out"),
        ("day.itch --depth 5", 2, "--depth is for --out or --at"),
        ("day.itch --drive --out csv", 2, "--drive and --out do not go together"),
        ("--format itch", 2, "the file is missing"),
    ] {
        let done = desk.replay(args);
        let stderr = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{args}: {stderr}");
        assert!(stderr.starts_with("vvp") && stderr.contains(says), "{args}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args}: {stderr}");
    }
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
