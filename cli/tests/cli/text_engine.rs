//! Lines of commands through the engine to lines of events: the interface of text and core.

use vvp_core::book::{FnSink, InstrumentId};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvpx::text::{EVENT_LINE_MAX, EventWriter, Format, Input, InputFormat, Step, write_book};

/// The events of a text, and its books.
fn run(text: &str) -> String {
    let mut engine: Box<Engine<book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8), 3, 4>> =
        Box::new(Engine::new());
    let mut writer = EventWriter::new(Format::Jsonl, 3);
    let mut out = Vec::new();
    let mut input = Input::new(text.as_bytes(), InputFormat::Text(Format::Jsonl), engine.max_instruments());
    let mut apply = |command, line: &mut [u8; EVENT_LINE_MAX]| {
        let mut sink = FnSink(|event| {
            let len = writer.line(&event, line);
            out.extend_from_slice(&line[..len]);
        });
        engine.apply(&command, &mut sink);
    };
    let mut line = [0; EVENT_LINE_MAX];
    while input.step(|command| apply(command, &mut line)).expect("text always reads") != Step::End {}
    input.finish(|command| apply(command, &mut line));
    for id in (0..engine.instruments() as u16).map(InstrumentId::new) {
        let (spec, book) = (engine.spec(id).expect("defined"), engine.book(id).expect("defined"));
        write_book(&mut out, &spec, book).expect("a vector takes all");
    }
    String::from_utf8(out).expect("text")
}

#[test]
fn every_line_is_answered_in_its_place() {
    let text = r#"
{"op":"instrument","symbol":"A","tick":"0.50"}
{"op":"new","id":1,"side":"sell","price":"-0.5","qty":10,"ts":7}
{"op":"new","id":1,"side":"sell","price":"0","qty":10}
nonsense
{"op":"new","id":2,"side":"buy","price":"0.00","qty":4}
{"op":"instrument","symbol":"B"}
{"op":"new","id":3,"side":"buy","price":"0.3","qty":4,"ts":1}
{"op":"new","symbol":"C","id":4,"side":"buy","price":"0","qty":4,"ts":99}
{"op":"time","ts":6}
{"op":"new","symbol":"B","id":5,"side":"buy","price":"3","qty":0,"ts":8}
{"op":"replace","id":1,"price":"1.5","qty":5}
{"op":"new","id":6,"side":"buy","type":"market","qty":9}
{"op":"new","symbol":"B","id":7,"side":"buy","price":3,"qty":5,"hidden":true}
{"op":"new","symbol":"B","id":8,"side":"buy","price":-2,"qty":5,"display":2}"#;
    let want = r#"{"seq":1,"event":"accepted","ts":7,"id":1}
{"seq":2,"event":"rejected","id":1,"reason":"duplicate_id"}
{"seq":3,"event":"rejected","reason":"bad_field","line":5}
{"seq":4,"event":"accepted","id":2}
{"seq":5,"event":"trade","maker":1,"taker":2,"price":"-0.5","qty":4,"maker_open":6,"taker_open":0}
{"seq":6,"event":"rejected","symbol":"A","ts":1,"id":3,"reason":"off_tick"}
{"seq":7,"event":"rejected","ts":99,"id":4,"reason":"unknown_instrument"}
{"seq":8,"event":"rejected","ts":6,"reason":"time_reversed"}
{"seq":9,"event":"rejected","symbol":"B","ts":8,"id":5,"reason":"bad_qty"}
{"seq":10,"event":"replaced","symbol":"A","id":1,"price":"1.5","qty":5}
{"seq":11,"event":"accepted","symbol":"A","id":6}
{"seq":12,"event":"trade","symbol":"A","maker":1,"taker":6,"price":"1.5","qty":5,"maker_open":0,"taker_open":4}
{"seq":13,"event":"canceled","symbol":"A","id":6,"qty":4,"reason":"no_liquidity"}
{"seq":14,"event":"accepted","symbol":"B","id":7}
{"seq":15,"event":"accepted","symbol":"B","id":8}
{"symbol":"A","phase":"continuous","last":"1.5","bids":[],"asks":[]}
{"symbol":"B","phase":"continuous","last":null,"bids":[["-2",2,1]],"asks":[]}
"#;
    assert_eq!(run(text), want);
}

#[test]
fn without_a_definition_there_is_x() {
    let want = "{\"seq\":1,\"event\":\"rejected\",\"id\":1,\"reason\":\"unknown_order\"}\n\
                {\"symbol\":\"X\",\"phase\":\"continuous\",\"last\":null,\"bids\":[],\"asks\":[]}\n";
    assert_eq!(run("{\"op\":\"cancel\",\"id\":1}"), want);
    let book = want.lines().last().expect("the book's line");
    assert_eq!(run("{\"op\":\"time\",\"ts\":1}"), format!("{book}\n"), "even if nothing needs it");
}
