//! Reading commands and printing events allocates nothing once the readers and writers are made.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use vvp_core::book::{Event, EventBody, InstrumentId, OrderId, Price, Qty, Side};
use vvpx::text::{EVENT_LINE_MAX, EventWriter, Format, Input, InputFormat, LineWriter, Step};

thread_local! {
    /// Allocations of this thread: the test harness allocates on others.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the block came from the system
        // allocator.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations that `work` makes.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

fn text() -> String {
    let lines = [
        r#"{"op":"instrument","symbol":"AAPL","tick":"0.01","min_price":"0.01","max_price":"2000"}"#,
        r#"{"op":"limits","owner":7,"max_qty":10000,"max_notional":500000000,"blocked":false}"#,
        r#"{"op":"new","symbol":"AAPL","ts":1000,"id":1,"owner":7,"side":"buy","price":"150.00","qty":100}"#,
        r#"{"op":"new","symbol":"\u0041APL","id":2,"side":"sell","type":"stop","stop":149.00,"qty":50}"#,
        r#"{"op":"replace","id":1,"price":"150.0000000000000000000000000000000000000001","qty":80}"#,
        r#"{"op":"cancel","symbol":"NOPE","id":1}"#,
        r#"{"op":"cancel","id":-1}"#,
        "not JSON at all",
        "",
    ];
    let mut text = lines.join("\n").repeat(500);
    text.push_str(&"x".repeat(3 << 20));
    text
}

#[test]
fn reading_commands_allocates_nothing() {
    let text = text();
    let mut input = Input::new(text.as_bytes(), InputFormat::Text(Format::Jsonl), 16);
    let mut commands = 0;
    let count = allocations(|| while input.step(|_| commands += 1).expect("readable") != Step::End {});
    assert_eq!(count, 0);
    assert!(commands > 3_000, "{commands}");
    assert!(input.bad() > 1_000);
}

#[test]
fn printing_events_allocates_nothing() {
    let open = Qty::new(0);
    let (maker, taker, price, qty) = (OrderId::new(1), OrderId::new(2), Price::new(-15_000), Qty::new(7));
    let trade =
        EventBody::Trade { maker, taker, taker_side: Side::Buy, price, qty, maker_open: open, taker_open: open };
    for format in [Format::Jsonl, Format::Csv] {
        let mut writer = EventWriter::new(format, 16);
        let mut out = LineWriter::new(std::io::sink());
        let count = allocations(|| {
            for seq in 1..=5_000 {
                let event = Event::new(seq, Some(InstrumentId::new(0)), Some(9), trade);
                out.line(EVENT_LINE_MAX, |line| writer.line(&event, line)).expect("a sink takes all");
            }
        });
        assert_eq!(count, 0);
    }
}
