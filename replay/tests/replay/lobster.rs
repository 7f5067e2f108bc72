//! The replay of LOBSTER files: the real session where it is at hand, and simulated ones whose
//! whole book is known.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use zerocopy::FromZeros;

use crate::market::{Files, Market, simulate};
use vvp_replay::lobster::{BookRow, Options, ReplayEngine, ReplayError, Source, Summary, replay};

const VERIFY: Options = Options { verify: true, levels: None, tick: None, symbol: None, stop: None };

fn source(name: &str, bytes: impl Into<Vec<u8>>) -> Source {
    Source::from_reader(name, Cursor::new(bytes.into())).unwrap()
}

fn engine() -> Box<ReplayEngine> {
    ReplayEngine::new_box_zeroed().unwrap()
}

fn run(files: &Files, options: &Options) -> (Result<Summary, ReplayError>, String) {
    let mut out = Vec::new();
    let (messages, books) = (source("m.csv", files.messages.clone()), source("b.csv", files.books.clone()));
    let result = replay(&mut *engine(), messages, books, options, Some(&mut out));
    (result, String::from_utf8(out).unwrap())
}

/// Markets of all shapes: thin and deep, with windows that show everything and windows that show
/// little.
fn markets() -> impl Iterator<Item = Market> {
    (0..60).map(|seed| Market {
        seed,
        rows: 400,
        levels: [1, 2, 3, 5, 10][seed as usize % 5],
        orders: [2, 8, 30, 90][seed as usize / 5 % 4],
        reach: [6, 20, 60][seed as usize / 20 % 3],
    })
}

#[test]
fn a_simulated_session_is_followed_row_by_row() {
    let mut seen = [0; 6];
    for market in markets() {
        let files = simulate(&market);
        let (result, out) = run(&files, &VERIFY);
        let summary = result.unwrap_or_else(|e| panic!("{market:?}: {e}"));
        assert_eq!(summary.matched, Some(399), "{market:?}");
        // The edge is known after its row, so what we write is the file, byte for byte.
        assert_eq!(out, files.books, "{market:?}");
        let w = summary.window;
        for (sum, n) in seen.iter_mut().zip([w.seeded, w.unchanged, w.grown, w.rewritten, w.dropped, w.merged]) {
            *sum += n;
        }
    }
    assert!(seen.iter().all(|&n| n > 0), "the markets leave a case of the edge untested: {seen:?}");
}

// ---- what must be found ----------------------------------------------------------------

fn small(levels: usize) -> Files {
    simulate(&Market { seed: 7, rows: 200, levels, orders: 40, reach: 20 })
}

/// `files` with one line of a file changed by `change`, which gets its fields.
fn edited(text: &str, line: usize, change: impl FnOnce(&mut Vec<String>)) -> String {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    let mut fields = lines[line].split(',').map(String::from).collect();
    change(&mut fields);
    lines[line] = fields.join(",");
    lines.join("\n") + "\n"
}

fn add_one(field: &mut String) {
    *field = (field.parse::<i64>().unwrap() + 1).to_string();
}

fn first_difference(files: &Files, options: &Options) -> (u64, String) {
    match run(files, options).0 {
        Err(ReplayError::Difference(d)) => (d.row, d.to_string()),
        other => panic!("no difference: {other:?}"),
    }
}

#[test]
fn one_share_too_many_in_any_compared_level_is_found_in_its_row() {
    let files = small(4);
    for row in 1..200 {
        for field in (1..4 * 3).step_by(2) {
            let books = edited(&files.books, row, |f| add_one(&mut f[field]));
            let files = Files { messages: files.messages.clone(), books };
            let (found, report) = first_difference(&files, &VERIFY);
            assert_eq!(found, row as u64, "field {field}: {report}");
            assert!(report.contains("  <"), "both books are shown and the level is marked: {report}");
        }
    }
}

#[test]
fn one_share_too_many_in_any_message_is_found_in_its_row() {
    let files = small(4);
    for row in 1..200 {
        if files.messages.lines().nth(row).unwrap().split(',').nth(1) == Some("5") {
            continue; // a hidden order leaves no trace in the book
        }
        let messages = edited(&files.messages, row, |f| add_one(&mut f[3]));
        let found = first_difference(&Files { messages, books: files.books.clone() }, &VERIFY).0;
        // A change of the last level shows there only if the level is still in the row.
        assert!((row as u64..row as u64 + 2).contains(&found), "row {row} was found in row {found}");
    }
}

#[test]
fn a_report_shows_the_message_and_both_books() {
    let files = Files {
        messages: "34200,5,0,1,100,1\n34200.5,1,77,30,9900,1\n".into(),
        books: "10100,5,10000,6,10200,7,9800,8\n10100,5,10000,6,10200,7,9900,31\n".into(),
    };
    let report = first_difference(&files, &VERIFY).1;
    let expected = "\
row 1 (line 2): bid level 2 differs
message: 34200.500000000 type 1 (new limit order), order 77, size 30, price 9900, bid
                file: price × size         ours: price × size
ask    2                 10200 × 7                  10200 × 7
ask    1                 10100 × 5                  10100 × 5
          ------------------------   ------------------------
bid    1                 10000 × 6                  10000 × 6
bid    2                 9900 × 31                  9900 × 30  <";
    assert_eq!(report, expected);
}

#[test]
fn contradicting_messages_are_found_without_verify() {
    let row0 = ("34200,5,0,1,100,1", "10100,5,10000,6,10200,7,9900,8");
    let new = "34201,1,77,30,10000,1";
    let after = "10100,5,10000,36,10200,7,9900,8";
    let same = row0.1;
    for (rows, says) in [
        (vec![("34201,1,77,30,10100,1", same)], "the new order 77 trades 5 shares with order"),
        (vec![("34201,3,5,6,9700,1", same)], "our book holds nothing at this price"),
        (vec![("34201,3,5,7,10000,1", same)], "our book knows no such order, and 6 of 6 shares at this price"),
        (vec![(new, after), (new, after)], "the new order is in the book already"),
        (vec![(new, after), ("34201,1,77,30,9900,1", after)], "our book refused \"new 77\": duplicate_id"),
        (vec![(new, after), ("34202,3,77,29,10000,1", after)], "30 shares of the order are open in our book"),
        (vec![(new, after), ("34202,2,77,30,10000,1", after)], "30 shares of the order are open in our book"),
        (vec![(new, after), ("34202,4,77,31,10000,1", after)], "30 shares of the order are open in our book"),
        (vec![(new, after), ("34200.9,4,77,1,10000,1", after)], "time_reversed"),
    ] {
        for verify in [false, true] {
            let mut files = Files { messages: format!("{}\n", row0.0), books: format!("{}\n", row0.1) };
            for (message, book) in &rows {
                files.messages += &format!("{message}\n");
                files.books += &format!("{book}\n");
            }
            let options = Options { verify, ..VERIFY };
            for out in [false, true] {
                let mut sink = Vec::new();
                let (m, b) = (source("m", files.messages.clone()), source("b", files.books.clone()));
                let out = out.then_some(&mut sink as &mut dyn Write);
                let Err(ReplayError::Difference(d)) = replay(&mut *engine(), m, b, &options, out) else {
                    panic!("{rows:?} passes");
                };
                assert!(d.problem.contains(says), "{rows:?}: {}", d.problem);
                assert_eq!(d.row, rows.len() as u64, "{rows:?}");
            }
        }
    }
}

#[test]
fn orders_may_cross_during_a_halt_and_nothing_trades() {
    let files = Files {
        messages: "34200,5,0,1,100,1\n34201,7,0,0,-1,-1\n34201,7,0,0,0,-1\n34202,1,77,5,10100,1\n\
                   34203,4,77,5,10100,1\n34203,6,0,5,10100,1\n34204,7,0,0,1,-1\n"
            .into(),
        books: "10100,5,10000,6,10200,7,9900,8\n10100,5,10000,6,10200,7,9900,8\n10100,5,10000,6,10200,7,9900,8\n\
                10100,5,10100,5,10200,7,10000,6\n10100,5,10000,6,10200,7,9900,8\n10100,5,10000,6,10200,7,9900,8\n\
                10100,5,10000,6,10200,7,9900,8\n"
            .into(),
    };
    let (result, out) = run(&files, &VERIFY);
    let summary = result.unwrap();
    assert_eq!((summary.matched, summary.kinds[5].0, summary.kinds[6].0), (Some(6), 1, 3));
    assert_eq!(out, files.books);
}

#[test]
fn a_level_that_a_short_side_should_no_longer_have_is_found() {
    let files = Files {
        messages: "34200,5,0,1,100,1\n34201,5,0,1,100,1\n".into(),
        books: "10100,5,10000,6,10200,7,-9999999999,0,9999999999,0,-9999999999,0\n\
                10100,5,10000,6,9999999999,0,-9999999999,0,9999999999,0,-9999999999,0\n"
            .into(),
    };
    let (row, report) = first_difference(&files, &VERIFY);
    assert!(row == 1 && report.contains("ask level 2 differs"), "{report}");
    assert!(report.contains("                      -                  10200 × 7  <"), "{report}");
}

#[test]
fn levels_outside_the_window_stay_bounded() {
    // Orders come close to a middle that wanders, so the window leaves many levels behind.
    let files = simulate(&Market { seed: 1, rows: 20_000, levels: 2, orders: 400, reach: 4 });
    let (result, out) = run(&files, &Options { levels: Some(100), ..VERIFY });
    assert_eq!(result.unwrap().matched, Some(19_999));
    let mut most = 0;
    for line in out.lines() {
        let mut row = BookRow::default();
        row.parse(line.as_bytes()).unwrap();
        most = most.max(row.asks.len()).max(row.bids.len());
    }
    assert_eq!(most, 2 + 64, "the documented bound is reached and kept");
}

// ---- files ----------------------------------------------------------------

fn gz(text: &str) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

fn xz(text: &str) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

/// A way to store a text.
type Pack = fn(&str) -> Vec<u8>;

#[test]
fn plain_and_compressed_files_replay_alike() {
    let files = small(3);
    let plain: Pack = |text| text.as_bytes().to_vec();
    let crlf: Pack = |text| text.replace('\n', "\r\n").into_bytes();
    let no_last_lf: Pack = |text| text.trim_end().as_bytes().to_vec();
    let two_gz: Pack = |text| [gz(&text[..100]), gz(&text[100..])].concat();
    let two_xz: Pack = |text| [xz(&text[..100]), xz(&text[100..])].concat();
    for messages in [plain, gz, xz, crlf, no_last_lf, two_gz, two_xz] {
        for books in [plain, gz, xz, crlf, no_last_lf, two_gz, two_xz] {
            let (m, b) = (source("m", messages(&files.messages)), source("b", books(&files.books)));
            let mut out = Vec::new();
            let summary = replay(&mut *engine(), m, b, &VERIFY, Some(&mut out)).unwrap();
            assert_eq!(summary.matched, Some(199));
            assert_eq!(out, files.books.as_bytes());
        }
    }
}

#[test]
fn a_compressed_file_cut_short_or_damaged_is_an_error() {
    let files = small(3);
    for whole in [xz(&files.books), gz(&files.books)] {
        let mut bad: Vec<Vec<u8>> = (10..whole.len()).step_by(whole.len() / 60).map(|n| whole[..n].to_vec()).collect();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        bad.push(flipped);
        for bytes in bad {
            let (m, b) = (source("m", files.messages.clone()), source("b", bytes));
            match replay(&mut *engine(), m, b, &Options::default(), None) {
                Err(ReplayError::Input(e)) => assert_eq!(e.file, "b"),
                other => panic!("passes: {other:?}"),
            }
        }
    }
}

#[test]
fn bad_input_is_one_line_naming_file_line_and_field() {
    let m = "34200,5,0,1,100,1\n34201,1,77,30,10000,1\n";
    let b = "10100,5,10000,6\n10100,5,10000,36\n";
    for (messages, books, says) in [
        (b"".to_vec(), b, "m: line 1: holds no rows"),
        (m.into(), "", "b: line 1: holds no rows"),
        (b"34200,5,0,1,100,1\n".to_vec(), b, "m: line 2: no such row, but b has one"),
        (m.into(), "10100,5,10000,6\n", "b: line 2: no such row, but m has one"),
        (m.into(), "10100,5,10000,6\n10100,5,10000,6,10200,7,9900,8\n", "b: line 2: 2 levels a side, but 1 in"),
        (m.into(), "10100,5,10000,6\n10100,5,10000\n", "b: line 2, field 4 (bid size): is missing"),
        (m.into(), "10100,5,10000,6\n10100,five,10000,6\n", "b: line 2, field 2 (ask size): \"five\" is not a whole"),
        (m.into(), "10100,5,10000,6\n\n", "b: line 2: empty line"),
        (b"34200,5,0,1,100,1\n34201,1,77,30,10000,up\n".to_vec(), b, "m: line 2, field 6 (direction): \"up\" is not"),
        (b"34200,5,0,1,100,1\n34201,1,77,99999999999999999999,1,1\n".to_vec(), b, "m: line 2, field 4 (size): \"9999"),
        (b"\xff\xfe\x00,5\n".to_vec(), b, "m: line 1, field 1 (time): \"\\xff\\xfe\\x00\" is not"),
        (b"34200,5,0,1,100,1\n34201,1,77,30,10050,1\n".to_vec(), b, "m: line 2: price 10050 is not a multiple of the"),
        (
            m.into(),
            "10100,5,10000,6\n10150,5,10000,6\n",
            "b: line 2: price 10150 is not a multiple of the price step 100",
        ),
        (vec![b'1'; 10_000_000], b, "m: line 1: longer than 65536 bytes"),
    ] {
        let (m, b) = (source("m", messages), source("b", books));
        let error = replay(&mut *engine(), m, b, &VERIFY, None).unwrap_err().to_string();
        assert!(error.starts_with(says), "expected {says}, got {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn the_price_step_follows_the_first_row_or_the_option() {
    let m = "34200,5,0,1,100,1\n34201,1,77,30,9950,1\n";
    let b = "10100,5,9900,6\n10100,5,9950,30\n";
    let run = |m: &str, b: &str, tick| {
        let (m, b) = (source("m", m), source("b", b));
        replay(&mut *engine(), m, b, &Options { tick, ..VERIFY }, None).map(|s| s.matched)
    };
    assert!(matches!(run(m, b, None), Err(ReplayError::Input(_))));
    assert_eq!(run(m, b, Some(1)).unwrap(), Some(1));
    assert_eq!(run(m, b, Some(50)).unwrap(), Some(1));
    assert_eq!(run(m, "10150,5,9900,6\n10150,5,9950,30\n", None).unwrap(), Some(1));
}

#[test]
fn more_levels_than_the_file_has_can_be_written() {
    let files = simulate(&Market { seed: 3, rows: 300, levels: 3, orders: 80, reach: 30 });
    let (result, out) = run(&files, &Options { levels: Some(6), ..VERIFY });
    result.unwrap();
    let mut deeper = 0;
    for (ours, file) in out.lines().zip(files.books.lines()) {
        assert!(ours.starts_with(file), "the file's levels come first");
        let mut row = BookRow::default();
        row.parse(ours.as_bytes()).unwrap();
        assert_eq!(row.levels, 6);
        deeper += usize::from(row.asks.len() > 3);
    }
    assert!(deeper > 0, "levels that went out of sight are kept");
}

#[test]
fn stopped_replay_returns_the_summary_so_far() {
    let files = simulate(&Market { seed: 2, rows: 600, levels: 3, orders: 40, reach: 10 });
    let (result, out) = run(&files, &Options { stop: Some(|| true), ..VERIFY });
    let summary = result.unwrap();
    assert!(summary.stopped && summary.rows < 600 && summary.matched == Some(summary.rows - 1));
    assert_eq!(out.lines().count() as u64, summary.rows);
    assert!(files.books.starts_with(&out), "whole rows, all that were replayed");
    assert!(summary.to_string().contains("(stopped before the end)"));
}

// ---- the real session ----------------------------------------------------------------

/// The folder with market data: `VVP_DATA`, or `shared/data` beside the checkout.
fn data() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("VVP_DATA").map_or(beside, PathBuf::from);
    let here = folder.join("GOOG_2012-06-21_message_10.csv.xz").is_file();
    if !here {
        // Past the test harness, which would keep it to itself.
        let loud = format!("SKIPPED: no market data in {}; set VVP_DATA to test a real session\n", folder.display());
        let _ = std::io::stderr().write_all(loud.as_bytes());
    }
    here.then_some(folder)
}

#[test]
fn a_real_session_is_followed_to_its_end() {
    let Some(folder) = data() else { return };
    let open = |name: &str| Source::open(&folder.join(name)).unwrap();
    let messages = open("GOOG_2012-06-21_message_10.csv.xz");
    let books = open("GOOG_2012-06-21_orderbook_10.csv.xz");
    let mut out = Vec::new();
    let summary = replay(&mut *engine(), messages, books, &VERIFY, Some(&mut out)).unwrap();
    assert_eq!((summary.rows, summary.matched), (147_916, Some(147_915)));
    let kinds =
        [(71_258, 4_520_540), (19, 2_109), (64_961, 4_038_581), (7_765, 492_509), (3_913, 213_616), (0, 0), (0, 0)];
    assert_eq!(summary.kinds, kinds);
    let mut truth = open("GOOG_2012-06-21_orderbook_10.csv.xz");
    for line in out.split_inclusive(|&b| b == b'\n') {
        assert_eq!(Some(&line[..line.len() - 1]), truth.next_line().unwrap());
    }
}
