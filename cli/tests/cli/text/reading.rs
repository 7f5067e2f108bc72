//! Random lines through the decoder and through the oracle.

use super::oracle::{self, FIELDS, Oracle};
use proptest::prelude::*;
use vvp_core::book::Command;
use vvpx::text::{DecodeError, Decoder, Format, Input, InputFormat, Step};

const INTEGERS: &[&str] = &["1", "7", "100", "0", "18446744073709551615", "4294967295"];
const BAD_INTEGERS: &[&str] = &[
    "18446744073709551616",
    "99999999999999999999",
    "184467440737095516150",
    "4294967296",
    "-0",
    "-1",
    "01",
    "00",
    "1.0",
    "1.",
    "1e2",
    "1E2",
    "\"5\"",
    "null",
    "true",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
    "[1]",
    "{}",
    "{\"a\":1}",
    "",
    "+1",
    "0x1",
    "nul",
    "nulll",
];
const PRICES: &[&str] = &[
    "\"150.00\"",
    "150.00",
    "150",
    "149.99",
    "\"-0.00\"",
    "-0",
    "0",
    "\"007.50\"",
    "-3.25",
    "\"1.5\"",
    "\"0.010000000000000000000000000000000\"",
    "92233720368547758.07",
    "-92233720368547758.08",
    "92233720368547758080",
    "\"-99999999999999999999999999999999999999999.5\"",
];
const BAD_PRICES: &[&str] = &[
    "007",
    "-007",
    "1e5",
    "\"1e5\"",
    "1.",
    "\"1.\"",
    ".5",
    "\".5\"",
    "\"+1\"",
    "\"\"",
    "\" 1\"",
    "-",
    "\"-\"",
    "- 1",
    "\"0.010000000000000000000000000000001\"",
    "92233720368547758.08",
    "-92233720368547758.09",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "\"99999999999999999999999999999999999999999999.005\"",
    "\"1\\u0035\\u002e5\"",
    "\"1\\n\"",
    "0.005",
    "null",
    "true",
    "[\"1\"]",
    "1.2.3",
    "--1",
    "\"1\u{661}\"",
    "340282366920938463463374607431768211456",
    "1E400",
    "9999999999999999999",
    "99999999999999999999.99",
];
const BOOLS: &[&str] = &["true", "false"];
const BAD_BOOLS: &[&str] = &["null", "0", "\"true\"", "True", "tru", "truee", "[]"];
const SYMBOLS: &[&str] =
    &["\"AAPL\"", "\"X\"", "\"B\"", "\"B\\u0042\"", "\"A\\/B\"", "\"A/B\"", "\"sixteen_bytes_ok\""];
const BAD_SYMBOLS: &[&str] = &[
    "\"\"",
    "\"seventeen_bytes_x\"",
    "\"A B\"",
    "\"\u{e9}\"",
    "\"A\\\"\"",
    "\"A\\\\\"",
    "\"A\\u0000\"",
    "\"A\u{0}\"",
    "\"A\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"A\u{7f}\"",
    "null",
    "5",
    "\"A\\x\"",
    "\"\\u004\"",
    "\"A\t\"",
    "'A'",
    "\"A",
];
const WORDS: &[&str] = &[
    "\"buy\"",
    "\"sell\"",
    "\"limit\"",
    "\"market\"",
    "\"stop\"",
    "\"stop_limit\"",
    "\"trailing_stop\"",
    "\"gtc\"",
    "\"day\"",
    "\"gtd\"",
    "\"ioc\"",
    "\"fok\"",
    "\"none\"",
    "\"cancel_newest\"",
    "\"cancel_oldest\"",
    "\"cancel_both\"",
    "\"decrement\"",
    "\"continuous\"",
    "\"auction\"",
    "\"halted\"",
    "\"closed\"",
    "\"refused\"",
    "\"b\\u0075y\"",
];
const BAD_WORDS: &[&str] =
    &["\"Buy\"", "\"buy \"", "\"buy\\u0000\"", "\"\"", "buy", "null", "1", "true", "\"trailing_stop_x_x\"", "[]"];

fn words_of(field: &str) -> &'static [&'static str] {
    match field {
        "side" => &WORDS[0..2],
        "type" => &WORDS[2..7],
        "tif" => &WORDS[7..12],
        "stp" => &WORDS[12..17],
        "phase" => &WORDS[17..21],
        _ => WORDS,
    }
}

/// A value for a field, mostly a good one.
fn value(field: &'static str) -> BoxedStrategy<&'static str> {
    let (good, bad) = match field {
        f if oracle::is_bool(f) => (BOOLS, BAD_BOOLS),
        "tick" => (&["\"0.01\"", "0.5", "\"0.10\"", "5", "10.000", "0.000000000000000001", "1"][..], BAD_PRICES),
        f if oracle::is_price(f) => (PRICES, BAD_PRICES),
        "symbol" => (SYMBOLS, BAD_SYMBOLS),
        f if oracle::is_word(f) => (words_of(f), BAD_WORDS),
        _ => (INTEGERS, BAD_INTEGERS),
    };
    prop_oneof![30 => prop::sample::select(good), 1 => prop::sample::select(bad), 1 => Just("null")].boxed()
}

/// What each operation needs and may have; `field=word` is that word.
const SHAPES: &[(&str, &[&str], &[&str])] = &[
    ("instrument", &["symbol"], &["tick", "min_price", "max_price", "reference"]),
    ("limits", &["owner"], &["max_qty", "max_notional", "max_orders", "blocked"]),
    ("new", &["id", "side", "price", "qty"], &["symbol", "ts", "owner", "tif=day", "display", "post_only", "stp"]),
    ("new", &["id", "side", "price", "qty"], &["symbol", "ts", "owner", "type=limit", "hidden", "post_only", "stp"]),
    ("new", &["id", "side", "price", "qty", "tif=gtd", "expires"], &["ts", "owner", "display", "hidden"]),
    ("new", &["id", "side", "price", "qty", "tif=ioc"], &["symbol", "ts", "min_qty", "stp"]),
    ("new", &["id", "side", "type=market", "qty"], &["ts", "owner", "tif=fok", "protect", "stp"]),
    ("new", &["id", "side", "type=stop", "stop", "qty"], &["ts", "owner", "tif=day", "protect", "stp"]),
    ("new", &["id", "side", "type=stop_limit", "stop", "price", "qty"], &["symbol", "owner", "tif=fok", "stp"]),
    ("new", &["id", "side", "type=trailing_stop", "trail", "qty"], &["ts", "owner", "tif=ioc", "protect", "stp"]),
    ("new", &["id", "side", "type", "qty"], &["price", "stop", "trail", "protect", "min_qty", "tif", "expires", "stp"]),
    ("new", &["id", "side", "qty"], FIELDS.split_at(1).1),
    ("cancel", &["id"], &["symbol", "ts"]),
    ("reduce", &["id", "qty"], &["symbol", "ts"]),
    ("replace", &["id", "price"], &["symbol", "ts", "stop", "qty"]),
    ("replace", &["id"], &["symbol", "ts", "price", "stop", "qty"]),
    ("mass_cancel", &[], &["symbol", "ts", "owner", "side"]),
    ("phase", &["phase"], &["symbol", "ts"]),
    ("time", &["ts"], &["id"]),
];

type Member = (&'static str, String);

/// Members of one line: those that the operation needs, some that it may have, rarely one that it
/// has not.
fn members() -> impl Strategy<Value = Vec<Member>> {
    prop::sample::select(SHAPES).prop_flat_map(|(op, must, may)| {
        let mut all: Vec<BoxedStrategy<Option<Member>>> = vec![
            prop_oneof![
                40 => Just(Some(("op", format!("\"{op}\"")))),
                1 => prop::sample::select(BAD_WORDS).prop_map(|w| Some(("op", w.to_string()))),
                1 => Just(None),
            ]
            .boxed(),
        ];
        let member = |field: &'static str| match field.split_once('=') {
            Some((field, word)) => Just((field, format!("\"{word}\""))).boxed(),
            None => value(field).prop_map(move |v| (field, v.to_string())).boxed(),
        };
        for &field in must {
            all.push(prop_oneof![40 => member(field).prop_map(Some), 1 => Just(None)].boxed());
        }
        for &field in may {
            let (yes, no) = if may.len() > 8 { (1, 12) } else { (1, 2) };
            all.push(prop_oneof![yes => member(field).prop_map(Some), no => Just(None)].boxed());
        }
        let stray = prop::sample::select(FIELDS).prop_flat_map(member);
        all.push(prop_oneof![20 => Just(None), 1 => stray.prop_map(Some)].boxed());
        all.push(prop_oneof![40 => Just(None), 1 => Just(Some(("prise", "null".to_string())))].boxed());
        all.prop_map(|members| members.into_iter().flatten().collect::<Vec<_>>()).prop_shuffle()
    })
}

/// The object of these members, with white space as `blanks` says.
fn object(members: &[Member], blanks: u8) -> Vec<u8> {
    let gap = |i: u8| if blanks & 1 << i != 0 { [" ", "\t", "\r", "  "][usize::from(i % 4)] } else { "" };
    let (a, b, c, d) = (gap(0), gap(1), gap(2), gap(3));
    let inside: Vec<_> = members
        .iter()
        .map(|(k, v)| {
            let key = if blanks & 0x80 != 0 { k.replace('p', "\\u0070") } else { k.to_string() };
            format!("{a}\"{key}\"{b}:{c}{v}{d}")
        })
        .collect();
    format!("{}{{{}}}{}", gap(4), inside.join(","), gap(5)).into_bytes()
}

/// A change of some bytes anywhere.
fn mutate(line: &mut Vec<u8>, changes: &[(u16, u8, u8)]) {
    const BYTES: &[u8] = b"{}[]\":,\\ \t\r0123456789.-+eEun/btrxX\0\x1f\x7f\x80\xc3\xa9\xff";
    for &(at, what, byte) in changes {
        let at = usize::from(at) % (line.len() + 1);
        let byte = BYTES[usize::from(byte) % BYTES.len()];
        match what % 3 {
            0 => line.insert(at, byte),
            1 if at < line.len() => line[at] = byte,
            2 if at < line.len() => drop(line.remove(at)),
            _ => {}
        }
    }
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let blanks = prop_oneof![3 => Just(0), 1 => any::<u8>()];
    let changes = prop_oneof![
        4 => Just(vec![]),
        1 => prop::collection::vec((any::<u16>(), any::<u8>(), any::<u8>()), 1..4),
    ];
    let line = (members(), blanks, changes).prop_map(|(members, blanks, changes)| {
        let mut line = object(&members, blanks);
        mutate(&mut line, &changes);
        line
    });
    prop_oneof![40 => line, 1 => Just(Vec::new()), 1 => Just(b" \r".to_vec())]
}

fn compare(decoder: &mut Decoder, oracle: &mut Oracle, line: &[u8]) -> Result<(), TestCaseError> {
    let mut got: Vec<Command> = Vec::new();
    let answer = decoder.line(line, |command| got.push(command));
    let want = oracle.line(line);
    prop_assert_eq!(&got, &want, "{:?} said {:?}", String::from_utf8_lossy(line), answer);
    let bad = got.last().and_then(Command::refusal).is_some_and(|r| r.edge_ref.is_some());
    prop_assert_eq!(bad, matches!(answer, Err(DecodeError::BadLine(_))));
    for command in &got {
        prop_assert_eq!(Command::from_record(zerocopy::transmute_ref!(command)), Ok(*command));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn json_lines_mean_what_the_oracle_says(lines in prop::collection::vec(line(), 1..40)) {
        let (mut decoder, mut oracle) = (Decoder::new(Format::Jsonl, 3), Oracle::new(3));
        for line in &lines {
            compare(&mut decoder, &mut oracle, line)?;
        }
    }

    #[test]
    fn csv_lines_mean_what_the_oracle_says(
        header in Just(FIELDS.to_vec()).prop_shuffle(),
        rows in prop::collection::vec((members(), prop::collection::vec((any::<u16>(), any::<u8>(), any::<u8>()), 0..2)), 1..40),
        mutated in any::<u8>(),
    ) {
        let mut decoder = Decoder::new(Format::Csv, 3);
        prop_assert_eq!(decoder.line(header.join(",").as_bytes(), |_| unreachable!()), Ok(()));
        let mut oracle = Oracle::csv(3, &header.join(","));
        for (i, (members, changes)) in rows.iter().enumerate() {
            let cell = |name: &&str| {
                let value = members.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_str());
                if value == "null" { String::new() } else { value.trim_matches('"').to_string() }
            };
            let mut line = header.iter().map(cell).collect::<Vec<_>>().join(",").into_bytes();
            if mutated & 1 << (i % 8) != 0 {
                mutate(&mut line, changes);
            }
            if !line.contains(&b'\n') {
                compare(&mut decoder, &mut oracle, &line)?;
            }
        }
    }

    #[test]
    fn any_bytes_in_any_format_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0..3) {
        feed(&bytes, kind);
    }

    #[test]
    fn lines_in_one_stream_are_lines_one_by_one(lines in prop::collection::vec(line(), 1..20)) {
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.contains(&b'\n')).collect();
        let mut alone = Decoder::new(Format::Jsonl, 3);
        let mut want = Vec::new();
        for line in &lines {
            let _ = alone.line(line, |command| want.push(command));
        }
        let text = lines.join(&b'\n');
        let mut input = Input::new(&text[..], InputFormat::default(), 3);
        let mut got = Vec::new();
        while input.step(|command| got.push(command)).expect("text always reads") != Step::End {}
        prop_assert_eq!(got, want);
        prop_assert_eq!(input.bad(), alone.bad_lines());
    }
}

/// Arbitrary bytes as an input; for fuzzing too.
fn feed(bytes: &[u8], kind: i32) {
    let format = [InputFormat::Text(Format::Jsonl), InputFormat::Text(Format::Csv), InputFormat::Records];
    let mut input = Input::new(bytes, format[kind as usize], 2);
    let mut commands = 0;
    while let Ok(step) = input.step(|command| {
        assert!(command.is_well_formed());
        commands += 1;
    }) {
        if step == Step::End {
            break;
        }
    }
    assert!(commands <= 2 * input.lines());
}

/// The comparison is worth something only if the lines are of every sort.
#[test]
fn the_random_lines_are_of_every_sort() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use std::collections::BTreeMap;
    let mut runner = TestRunner::deterministic();
    let mut sorts: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..100 {
        let lines = prop::collection::vec(line(), 30).new_tree(&mut runner).expect("lines").current();
        let mut decoder = Decoder::new(Format::Jsonl, 3);
        for line in lines {
            let _ = decoder.line(&line, |command| {
                let sort = command.refusal().map_or(command.op().word(), |r| r.reason.word());
                *sorts.entry(sort).or_default() += 1;
            });
        }
    }
    for sort in ["bad_field", "unknown_instrument", "off_tick", "bad_price", "new", "replace", "instrument", "limits"] {
        assert!(sorts.get(sort).is_some_and(|&n| n >= 30), "too few of {sort}: {sorts:?}");
    }
    assert!(sorts["new"] >= 200, "too few new orders: {sorts:?}");
    assert!(sorts["bad_field"] < 1_800, "mostly bad lines: {sorts:?}");
}
