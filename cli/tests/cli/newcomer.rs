//! The `vvpx` binary for a first-time user who knows only its help: refusals, sizes, formats,
//! outputs.

use crate::common::{Ran, Scratch, run, run_command, vvpx};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const CENTS: &str = r#"{"op":"new","id":1,"side":"buy","price":"150.25","qty":1}
{"op":"new","id":2,"side":"buy","price":"150.5","qty":1}
{"op":"new","id":3,"side":"buy","price":"150","qty":1}
{"op":"cancel","id":9}
"#;

/// A folder of its own for each test, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("newcomer-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a UTF-8 path").into()
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), content).expect("a file for the test");
        self.path(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("our folder");
        let mut names: Vec<_> =
            entries.map(|e| e.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a line of shell in which `$VVP` is the binary.
fn shell(line: &str) -> Ran {
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("VVP", env!("CARGO_BIN_EXE_vvpx"));
    run_command(command, b"")
}

#[test]
fn prices_off_the_tick_are_counted_and_the_missing_definition_is_written_out() {
    for extra in [&[][..], &["--inline"], &["--feed", "l2"]] {
        let ran = run(&[&["match"], extra].concat(), CENTS.as_bytes());
        let expected = concat!(
            "vvpx match: 3 of 4 commands refused: 2 off_tick, 1 unknown_order\n",
            "vvpx match: off_tick: the tick of X is 1: prices like 150.25 need ",
            r#"{"op":"instrument","symbol":"X","tick":"0.01"} as the first line"#,
            "\n"
        );
        assert_eq!((ran.code, ran.stderr.as_str()), (0, expected), "{extra:?}");
    }
    // With that line it works.
    let fixed = format!("{{\"op\":\"instrument\",\"symbol\":\"X\",\"tick\":\"0.01\"}}\n{CENTS}");
    let ran = run(&["match"], fixed.as_bytes());
    assert_eq!(ran.stderr, "vvpx match: 1 of 5 commands refused: 1 unknown_order\n");
}

#[test]
fn the_tick_in_the_hint_is_fine_enough_for_every_price() {
    for (prices, tick) in [
        (["1.5", "1.12345"], "0.00001"),
        (["0.5", "7.5"], "0.1"),
        (["1e", "1.0000000000000000000001"], "0.000000000000000001"),
    ] {
        let lines =
            prices.map(|p| format!("{{\"op\":\"new\",\"id\":1,\"side\":\"buy\",\"price\":\"{p}\",\"qty\":1}}\n"));
        let ran = run(&["match"], lines.concat().as_bytes());
        assert!(ran.stderr.contains(&format!("\"tick\":\"{tick}\"}}")), "{prices:?}: {}", ran.stderr);
    }
}

#[test]
fn unknown_symbol_and_reversed_time_get_a_remedy() {
    let lines = concat!(
        r#"{"op":"time","ts":9}"#,
        "\n",
        r#"{"op":"time","ts":8}"#,
        "\n",
        r#"{"op":"time","ts":7}"#,
        "\n",
        r#"{"op":"cancel","symbol":"MSFT","id":9}"#,
        "\n"
    );
    let ran = run(&["run", "-"], lines.as_bytes());
    let (first, rest) = ran.stderr.split_once('\n').expect("lines");
    assert_eq!(first, "vvpx run: 3 of 4 commands refused: 2 time_reversed, 1 unknown_instrument");
    assert!(rest.contains("time_reversed") && rest.contains("sort the commands by ts"), "{rest}");
    assert!(rest.contains(r#"{"op":"instrument","symbol":"MSFT","#), "{rest}");
    assert_eq!(ran.code, 0);
}

#[test]
fn refusals_are_a_field_of_the_json_summary() {
    let ran = run(&["run", "--json", "-"], CENTS.as_bytes());
    assert!(ran.stdout.ends_with(",\"refused\":{\"off_tick\":2,\"unknown_order\":1}}\n"), "{}", ran.stdout);
    assert!(
        ran.stderr.starts_with("vvpx run: 3 of 4 commands refused: 2 off_tick, 1 unknown_order\n"),
        "{}",
        ran.stderr
    );
    let none = run(&["run", "--json", "-"], b"{\"op\":\"time\",\"ts\":1}\n");
    assert!(none.stdout.ends_with(",\"refused\":{}}\n") && none.stderr.is_empty(), "{none:?}");
}

#[test]
fn one_gibibyte_of_address_space_is_enough_by_default() {
    if crate::sanitizer::is_on() {
        return;
    }
    let orders = Scratch::new("cents.jsonl", CENTS.as_bytes());
    for args in [
        "match",
        "match --inline",
        "match --feed l3",
        "match --state-hash",
        "match --orders 1048576 --instruments 4",
        "run",
        "run --inline",
    ] {
        let ran = shell(&format!("ulimit -v 1048576; \"$VVP\" {args} '{}'", orders.name()));
        assert_eq!(ran.code, 0, "{args}: {ran:?}");
        assert!(!ran.stdout.is_empty(), "{args}");
    }
    let ran = shell("ulimit -v 1048576; \"$VVP\"");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let ran = shell(&format!("ulimit -v 1048576; \"$VVP\" match --instruments 1024 '{}'", orders.name()));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    for word in
        ["no memory for the engine", "MiB of address space", "its limit is 1024 MiB", "ulimit -v", "fewer --orders"]
    {
        assert!(ran.stderr.contains(word), "no '{word}' in {}", ran.stderr);
    }
}

#[test]
fn full_engine_names_the_limit_and_the_option() {
    let mut orders = String::new();
    for id in 1..=65_537 {
        orders += &format!("{{\"op\":\"new\",\"id\":{id},\"side\":\"buy\",\"price\":\"5\",\"qty\":1}}\n");
    }
    let ran = run(&["match"], orders.as_bytes());
    let expected = "vvpx match: 1 of 65,537 commands refused: 1 book_full\nvvpx match: book_full: this engine has room for 65,536 \
                    resting orders a book: --orders 1048576 makes room for 1,048,576\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (0, expected));
    let ran = run(&["match", "--orders", "65537", "--instruments", "1"], orders.as_bytes());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    // Instruments beyond the room are bad lines.
    let many: String = (0..65).map(|i| format!("{{\"op\":\"instrument\",\"symbol\":\"S{i}\"}}\n")).collect();
    let ran = run(&["match"], many.as_bytes());
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("room for 64 instruments: --instruments 1024 makes room for 1,024\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(run(&["match", "--instruments", "65"], many.as_bytes()).stderr, "");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    // A gzip file whose content is stored: header, one block, checksum, length.
    let length = u16::try_from(bytes.len()).expect("a small file");
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    out.extend((!crc).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).expect("a writer");
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

#[test]
fn every_format_is_recognised_from_a_file_and_a_pipe() {
    let folder = Folder::new("formats");
    let plain = run(&["match", "--inline"], CENTS.as_bytes());
    let csv = "op,id,side,price,qty\nnew,1,buy,150.25,1\nnew,2,buy,150.5,1\nnew,3,buy,150,1\ncancel,9,,,\n";
    let records = vvpx(&["encode", &folder.file("cents.jsonl", CENTS)]).output().expect("runs").stdout;
    let marked = [b"\xef\xbb\xbf", CENTS.as_bytes()].concat();
    let table: [(&str, Vec<u8>); 8] = [
        ("csv", csv.into()),
        ("records", records.clone()),
        ("mark", marked.clone()),
        ("csv-mark", [b"\xef\xbb\xbf", csv.as_bytes()].concat()),
        ("gzip", gzip(CENTS.as_bytes())),
        ("gzip-records", gzip(&records)),
        ("xz-mark", xz(&marked)),
        ("xz-csv", xz(csv.as_bytes())),
    ];
    for (name, bytes) in &table {
        let file = folder.file(name, bytes);
        for args in [&["match", &file][..], &["match", "--inline", &file], &["match", "-"]] {
            let ran = run(args, bytes);
            assert_eq!((ran.code, &ran.stdout), (0, &plain.stdout), "{args:?}: {ran:?}");
        }
        let ran = run(&["run", "--json", &file], b"");
        assert!(ran.stdout.contains(r#""accepted":1,"rejected":3,"#), "{name}: {ran:?}");
        if !name.contains("records") {
            assert!(vvpx(&["encode", &file]).output().expect("runs").stdout == records, "{name}");
        }
    }
    let packed = run(&["decode", &folder.path("gzip-records")], b"");
    assert_eq!(packed, run(&["decode", &folder.path("records")], b""));
    assert_eq!(run(&["encode", &folder.path("records")], b"").code, 1);
    // What is damaged is an error, with what came before it.
    let mut damaged = gzip(CENTS.as_bytes());
    damaged[30] ^= 1;
    assert_eq!(run(&["match"], &damaged).code, 1);
}

#[test]
fn decode_reads_the_market_data_that_replay_writes() {
    use vvp_core::book::{DepthLevel, InstrumentId, Price, Qty};
    use vvp_core::market_data::{MarketData, Record};
    use zerocopy::IntoBytes;
    let level = |price, qty| Some(DepthLevel { price: Price::new(price), qty: Qty::new(qty), orders: 2 });
    let top = |number, bid| Record::new(number, InstrumentId::new(7), 34_200, 5, MarketData::Top { bid, ask: None });
    let records = [top(1, level(1_502_500, 10)), top(2, None)];
    let bytes: Vec<u8> = records.iter().flat_map(|record| record.as_bytes().to_vec()).collect();
    let ran = run(&["decode"], &bytes);
    let expected = concat!(
        r##"{"number":1,"symbol":"#7","clock":34200,"event_seq":5,"bid":["150.2500",10,2],"ask":null}"##,
        "\n",
        r##"{"number":2,"symbol":"#7","clock":34200,"event_seq":5,"bid":null,"ask":null}"##,
        "\n"
    );
    assert_eq!(ran, Ran { code: 0, stdout: expected.to_owned(), stderr: String::new() });
    assert_eq!(run(&["decode"], &gzip(&bytes)), ran);
    assert_eq!(run(&["decode", "--format", "csv"], &bytes).code, 2);
    assert_eq!(run(&["decode"], &bytes[..100]).code, 1, "cut short");
}

#[test]
fn an_output_that_is_its_input_is_refused_whatever_it_is_called() {
    let folder = Folder::new("same");
    let orders = folder.file("orders.jsonl", CENTS);
    let (hard, soft) = (folder.path("hard"), folder.path("soft"));
    fs::hard_link(&orders, &hard).expect("a hard link");
    std::os::unix::fs::symlink(&orders, &soft).expect("a symbolic link");
    for out in [&orders, &hard, &soft] {
        for line in
            [format!("'{orders}' -o '{out}'"), format!("-o '{out}' <'{orders}'"), format!("'{orders}' >>'{out}'")]
        {
            for command in ["encode", "decode"] {
                let ran = shell(&format!("\"$VVP\" {command} {line}"));
                assert_eq!(ran.code, 2, "{command} {line}: {ran:?}");
                assert!(ran.stderr.contains("is the input"), "{ran:?}");
                assert_eq!(fs::read_to_string(&orders).expect("still there"), CENTS);
            }
        }
    }
    assert_eq!(shell(&format!("\"$VVP\" match '{orders}' >>'{orders}'")).code, 2);
    assert_eq!(fs::read_to_string(&orders).expect("still there"), CENTS);
    assert_eq!(folder.names(), ["hard", "orders.jsonl", "soft"]);
}

#[test]
fn an_output_is_replaced_whole_or_stays_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("whole");
    let (orders, out) = (folder.file("orders.jsonl", CENTS), folder.file("out", "old"));
    fs::set_permissions(&out, fs::Permissions::from_mode(0o600)).expect("ours");
    let damaged = {
        let mut records = vvpx(&["encode", &orders]).output().expect("runs").stdout;
        records.pop();
        folder.file("damaged", records)
    };
    assert_eq!(run(&["decode", &damaged, "-o", &out], b"").code, 1);
    assert_eq!(fs::read(&out).expect("there"), b"old", "after an error");
    // Stopped by a signal in the middle.
    let mut child = vvpx(&["encode", "-o", &out]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(CENTS.repeat(1_000).as_bytes()).expect("it listens");
    while folder.names().len() < 4 {
        std::thread::yield_now(); // until its temporary file is there
    }
    let pid = i32::try_from(child.id()).expect("a pid");
    // SAFETY: sends a signal to our own child, which has not been waited for.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
    assert_eq!(child.wait().expect("ends").code(), Some(128 + libc::SIGTERM));
    assert_eq!(fs::read(&out).expect("there"), b"old", "after a signal");
    assert_eq!(folder.names(), ["damaged", "orders.jsonl", "out"], "no temporary file stays");
    // All is well: new content, old mode, and a link stays a link.
    let link = folder.path("link");
    std::os::unix::fs::symlink("out", &link).expect("a symbolic link");
    assert_eq!(run(&["encode", &orders, "-o", &link], b"").code, 0);
    assert!(fs::read(&out).expect("there").starts_with(b"VVPCMD1\n"));
    assert_eq!(fs::metadata(&out).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    assert_eq!(folder.names(), ["damaged", "link", "orders.jsonl", "out"]);
}

#[test]
fn devices_and_pipes_are_written_directly() {
    let folder = Folder::new("direct");
    let orders = folder.file("orders.jsonl", CENTS);
    let plain = vvpx(&["encode", &orders]).output().expect("runs").stdout;
    for out in ["/dev/stdout", "/proc/self/fd/1", "-"] {
        assert!(vvpx(&["encode", &orders, "-o", out]).output().expect("runs").stdout == plain, "{out}");
    }
    assert_eq!(run(&["encode", &orders, "-o", "/dev/null"], b"").code, 0);
    // What a shell appends to is not cut off.
    let ran =
        shell(&format!("cd '{}'; echo old >log; \"$VVP\" encode orders.jsonl -o /dev/stdout >>log", folder.path(".")));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fs::read(folder.path("log")).expect("there"), [b"old\n", &plain[..]].concat());
    let ran = shell(&format!(
        "cd '{}'; mkfifo pipe; cat pipe >copy & \"$VVP\" encode orders.jsonl -o pipe; code=$?; wait; exit $code",
        folder.path(".")
    ));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fs::read(folder.path("copy")).expect("there"), plain);
}

#[test]
fn a_closed_standard_stream_is_an_error_and_dev_null_is_none() {
    let orders = Scratch::new("closed.jsonl", b"{\"op\":\"time\",\"ts\":1}\n");
    let name = orders.name();
    for args in [
        format!("match '{name}'"),
        format!("run '{name}'"),
        format!("encode '{name}'"),
        "run".into(),
        "--help".into(),
        "encode --help".into(),
    ] {
        let ran = shell(&format!("\"$VVP\" {args} >&-"));
        assert_eq!(ran.code, 1, "{args}: {ran:?}");
        assert!(ran.stderr.contains(": <stdout>: "), "{args}: {ran:?}");
        assert!(ran.stderr.contains("closed"), "{args}: {ran:?}");
        for null in ["/dev/null", "/dev/null <>/dev/null"] {
            assert_eq!(shell(&format!("\"$VVP\" {args} >{null}")).code, 0, "{args}");
        }
        // As Python's DEVNULL is opened: to read and to write.
        assert_eq!(shell(&format!("\"$VVP\" {args} 1<>/dev/null")).code, 0, "{args}");
    }
    let ran = shell("\"$VVP\" match <&-");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("the stream is closed: <stdin>: "), "{ran:?}");
    assert_eq!(shell("\"$VVP\" match </dev/null").code, 0);
}

#[test]
fn control_characters_of_a_file_name_are_not_printed() {
    let name = "no\u{1b}[31m\nsuch\u{9b}\u{7f}\u{202e}file";
    for command in ["match", "run", "encode", "decode", "replay"] {
        let ran = run(&[command, name], b"");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(!ran.stderr.trim_end_matches('\n').contains(|c: char| c.is_control() || c == '\u{202e}'), "{ran:?}");
        assert!(ran.stderr.contains("no\\u{1b}[31m\\nsuch"), "{ran:?}");
    }
    let file = Scratch::new("\u{1b}[1mbold.jsonl", b"{\"op\":\"time\",\"ts\":1}\nnonsense\n");
    for command in ["match", "run"] {
        let ran = run(&[command, file.name()], b"");
        assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}'), "{ran:?}");
    }
}
