//! A run on one thread.

use super::report::{End, HighWater, Report, Shape};
use super::{Commands, Publish, RunError, Setup, signal};
use crate::memory::{Pages, Zeroed, allocations, page_faults, populate};
use std::io;
use vvp_core::book::{Command, Event, Sink};
use vvp_core::engine::{EngineStats, Matcher};
use vvp_core::metrics::Histogram;

/// Counts and publishes events until an error.
struct Direct<'a, P> {
    publisher: &'a mut P,
    stats: EngineStats,
    result: io::Result<()>,
}

impl<P: Publish> Sink for Direct<'_, P> {
    #[inline]
    fn emit(&mut self, event: Event) {
        if self.result.is_ok() {
            self.stats.event(&event);
            self.result = self.publisher.event(&event);
        }
    }
}

/// Runs commands through a matcher on the calling thread; the events are those of [`super::run`].
///
/// # Errors
/// [`RunError`] if the run cannot start. Everything else is in the report.
pub fn run_inline<C: Commands, M: Matcher, P: Publish>(
    setup: &Setup<'_>,
    commands: &mut C,
    matcher: &mut M,
    publisher: &mut P,
) -> Result<Report<C::Error>, RunError> {
    let latency = Zeroed::<Histogram>::new(Pages::READY)?;
    let clock = setup.clock;
    let mut sink = Direct { publisher, stats: EngineStats::new(), result: Ok(()) };
    let mut given = 0;
    populate(setup.populate_max_bytes);
    let before = (allocations().calls, page_faults());
    let start = clock.now();
    let mut end = loop {
        if !commands.is_buffered()
            && let Err(error) = sink.publisher.flush()
        {
            sink.result = Err(error);
        }
        if sink.result.is_err() {
            break End::Finished; // replaced by the error below
        }
        let mut any = false;
        let step = commands.step(|command: Command| {
            any = true;
            let arrival = clock.now();
            matcher.apply(&command, &mut sink);
            latency.record(clock.ns_between(arrival, clock.now()));
        });
        given += u64::from(any);
        match step {
            Ok(true) => {}
            Ok(false) => break End::Finished,
            Err(error) if C::is_stop(&error) => break End::Stopped,
            Err(error) => break End::InputFailed(error),
        }
    };
    let Direct { publisher, stats, mut result } = sink;
    if result.is_ok() {
        result = publisher.flush();
    }
    let elapsed_ns = clock.ns_between(start, clock.now());
    let allocations = allocations().calls.saturating_sub(before.0) as u64;
    let page_faults = page_faults().saturating_sub(before.1);
    if matches!(end, End::Finished) && signal().is_some() {
        end = End::Stopped;
    }
    match result {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => end = End::OutputGone,
        Err(e) => end = End::OutputFailed(e),
    }
    Ok(Report {
        end,
        commands: given,
        stats,
        elapsed_ns,
        latency,
        allocations,
        page_faults,
        high_water: HighWater::default(),
        shape: Shape::Inline,
    })
}
