//! Lines that are easily read wrongly, each with its answer, in words.
//!
//! The answer is what the events would show: `ok`, `bad` (a bad line), or the reason of a refusal
//! at the edge.

use vvp_core::book::*;
use vvpx::text::{DecodeError, Decoder, Format, Input, InputFormat, Line, LineReader, Step};

/// The answers to lines that follow `start`, all in one run.
fn check(start: &[&str], lines: &[(&[u8], &str)]) {
    for &(line, want) in lines {
        let mut decoder = Decoder::new(Format::Jsonl, 4);
        for line in start {
            decoder.line(line.as_bytes(), |_| {}).expect("a good start");
        }
        let mut last = None;
        let answer = decoder.line(line, |command| last = Some(command));
        let got = match last.map(|command| (command.refusal(), command)) {
            None => "nothing",
            Some((None, command)) => {
                assert!(command.is_well_formed());
                "ok"
            }
            Some((Some(refusal), _)) if refusal.edge_ref == Some(start.len() as u64 + 1) => "bad",
            Some((Some(refusal), _)) => refusal.reason.word(),
        };
        let said = answer.map_err(|e| e.to_string());
        assert_eq!(got, want, "{} said {said:?}", String::from_utf8_lossy(line));
        assert_eq!(said.is_err(), want == "bad");
    }
}

macro_rules! lines {
    ($($line:literal => $want:literal,)+) => { &[$(($line.as_bytes(), $want),)+] };
}

const AAPL: &str = r#"{"op":"instrument","symbol":"AAPL","tick":"0.01"}"#;

#[test]
fn the_object() {
    check(
        &[],
        lines! {
            r#"{"op":"cancel","id":1}"# => "ok",
            " \t\r {\"op\":\"cancel\",\"id\":1} \r\t\r" => "ok",
            "{\t\"op\" :\r\"cancel\" , \"id\": 1 }" => "ok",
            "" => "nothing",
            "\r" => "nothing",
            " \t " => "nothing",
            "{}" => "bad",
            "{" => "bad",
            "}" => "bad",
            "null" => "bad",
            "[]" => "bad",
            r#"[{"op":"cancel","id":1}]"# => "bad",
            r#"{"op":"cancel","id":1},"# => "bad",
            r#"{"op":"cancel","id":1}{"op":"cancel","id":1}"# => "bad",
            r#"{"op":"cancel","id":1,}"# => "bad",
            r#"{,"op":"cancel","id":1}"# => "bad",
            r#"{"op":"cancel" "id":1}"# => "bad",
            r#"{"op":"cancel","id"}"# => "bad",
            r#"{"op":"cancel","id":}"# => "bad",
            r#"{"op":"cancel",id:1}"# => "bad",
            r#"{'op':'cancel','id':1}"# => "bad",
            r#"{"op":"cancel","id":1} // no comments"# => "bad",
            "\u{feff}{\"op\":\"cancel\",\"id\":1}" => "bad",
            "{\"op\":\"cancel\",\"id\":1}\u{a0}" => "bad",
            "{\"op\":\"cancel\",\u{0c}\"id\":1}" => "bad",
            "{\"op\":\"cancel\",\"id\":1}\0" => "bad",
        },
    );
    check(&[], &[(b"{\"op\":\"cancel\",\"id\":1}\xff", "bad"), (b"{\"op\":\"cancel\",\"id\":1,\"\xc3\":1}", "bad")]);
}

#[test]
fn keys_and_absence() {
    check(
        &[AAPL],
        lines! {
            r#"{"id":1,"op":"cancel"}"# => "ok",
            r#"{"\u006fp":"c\u0061ncel","\u0069\u0064":1}"# => "ok",
            r#"{"op":"cancel","id":1,"id":1}"# => "bad",
            r#"{"op":"cancel","id":1,"\u0069d":1}"# => "bad",
            r#"{"op":"cancel","id":1,"id":null}"# => "bad",
            r#"{"op":"cancel","id":null,"id":1}"# => "bad",
            r#"{"op":"cancel","id":null}"# => "bad",
            r#"{"op":null,"id":1}"# => "bad",
            r#"{"op":"cancel"}"# => "bad",
            r#"{"op":"cancel","id":1,"ts":null,"symbol":null}"# => "ok",
            // Null is absent, whatever the field; so is false, where a boolean belongs.
            r#"{"op":"cancel","id":1,"price":null,"hidden":false}"# => "ok",
            r#"{"op":"cancel","id":1,"price":false}"# => "bad",
            r#"{"op":"cancel","id":1,"hidden":true}"# => "bad",
            r#"{"op":"cancel","id":1,"price":"1.00"}"# => "bad",
            r#"{"op":"cancel","id":1,"prise":null}"# => "bad",
            r#"{"op":"cancel","id":1,"":1}"# => "bad",
            r#"{"op":"cancel","id":1,"ID":1}"# => "bad",
            r#"{"op":"Cancel","id":1}"# => "bad",
            r#"{"op":"cancel ","id":1}"# => "bad",
            r#"{"op":"cancel\u0000","id":1}"# => "bad",
            "{\"op\":\"cancel\0\",\"id\":1}" => "bad",
            "{\"op\0\":\"cancel\",\"id\":1}" => "bad",
            r#"{"op":"refused","id":1}"# => "bad",
            r#"{"op":1,"id":1}"# => "bad",
            r#"{"op":"limits","owner":7,"ts":1}"# => "bad",
            r#"{"op":"limits","owner":7}"# => "ok",
            r#"{"op":"limits","owner":7,"blocked":false,"max_qty":null}"# => "ok",
            r#"{"op":"limits","max_qty":7}"# => "bad",
            r#"{"op":"time"}"# => "bad",
            r#"{"op":"time","ts":5}"# => "ok",
            r#"{"op":"time","ts":5,"symbol":"AAPL"}"# => "bad",
            r#"{"op":"phase"}"# => "bad",
            r#"{"op":"phase","phase":"open"}"# => "bad",
            r#"{"op":"mass_cancel"}"# => "ok",
            r#"{"op":"mass_cancel","owner":0,"side":null}"# => "ok",
        },
    );
}

#[test]
fn integers() {
    check(
        &[AAPL],
        lines! {
            r#"{"op":"reduce","id":0,"qty":0}"# => "ok",
            r#"{"op":"reduce","id":18446744073709551615,"qty":1}"# => "ok",
            r#"{"op":"reduce","id":18446744073709551616,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":99999999999999999999999999999999,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":00,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":01,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":-0,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":-1,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":+1,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":1.0,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":1e3,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":"1","qty":1}"# => "bad",
            r#"{"op":"reduce","id":true,"qty":1}"# => "bad",
            r#"{"op":"reduce","id":[1],"qty":1}"# => "bad",
            r#"{"op":"reduce","id":0x1,"qty":1}"# => "bad",
            r#"{"op":"mass_cancel","owner":4294967295}"# => "ok",
            r#"{"op":"mass_cancel","owner":4294967296}"# => "bad",
            r#"{"op":"limits","owner":1,"max_notional":340282366920938463463374607431768211455}"# => "ok",
            r#"{"op":"limits","owner":1,"max_notional":340282366920938463463374607431768211456}"# => "bad",
            r#"{"op":"limits","owner":1,"max_notional":00}"# => "bad",
            r#"{"op":"limits","owner":1,"blocked":1}"# => "bad",
            r#"{"op":"limits","owner":1,"blocked":"true"}"# => "bad",
            r#"{"op":"limits","owner":1,"blocked":trueish}"# => "bad",
            r#"{"op":"limits","owner":1,"max_qty":nullnull}"# => "bad",
        },
    );
}

#[test]
fn prices() {
    let replace = |price: &str| format!(r#"{{"op":"replace","id":1,"price":{price}}}"#).into_bytes();
    let zeros = "0".repeat(5000);
    for (price, want) in [
        ("\"150.00\"", "ok"),
        ("150", "ok"),
        ("150.010", "ok"),
        ("-0", "ok"),
        ("\"-0.00\"", "ok"),
        ("\"007.50\"", "ok"),
        ("007.50", "bad"),
        ("-01", "bad"),
        ("1e2", "bad"),
        ("1E2", "bad"),
        ("\"1e2\"", "bad"),
        ("1.", "bad"),
        (".5", "bad"),
        ("\"1.\"", "bad"),
        ("\".5\"", "bad"),
        ("\"+1\"", "bad"),
        ("\" 1\"", "bad"),
        ("\"1 \"", "bad"),
        ("\"\"", "bad"),
        ("\"-\"", "bad"),
        ("\"1,000\"", "bad"),
        ("\"1_000\"", "bad"),
        ("\"\u{661}\"", "bad"),
        ("\"NaN\"", "bad"),
        ("true", "bad"),
        ("null", "bad"), // nothing to replace
        ("\"\\u0031\\u0035\\u002e0\"", "ok"),
        ("\"15\\u0000\"", "bad"),
        ("150.001", "off_tick"),
        ("0.010000000000000000000000000000000", "ok"),
        ("0.010000000000000000000000000000001", "off_tick"),
        ("92233720368547758.07", "ok"),
        ("92233720368547758.08", "bad_price"),
        ("92233720368547758.079", "off_tick"),
        ("92233720368547758.081", "bad_price"),
        ("-92233720368547758.08", "ok"),
        ("-92233720368547758.089", "off_tick"),
        ("-92233720368547758.09", "bad_price"),
        ("\"99999999999999999999999999999999999999.99\"", "bad_price"),
        ("\"99999999999999999999999999999999999999.999\"", "bad_price"),
        (&format!("\"{zeros}1.5{zeros}\""), "ok"),
        (&format!("\"{zeros}1.5{zeros}1\""), "off_tick"),
        (&format!("1{zeros}"), "bad_price"),
        (&format!("\"1{zeros}x\""), "bad"),
    ] {
        check(&[AAPL], &[(&replace(price), want)]);
    }
    // Price before stop; any bad value before both.
    check(
        &[AAPL],
        lines! {
            r#"{"op":"replace","id":1,"price":"0.001","stop":"99999999999999999999"}"# => "off_tick",
            r#"{"op":"replace","id":1,"price":"1.00","stop":"99999999999999999999"}"# => "bad_price",
            r#"{"op":"replace","id":1,"stop":"0.001"}"# => "off_tick",
            r#"{"op":"replace","id":1,"price":"0.001","qty":-1}"# => "bad",
            r#"{"op":"replace","symbol":"NOPE","id":1,"price":"0.001"}"# => "unknown_instrument",
            r#"{"op":"replace","symbol":"NOPE","id":1,"price":"x"}"# => "bad",
            r#"{"op":"replace","symbol":"NO PE","id":1,"price":"1"}"# => "bad",
        },
    );
}

#[test]
fn symbols_and_definitions() {
    check(
        &[AAPL],
        lines! {
            r#"{"op":"cancel","symbol":"AAPL","id":1}"# => "ok",
            r#"{"op":"cancel","symbol":"A\u0041PL","id":1}"# => "ok",
            r#"{"op":"cancel","symbol":"aapl","id":1}"# => "unknown_instrument",
            r#"{"op":"cancel","symbol":"X","id":1}"# => "unknown_instrument",
            r#"{"op":"phase","symbol":"sixteen_bytes_ok","phase":"closed"}"# => "unknown_instrument",
            r#"{"op":"cancel","symbol":"seventeen_bytes_x","id":1}"# => "bad",
            r#"{"op":"cancel","symbol":"","id":1}"# => "bad",
            r#"{"op":"cancel","symbol":"A B","id":1}"# => "bad",
            r#"{"op":"cancel","symbol":"A\"B","id":1}"# => "bad",
            r#"{"op":"cancel","symbol":"A\\B","id":1}"# => "bad",
            r#"{"op":"cancel","symbol":"A\/B","id":1}"# => "unknown_instrument",
            r#"{"op":"cancel","symbol":"Ä","id":1}"# => "bad",
            r#"{"op":"cancel","symbol":"AAPL\u0000","id":1}"# => "bad",
            r#"{"op":"cancel","symbol":5,"id":1}"# => "bad",
            r#"{"op":"instrument","symbol":"AAPL"}"# => "bad",
            r#"{"op":"instrument","symbol":"B"}"# => "ok",
            r#"{"op":"instrument"}"# => "bad",
            r#"{"op":"instrument","symbol":"B","ts":1}"# => "bad",
            r#"{"op":"instrument","symbol":"B","tick":0}"# => "bad",
            r#"{"op":"instrument","symbol":"B","tick":"-0.01"}"# => "bad",
            r#"{"op":"instrument","symbol":"B","tick":"0.0000000000000000010000"}"# => "ok",
            r#"{"op":"instrument","symbol":"B","tick":"0.0000000000000000001"}"# => "bad",
            r#"{"op":"instrument","symbol":"B","tick":9223372036854775807}"# => "ok",
            r#"{"op":"instrument","symbol":"B","tick":9223372036854775808}"# => "bad",
            r#"{"op":"instrument","symbol":"B","tick":0.5,"min_price":1,"max_price":1}"# => "ok",
            r#"{"op":"instrument","symbol":"B","tick":0.5,"min_price":1.5,"max_price":1}"# => "bad",
            r#"{"op":"instrument","symbol":"B","tick":0.5,"min_price":1.2}"# => "bad",
            r#"{"op":"instrument","symbol":"B","reference":9223372036854775808}"# => "bad",
            r#"{"op":"instrument","symbol":"B","min_price":"-5","max_price":"-3","reference":"7"}"# => "ok",
        },
    );
}

#[test]
fn orders_and_what_they_can_have() {
    let new = |rest: &str| format!(r#"{{"op":"new","id":1,"side":"buy","qty":10,{rest}}}"#).into_bytes();
    for (rest, want) in [
        (r#""price":1"#, "ok"),
        (r#""type":"limit","tif":"day","price":1,"post_only":true,"hidden":true"#, "ok"),
        (r#""price":null"#, "bad"),
        (r#""type":"market""#, "ok"),
        (r#""type":"market","price":1"#, "bad"),
        (r#""type":"market","price":null,"hidden":false"#, "ok"),
        (r#""type":"market","tif":"gtd","expires":5"#, "ok"),
        (r#""type":"market","tif":"gtd""#, "bad"),
        (r#""price":1,"expires":5"#, "bad"),
        (r#""price":1,"tif":"day","expires":5"#, "bad"),
        (r#""price":1,"tif":"gtd","expires":0"#, "ok"), // the engine refuses it: not later than the clock
        (r#""type":"stop","stop":1"#, "ok"),
        (r#""type":"stop""#, "bad"),
        (r#""type":"stop","stop":1,"price":1"#, "bad"),
        (r#""type":"stop_limit","stop":1,"price":1,"tif":"fok","stp":"decrement""#, "ok"),
        (r#""type":"stop_limit","stop":1"#, "bad"),
        (r#""type":"stop_limit","price":1"#, "bad"),
        (r#""type":"stop_limit","stop":1,"price":1,"display":5"#, "bad"),
        (r#""type":"stop_limit","stop":1,"price":1,"tif":"ioc","min_qty":5"#, "bad"),
        (r#""type":"stop_limit","stop":1,"price":1,"protect":5"#, "bad"),
        (r#""type":"trailing_stop","trail":1"#, "ok"),
        (r#""type":"trailing_stop","trail":0"#, "ok"), // the engine refuses it: bad_price
        (r#""type":"trailing_stop""#, "bad"),
        (r#""type":"trailing_stop","trail":1,"stop":1"#, "bad"),
        (r#""type":"trailing_stop","trail":-1"#, "bad"),
        (r#""type":"trailing_stop","trail":1,"protect":0"#, "ok"),
        (r#""price":1,"trail":1"#, "bad"),
        (r#""price":1,"protect":1"#, "bad"),
        (r#""price":1,"display":0"#, "ok"), // the engine refuses it: bad_qty
        (r#""price":1,"display":5,"hidden":true"#, "bad"),
        (r#""price":1,"display":5,"hidden":false"#, "ok"),
        (r#""price":1,"display":5,"post_only":true"#, "ok"),
        (r#""price":1,"display":5,"tif":"ioc""#, "bad"),
        (r#""price":1,"display":5,"tif":"fok""#, "bad"),
        (r#""type":"market","display":5"#, "bad"),
        (r#""price":1,"post_only":true,"tif":"ioc""#, "bad"),
        (r#""price":1,"hidden":true,"tif":"fok""#, "bad"),
        (r#""price":1,"tif":"ioc","min_qty":11"#, "ok"), // the engine refuses it: bad_qty
        (r#""price":1,"min_qty":5"#, "bad"),
        (r#""price":1,"tif":"fok","min_qty":5"#, "bad"),
        (r#""type":"market","tif":"ioc","min_qty":5"#, "bad"),
        (r#""price":1,"phase":"auction""#, "bad"),
        (r#""price":1,"stp":null"#, "ok"),
        (r#""price":1,"stp":"none""#, "ok"),
        (r#""price":1,"stp":"newest""#, "bad"),
    ] {
        check(&[AAPL], &[(&new(rest), want)]);
    }
    check(
        &[],
        lines! {
            r#"{"op":"new","id":1,"side":"buy","price":1}"# => "bad",
            r#"{"op":"new","id":1,"side":"BUY","price":1,"qty":1}"# => "bad",
            r#"{"op":"new","side":"buy","price":1,"qty":1}"# => "bad",
            r#"{"op":"new","id":1,"side":"buy","price":1,"qty":0}"# => "ok",
            r#"{"op":"replace","id":1}"# => "bad",
            r#"{"op":"replace","id":1,"price":null,"stop":null,"qty":null}"# => "bad",
            r#"{"op":"replace","id":1,"stop":1}"# => "ok",
        },
    );
}

/// The commands of a text.
fn commands(text: &str, format: Format, max: usize) -> (Vec<Command>, Vec<String>) {
    let mut input = Input::new(text.as_bytes(), InputFormat::Text(format), max);
    let (mut commands, mut bad) = (Vec::new(), Vec::new());
    loop {
        match input.step(|command| commands.push(command)).expect("readable") {
            Step::End => return (commands, bad),
            Step::Bad(line) => bad.push(line.to_string()),
            _ => {}
        }
    }
}

fn ops(commands: &[Command]) -> Vec<&'static str> {
    commands.iter().map(|c| c.refusal().map_or(c.op().word(), |r| r.reason.word())).collect()
}

#[test]
fn the_instrument_x_comes_when_it_is_first_needed() {
    let x = |text: &str| ops(&commands(text, Format::Jsonl, 4).0).join(" ");
    assert_eq!(x("{\"op\":\"cancel\",\"id\":1}"), "instrument cancel");
    assert_eq!(x("{\"op\":\"time\",\"ts\":1}\n{\"op\":\"limits\",\"owner\":1}\nbad"), "time limits bad_field");
    assert_eq!(
        x("{\"op\":\"cancel\",\"id\":-1}\n{\"op\":\"phase\",\"phase\":\"halted\"}"),
        "bad_field instrument phase"
    );
    // Refused, but it needed one.
    assert_eq!(x("{\"op\":\"cancel\",\"symbol\":\"Q\",\"id\":1}"), "instrument unknown_instrument");
    assert_eq!(x("{\"op\":\"replace\",\"id\":1,\"price\":0.5}"), "instrument off_tick");
    assert_eq!(x("{\"op\":\"cancel\",\"symbol\":\"X\",\"id\":1}"), "instrument cancel");
    let late = "{\"op\":\"cancel\",\"id\":1}\n{\"op\":\"instrument\",\"symbol\":\"X\"}\n{\"op\":\"instrument\",\"symbol\":\"Y\"}";
    assert_eq!(x(late), "instrument cancel bad_field instrument");
    assert_eq!(x("{\"op\":\"instrument\",\"symbol\":\"Y\"}\n{\"op\":\"cancel\",\"id\":1}"), "instrument cancel");
}

#[test]
fn edge_refusals_carry_id_time_and_instrument() {
    let text = "{\"op\":\"instrument\",\"symbol\":\"A\"}\n{\"op\":\"instrument\",\"symbol\":\"B\"}\n\
                {\"op\":\"replace\",\"symbol\":\"B\",\"ts\":5,\"id\":7,\"price\":0.5}\n\
                {\"op\":\"mass_cancel\",\"symbol\":\"C\",\"ts\":6,\"owner\":7}";
    let (got, bad) = commands(text, Format::Jsonl, 4);
    let b = Some(InstrumentId::new(1));
    let id = Some(OrderId::new(7));
    let off = Refusal { reason: Reject::OffTick, id, edge_ref: None, instrument: b, ts: Some(5) };
    let unknown =
        Refusal { reason: Reject::UnknownInstrument, id: None, edge_ref: None, instrument: None, ts: Some(6) };
    assert_eq!(got[2..], [Command::refused(&off), Command::refused(&unknown)]);
    assert!(bad.is_empty(), "these are no bad lines");
}

#[test]
fn more_instruments_than_there_is_room_for() {
    let text = "{\"op\":\"instrument\",\"symbol\":\"A\"}\n{\"op\":\"instrument\",\"symbol\":\"B\"}";
    let (got, bad) = commands(text, Format::Jsonl, 1);
    assert_eq!(ops(&got), ["instrument", "bad_field"]);
    assert_eq!(bad, ["2: symbol: no room for more than 1 instruments"]);
}

#[test]
fn lines_count_from_one_with_empty_ones_and_the_last_needs_no_feed() {
    let (got, bad) = commands("\n\r\n  \nx\n\n{\"op\":\"time\",\"ts\":1", Format::Jsonl, 4);
    assert_eq!(ops(&got), ["bad_field", "bad_field"]);
    assert_eq!(got[0].refusal().and_then(|r| r.edge_ref), Some(4));
    assert_eq!(got[1].refusal().and_then(|r| r.edge_ref), Some(6));
    assert_eq!(bad[1], "6: not one JSON object, from byte 20 of the line on");
}

#[test]
fn csv_is_as_strict() {
    let run = |header: &str, line: &str| {
        let (got, _) = commands(&format!("{header}\n{line}\n"), Format::Csv, 4);
        ops(&got).last().copied().unwrap_or("nothing")
    };
    assert_eq!(run("op,id", "cancel,1"), "cancel");
    assert_eq!(run("op,id\r", "cancel,1\r"), "cancel");
    assert_eq!(run("id,op", "1,cancel"), "cancel");
    assert_eq!(run("op,id", ""), "nothing");
    assert_eq!(run("op,id", " \r"), "nothing");
    assert_eq!(run("op,id", ","), "bad_field");
    assert_eq!(run("op,id", "cancel"), "bad_field");
    assert_eq!(run("op,id", "cancel,1,"), "bad_field");
    assert_eq!(run("op,id", "cancel, 1"), "bad_field");
    assert_eq!(run("op,id", "\"cancel\",1"), "bad_field");
    assert_eq!(run("op,id", "cancel,null"), "bad_field");
    assert_eq!(run("op,id", "cancel,01"), "bad_field");
    assert_eq!(run("op,id,symbol", "cancel,1,"), "cancel");
    assert_eq!(run("op,id,symbol", "cancel,1,X"), "cancel");
    assert_eq!(run("op,id,symbol", "cancel,1,X\0"), "bad_field");
    assert_eq!(run("op,id,symbol", "cancel\0,1,X"), "bad_field");
    assert_eq!(run("op,id,symbol", "cancel,1,A B"), "bad_field");
    assert_eq!(run("op,id,price", "cancel,1,5"), "bad_field");
    assert_eq!(run("op,id,price,qty", "replace,1,007,"), "replace");
    assert_eq!(run("op,id,price,qty", "replace,1,0.5,"), "off_tick");
    assert_eq!(run("op,id,price,qty", "replace,1,1e2,"), "bad_field");
    assert_eq!(run("op,id,price,qty", "replace,1,,"), "bad_field");
    assert_eq!(run("op,owner,blocked", "limits,1,true"), "limits");
    assert_eq!(run("op,owner,blocked", "limits,1,false"), "limits");
    assert_eq!(run("op,owner,blocked", "limits,1,TRUE"), "bad_field");
    assert_eq!(run("op,id,hidden", "cancel,1,false"), "cancel");
    let (got, bad) = commands("op,id\n\nx,1\n", Format::Csv, 4);
    assert_eq!(got[0].refusal().and_then(|r| r.edge_ref), Some(3), "the header is line 1");
    assert!(bad[0].starts_with("3: op: must be new, cancel, "), "{bad:?}");
}

#[test]
fn a_csv_header_that_cannot_be_used_ends_the_file() {
    for (header, want) in [
        ("op,prise", "1: unknown field name at byte 4 of the line"),
        ("op,id,op", "1: op: given twice"),
        ("id,ts", "1: op: missing"),
        ("op, id", "1: unknown field name at byte 4 of the line"),
        ("", "1: unknown field name at byte 1 of the line"),
        ("op,", "1: unknown field name at byte 4 of the line"),
    ] {
        let mut decoder = Decoder::new(Format::Csv, 4);
        match decoder.line(header.as_bytes(), |_| panic!("no command")) {
            Err(DecodeError::Header(bad)) => assert_eq!(bad.to_string(), want),
            other => panic!("{header:?} gave {other:?}"),
        }
    }
}

#[test]
fn a_line_of_ten_megabytes_is_one_bad_line() {
    let mut text = format!("{{\"op\":\"cancel\",\"id\":1,\"symbol\":\"{}\"}}\n", "A".repeat(10 << 20));
    text.push_str("{\"op\":\"cancel\",\"id\":1}\n");
    let (got, bad) = commands(&text, Format::Jsonl, 4);
    assert_eq!(ops(&got), ["bad_field", "instrument", "cancel"]);
    assert_eq!(bad, ["1: line longer than 1048576 bytes; nothing of it was read"]);
    let mut lines = LineReader::new(text.as_bytes());
    assert_eq!(lines.next_line().unwrap(), Some(Line::TooLong));
}
