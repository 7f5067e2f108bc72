//! `vvpx replay --every`: rows at steps of time, through quiet hours and wrong times.

use std::io::Read;

use crate::common::{Scratch, Talk, run};
use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::itch::{AddOrder, BuySell, Stamp, StockDirectory};
use zerocopy::IntoBytes;

const HOUR_NS: u64 = 3_600_000_000_000;

fn stamp(ns: u64) -> Stamp {
    Stamp { locate: 13, tracking: 0, time: Nanos48::new(ns).unwrap() }
}

fn order(ns: u64) -> Vec<u8> {
    let add = AddOrder::new(stamp(ns)).with_reference(ns).with_side(BuySell::Buy).with_shares(1);
    add.with_stock(Text::new(b"AAPL").unwrap()).with_price(Price4::new(10_000)).as_bytes().to_vec()
}

/// Three messages of one stock: at 04:00 two, at 20:00 one.
fn quiet_day() -> Vec<u8> {
    let directory = StockDirectory::new(stamp(4 * HOUR_NS)).with_stock(Text::new(b"AAPL").unwrap());
    crate::feed::frames(&[directory.as_bytes().to_vec(), order(4 * HOUR_NS), order(20 * HOUR_NS)])
}

#[test]
fn a_quiet_day_has_a_row_a_step() {
    let file = Scratch::new("quiet.itch", &quiet_day());
    let ran = run(&["replay", file.name(), "--symbol", "AAPL", "--out", "csv", "--every", "1s"], b"");
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 57_599));
    let first = "14401000000000,AAPL,9999999999,0,10000,1";
    assert_eq!(ran.stdout.lines().next().map(|line| line.replace(' ', "")), Some(first.into()));
    assert!(ran.stdout.lines().last().unwrap().starts_with("71999000000000,"));
    let ran = run(&["replay", file.name(), "--symbol", "NONE", "--out", "csv", "--every", "1us"], b"");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "its 57,600,000,000 steps are jumped over");
}

#[test]
fn time_beyond_the_day_is_an_anomaly() {
    let day = [order(10 * HOUR_NS), order((1 << 48) - 1), order(10 * HOUR_NS + 2_500_000_000)];
    let file = Scratch::new("beyond.itch", &crate::feed::frames(&day));
    let ran = run(&["replay", file.name(), "--out", "csv", "--every", "1s", "--json"], b"");
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 2), "{}", ran.stderr);
    let json: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((&json["total"]["time_beyond_day"], &json["total"]["time_reversed"]), (&1.into(), &0.into()));
    let ran = run(&["replay", file.name(), "--strict"], b"");
    assert_eq!(ran.code, 1);
    let says = format!("vvpx replay: time_beyond_day at byte 38: {}: --strict ends here\n", file.name());
    assert_eq!(ran.stderr, says);
    // It does not count as the time of --at, and the engine refuses nothing after it.
    let ran = run(&["replay", file.name(), "--at", "11:00", "--json"], b"");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["total"]["messages"], 3);
    let ran = run(&["replay", file.name(), "--drive", "--json"], b"");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["drive"]["commands"], &json["drive"]["refused"]), (&3.into(), &0.into()));
}

#[test]
fn a_signal_ends_the_steps_between_two_messages() {
    let file = Scratch::new("signal.itch", &quiet_day());
    // 57,600,000,000 steps: without a stop this takes hours.
    let mut talk = Talk::start(&["replay", file.name(), "--symbol", "AAPL", "--out", "csv", "--every", "1us"]);
    assert!(talk.hear().starts_with("14400000001000,AAPL"));
    talk.signal(libc::SIGTERM);
    let mut stdout = talk.stdout.take().unwrap();
    let mut rest = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let n = stdout.read(&mut rest).unwrap();
        bytes += n;
        if n == 0 || bytes > 1 << 30 {
            break;
        }
    }
    if bytes > 1 << 30 {
        talk.signal(libc::SIGKILL);
    }
    let ran = talk.end();
    assert_eq!(ran.code, 128 + libc::SIGTERM, "{bytes} bytes of rows behind the signal");
    assert!(ran.stderr.contains("2 messages"), "the summary so far: {}", ran.stderr);
}
