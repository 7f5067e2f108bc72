//! Nothing is allocated after start-up: the pipeline and the text format under the counting
//! allocator.

use std::io;
use vvp_core::book::{Command, Event};
use vvp_std_adapter::clock::Clock;
use vvp_std_adapter::engine::SmallEngine;
use vvp_std_adapter::memory::{CountingAllocator, Pages, Zeroed, allocations};
use vvp_std_adapter::pipeline::{self, Commands, End, Publish, Report, Setup, Source, Stop};
use vvp_std_adapter::thread::{ThreadLayout, allowed_cpus};
use vvpx::text::{EVENT_LINE_MAX, EventWriter, Format, Input, InputError, InputFormat, LineWriter};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

struct Lines<'a>(Input<Source<'a>>);

impl Commands for Lines<'_> {
    type Error = InputError;

    fn step(&mut self, emit: impl FnMut(Command)) -> Result<bool, InputError> {
        Ok(!matches!(self.0.step(emit)?, vvpx::text::Step::End))
    }

    fn is_stop(_: &InputError) -> bool {
        false
    }

    fn is_buffered(&mut self) -> bool {
        self.0.is_buffered()
    }
}

struct Text {
    out: LineWriter<io::Sink>,
    writer: EventWriter,
    /// Allocates for this event, to show that the test would notice.
    leak_at: u64,
}

impl Publish for Text {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if self.writer.seq() + 1 == self.leak_at {
            std::hint::black_box(Box::new(self.leak_at));
            self.leak_at = 0;
        }
        self.out.line(EVENT_LINE_MAX, |buf| self.writer.line(event, buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The built-in session, then lines of every bad kind.
fn orders() -> Vec<u8> {
    let mut orders = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/session.jsonl")).expect("the session");
    orders.extend_from_slice(b"nonsense\n\xff\xfe\n{}\n{\"op\":\"new\",\"id\":1}\n");
    orders.extend_from_slice(&[b'x'; 3 << 20]);
    orders.extend_from_slice(
        b"\n{\"op\":\"new\",\"id\":1,\"symbol\":\"NONE\",\"side\":\"buy\",\"price\":\"1\",\"qty\":1}\n",
    );
    orders
}

fn play(orders: &[u8], inline: bool, leak_at: u64) -> Report<InputError> {
    let stop = Stop::new().expect("a descriptor");
    let mut engine = Zeroed::<SmallEngine>::new(Pages::READY).expect("memory");
    let mut commands = Lines(Input::new(Source::memory(orders, &stop), InputFormat::Text(Format::Jsonl), 8));
    let mut events = Text { out: LineWriter::new(io::sink()), writer: EventWriter::new(Format::Jsonl, 8), leak_at };
    let setup = Setup {
        clock: Clock::kernel(),
        layout: ThreadLayout::for_cpus(&allowed_cpus()),
        stop: &stop,
        populate_max_bytes: 16 << 20,
    };
    let report = if inline {
        pipeline::run_inline(&setup, &mut commands, &mut *engine, &mut events)
    } else {
        pipeline::run(&setup, &mut commands, &mut *engine, &mut events, |_| ())
    }
    .expect("it starts");
    assert!(matches!(report.end, End::Finished), "{:?}", report.end);
    report
}

// One test only, so that no other one allocates at the same time.
#[test]
fn nothing_is_allocated_after_start_up_and_one_allocation_would_be_seen() {
    let orders = orders();
    for inline in [false, true] {
        let report = play(&orders, inline, 0);
        assert_eq!(report.commands, 25_000 + 6);
        assert_eq!(report.latency.count(), report.commands);
        assert_eq!(report.allocations, 0, "inline: {inline}");
        assert_eq!(play(&orders, inline, 10_000).allocations, 1, "the guard does not see, inline: {inline}");
    }
    let before = allocations();
    drop(std::hint::black_box(Vec::<u8>::with_capacity(100)));
    let seen = allocations().since(before);
    assert_eq!((seen.calls, seen.bytes), (1, 100));
}
