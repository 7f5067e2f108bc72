//! A run on three threads.

use super::channel::{Receiver, Sender};
use super::report::{End, HighWater, Report, Shape};
use super::stages::{COMMANDS_QUEUED_MAX, EVENTS_QUEUED_MAX, EventSender, Matching, Publishing, Reader};
use super::start_barrier::StartBarrier;
use super::{Commands, Publish, RunError, Setup, Stop, signal};
use crate::memory::{Pages, Zeroed, allocations, page_faults, populate};
use crate::thread::{Core, Spawn, SpawnError, SpinThenSleep, ThreadPlace};
use std::io;
use std::thread::Thread;
use vvp_core::book::{Command, Event};
use vvp_core::engine::{EngineStats, Matcher};
use vvp_core::metrics::Histogram;
use vvp_core::queue::Spsc;
use vvp_core::sync::{AtomicBool, Ordering};

type CommandQueue = Spsc<Command, COMMANDS_QUEUED_MAX>;
type StampQueue = Spsc<u64, COMMANDS_QUEUED_MAX>;
type EventQueue = Spsc<Event, EVENTS_QUEUED_MAX>;

/// Requests a stop when a stage ends, even by a panic: the reader may be blocked in a read with no
/// stage left to read for.
struct StopOnDrop<'a>(&'a Stop);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.ask();
    }
}

/// Notifies the calling thread when the last stage ends, even by a panic.
struct FinishOnDrop<'a> {
    over: &'a AtomicBool,
    watcher: Thread,
}

impl Drop for FinishOnDrop<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `watch`. Set before the unpark, or the calling thread
        // could test it too early and then sleep for ever.
        self.over.store(true, Ordering::Release);
        self.watcher.unpark();
    }
}

/// The results of the publisher's thread.
struct Published {
    stats: EngineStats,
    result: io::Result<()>,
    end: u64,
    allocations: usize,
    page_faults: u64,
}

/// Runs commands through a matcher on three threads. `watch` runs on the calling thread meanwhile,
/// with a function that returns whether the run is over; the calling thread is unparked when it is.
///
/// # Errors
/// [`RunError`] if the run cannot start. Everything else is in the report.
pub fn run<C, M, P>(
    setup: &Setup<'_>,
    commands: &mut C,
    matcher: &mut M,
    publisher: &mut P,
    watch: impl FnOnce(&dyn Fn() -> bool),
) -> Result<Report<C::Error>, RunError>
where
    C: Commands + Send,
    M: Matcher + Send,
    P: Publish + Send,
{
    let mut command_queue = Zeroed::<CommandQueue>::new(Pages::READY)?;
    let mut stamp_queue = Zeroed::<StampQueue>::new(Pages::READY)?;
    let mut event_queue = Zeroed::<EventQueue>::new(Pages::READY)?;
    let mut latency = Zeroed::<Histogram>::new(Pages::READY)?;

    let (commands_in, commands_out) = command_queue.split();
    let (stamps_in, stamps_out) = stamp_queue.split();
    let (events_in, events_out) = event_queue.split();
    let Setup { clock, layout, stop, .. } = *setup;
    let wait = |place: ThreadPlace| SpinThenSleep::new(place.shared);
    let reader = Reader {
        commands: Sender::new(commands_in, wait(layout.reader)),
        stamps: Sender::new(stamps_in, wait(layout.reader)),
        wait: wait(layout.reader),
        clock,
    };
    let matching = Matching {
        commands: Receiver::new(commands_out),
        stamps: Receiver::new(stamps_out),
        events: EventSender::new(events_in, wait(layout.matcher)),
        wait: wait(layout.matcher),
        clock,
    };
    let publishing = Publishing { events: Receiver::new(events_out), wait: wait(layout.publisher) };

    let barrier = StartBarrier::new();
    let over = AtomicBool::new(false);
    let last = FinishOnDrop { over: &over, watcher: std::thread::current() };
    let histogram = &mut *latency;
    let (start, before, pinned, read, matched, published) = std::thread::scope(|scope| {
        let barrier = &barrier;
        let stage = |name: &str, place: ThreadPlace| {
            Spawn::new(name).on(place.cpu.map_or(Core::Any, Core::Cpu)).timer_slack_ns(1)
        };
        let spawned = (|| -> Result<_, SpawnError> {
            let reading = stage("vvp-reader", layout.reader)
                .start_scoped(scope, move || barrier.wait().then(|| reader.run(commands)))?;
            let matching = stage("vvp-matcher", layout.matcher).start_scoped(scope, move || {
                let _stop = StopOnDrop(stop);
                barrier.wait().then(|| matching.run(matcher, histogram))
            })?;
            let publishing = stage("vvp-publisher", layout.publisher).start_scoped(scope, move || {
                let _stop = StopOnDrop(stop);
                let _last = last;
                barrier.wait().then(|| {
                    let (stats, result) = publishing.run(publisher);
                    let (end, allocations, page_faults) = (clock.now(), allocations().calls, page_faults());
                    Published { stats, result, end, allocations, page_faults }
                })
            })?;
            Ok((reading, matching, publishing))
        })();
        let (reading, matching, publishing) = spawned.inspect_err(|_| barrier.cancel()).map_err(not_started)?;
        let pinned = [reading.cpu, matching.cpu, publishing.cpu].iter().flatten().count();
        barrier.await_arrivals(3);
        populate(setup.populate_max_bytes);
        let before = (allocations().calls, page_faults());
        let start = clock.now();
        barrier.release();
        // Acquire: pairs with the Release in `FinishOnDrop`.
        watch(&|| over.load(Ordering::Acquire));
        Ok::<_, RunError>((start, before, pinned, reading.join(), matching.join(), publishing.join()))
    })?;

    let mut report = Report {
        end: End::Finished,
        commands: 0,
        stats: EngineStats::new(),
        elapsed_ns: 0,
        allocations: 0,
        page_faults: 0,
        high_water: HighWater {
            commands: command_queue.stats().high_water as u64,
            events: event_queue.stats().high_water as u64,
        },
        shape: Shape::Threads { pinned },
        latency,
    };
    if signal().is_some() {
        report.end = End::Stopped;
    }
    // Later assignments override earlier ones, so the one closest to the cause comes last.
    match read {
        Ok(Some((commands, result))) => {
            report.commands = commands;
            match result {
                Ok(()) => {}
                Err(error) if C::is_stop(&error) => report.end = End::Stopped,
                Err(error) => report.end = End::InputFailed(error),
            }
        }
        _ => report.end = End::Panicked("reader"),
    }
    match published {
        Ok(Some(published)) => {
            report.stats = published.stats;
            report.elapsed_ns = clock.ns_between(start, published.end);
            report.allocations = published.allocations.saturating_sub(before.0) as u64;
            report.page_faults = published.page_faults.saturating_sub(before.1);
            match published.result {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => report.end = End::OutputGone,
                Err(e) => report.end = End::OutputFailed(e),
            }
        }
        _ => report.end = End::Panicked("publisher"),
    }
    if !matches!(matched, Ok(Some(()))) {
        report.end = End::Panicked("matcher");
    }
    Ok(report)
}

/// Turns the error of a stage without requirements, which is the system's, into that of a run.
fn not_started(error: SpawnError) -> RunError {
    RunError::Thread(match error {
        SpawnError::System(error) => error,
        other @ SpawnError::RequirementFailed(..) => io::Error::other(other),
    })
}
