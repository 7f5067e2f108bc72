//! `vvpx replay` recognises files of other formats and gives a remedy.

use std::io::Write;

use crate::feed::{Desk, frames, message};

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// The one line that `bytes` end with, as a file, packed, and through a pipe.
fn is_named(test: &str, name: &str, bytes: &[u8], says: &str) {
    let desk = Desk::new(&format!("kinds-{test}"));
    desk.put(name, bytes);
    desk.put("packed.gz", gzipped(bytes));
    desk.put("good.itch", frames(&[message(1)]));
    for (args, file, input) in [
        (name, name, &b""[..]),
        ("packed.gz", "packed.gz", b""),
        ("-", "<stdin>", bytes),
        (&format!("--format itch {name}"), name, b""),
        (&format!("--format auto {name} --json"), name, b""),
        (&format!("good.itch {name}"), name, b""),
        (&format!("{name} --symbol ABC --out csv --every 1s"), name, b""),
    ] {
        let (code, out, err) = desk.replay(args, input);
        assert_eq!((code, out.as_str()), (1, ""), "{args}: {err}");
        let (kind, advice) = says.split_once("; ").unwrap();
        assert_eq!(err, format!("vvpx replay: this is {kind}: {file}: {advice}\n"), "{args}");
    }
}

#[test]
fn dbn_is_named() {
    let says = "a DBN file (Databento); this format is not read; get the venue's own ITCH 5.0 file";
    for version in 1..=3 {
        let head = [b"DBN", &[version][..], &[0x90, 0, 0, 0], b"XNAS.ITCH", &[0; 200]].concat();
        is_named("dbn", "day.dbn", &head, says);
    }
}

#[test]
fn pitch_as_text_is_named() {
    let says = "Cboe PITCH as text; this format is not read; replay takes ITCH 5.0 and LOBSTER";
    let line = "28800168A1K27GA00000YS000100AAPL  0001831900Y\n";
    is_named("pitch", "pitch.txt", line.repeat(3).as_bytes(), says);
    is_named("pitch-s", "pitch.txt", format!("S{line}").as_bytes(), says);
}

const CSV: &str = "a CSV file; replay takes ITCH 5.0, or LOBSTER files: --format lobster MESSAGES --orderbook FILE; \
                   commands as text go to vvpx match";

#[test]
fn csv_is_named() {
    for (n, text) in ["ts,side,price\n1,B,2\n", "2239500,100,2231800,100,2239900,100\n", "1,2,3"].iter().enumerate() {
        is_named(&format!("csv-{n}"), "day.csv", text.as_bytes(), CSV);
    }
}

#[test]
fn json_is_named() {
    let says = "a JSON file; replay takes ITCH 5.0 and LOBSTER; commands as JSON lines go to vvpx match";
    is_named("json", "day.jsonl", b"{\"type\":\"limit\",\"side\":\"buy\"}\n", says);
    is_named("json-array", "day.json", b"[{\"a\": 1}]", says);
}

#[test]
fn what_is_packed_twice_is_named() {
    let desk = Desk::new("kinds-twice");
    desk.put("twice.gz", gzipped(&gzipped(&frames(&[message(1)]))));
    let (code, _, err) = desk.replay("twice.gz", b"");
    assert_eq!(code, 1);
    assert_eq!(err, "vvpx replay: this is a gzip file: twice.gz: it is packed twice; unpack it once before\n");
    // A file packed once is read.
    desk.put("once.gz", gzipped(&frames(&[message(1)])));
    assert_eq!(desk.json("once.gz", 0).0["total"]["messages"], 1);
}

#[test]
fn other_packings_are_named() {
    is_named("bz2", "a.bz2", b"BZh91AY&SY\0\0\0\0", "a bzip2 file; unpack it with bzip2 -dc and give - as the file");
    is_named(
        "lz4",
        "a.lz4",
        b"\x04\x22\x4d\x18\x64\x40\xa7",
        "an LZ4 file; unpack it with lz4 -dc and give - as the file",
    );
    is_named("zip", "a.zip", b"PK\x03\x04\x14\0\0\0", "a zip archive; unpack it with unzip -p and give - as the file");
    let says = "a Parquet file; this format is not read; replay takes ITCH 5.0 and LOBSTER";
    is_named("parquet", "a.parquet", b"PAR1\x15\0\x15\x10", says);
}

#[test]
fn lobster_file_given_as_itch_is_named() {
    let desk = Desk::new("kinds-lobster");
    desk.put("m.csv", "34200.017459617,5,0,1,2238200,-1\n");
    let advice = "give --format lobster and --orderbook FILE\n";
    for (args, file, input) in
        [("--format itch m.csv", "m.csv", &b""[..]), ("-", "<stdin>", b"34200.017459617,5,0,1,2238200,-1\n")]
    {
        let (code, _, err) = desk.replay(args, input);
        assert_eq!(
            (code, err),
            (1, format!("vvpx replay: this is a LOBSTER message file: {file}: {advice}")),
            "{args}"
        );
    }
    // A first row with a time of twelve decimals is one of LOBSTER as well.
    desk.put("m.csv", "34200.017459617123,5,0,1,2238200,-1\n");
    assert_eq!(desk.replay("m.csv", b"").2.lines().next().unwrap(), {
        "vvpx replay: a required argument is missing: --orderbook FILE: try 'vvpx replay --help'"
    });
}

#[test]
fn soup_packets_get_a_remedy() {
    let desk = Desk::new("kinds-soup");
    let soup: Vec<_> = (1..=9).map(|n| [&b"S"[..], &message(n)].concat()).collect();
    desk.put("soup.itch", frames(&soup));
    let (code, _, err) = desk.replay("soup.itch", b"");
    assert_eq!(code, 1);
    let says = "is this a file of NASDAQ ITCH 5.0? It looks like ITCH 5.0 in SoupBinTCP packets: take the type byte off \
                each packet, or get the file without SoupBinTCP\n";
    assert!(err.ends_with(says), "{err}");
}

#[test]
fn other_formats_given_as_lobster_are_named() {
    let desk = Desk::new("kinds-for-lobster");
    desk.put("m.csv", "34200.017459617,5,0,1,2238200,-1\n");
    desk.put("b.csv", "2239500,100,2231800,100\n");
    desk.put("day.itch", frames(&[message(1)]));
    desk.put("day.dbn", b"DBN\x01\x90\0\0\0XNAS.ITCH");
    desk.put("day.json", b"{\"a\":1}");
    desk.put("twice.gz", gzipped(&gzipped(b"34200.017459617,5,0,1,2238200,-1\n")));
    for (args, says) in [
        ("day.itch --orderbook b.csv", "this is a NASDAQ ITCH 5.0 file: day.itch: replay it with --format itch"),
        ("day.dbn --orderbook b.csv", "this is a DBN file (Databento): day.dbn: LOBSTER files are rows of numbers"),
        ("m.csv --orderbook day.json", "this is a JSON file: day.json: LOBSTER files are rows of numbers"),
        ("twice.gz --orderbook b.csv", "this is a gzip file: twice.gz: unpack it before"),
    ] {
        let (code, out, err) = desk.replay(&format!("--format lobster {args}"), b"");
        assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 1), "{args}: {err}");
        assert!(err.starts_with(&format!("vvpx replay: {says}")), "{args}: {err}");
    }
    assert_eq!(desk.replay("--format lobster m.csv --orderbook b.csv", b"").0, 0);
}

#[test]
fn itch_after_an_invalid_first_frame_is_read() {
    let desk = Desk::new("kinds-mixed");
    for first in [&b"?123"[..], b"D", b"S", b"{\"a\":1}", b"1,2,3,4"] {
        desk.put("mixed.itch", frames(&[first.to_vec(), message(1)]));
        assert_eq!(desk.json("mixed.itch", 0).0["total"]["A"], 1, "{}", first.escape_ascii());
    }
}
