//! `vvpx replay` of a small day of ITCH: rows, ladders, summaries.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::small_day::session;

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
        let mut command = Command::new(env!("CARGO_BIN_EXE_vvpx"));
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
        ("day.itch --strict", 1, "unknown_ref at byte 220: day.itch: --strict ends here"),
        ("cut.itch", 1, "the stream ends after 35 of a frame's 38 bytes: byte 65 of cut.itch: get the whole file"),
        ("empty.itch", 1, "no ITCH message: empty.itch: "),
        ("nowhere.itch", 1, "no such file or directory: nowhere.itch"),
        ("day.itch --at 10:00:05 --symbol NONE", 1, "no message names NONE so far"),
        ("day.itch --at noon", 2, "not a time of day like 10:30:00"),
        ("day.itch --every 1s", 2, "for --out csv, jsonl or bin only, which is missing: --every"),
        ("day.itch --depth 5", 2, "for --out or --at only, which are missing: --depth"),
        ("day.itch --drive --out csv", 2, "cannot be used with --out: --drive"),
        ("--format itch", 2, "the file is missing"),
    ] {
        let done = desk.replay(args);
        let stderr = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{args}: {stderr}");
        assert!(stderr.starts_with("vvpx") && stderr.contains(says), "{args}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args}: {stderr}");
    }
}
