//! How fast the text format is on this machine: lines decoded and events printed a second, on one
//! thread.
//!
//! `cargo run --release -p vvpx --example text_speed [LINES]`

use std::hint::black_box;
use std::time::Instant;
use vvp_core::book::{Event, EventBody, InstrumentId, OrderId, OwnerId, Price, Qty, Side};
use vvpx::text::{EVENT_LINE_MAX, EventWriter, Format, Input, InputFormat, LineWriter, Step};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let lines = std::env::args().nth(1).map_or(Ok(2_000_000), |n| n.parse())?;
    let mut text = String::from("{\"op\":\"instrument\",\"symbol\":\"AAPL\",\"tick\":\"0.01\"}\n");
    for i in 0..lines {
        let (side, cents) = if i % 2 == 0 { ("buy", 14_900 + i % 97) } else { ("sell", 15_000 + i % 89) };
        let (price, ts) = (format!("{}.{:02}", cents / 100, cents % 100), 1_000 + i);
        text += &match i % 4 {
            0 | 1 => format!(
                "{{\"op\":\"new\",\"symbol\":\"AAPL\",\"ts\":{ts},\"id\":{i},\"owner\":{},\"side\":\"{side}\",\
                 \"type\":\"limit\",\"tif\":\"gtc\",\"price\":\"{price}\",\"qty\":{}}}\n",
                i % 50,
                100 + i % 900
            ),
            2 => format!("{{\"op\":\"replace\",\"ts\":{ts},\"id\":{},\"price\":\"{price}\",\"qty\":80}}\n", i / 2),
            _ => format!("{{\"op\":\"cancel\",\"ts\":{ts},\"id\":{}}}\n", i / 2),
        };
    }
    println!("commands: {lines} lines, {} bytes a line", text.len() as u64 / lines);
    for round in 1..=5 {
        let mut input = Input::new(text.as_bytes(), InputFormat::default(), 16);
        let start = Instant::now();
        while input.step(|command| {
            black_box(command);
        })? != Step::End
        {}
        report("decode", round, lines, start);
    }
    let trade = EventBody::Trade {
        maker: OrderId::new(123_456),
        taker: OrderId::new(234_567),
        taker_side: Side::Buy,
        price: Price::new(15_025),
        qty: Qty::new(300),
        maker_open: Qty::new(0),
        taker_open: Qty::new(700),
    };
    for format in [Format::Jsonl, Format::Csv] {
        for round in 1..=3 {
            let mut writer = EventWriter::new(format, 16);
            let mut out = LineWriter::new(std::io::sink());
            let start = Instant::now();
            for i in 0..lines {
                let body = match i % 3 {
                    0 => EventBody::Accepted {
                        id: OrderId::new(i),
                        side: Side::Buy,
                        owner: OwnerId::new(7),
                        price: Some(Price::new(15_025)),
                        qty: Qty::new(300),
                    },
                    _ => trade,
                };
                let event = Event::new(i as u32, Some(InstrumentId::new(0)), Some(1_000 + i), body);
                out.line(EVENT_LINE_MAX, |line| writer.line(black_box(&event), line))?;
            }
            report(if format == Format::Csv { "encode csv" } else { "encode jsonl" }, round, lines, start);
        }
    }
    Ok(())
}

fn report(what: &str, round: u32, lines: u64, start: Instant) {
    let ns = start.elapsed().as_nanos() as u64;
    println!("{what} {round}: {} ns each, {} thousand a second", ns / lines, lines * 1_000_000 / ns.max(1));
}
