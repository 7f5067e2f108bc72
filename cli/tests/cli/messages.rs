//! Every message on standard error has one shape: `vvpx SUB: what: where: remedy`.

use crate::common::{Ran, Scratch, run, vvpx};
use crate::feed::{frames, message};
use std::fs::File;
use std::process::Stdio;

const SUBCOMMANDS: [&str; 13] = [
    "run",
    "match",
    "replay",
    "doctor",
    "stress",
    "top",
    "stage",
    "bench",
    "encode",
    "decode",
    "size",
    "completions",
    "man",
];

const ORDER: &[u8] = b"{\"op\":\"new\",\"id\":1,\"side\":\"buy\",\"price\":\"1\",\"qty\":1}\n";

/// Arguments, standard input, exit code, and the parts of the message.
type Row<'a> = (&'a [&'a str], &'a [u8], i32, [&'a str; 3]);

/// The message as the parts make it; an absent part is empty.
fn message_of(sub: &str, parts: [&str; 3]) -> String {
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("vvpx {sub}: {}\n", parts.join(": "))
}

#[test]
fn unknown_option_is_a_usage_error_of_its_subcommand() {
    for sub in SUBCOMMANDS {
        let ran = run(&[sub, "--nope"], b"");
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{sub}: {ran:?}");
        let (start, end) = (format!("vvpx {sub}: unexpected argument: --nope: "), format!("try 'vvpx {sub} --help'\n"));
        assert!(ran.stderr.starts_with(&start) && ran.stderr.ends_with(&end), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
}

#[test]
fn bad_input_and_bad_arguments_are_reported_as_what_where_and_remedy() {
    let none = ["no such file or directory", "/nowhere/x", "check the name"];
    let no_directory = "there is no such directory";
    let table: &[Row<'_>] = &[
        (&["run", "/nowhere/x"], b"", 1, none),
        (&["match", "/nowhere/x"], b"", 1, none),
        (&["encode", "/nowhere/x"], b"", 1, none),
        (&["decode", "/nowhere/x"], b"", 1, none),
        (&["replay", "/nowhere/x"], b"", 1, none),
        (&["replay", "--format", "lobster", "/nowhere/x", "--orderbook", "/nowhere/y"], b"", 1, none),
        (&["bench", "--compare", "/nowhere/x"], b"", 1, none),
        (&["match", "/proc"], b"", 1, ["is a directory", "/proc", "give a file"]),
        (
            &["doctor", "--root", "/nowhere"],
            b"",
            1,
            [no_directory, "--root /nowhere", "give one with a copy of /proc and /sys"],
        ),
        (&["top", "/nowhere"], b"", 1, [no_directory, "/nowhere", "'vvpx stress' says where its pipeline is"]),
        (&["man", "nope"], b"", 2, ["there is no such subcommand", "nope", "try 'vvpx man --help'"]),
        (
            &["stress", "--gateways", "9"],
            b"",
            2,
            ["invalid value '9': not a whole number from 1 to 4", "--gateways <N>", "try 'vvpx stress --help'"],
        ),
        (
            &["completions", "nope"],
            b"",
            2,
            [
                "invalid value 'nope' [possible values: bash, elvish, fish, powershell, zsh]",
                "<SHELL>",
                "try 'vvpx completions --help'",
            ],
        ),
        (
            &["size", "--orders", "10", "--memory", "1"],
            b"",
            1,
            [
                "the engine takes 15,552 bytes, there are 1",
                "--memory",
                "not even one order a book fits; take fewer --symbols or --owners",
            ],
        ),
        (&["run", "-"], b"nonsense\n", 1, ["not one JSON object, from byte 1 of the line on", "<stdin>:1", ""]),
        (
            &["encode", "-o", "/dev/null"],
            b"\nnonsense\n",
            1,
            ["not one JSON object, from byte 1 of the line on", "<stdin>:2", ""],
        ),
        (
            &["decode"],
            b"hello\n",
            1,
            [
                "not a file of vvp records (it must begin with VVPCMD1, VVPEVT2 or VVPEVT1)",
                "byte 0 of <stdin>",
                "is it text? then drop --format bin",
            ],
        ),
        (
            &["replay", "-"],
            b"[{\"a\": 1}]",
            1,
            [
                "this is a JSON file",
                "<stdin>",
                "replay takes ITCH 5.0 and LOBSTER; commands as JSON lines go to vvpx match",
            ],
        ),
    ];
    for (args, input, code, parts) in table {
        let ran = run(args, input);
        let first = ran.stderr.split_inclusive('\n').next().unwrap_or_default();
        assert_eq!((ran.code, first), (*code, message_of(args[0], *parts).as_str()), "{args:?}");
    }
    // What the adapter says about a directory that is none stays its own.
    let ran = run(&["stage", "matcher", "/nowhere"], b"");
    assert!(ran.code == 1 && ran.stderr.starts_with("vvpx stage: ") && ran.stderr.contains(": /nowhere"), "{ran:?}");
}

#[test]
fn output_that_cannot_be_opened_is_named() {
    let records = vvpx(&["encode"]).stdin(Stdio::null()).output().expect("runs").stdout;
    let parts = ["no such file or directory", "/nowhere/x", "check the name"];
    let table: &[(&[&str], &[u8])] = &[
        (&["encode", "-o", "/nowhere/x"], ORDER),
        (&["decode", "-o", "/nowhere/x"], &records),
        (&["bench", "--json", "/nowhere/x"], b""),
        (&["bench", "--html", "/nowhere/x"], b""),
    ];
    for (args, input) in table {
        let ran = run(args, input);
        assert_eq!((ran.code, ran.stderr), (1, message_of(args[0], parts)), "{args:?}");
    }
}

/// A run of each subcommand that writes something and ends with 0, or as the doctor does.
fn writing_runs(orders: &str, records: &str, day: &str) -> Vec<Vec<String>> {
    let lines = [
        format!("run {orders}"),
        format!("run --json {orders}"),
        format!("match {orders}"),
        format!("match --inline {orders}"),
        format!("match --feed l1 {orders}"),
        format!("replay {day}"),
        format!("replay {day} --out csv"),
        "doctor".into(),
        "doctor --json".into(),
        "stress --json --commands 100 --gateways 1 --publishers 1 --limit-s 200".into(),
        "bench pools --quick".into(),
        format!("encode {orders}"),
        format!("decode {records}"),
        "size --orders 10".into(),
        "size --orders 10 --json".into(),
        "completions bash".into(),
        "man".into(),
        "man match".into(),
    ];
    lines.iter().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

fn ran_into(args: &[String], stdout: Stdio) -> Ran {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = vvpx(&words).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).output().expect("runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    Ran { code: output.status.code().unwrap_or(-1), stdout: String::new(), stderr }
}

#[test]
fn full_device_is_an_error_and_closed_pipe_is_none() {
    let orders = Scratch::new("written.jsonl", ORDER);
    let records = vvpx(&["encode", orders.name()]).output().expect("runs").stdout;
    let (records, day) = (Scratch::new("written.bin", &records), Scratch::new("written.itch", &frames(&[message(1)])));
    for args in writing_runs(orders.name(), records.name(), day.name()) {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        let ran = ran_into(&args, full.into());
        let last = ran.stderr.lines().last().unwrap_or_default();
        let expected = message_of(&args[0], ["no space left on device", "<stdout>", "make room"]);
        assert_eq!((ran.code, last), (1, expected.trim_end()), "{args:?}: {ran:?}");

        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ran = ran_into(&args, writer.into());
        let code_is_good = ran.code == 0 || args[0] == "doctor" && [10, 20, 30].contains(&ran.code);
        assert!(code_is_good && !ran.stderr.contains("<stdout>"), "{args:?}: {ran:?}");
    }
}
