//! Drives the matching engine with a tape: exact repetition, and each kind of difference.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use vvp_core::book_type;
use vvp_core::engine::Engine;
use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::frame;
use vvp_core::wire::itch::{
    AddOrder, BrokenTrade, BuySell, CrossTrade, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace, Stamp, StockDirectory, Trade, YesNo,
};
use vvp_replay::itch::market::DayMarket;
use vvp_replay::itch::{Difference, Drive, DriveReport, FrameReader, Options, Spent, Tally, replay};
use vvp_std_adapter::engine::LargeEngine;
use vvp_std_adapter::memory::{Pages, Zeroed};
use zerocopy::{FromZeros, IntoBytes};

type Small = Engine<book_type!(orders: 64, ticks_per_side: 256, far_levels: 64, stops: 4), 2, 4>;

#[derive(Default)]
struct Tape {
    bytes: Vec<u8>,
    time: u64,
}

impl Tape {
    fn put(&mut self, message: &[u8]) {
        let mut bytes = [0; 64];
        let n = frame::write(message, &mut bytes).unwrap();
        self.bytes.extend_from_slice(&bytes[..n]);
    }

    fn stamp(&mut self) -> Stamp {
        self.time += 1;
        Stamp { locate: 1, tracking: 0, time: Nanos48::new(self.time).unwrap() }
    }

    fn add(&mut self, reference: u64, side: BuySell, shares: u32, price: u32) {
        self.add_of(1, b"ABC", reference, side, shares, price);
    }

    fn add_of(&mut self, locate: u16, name: &[u8], reference: u64, side: BuySell, shares: u32, price: u32) {
        let stamp = Stamp { locate, ..self.stamp() };
        let add = AddOrder::new(stamp).with_reference(reference).with_side(side).with_shares(shares);
        self.put(add.with_stock(Text::new(name).unwrap()).with_price(Price4::new(price)).as_bytes());
    }

    fn execute(&mut self, reference: u64, shares: u32) {
        let m = OrderExecuted::new(self.stamp()).with_reference(reference).with_shares(shares);
        self.put(m.as_bytes());
    }

    fn execute_at(&mut self, reference: u64, shares: u32, price: u32) {
        let m = OrderExecutedWithPrice::new(self.stamp()).with_reference(reference).with_shares(shares);
        self.put(m.with_printable(YesNo::Yes).with_price(Price4::new(price)).as_bytes());
    }

    fn cancel(&mut self, reference: u64, shares: u32) {
        let m = OrderCancel::new(self.stamp()).with_reference(reference).with_shares(shares);
        self.put(m.as_bytes());
    }

    fn delete(&mut self, reference: u64) {
        let m = OrderDelete::new(self.stamp()).with_reference(reference);
        self.put(m.as_bytes());
    }

    fn replace(&mut self, old: u64, new: u64, shares: u32, price: u32) {
        let m = OrderReplace::new(self.stamp()).with_old_reference(old).with_new_reference(new);
        self.put(m.with_shares(shares).with_price(Price4::new(price)).as_bytes());
    }

    fn drive(self, symbols: &[&str]) -> DriveReport {
        let mut engine = Small::new_box_zeroed().unwrap();
        let mut market = Zeroed::<DayMarket>::new(Pages::LAZY).unwrap();
        let mut drive = Drive::new(&mut *engine, symbols.iter().map(|s| s.to_string()).collect());
        let mut reader = FrameReader::new(Cursor::new(self.bytes)).unwrap();
        replay(&mut reader, 0, &mut market, Options::default(), &mut drive, &mut Spent::default()).unwrap();
        adds_up(drive.report());
        *drive.report()
    }
}

fn adds_up(report: &DriveReport) {
    assert_eq!(report.tape.shares - report.short.shares + report.on_entry.shares, report.engine.shares);
    let different: u64 = report.different.iter().map(|t| t.count).sum();
    assert_eq!(report.same.count + different, report.tape.count);
    assert_eq!(report.refused, 0);
}

const fn tally(count: u64, shares: u64) -> Tally {
    Tally { count, shares }
}

#[test]
fn a_tape_in_price_time_order_is_repeated_exactly() {
    let mut tape = Tape::default();
    tape.add(1, BuySell::Sell, 100, 10_100);
    tape.add(2, BuySell::Sell, 50, 10_100);
    tape.add(3, BuySell::Buy, 70, 10_000);
    tape.execute(1, 40);
    tape.cancel(1, 10);
    tape.execute(1, 50);
    tape.execute(2, 20);
    tape.replace(3, 4, 60, 10_050);
    tape.execute(4, 60);
    tape.delete(2);
    let report = tape.drive(&[]);
    assert_eq!((report.same, report.engine), (tally(4, 170), tally(4, 170)));
    assert_eq!((report.commands, report.instruments), (11, 1));
    let none = tally(0, 0);
    assert_eq!((report.different, report.short, report.taken_before), ([none; 4], none, none));
}

#[test]
fn every_difference_has_its_kind() {
    let of = |report: &DriveReport, kind: Difference| report.different[kind as usize];
    let mut tape = Tape::default();
    // The tape executes the second order of a level, the engine the first, which is then missing
    // when the tape deletes it.
    tape.add(1, BuySell::Sell, 10, 10_100);
    tape.add(2, BuySell::Sell, 10, 10_100);
    tape.execute(2, 10);
    tape.delete(1);
    let report = tape.drive(&[]);
    assert_eq!(of(&report, Difference::OtherOrder), tally(1, 10));
    assert_eq!(report.taken_before, tally(1, 10));

    // The tape passes over a better price; later that order's shares are missing, and an opposite
    // price is left.
    let mut tape = Tape::default();
    tape.add(1, BuySell::Buy, 10, 10_000);
    tape.add(2, BuySell::Buy, 10, 9_900);
    tape.execute(2, 10);
    tape.execute(1, 10);
    tape.add(3, BuySell::Sell, 4, 9_900);
    let report = tape.drive(&[]);
    assert_eq!(of(&report, Difference::BetterPrice), tally(1, 10));
    assert_eq!((of(&report, Difference::Missing), report.short), (tally(1, 10), tally(1, 10)));
    assert_eq!(report.on_entry, tally(1, 4));

    // A price that the order does not show; and what the engine cannot know.
    let mut tape = Tape::default();
    tape.add(1, BuySell::Sell, 10, 10_100);
    tape.execute_at(1, 4, 10_090);
    tape.execute_at(1, 4, 10_100);
    tape.execute(77, 5);
    let stamp = tape.stamp();
    tape.put(Trade::new(stamp).with_shares(9).as_bytes());
    tape.put(CrossTrade::new(stamp).with_shares(1000).as_bytes());
    let report = tape.drive(&[]);
    assert_eq!((of(&report, Difference::OtherPrice), report.same), (tally(1, 4), tally(1, 4)));
    assert_eq!((report.unknown, report.hidden, report.crosses), (1, tally(1, 9), tally(1, 1000)));

    // More stocks than the engine has room for, and only the selected ones.
    for (wanted, instruments, left_out) in [(&[][..], 2, 2), (&["DEF"][..], 1, 0)] {
        let mut tape = Tape::default();
        for (locate, name) in [(1u16, b"ABC"), (2, b"DEF"), (3, b"GHI"), (4, b"JKL")] {
            tape.add_of(locate, name, locate.into(), BuySell::Buy, 1, 100);
        }
        let report = tape.drive(wanted);
        assert_eq!((report.instruments, report.no_instrument), (instruments, left_out));
        assert_eq!(report.commands, instruments);
    }
}

/// Trades of hidden orders, crosses and broken trades are counted from the first message on, and of
/// wanted stocks alone.
#[test]
fn hidden_trades_crosses_and_broken_trades_count_before_the_first_add() {
    let tape = |with_name: bool| {
        let mut tape = Tape::default();
        for (locate, name) in [(1u16, &b"ABC"[..]), (2, b"DEF")] {
            let stamp = Stamp { locate, ..tape.stamp() };
            let stock = Text::new(name).unwrap();
            if with_name {
                tape.put(StockDirectory::new(stamp).with_stock(stock).as_bytes());
            }
            tape.put(Trade::new(stamp).with_stock(stock).with_shares(9).as_bytes());
            tape.put(CrossTrade::new(stamp).with_stock(stock).with_shares(1000).as_bytes());
            // A cross of no shares does not count.
            tape.put(CrossTrade::new(stamp).with_stock(stock).as_bytes());
            tape.put(BrokenTrade::new(stamp).as_bytes());
            tape.put(OrderExecuted::new(stamp).with_reference(77).with_shares(5).as_bytes());
        }
        tape
    };
    for with_name in [false, true] {
        let report = tape(with_name).drive(&[]);
        assert_eq!((report.hidden, report.crosses, report.broken), (tally(2, 18), tally(2, 2000), 2));
        assert_eq!((report.unknown, report.instruments, report.commands), (2, 0, 0));
        for wanted in ["ABC", "DEF"] {
            let report = tape(with_name).drive(&[wanted]);
            assert_eq!((report.hidden, report.crosses, report.broken), (tally(1, 9), tally(1, 1000), 1));
            assert_eq!(report.unknown, 1);
        }
        let report = tape(with_name).drive(&["GHI"]);
        assert_eq!((report.hidden, report.crosses, report.broken, report.unknown), (tally(0, 0), tally(0, 0), 0, 0));
    }
    // An add between them changes nothing.
    let mut mixed = tape(false);
    mixed.add(1, BuySell::Buy, 1, 100);
    mixed.bytes.extend(tape(true).bytes);
    let report = mixed.drive(&["ABC"]);
    assert_eq!((report.hidden, report.crosses, report.broken), (tally(2, 18), tally(2, 2000), 2));
}

/// The derived session: the engine trades what the tape says, but for what is explained.
#[test]
fn derived_session_drives_the_engine() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("VVP_DATA").map_or(beside, PathBuf::from);
    let Ok(file) = fs::File::open(folder.join("20120621_GOOG_from_LOBSTER.NASDAQ_ITCH50.xz")) else {
        use std::io::Write;
        // Straight to the stream: the test harness keeps what a test that passes prints.
        let loud = format!("SKIPPED: no derived session in {}; set VVP_DATA\n", folder.display());
        let _ = std::io::stderr().write_all(loud.as_bytes());
        return;
    };
    let mut engine = Zeroed::<LargeEngine>::new(Pages::LAZY).unwrap();
    let mut market = Zeroed::<DayMarket>::new(Pages::LAZY).unwrap();
    let mut drive = Drive::new(&mut *engine, Vec::new());
    let mut reader = FrameReader::new(file).unwrap();
    replay(&mut reader, 0, &mut market, Options::default(), &mut drive, &mut Spent::default()).unwrap();
    let report = drive.report();
    adds_up(report);
    assert_eq!((report.tape, report.hidden), (tally(7_765, 492_509), tally(3_913, 213_616)));
    assert_eq!((report.unknown, report.no_instrument, report.instruments), (0, 0, 1));
}
