//! The stages of a pipeline end together, whichever ends first and however it ends.

use std::io;
use std::sync::mpsc;
use vvp_core::book::{BookView, Command, DepthLevel, Event, EventBody, InstrumentId, InstrumentSpec, OrderId, Phase};
use vvp_core::book::{Price, Qty, Side, Sink};
use vvp_core::engine::Matcher;
use vvp_std_adapter::clock::Clock;
use vvp_std_adapter::pipeline::{self, Commands, End, Publish, Report, Setup, Source, Stop};
use vvp_std_adapter::thread::ThreadLayout;

/// Emits cancels of the ids from 0 on, then ends as `then` says.
struct Ids<'a> {
    next: u64,
    count: u64,
    then: Then<'a>,
}

enum Then<'a> {
    Finish,
    Fail,
    Panic,
    /// Blocks in a read that never gets input.
    Sleep(Source<'a>),
}

impl Commands for Ids<'_> {
    type Error = io::Error;

    fn step(&mut self, mut emit: impl FnMut(Command)) -> io::Result<bool> {
        if self.next < self.count {
            emit(Command::cancel(OrderId::new(self.next)));
            self.next += 1;
            return Ok(true);
        }
        match &mut self.then {
            Then::Finish => Ok(false),
            Then::Fail => Err(io::ErrorKind::InvalidData.into()),
            Then::Panic => panic!("on purpose"),
            Then::Sleep(source) => io::Read::read(source, &mut [0]).map(|n| n > 0),
        }
    }

    fn is_stop(error: &io::Error) -> bool {
        pipeline::is_stop(error)
    }

    fn is_buffered(&mut self) -> bool {
        self.next < self.count
    }
}

/// Emits some events for each command; panics at one.
struct Echo {
    copies: u64,
    panic_at: u64,
}

struct NoBook;

impl BookView for NoBook {
    fn phase(&self) -> Phase {
        Phase::Continuous
    }
    fn last(&self) -> Option<Price> {
        None
    }
    fn next_level(&self, _: Side, _: Option<Price>) -> Option<DepthLevel> {
        None
    }
    fn resting_orders(&self) -> usize {
        0
    }
}

impl Matcher for Echo {
    type Book = NoBook;

    fn apply<S: Sink>(&mut self, command: &Command, sink: &mut S) {
        assert_ne!(command.id().get(), self.panic_at, "on purpose");
        for copy in 0..self.copies {
            let (id, side, owner) = (command.id(), command.side(), command.owner());
            let body = EventBody::Reduced { id, side, owner, price: None, qty: Qty::new(copy) };
            sink.emit(Event::new(0, None, None, body));
        }
    }
    fn seq(&self) -> u64 {
        0
    }
    fn clock(&self) -> u64 {
        0
    }
    fn instruments(&self) -> usize {
        0
    }
    fn spec(&self, _: InstrumentId) -> Option<InstrumentSpec> {
        None
    }
    fn book(&self, _: InstrumentId) -> Option<&NoBook> {
        None
    }
    fn max_instruments(&self) -> usize {
        1
    }
}

/// Records the events; fails or panics at one.
struct Memory {
    seen: Vec<(u64, u64)>,
    fail_at: usize,
    with: Option<io::ErrorKind>,
}

impl Publish for Memory {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if self.seen.len() == self.fail_at {
            match self.with {
                Some(kind) => return Err(kind.into()),
                None => panic!("on purpose"),
            }
        }
        let EventBody::Reduced { id, qty, .. } = event.body() else { panic!("another event") };
        self.seen.push((id.get(), qty.lots()));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const NEVER: u64 = u64::MAX;

struct Case<'a> {
    count: u64,
    copies: u64,
    then: Then<'a>,
    panic_at: u64,
    fail_at: usize,
    with: Option<io::ErrorKind>,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self { count: 20_000, copies: 3, then: Then::Finish, panic_at: NEVER, fail_at: usize::MAX, with: None }
    }
}

fn play(case: Case<'_>, stop: &Stop, inline: bool) -> (Report<io::Error>, Vec<(u64, u64)>) {
    let setup = Setup { clock: Clock::kernel(), layout: ThreadLayout::FREE, stop, populate_max_bytes: 0 };
    let mut commands = Ids { next: 0, count: case.count, then: case.then };
    let mut matcher = Echo { copies: case.copies, panic_at: case.panic_at };
    let mut memory = Memory { seen: Vec::new(), fail_at: case.fail_at, with: case.with };
    let report = if inline {
        pipeline::run_inline(&setup, &mut commands, &mut matcher, &mut memory)
    } else {
        pipeline::run(&setup, &mut commands, &mut matcher, &mut memory, |over| {
            while !over() {
                std::thread::park();
            }
        })
    };
    (report.expect("it starts"), memory.seen)
}

/// Turns a hang into a failure.
fn within_a_minute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, received) = mpsc::channel();
    std::thread::spawn(move || send.send(work()));
    received.recv_timeout(std::time::Duration::from_secs(60)).expect("it ends")
}

fn events(commands: u64, copies: u64) -> Vec<(u64, u64)> {
    (0..commands).flat_map(|id| (0..copies).map(move |copy| (id, copy))).collect()
}

#[test]
fn all_events_arrive_in_order_through_full_queues() {
    for inline in [false, true] {
        // 60 events per command: the event queue of 8,192 stays full.
        for (count, copies) in [(0, 1), (1, 0), (20_000, 3), (2_000, 60)] {
            let (report, seen) = within_a_minute(move || {
                play(Case { count, copies, ..Case::default() }, &Stop::new().expect("a descriptor"), inline)
            });
            assert!(matches!(report.end, End::Finished), "{:?}", report.end);
            assert_eq!((report.commands, report.latency.count()), (count, count));
            assert_eq!(report.stats.events(), count * copies);
            assert!(seen == events(count, copies), "{count} × {copies}, inline: {inline}");
        }
    }
}

#[test]
fn commands_before_an_input_error_are_processed() {
    for inline in [false, true] {
        let (report, seen) = within_a_minute(move || {
            play(Case { count: 500, then: Then::Fail, ..Case::default() }, &Stop::new().expect("a descriptor"), inline)
        });
        assert!(matches!(&report.end, End::InputFailed(e) if e.kind() == io::ErrorKind::InvalidData));
        assert!(seen == events(500, 3));
    }
}

#[test]
fn output_error_ends_all_stages_and_a_blocked_reader() {
    for inline in [false, true] {
        for kind in [io::ErrorKind::BrokenPipe, io::ErrorKind::StorageFull] {
            for sleep in [false, true] {
                // The reader blocks on a pipe whose other end stays open; inline no other thread
                // could block.
                let (report, seen) = within_a_minute(move || {
                    let stop = Stop::new().expect("a descriptor");
                    let (quiet, _open) = io::pipe().expect("a pipe");
                    let file = std::fs::File::from(std::os::fd::OwnedFd::from(quiet));
                    let then = if sleep { Then::Sleep(Source::file(file, &stop)) } else { Then::Finish };
                    let count = if sleep { 100 } else { 50_000 };
                    play(Case { count, then, fail_at: 250, with: Some(kind), ..Case::default() }, &stop, inline)
                });
                match kind {
                    io::ErrorKind::BrokenPipe => assert!(matches!(report.end, End::OutputGone)),
                    _ => assert!(matches!(&report.end, End::OutputFailed(e) if e.kind() == kind)),
                }
                assert!(seen == events(100, 3)[..250]);
            }
        }
    }
}

#[test]
fn panic_of_one_stage_ends_all() {
    let panicked = |case: fn() -> Case<'static>| {
        within_a_minute(move || play(case(), &Stop::new().expect("a descriptor"), false)).0.end
    };
    let reader = panicked(|| Case { then: Then::Panic, ..Case::default() });
    assert!(matches!(reader, End::Panicked("reader")), "{reader:?}");
    let matcher = panicked(|| Case { panic_at: 7_000, ..Case::default() });
    assert!(matches!(matcher, End::Panicked("matcher")), "{matcher:?}");
    let publisher = panicked(|| Case { fail_at: 9_000, ..Case::default() });
    assert!(matches!(publisher, End::Panicked("publisher")), "{publisher:?}");
    // While the reader is blocked.
    for stage in ["matcher", "publisher"] {
        let end = within_a_minute(move || {
            let stop = Stop::new().expect("a descriptor");
            let (quiet, _open) = io::pipe().expect("a pipe");
            let file = std::fs::File::from(std::os::fd::OwnedFd::from(quiet));
            let case = Case { count: 100, then: Then::Sleep(Source::file(file, &stop)), ..Case::default() };
            let case = match stage {
                "matcher" => Case { panic_at: 50, ..case },
                _ => Case { fail_at: 50, ..case },
            };
            play(case, &stop, false).0.end
        });
        assert!(matches!(end, End::Panicked(s) if s == stage), "{end:?}");
    }
}

#[test]
fn stop_request_ends_a_blocked_run_with_complete_output() {
    for inline in [false, true] {
        let (report, seen) = within_a_minute(move || {
            let stop = Stop::new().expect("a descriptor");
            let (quiet, _open) = io::pipe().expect("a pipe");
            let file = std::fs::File::from(std::os::fd::OwnedFd::from(quiet));
            std::thread::scope(|s| {
                s.spawn(|| {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    stop.ask();
                });
                let then = Then::Sleep(Source::file(file, &stop));
                play(Case { count: 100, then, ..Case::default() }, &stop, inline)
            })
        });
        assert!(matches!(report.end, End::Stopped), "{:?}", report.end);
        assert!(seen == events(100, 3));
        assert_eq!(report.commands, 100);
    }
}
