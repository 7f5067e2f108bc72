//! `vvpx replay` as a user runs it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::market::{Files, Market, simulate};

/// A folder of its own for a test, with a simulated session in it.
struct Desk(PathBuf);

impl Desk {
    fn new(test: &str) -> (Self, Files) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{test}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let files = simulate(&Market { seed: 5, rows: 300, levels: 4, orders: 40, reach: 20 });
        fs::write(folder.join("ABC_message_4.csv"), &files.messages).unwrap();
        fs::write(folder.join("book.csv"), &files.books).unwrap();
        (Self(folder), files)
    }

    /// Runs `vvpx replay` in the folder; arguments are separated by blanks.
    fn replay(&self, args: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vvpx"));
        command.current_dir(&self.0).arg("replay").args(args.split_whitespace()).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn verify_ends_with_the_count_and_out_with_the_book() {
    let (desk, files) = Desk::new("verify");
    let done = desk.replay("--format lobster ABC_message_4.csv --orderbook book.csv --verify --out ours.csv");
    let stdout = text(&done.stdout);
    assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), String::new()));
    assert!(stdout.starts_with("ABC: 300 rows, 09:30:00"), "{stdout}");
    assert!(stdout.lines().last().unwrap().starts_with("299/299 rows match (best 3 levels"), "{stdout}");
    assert_eq!(fs::read_to_string(desk.0.join("ours.csv")).unwrap(), files.books);

    let done = desk.replay("--format lobster ABC_message_4.csv --orderbook book.csv --out - --levels 1");
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(text(&done.stdout).lines().count(), 300);
    assert!(text(&done.stdout).lines().zip(files.books.lines()).all(|(ours, file)| file.starts_with(ours)));
    assert!(text(&done.stderr).starts_with("ABC: 300 rows"), "the summary makes way for the rows");
}

#[test]
fn a_difference_shows_both_books_and_exits_1() {
    let (desk, files) = Desk::new("difference");
    let mut lines: Vec<String> = files.books.lines().map(String::from).collect();
    let mut fields: Vec<&str> = lines[150].split(',').collect();
    fields[1] = "987654";
    lines[150] = fields.join(",");
    fs::write(desk.0.join("book.csv"), lines.join("\n")).unwrap();
    let done = desk.replay("--format lobster ABC_message_4.csv --orderbook book.csv --verify");
    assert_eq!(done.status.code(), Some(1));
    let stdout = text(&done.stdout);
    assert!(stdout.starts_with("row 150 (line 151): ask level 1 differs\nmessage: "), "{stdout}");
    assert_eq!(stdout.matches("987654").count(), 1, "{stdout}");
    let stderr = text(&done.stderr);
    assert!(stderr.starts_with("vvpx replay: message and book disagree: ask level 1 differs"), "{stderr}");
    assert!(stderr.ends_with(": ABC_message_4.csv:151\n"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1);
}

#[test]
fn the_summary_and_a_difference_are_json_objects() {
    let (desk, files) = Desk::new("json");
    let json = |args: &str, code| {
        let done = desk.replay(&format!("--format lobster ABC_message_4.csv --orderbook book.csv --json {args}"));
        assert_eq!(done.status.code(), Some(code), "{args}: {}", text(&done.stderr));
        let out = if args.contains("--out -") { done.stderr } else { done.stdout };
        assert_eq!(text(&out).lines().count(), 1, "one object in one line");
        serde_json::from_slice::<serde_json::Value>(&out).unwrap()
    };
    let summary = json("--verify", 0);
    for (key, value) in [("rows", 300), ("levels", 4), ("matched", 299), ("compared", 299), ("compared_sides", 598)] {
        assert_eq!(summary[key], value, "{key}");
    }
    assert_eq!((&summary["symbol"], &summary["stopped"]), (&"ABC".into(), &false.into()));
    let rows: u64 = summary["kinds"].as_object().unwrap().values().map(|kind| kind["rows"].as_u64().unwrap()).sum();
    assert_eq!((rows, summary["kinds"].as_object().unwrap().len()), (300, 7));
    for key in
        ["first_ns", "last_ns", "matched_last", "commands", "events", "resting_orders", "engine_ns", "elapsed_ns"]
    {
        assert!(summary[key].is_u64(), "{key}: {summary}");
    }
    assert!(summary["window"]["start"].as_u64().unwrap() > 0);
    assert!(json("", 0).get("matched").is_none(), "nothing was compared");
    assert_eq!(json("--out -", 0)["rows"], 300, "it makes way for the rows");

    let mut lines: Vec<String> = files.books.lines().map(String::from).collect();
    let mut fields: Vec<&str> = lines[150].split(',').collect();
    fields[1] = "987654";
    lines[150] = fields.join(",");
    fs::write(desk.0.join("book.csv"), lines.join("\n")).unwrap();
    let found = json("--verify", 1);
    assert_eq!((&found["difference"]["row"], &found["difference"]["line"]), (&150.into(), &151.into()));
    assert_eq!(found["difference"]["problem"], "ask level 1 differs");
}

#[test]
fn files_of_one_or_two_levels_report_what_was_compared() {
    let (desk, _) = Desk::new("levels");
    for (levels, says) in [
        (1, "rows match (one level; compared on "),
        (2, "rows match (best level; the last one too on "),
        (3, "rows match (best 2 levels; the last one too on "),
    ] {
        let files = simulate(&Market { seed: 5, rows: 100, levels, orders: 40, reach: 20 });
        fs::write(desk.0.join("message.csv"), &files.messages).unwrap();
        fs::write(desk.0.join("book.csv"), &files.books).unwrap();
        let done = desk.replay("message.csv --orderbook book.csv --verify");
        assert_eq!(done.status.code(), Some(0), "{levels}: {}", text(&done.stdout));
        let last = text(&done.stdout).lines().last().unwrap().to_string();
        assert!(last.starts_with(&format!("99/99 {says}")) && last.ends_with("/198 sides)"), "{levels}: {last}");
    }
}

#[test]
fn a_time_of_twelve_decimals_is_read() {
    let (desk, files) = Desk::new("decimals");
    let mut lines: Vec<String> = files.messages.lines().map(String::from).collect();
    let (time, rest) = lines[100].split_once(',').unwrap();
    assert_eq!(time.split_once('.').unwrap().1.len(), 9);
    lines[100] = format!("{time}127,{rest}");
    fs::write(desk.0.join("ABC_message_4.csv"), lines.join("\n")).unwrap();
    // The format is detected from the first row, which may have such a time.
    for first in [false, true] {
        if first {
            let (time, rest) = lines[0].split_once(',').unwrap();
            lines[0] = format!("{time}999,{rest}");
            fs::write(desk.0.join("ABC_message_4.csv"), lines.join("\n")).unwrap();
        }
        let done = desk.replay("ABC_message_4.csv --orderbook book.csv --verify");
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert!(text(&done.stdout).contains("299/299 rows match"), "{}", text(&done.stdout));
    }
    let done = desk.replay("ABC_message_4.csv");
    assert_eq!(done.status.code(), Some(2), "known to be LOBSTER: {}", text(&done.stderr));
    assert!(text(&done.stderr).contains("a required argument is missing: --orderbook FILE"));
}

#[test]
fn bad_files_are_one_line_and_exit_1() {
    let (desk, _) = Desk::new("bad");
    fs::write(desk.0.join("short.csv"), "34200,5,0,1,100,1\n").unwrap();
    fs::write(desk.0.join("empty.csv"), "").unwrap();
    fs::write(desk.0.join("bad.csv"), "34200,5,0,1,100,1\n34200,1,what,1,100,1\n").unwrap();
    fs::write(desk.0.join("cut.csv.xz"), b"\xfd7zXZ\0\0\x04\xe6\xd6").unwrap();
    fs::write(desk.0.join("cut.csv.gz"), b"\x1f\x8b\x08\0").unwrap();
    for (args, says) in [
        ("short.csv --orderbook book.csv", "no such row, but book.csv has one: short.csv:2"),
        ("empty.csv --orderbook book.csv", "holds no rows: empty.csv:1"),
        ("bad.csv --orderbook book.csv", "\"what\" is not a whole number of 64 bits: bad.csv:2, field 3 (order id)"),
        ("nowhere.csv --orderbook book.csv", "no such file or directory: nowhere.csv: check the name"),
        (". --orderbook book.csv", "is a directory: .: give a file"),
        ("ABC_message_4.csv --orderbook empty.csv", "holds no rows: empty.csv:1"),
        ("ABC_message_4.csv --orderbook cut.csv.xz", "the compressed file ends too early: cut.csv.xz:1"),
        ("ABC_message_4.csv --orderbook cut.csv.gz", "the compressed file ends too early: cut.csv.gz:1"),
        (
            "ABC_message_4.csv --orderbook book.csv --out no/such/folder.csv",
            "no such file or directory: no/such/folder.csv: check the name",
        ),
        ("ABC_message_4.csv --orderbook book.csv --out /dev/full", "no space left on device: /dev/full: make room"),
    ] {
        let done = desk.replay(&format!("--format lobster {args}"));
        let stderr = text(&done.stderr);
        assert_eq!((done.status.code(), done.stdout.len()), (Some(1), 0), "{args}: {stderr}");
        assert!(stderr.starts_with("vvpx") && stderr.contains(&format!(": {says}")), "{args}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args}: {stderr}");
    }
}

#[test]
fn wrong_usage_is_one_line_and_exits_2() {
    let (desk, files) = Desk::new("usage");
    for (args, says) in [
        ("", "the file is missing"),
        ("--format itch a.csv --orderbook b.csv", "an option of lobster, not of itch: --orderbook"),
        ("--format taq a.csv", "invalid value 'taq' [possible values: auto, itch, lobster]: --format <FORMAT>"),
        ("--format lobster", "the message file is missing"),
        ("--format lobster a.csv", "a required argument is missing: --orderbook FILE"),
        ("--format lobster a.csv b.csv --orderbook c.csv", "more than one message file: b.csv: give one at a time"),
        ("--format lobster a.csv --orderbook b.csv --fast", "unexpected argument: --fast"),
        ("--format lobster a.csv --orderbook b.csv --verify=no", "unexpected value 'no': --verify"),
        (
            "--format lobster a.csv --orderbook b.csv --out c.csv --levels 0",
            "invalid value '0': 0 is not in 1..=1000: --levels <N>",
        ),
        (
            "--format lobster a.csv --orderbook b.csv --out c.csv --levels x",
            "invalid value 'x': invalid digit found in string: --levels <N>",
        ),
        ("--format lobster a.csv --orderbook b.csv --levels 5", "for --out FILE only, which is missing: --levels"),
        (
            "--format lobster a.csv --orderbook b.csv --tick 0",
            "invalid value '0': 0 is not in 1..=1000000000: --tick <N>",
        ),
        (
            "--format lobster a.csv --orderbook b.csv --out c.csv.xz",
            "the output is not compressed: --out c.csv.xz: name a .csv file",
        ),
        (
            "--format lobster ABC_message_4.csv --orderbook book.csv --out ./book.csv",
            "would overwrite book.csv: --out ./book.csv",
        ),
    ] {
        let done = desk.replay(args);
        let stderr = text(&done.stderr);
        assert_eq!((done.status.code(), done.stdout.len()), (Some(2), 0), "{args}: {stderr}");
        assert!(stderr.starts_with("vvpx") && stderr.contains(&format!(": {says}")), "{args}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args}: {stderr}");
    }
    assert_eq!(fs::read_to_string(desk.0.join("book.csv")).unwrap(), files.books, "no input was touched");
    let help = desk.replay("--help");
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Usage: vvpx replay"));
}
