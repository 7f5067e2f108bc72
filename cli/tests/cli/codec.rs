//! `vvpx encode` and `vvpx decode` on the command line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use vvp_core::book::{
    CancelReason, Event, EventBody, InstrumentId, InstrumentSpec, OrderId, OwnerId, Price, Qty, Side, Symbol, Tick,
};
use vvpx::text::RecordKind;
use zerocopy::IntoBytes;

const ORDERS: &str = r#"{"op":"instrument","symbol":"AAPL","tick":"0.01","min_price":"0.01","max_price":"2000.00"}
{"op":"limits","owner":7,"max_qty":10000,"max_notional":500000000,"max_orders":200}
{"op":"new","ts":1000,"id":1,"owner":7,"side":"buy","price":"150.00","qty":100}
{"op":"new","id":2,"side":"sell","type":"stop_limit","price":"148.90","stop":"149.00","qty":50,"stp":"cancel_oldest"}
{"op":"cancel","id":1}
{"op":"reduce","id":1,"qty":10}
{"op":"replace","id":1,"price":"150.10","qty":80}
{"op":"mass_cancel","owner":7,"side":"buy"}
{"op":"phase","phase":"auction"}
{"op":"time","ts":5000}
"#;

/// A folder of its own for each test, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("codec-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("a file for the test");
        path.to_str().expect("a UTF-8 path").into()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a UTF-8 path").into()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn vvpx(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vvpx"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("vvpx starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input))); // it may stop reading early
    let output = child.wait_with_output().expect("vvpx ends");
    feeder.join().expect("the feeder ends");
    output
}

/// Exit code, standard output, standard error.
fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("no signal"), text(&output.stdout), text(&output.stderr))
}

fn fails(args: &[&str], input: &[u8], code: i32, line: &str) {
    let (got, out, err) = said(&vvpx(args, input));
    assert_eq!(got, code, "{args:?}: {err}");
    assert_eq!(out, "", "{args:?}");
    assert_eq!(err.lines().count(), 1, "{args:?}: one line, not {err:?}");
    assert!(err.contains(line), "{args:?}: {err:?} lacks {line:?}");
}

#[test]
fn text_comes_back_through_records_files_and_pipes() {
    let folder = Folder::new("round");
    let (text, records, again) = (folder.file("orders.jsonl", ORDERS), folder.path("orders.bin"), folder.path("again"));
    assert_eq!(said(&vvpx(&["encode", &text, "-o", &records], b"")), (0, String::new(), String::new()));
    assert_eq!(said(&vvpx(&["decode", &records, "-o", &again], b"")), (0, String::new(), String::new()));
    assert_eq!(std::fs::read_to_string(&again).unwrap(), ORDERS);
    let piped = vvpx(&["encode"], ORDERS.as_bytes());
    assert_eq!(piped.stdout, std::fs::read(&records).unwrap());
    assert_eq!(piped.stdout.len() % 64, 0);
    let csv = vvpx(&["decode", "--format", "csv", "-"], &piped.stdout);
    assert!(csv.stdout.starts_with(b"op,symbol,ts,id,"), "{}", String::from_utf8_lossy(&csv.stdout));
    assert_eq!(vvpx(&["encode", "--format=csv"], &csv.stdout).stdout, piped.stdout);
}

#[test]
fn bad_lines_are_named_become_refusals_and_keep_their_place() {
    let text =
        "{\"op\":\"new\",\"id\":1,\"side\":\"buy\",\"price\":1,\"qty\":1.5}\n\n{\"op\":\"time\",\"ts\":5}\n\nnonsense";
    let folder = Folder::new("bad");
    let file = folder.file("orders.jsonl", text);
    let encoded = vvpx(&["encode", &file], b"");
    let (code, _, err) = said(&encoded);
    assert_eq!(code, 1);
    let lines: Vec<_> = err.lines().collect();
    assert_eq!(lines.len(), 2, "{err}");
    assert!(
        lines[0].starts_with("vvpx encode: qty: must be an integer") && lines[0].contains(&format!(": {file}:1")),
        "{err}"
    );
    assert!(
        lines[1].starts_with("vvpx encode: not one JSON object") && lines[1].ends_with(&format!(": {file}:5")),
        "{err}"
    );
    let (code, back, _) = said(&vvpx(&["decode"], &encoded.stdout));
    assert_eq!(
        (code, back.as_str()),
        (0, "{\"op\":\"refused\"}\n{\"op\":\"time\",\"ts\":5}\n\n\n{\"op\":\"refused\"}\n")
    );
    let (code, _, err) = said(&vvpx(&["encode"], "x\n".repeat(500).as_bytes()));
    assert_eq!(code, 1);
    assert_eq!(err.lines().count(), 11);
    assert!(err.lines().last().unwrap().contains("500 bad lines in all"), "{err}");
}

#[test]
fn input_that_cannot_be_read_is_one_line_on_standard_error() {
    let folder = Folder::new("unreadable");
    let records = vvpx(&["encode"], ORDERS.as_bytes()).stdout;
    let cut = folder.file("cut.bin", &records[..records.len() - 1]);
    let (code, out, err) = said(&vvpx(&["decode", &cut], b""));
    assert_eq!((code, err.lines().count()), (1, 1), "{err}");
    assert!(err.starts_with("vvpx decode: truncated: ") && err.ends_with(&format!(": byte 640 of {cut}\n")), "{err}");
    assert_eq!(out, ORDERS.lines().take(9).map(|l| format!("{l}\n")).collect::<String>(), "whole lines, no more");
    fails(&["decode"], ORDERS.as_bytes(), 1, "vvpx decode: not a file of vvp records");
    fails(&["decode"], b"", 1, "vvpx decode: not a file of vvp records");
    fails(&["decode", &folder.path("none.bin")], b"", 1, "none.bin: check the name");
    fails(&["encode", &folder.path("none.jsonl")], b"", 1, "none.jsonl: check the name");
    fails(&["encode", &folder.path(".")], b"", 1, "directory");
    fails(&["encode", "-o", &folder.path("no/such/folder")], b"", 1, "no/such/folder: check the name");
    let (code, _, err) = said(&vvpx(&["encode"], b""));
    assert_eq!((code, err.as_str()), (1, "vvpx encode: the input is empty: no command in it: <stdin>\n"));
    let (code, _, err) = said(&vvpx(&["encode", "--format", "csv"], b"op,prise\n"));
    assert_eq!((code, err.lines().count()), (1, 1));
    assert!(err.starts_with("vvpx encode: unknown field name at byte 4") && err.ends_with(": <stdin>:1\n"), "{err}");
}

#[test]
fn wrong_usage_is_one_line_and_exit_code_2() {
    for command in ["encode", "decode"] {
        fails(&[command, "--bogus"], b"", 2, "--bogus");
        fails(&[command, "--format", "xml"], b"", 2, "possible values: jsonl, csv");
        fails(&[command, "--format"], b"", 2, "--format");
        fails(&[command, "a", "b"], b"", 2, "b");
        let (code, out, err) = said(&vvpx(&[command, "--help"], b""));
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains(&format!("Usage: vvpx {command} ")), "{out}");
    }
}

#[test]
fn event_records_decode_and_a_gap_in_their_numbers_is_seen() {
    let spec = InstrumentSpec { tick: Tick::new(1, 2).unwrap(), ..InstrumentSpec::new(Symbol::X) };
    let on = Some(InstrumentId::new(0));
    let accepted = |seq, id| {
        let (id, side, owner, qty) = (OrderId::new(id), Side::Sell, OwnerId::new(3), Qty::new(4));
        Event::new(seq, on, Some(9), EventBody::Accepted { id, side, owner, price: Some(Price::new(5)), qty })
    };
    let mut file = RecordKind::Events.header().to_vec();
    for event in [Event::defined(InstrumentId::new(0), &spec), accepted(1, 5), accepted(2, 6)] {
        file.extend(event.as_bytes());
    }
    let want =
        "{\"seq\":1,\"event\":\"accepted\",\"ts\":9,\"id\":5}\n{\"seq\":2,\"event\":\"accepted\",\"ts\":9,\"id\":6}\n";
    assert_eq!(said(&vvpx(&["decode"], &file)), (0, want.into(), String::new()));
    file.extend(accepted(4, 7).as_bytes());
    let (code, out, err) = said(&vvpx(&["decode"], &file));
    assert_eq!((code, out.as_str()), (1, want));
    assert_eq!(err, "vvpx decode: event 4 where event 3 should be, records are missing: byte 256 of <stdin>\n");
    fails(&["encode", "--format", "bin"], b"", 2, "possible values: jsonl, csv");
}

#[test]
fn events_of_version_1_are_decoded() {
    let on = Some(InstrumentId::new(0));
    let (side, owner, price, reason) = (Side::Buy, OwnerId::new(0), None, CancelReason::Requested);
    let canceled = EventBody::Canceled { id: OrderId::new(5), side, owner, price, qty: Qty::new(7), reason };
    let spec = InstrumentSpec::new(Symbol::X);
    let mut file = RecordKind::EventsV1.header().to_vec();
    assert!(file.starts_with(b"VVPEVT1\n"));
    file.extend(Event::defined(InstrumentId::new(0), &spec).as_bytes());
    // Sequence number 1, kind 4, no flag, instrument 0; no time; id; reason; no price; quantity.
    let mut old = [0_u8; 64];
    for (at, value) in [(0, 1), (4, 4), (16, 5), (24, 1), (40, 7)] {
        old[at] = value;
    }
    file.extend(old);
    let want = "{\"seq\":1,\"event\":\"canceled\",\"id\":5,\"qty\":7,\"reason\":\"user\"}\n";
    assert_eq!(said(&vvpx(&["decode"], &file)), (0, want.into(), String::new()));

    let read = Event::from_record_v1(&old).expect("a record of version 1");
    assert!(read.is_version_1());
    assert_eq!(read.body(), canceled);
    assert_ne!(read, Event::new(1, on, None, canceled)); // which knows that the order was a bid
    assert_eq!(Event::from_record(&zerocopy::transmute!(read)), Ok(read));
    // A side, an owner or a price is not of version 1.
    for (at, value) in [(5, 32), (28, 1), (5, 8), (5, 64), (56, 1)] {
        let mut newer = old;
        newer[at] = value;
        assert!(Event::from_record_v1(&newer).is_err(), "byte {at}");
        newer[5] |= 64;
        assert!(Event::from_record(&newer).is_err() || at == 5 && value == 64, "byte {at}");
    }
}
