//! The `vvpx` binary on the command line: output, errors, signals.

use crate::common::{Ran, Scratch, Talk, on_one_core, run, run_command, session, vvpx};

const ORDERS: &str = r#"{"op":"instrument","symbol":"AAPL","tick":"0.01"}
{"op":"new","id":1,"side":"sell","price":"150.00","qty":100}
{"op":"new","id":2,"side":"sell","price":"150.10","qty":50}
{"op":"new","ts":7,"id":3,"side":"buy","price":"150.05","qty":120}
{"op":"new","id":4,"side":"buy","type":"market","qty":60}
{"op":"reduce","id":3,"qty":5}
{"op":"replace","id":3,"price":"149.50","qty":30}
{"op":"cancel","id":9}
"#;

const EVENTS: &str = r#"{"seq":1,"event":"accepted","id":1}
{"seq":2,"event":"accepted","id":2}
{"seq":3,"event":"accepted","ts":7,"id":3}
{"seq":4,"event":"trade","ts":7,"maker":1,"taker":3,"price":"150.00","qty":100,"maker_open":0,"taker_open":20}
{"seq":5,"event":"accepted","id":4}
{"seq":6,"event":"trade","maker":2,"taker":4,"price":"150.10","qty":50,"maker_open":0,"taker_open":10}
{"seq":7,"event":"canceled","id":4,"qty":10,"reason":"no_liquidity"}
{"seq":8,"event":"reduced","id":3,"qty":15}
{"seq":9,"event":"replaced","id":3,"price":"149.50","qty":30}
{"seq":10,"event":"rejected","id":9,"reason":"unknown_order"}
"#;

const BOOK: &str = r#"{"symbol":"AAPL","phase":"continuous","last":"150.10","bids":[["149.50",30,1]],"asks":[]}
"#;

/// The note about the one refusal in [`ORDERS`].
const REFUSED: &str = "vvpx match: 1 of 8 commands refused: 1 unknown_order\n";

/// The same of `vvpx run`.
const REFUSED_RUN: &str = "vvpx run: 1 of 8 commands refused: 1 unknown_order\n";

/// A run of [`ORDERS`] that ended well.
fn answered(stdout: impl Into<String>) -> Ran {
    Ran { code: 0, stdout: stdout.into(), stderr: REFUSED.to_owned() }
}

fn quiet(code: i32, stdout: impl Into<String>) -> Ran {
    Ran { code, stdout: stdout.into(), stderr: String::new() }
}

/// Asserts one line on standard error, with these words.
fn assert_one_line(ran: &Ran, words: &[&str], what: &str) {
    assert_eq!(ran.stderr.matches('\n').count(), 1, "{what}: {ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{what}: {ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{what}: no '{word}' in {ran:?}");
    }
}

#[test]
fn match_answers_to_the_byte_from_a_file_a_pipe_and_either_shape() {
    let file = Scratch::new("orders.jsonl", ORDERS.as_bytes());
    for extra in [&[][..], &["--inline"]] {
        let args = |more: &[&'static str]| [&["match"], more, extra].concat();
        assert_eq!(run(&args(&[]), ORDERS.as_bytes()), answered(EVENTS));
        assert_eq!(run(&args(&["-"]), ORDERS.as_bytes()), answered(EVENTS));
        let mut named = args(&["--book"]);
        named.push(file.name());
        assert_eq!(run(&named, b""), answered(EVENTS.to_owned() + BOOK));
    }
}

#[test]
fn match_feeds_market_data() {
    const TOPS: &str = r#"{"number":1,"symbol":"AAPL","clock":0,"event_seq":1,"bid":null,"ask":["150.00",100,1]}
{"number":2,"symbol":"AAPL","clock":7,"event_seq":4,"bid":["150.05",20,1],"ask":["150.10",50,1]}
{"number":3,"symbol":"AAPL","clock":7,"event_seq":7,"bid":["150.05",20,1],"ask":null}
{"number":4,"symbol":"AAPL","clock":7,"event_seq":8,"bid":["150.05",15,1],"ask":null}
{"number":5,"symbol":"AAPL","clock":7,"event_seq":9,"bid":["149.50",30,1],"ask":null}
"#;
    const LEVELS: &str = r#"{"number":1,"symbol":"AAPL","clock":0,"event_seq":1,"side":"sell","price":"150.00","qty":100,"orders":1}
{"number":2,"symbol":"AAPL","clock":0,"event_seq":2,"side":"sell","price":"150.10","qty":50,"orders":1}
{"number":3,"symbol":"AAPL","clock":7,"event_seq":4,"side":"sell","price":"150.00","qty":0,"orders":0}
{"number":4,"symbol":"AAPL","clock":7,"event_seq":4,"side":"buy","price":"150.05","qty":20,"orders":1}
{"number":5,"symbol":"AAPL","clock":7,"event_seq":7,"side":"sell","price":"150.10","qty":0,"orders":0}
{"number":6,"symbol":"AAPL","clock":7,"event_seq":8,"side":"buy","price":"150.05","qty":15,"orders":1}
{"number":7,"symbol":"AAPL","clock":7,"event_seq":9,"side":"buy","price":"150.05","qty":0,"orders":0}
{"number":8,"symbol":"AAPL","clock":7,"event_seq":9,"side":"buy","price":"149.50","qty":30,"orders":1}
"#;
    const ORDERS_L3: &str = r#"{"number":1,"symbol":"AAPL","clock":0,"event_seq":1,"l3":"added","side":"sell","level":"150.00","id":1,"qty":100}
{"number":2,"symbol":"AAPL","clock":0,"event_seq":2,"l3":"added","side":"sell","level":"150.10","id":2,"qty":50}
{"number":3,"symbol":"AAPL","clock":7,"event_seq":4,"l3":"executed","side":"sell","level":"150.00","id":1,"at":"150.00","qty":100,"left":0,"again":false}
{"number":4,"symbol":"AAPL","clock":7,"event_seq":4,"l3":"added","side":"buy","level":"150.05","id":3,"qty":20}
{"number":5,"symbol":"AAPL","clock":7,"event_seq":6,"l3":"executed","side":"sell","level":"150.10","id":2,"at":"150.10","qty":50,"left":0,"again":false}
{"number":6,"symbol":"AAPL","clock":7,"event_seq":8,"l3":"reduced","side":"buy","level":"150.05","id":3,"qty":5,"left":15}
{"number":7,"symbol":"AAPL","clock":7,"event_seq":9,"l3":"deleted","side":"buy","level":"150.05","id":3,"qty":15}
{"number":8,"symbol":"AAPL","clock":7,"event_seq":9,"l3":"added","side":"buy","level":"149.50","id":3,"qty":30}
"#;
    for (view, lines) in [("l1", TOPS), ("l2", LEVELS), ("l3", ORDERS_L3)] {
        assert_eq!(run(&["match", "--feed", view], ORDERS.as_bytes()), answered(lines));
        let with_book = run(&["match", "--feed", view, "--book"], ORDERS.as_bytes());
        assert_eq!(with_book, answered(lines.to_owned() + BOOK));
    }
    // A hidden order shows in its trades only.
    let hidden = concat!(
        r#"{"op":"new","id":1,"side":"sell","price":"5","qty":3,"hidden":true}"#,
        "\n",
        r#"{"op":"new","id":2,"side":"buy","price":"5","qty":3}"#,
        "\n"
    );
    let trade = concat!(
        r#"{"number":1,"symbol":"X","clock":0,"event_seq":3,"l3":"hidden_trade","side":"sell","level":"5","#,
        r#""at":"5","qty":3,"again":false}"#,
        "\n"
    );
    assert_eq!(run(&["match", "--feed", "l3"], hidden.as_bytes()), quiet(0, trade));
    assert_eq!(run(&["match", "--feed", "l2"], hidden.as_bytes()), quiet(0, ""));
    for wrong in [&["match", "--feed", "l4"][..], &["match", "--feed", "l1", "--out-format", "csv"]] {
        let ran = run(wrong, b"");
        assert_eq!(ran.code, 2);
        assert_one_line(&ran, &["--feed", "--help"], "feed");
    }
}

#[test]
fn no_commands_no_events() {
    assert_eq!(run(&["match", "-"], b"\n\n \r\n"), quiet(0, ""));
    let book = "{\"symbol\":\"X\",\"phase\":\"continuous\",\"last\":null,\"bids\":[],\"asks\":[]}\n";
    assert_eq!(run(&["match", "--book"], b""), quiet(0, book));
    let ran = run(&["run", "--json", "-"], b"");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with(r#"{"commands":0,"accepted":0,"#), "{ran:?}");
}

#[test]
fn empty_file_is_an_error() {
    let empty = Scratch::new("empty", b"");
    let book = "{\"symbol\":\"X\",\"phase\":\"continuous\",\"last\":null,\"bids\":[],\"asks\":[]}\n";
    for (args, stdout) in [
        (&["match", empty.name()][..], ""),
        (&["match", "--book", empty.name()], book),
        (&["match", "--inline", empty.name()], ""),
        (&["run", empty.name()], ""),
        (&["run", "--json", empty.name()], ""),
    ] {
        let ran = run(args, b"");
        assert_eq!((ran.code, ran.stdout.as_str()), (1, stdout), "{args:?}: {ran:?}");
        assert_one_line(&ran, &[empty.name(), "empty"], &format!("{args:?}"));
    }
}

#[test]
fn usage_error_exits_with_2() {
    let table: &[(&[&str], &str)] = &[
        (&["--nope"], "--nope"),
        (&["-x"], "-x"),
        (&["frobnicate"], "frobnicate"),
        (&["Cargo.toml"], "vvpx run Cargo.toml"),
        (&["run", "--jsn"], "--jsn"),
        (&["run", "a", "b"], "b"),
        (&["--json=yes"], "json"),
        (&["match", "--format"], "format"),
        (&["match", "--format", "xml"], "xml"),
        (&["match", "--out-format", "xml"], "xml"),
        (&["match", "--depth", "3"], "--depth"),
        (&["match", "--levels", "0"], "--levels"),
        (&["run", "--orders", "1048577"], "from 1 to 1048576"),
        (&["match", "a", "b"], "b"),
        (&["replay", "--nope"], "--nope"),
        (&["encode", "--nope"], "--nope"),
        (&["decode", "--nope"], "--nope"),
    ];
    for (args, word) in table {
        let ran = run(args, b"");
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
        assert_one_line(&ran, &[word, "--help"], &format!("{args:?}"));
    }
}

#[test]
fn help_and_version_are_printed() {
    for args in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["run", "--help"],
        &["match", "--help"],
        &["replay", "--help"],
        &["encode", "--help"],
        &["decode", "--help"],
    ] {
        let ran = run(args, b"");
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
        assert!(ran.stdout.contains("vvpx"), "{args:?}: {ran:?}");
    }
    assert_eq!(run(&["--version"], b"").stdout, concat!("vvpx ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn files_that_cannot_be_read_are_named_with_a_remedy() {
    let truncated = {
        let file = Scratch::new("orders.jsonl", ORDERS.as_bytes());
        let encoded = vvpx(&["encode", file.name()]).output().expect("runs").stdout;
        assert!(encoded.len() > 200);
        Scratch::new("truncated.bin", &encoded[..encoded.len() - 10])
    };
    let text = Scratch::new("text.bin", b"hello\n");
    let folder = env!("CARGO_TARGET_TMPDIR");
    let table: &[(&[&str], &[&str])] = &[
        (&["match", "/nowhere/orders.jsonl"], &["/nowhere/orders.jsonl", "no such file"]),
        (&["run", "/nowhere/orders.jsonl"], &["/nowhere/orders.jsonl", "no such file"]),
        (&["run", "--json", "/nowhere/orders.jsonl"], &["/nowhere/orders.jsonl", "no such file"]),
        (&["match", folder], &[folder, "is a directory"]),
        (&["run", folder], &[folder, "is a directory"]),
        (&["match", "/proc/self/mem"], &["/proc/self/mem", "error"]),
        (&["match", "--format", "bin", truncated.name()], &[truncated.name()]),
        (&["match", "--format", "bin", text.name()], &[text.name()]),
    ];
    for inline in [false, true] {
        for (args, words) in table {
            let mut args = args.to_vec();
            if inline {
                args.push("--inline");
            }
            let ran = run(&args, b"");
            assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
            assert_one_line(&ran, words, &format!("{args:?}"));
            assert!(!ran.stdout.contains("commands"), "no partial JSON, {args:?}: {ran:?}");
        }
    }
}

#[test]
fn a_bad_line_is_answered_named_and_the_run_goes_on() {
    let good = r#"{"op":"new","id":1,"side":"buy","price":"1","qty":1}"#;
    let long = format!(r#"{{"op":"new","id":1,"x":"{}"}}"#, "y".repeat(10 << 20));
    let table: &[(&[u8], &[&str])] = &[
        (b"hello", &[]),
        (b"{}", &["op"]),
        (b"\xff\xfe", &["UTF-8"]),
        (br#"{"op":"new","id":18446744073709551616,"side":"buy","price":"1","qty":1}"#, &["id"]),
        (br#"{"op":"new","id":1,"owner":4294967296,"side":"buy","price":"1","qty":1}"#, &["owner"]),
        (br#"{"op":"new","id":1,"side":"up","price":"1","qty":1}"#, &["side"]),
        (br#"{"op":"new","id":1,"side":"buy","qty":1}"#, &["price"]),
        (br#"{"op":"instrument","symbol":"Y","max_price":"9223372036854775808"}"#, &["max_price"]),
        (long.as_bytes(), &["longer"]),
    ];
    for inline in [false, true] {
        for (line, words) in table {
            let shown = String::from_utf8_lossy(&line[..line.len().min(80)]);
            let input = [good.as_bytes(), b"\n", line, b"\n", good.as_bytes()].concat();
            let file = Scratch::new("bad.jsonl", &input);
            let mut args = vec!["match", file.name()];
            if inline {
                args.push("--inline");
            }
            let ran = run(&args, b"");
            let expected = concat!(
                r#"{"seq":1,"event":"accepted","id":1}"#,
                "\n",
                r#"{"seq":2,"event":"rejected","reason":"bad_field","line":2}"#,
                "\n",
                r#"{"seq":3,"event":"rejected","id":1,"reason":"duplicate_id"}"#,
                "\n"
            );
            assert_eq!((ran.code, ran.stdout.as_str()), (1, expected), "{shown}");
            let (first, rest) = ran.stderr.split_once('\n').expect("a line");
            assert_eq!(rest, "vvpx match: 2 of 3 commands refused: 1 bad_field, 1 duplicate_id\n", "{shown}");
            let first = Ran { stderr: format!("{first}\n"), ..ran };
            assert_one_line(&first, &[words, &[&*format!(": {}:2", file.name())][..]].concat(), &shown);
        }
    }
}

#[test]
fn a_price_beyond_i64_is_an_ordinary_refusal() {
    let ran = run(&["match"], br#"{"op":"new","id":1,"side":"buy","price":"99999999999999999999","qty":1}"#);
    let stdout = "{\"seq\":1,\"event\":\"rejected\",\"id\":1,\"reason\":\"bad_price\"}\n".to_owned();
    let stderr = "vvpx match: 1 of 1 commands refused: 1 bad_price\n".to_owned();
    assert_eq!(ran, Ran { code: 0, stdout, stderr });
}

#[test]
fn many_bad_lines_give_few_messages() {
    let ran = run(&["match"], "nonsense\n".repeat(5_000).as_bytes());
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stdout.lines().count(), 5_000);
    assert!(ran.stderr.lines().count() <= 20, "{}", ran.stderr);
    assert!(ran.stderr.contains("5000"), "{}", ran.stderr);
}

#[test]
fn threads_one_thread_and_one_core_give_the_same_bytes() {
    let session = session();
    let session = session.to_str().expect("UTF-8");
    for format in ["jsonl", "csv", "bin"] {
        let mut args = vec!["match", session, "--out-format", format];
        if format != "bin" {
            args.push("--book");
        }
        let out = |args: &[&str], one_core: bool| {
            let mut command = vvpx(args);
            if one_core {
                on_one_core(&mut command);
            }
            let output = command.output().expect("runs");
            assert_eq!(output.status.code(), Some(0));
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.starts_with("vvpx match: 155 of 25,000 commands refused: 50 unknown_order, "), "{said}");
            output.stdout
        };
        let threads = out(&args, false);
        assert!(threads.len() > 1_000_000, "{format}: {}", threads.len());
        assert!(threads == out(&args, false), "{format}: differs from run to run");
        assert!(threads == out(&[&args[..], &["--inline"]].concat(), false), "{format}: inline differs");
        assert!(threads == out(&args, true), "{format}: one core differs");
    }
}

#[test]
fn each_line_is_answered_before_the_next_is_there() {
    for args in [&["match", "-"][..], &["match", "-", "--inline"]] {
        let mut talk = Talk::start(args);
        let mut answers = EVENTS.lines();
        for (line, events) in ORDERS.lines().zip([0, 1, 1, 2, 3, 1, 1, 1]) {
            talk.say(line);
            for _ in 0..events {
                assert_eq!(Some(talk.hear().as_str()), answers.next(), "{line}");
            }
        }
        talk.stdin = None;
        assert_eq!(talk.end(), answered(""));
    }
}

#[test]
fn ctrl_c_ends_with_the_results_so_far() {
    for extra in [&[][..], &["--inline"]] {
        for signal in [libc::SIGINT, libc::SIGTERM] {
            // In `match` the events so far are printed, and the partial line is not processed.
            let mut talk = Talk::start(&[&["match", "-", "--book"], extra].concat());
            for line in ORDERS.lines() {
                talk.say(line);
            }
            for line in EVENTS.lines() {
                assert_eq!(talk.hear(), line);
            }
            use std::io::Write;
            talk.stdin.as_mut().expect("open").write_all(b"{\"op\":").expect("it listens");
            talk.signal(signal);
            let ran = talk.end();
            assert_eq!((ran.code, ran.stdout.as_str()), (128 + signal, BOOK), "{ran:?}");
            let (refused, stopped) = ran.stderr.split_at(REFUSED.len());
            assert_eq!(refused, REFUSED);
            assert_one_line(&Ran { stderr: stopped.to_owned(), ..ran }, &["stopped", "8 commands"], "match");
        }
        // In `run` the summary so far is the output. Its standard input stays open all the while.
        for json in [true, false] {
            let mut talk =
                Talk::start(&[if json { &["run", "--json", "-"][..] } else { &["run", "-"] }, extra].concat());
            for line in ORDERS.lines() {
                talk.say(line);
            }
            // There is no sign that it has read them, so the signal is sent when its pipe is empty.
            wait_until_read(&talk);
            talk.signal(libc::SIGINT);
            let ran = talk.end();
            assert_eq!(ran.code, 130, "{ran:?}");
            assert!(ran.stdout.contains(if json { r#"{"commands":"# } else { "after start" }), "{ran:?}");
            let (refused, stopped) = ran.stderr.split_at(REFUSED_RUN.len());
            assert_eq!(refused, REFUSED_RUN);
            assert_one_line(&Ran { stderr: stopped.to_owned(), ..ran }, &["stopped"], "run");
        }
    }
}

fn wait_until_read(talk: &Talk) {
    use std::os::fd::AsRawFd;
    let fd = talk.stdin.as_ref().expect("open").as_raw_fd();
    loop {
        let mut waiting: libc::c_int = 0;
        // SAFETY: FIONREAD writes one int, which is ours.
        assert_eq!(unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut waiting) }, 0);
        if waiting == 0 {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn closed_output_pipe_ends_the_run_without_an_error() {
    let session = session();
    for extra in [&[][..], &["--inline"]] {
        let mut talk = Talk::start(&[&["match", session.to_str().expect("UTF-8")], extra].concat());
        talk.hear();
        talk.stdout = None;
        assert_eq!(talk.end(), quiet(0, ""));
        // Also without further input: standard input stays open here.
        let mut talk = Talk::start(&[&["match", "-"], extra].concat());
        talk.stdout = None;
        // A child that another test starts may hold the reading end for a moment, so one line is
        // not always enough.
        let line = format!("{}\n", ORDERS.lines().nth(1).expect("a line"));
        while talk.child.try_wait().expect("our child").is_none() {
            use std::io::Write;
            let _ = talk.stdin.as_mut().expect("open").write_all(line.as_bytes()); // it may have ended
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(talk.end(), quiet(0, ""));
    }
}

#[test]
fn an_output_that_fails_is_an_error() {
    for extra in [&[][..], &["--inline"]] {
        for args in [&["match", "-"][..], &["run"], &["run", "--json"], &["--help"]] {
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
            let args = if args == ["--help"] { args.to_vec() } else { [args, extra].concat() };
            let mut command = vvpx(&args);
            let orders = Scratch::new("orders", ORDERS.as_bytes());
            command.stdin(std::fs::File::open(&orders.0).expect("there")).stdout(full);
            let output = command.output().expect("runs");
            let ran = Ran {
                code: output.status.code().unwrap_or(-1),
                stdout: String::new(),
                stderr: String::from_utf8(output.stderr).expect("UTF-8"),
            };
            assert_eq!(ran.code, 1, "{args:?}: {ran:?}");
            assert_one_line(&ran, &["<stdout>", "no space left"], &format!("{args:?}"));
        }
    }
}

/// The keys of a JSON object in their order, with those of objects inside.
fn keys(json: &str) -> Vec<&str> {
    let quoted: Vec<&str> = json.split('"').collect();
    quoted.windows(2).skip(1).step_by(2).filter(|w| w[1].starts_with(':')).map(|w| w[0]).collect()
}

#[test]
fn the_json_summary_has_exactly_its_keys() {
    for extra in [&[][..], &["--inline"]] {
        let ran = run(&[&["--json"], extra].concat(), b"");
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert_eq!(ran.stdout.matches('\n').count(), 1);
        let expected = "commands accepted rejected trades traded_qty canceled resting_orders elapsed_ns commands_per_s \
                        latency_ns p50 p90 p99 p99_9 max allocations_after_start page_faults_after_start \
                        queue_high_water commands events refused";
        let (fixed, reasons) = ran.stdout.split_once(",\"refused\":{").expect("the refusals come last");
        assert!(reasons.ends_with("}}\n") && !reasons.contains('['), "{reasons}");
        assert_eq!(keys(&format!("{fixed},\"refused\":")), expected.split_ascii_whitespace().collect::<Vec<_>>());
        assert!(ran.stdout.contains(r#""allocations_after_start":0,"#), "{}", ran.stdout);
        assert!(ran.stdout.starts_with(r#"{"commands":25000,"#), "{}", ran.stdout);
    }
}

#[test]
fn default_run_prints_book_and_summary() {
    let threads = run(&[], b"");
    assert_eq!((threads.code, threads.stderr.as_str()), (0, ""));
    for word in ["25,000 commands", "accepted", "trades", "canceled", "spread", "p99.9", "0 allocations", "queues"] {
        assert!(threads.stdout.contains(word), "no '{word}' in\n{}", threads.stdout);
    }
    assert!(threads.stdout.lines().filter(|l| l.starts_with("  bid")).count() >= 10, "{}", threads.stdout);
    assert!(threads.stdout.lines().filter(|l| l.starts_with("  ask")).count() >= 10, "{}", threads.stdout);
    assert!(!threads.stdout.contains('\x1b'), "no escape sequences without a terminal");
    // Up to the summary, which has times in it, both print the same.
    let story = |ran: &Ran| ran.stdout.split("  speed").next().expect("a first part").to_owned();
    assert_eq!(story(&threads), story(&run(&["run", "--inline"], b"")));
    let mut one_core = vvpx(&["run"]);
    on_one_core(&mut one_core);
    assert_eq!(story(&threads), story(&run_command(one_core, b"")));
}
