//! The order book: commands of a simulated market through the engine, on one thread.

use super::flow::{FlowEngine, stream};
use super::harness::Harness;
use super::row::{Curve, Row, percentiles};
use vvp_core::book::CountSink;
use vvp_core::engine::Matcher;
use vvp_core::metrics::Histogram;
use vvp_std_adapter::memory::{MapError, Pages, Zeroed};

const GROUP: &str = "book";

/// Measures all rows of this group, and the latency of a single command.
///
/// # Errors
/// No memory.
pub(super) fn rows(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<Curve, MapError> {
    book(harness, harness.operations(1_000_000), row)
}

/// Measures `n` commands: their mean time one by one and in batches, then the time of each. The
/// original's `benchmark_order_book(n)`.
///
/// # Errors
/// No memory.
pub fn book(harness: &Harness, n: u64, row: &mut dyn FnMut(Row)) -> Result<Curve, MapError> {
    let mut engine = Zeroed::<FlowEngine>::new(Pages::READY)?;
    let latency = Zeroed::<Histogram>::new(Pages::READY)?;
    let (commands, warm) = stream(&mut engine, usize::try_from(n).unwrap_or(usize::MAX));
    let (filling, timed) = commands.split_at(warm);
    let clock = harness.clock();

    let fill = |engine: &mut FlowEngine| {
        engine.clear();
        engine.apply_all(filling, &mut CountSink::default());
    };
    row(harness.timed(GROUP, "engine, one by one", n, || {
        fill(&mut engine);
        let mut sink = CountSink::default();
        let start = clock.now();
        for command in timed {
            engine.apply(command, &mut sink);
        }
        clock.ns_between(start, clock.now())
    }));
    row(harness.timed(GROUP, "engine, given together", n, || {
        fill(&mut engine);
        let mut sink = CountSink::default();
        let start = clock.now();
        engine.apply_all(timed, &mut sink);
        clock.ns_between(start, clock.now())
    }));

    harness.timed(GROUP, "each", n, || {
        fill(&mut engine);
        latency.clear();
        let mut sink = CountSink::default();
        let mut before = clock.now();
        for command in timed {
            engine.apply(command, &mut sink);
            let now = clock.now();
            latency.record(clock.ns_between(before, now));
            before = now;
        }
        0
    });
    Ok(Curve { group: GROUP.into(), name: "engine, each command".into(), percentiles: percentiles(&latency) })
}
