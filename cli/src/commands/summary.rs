//! The summary of a run, for people and as JSON.

use crate::commands::refusals::by_reason;
use serde::Serialize;
use std::io::{self, Write};
use vvp_core::book::EventKind;
use vvp_replay::digits::grouped;
use vvp_replay::json;
use vvp_std_adapter::pipeline::{Report, Shape};

/// The summary as JSON.
#[derive(Serialize)]
struct Json {
    commands: u64,
    accepted: u64,
    rejected: u64,
    trades: u64,
    traded_qty: u128,
    canceled: u64,
    resting_orders: u64,
    elapsed_ns: u64,
    commands_per_s: u64,
    latency_ns: Percentiles,
    allocations_after_start: u64,
    page_faults_after_start: u64,
    queue_high_water: HighWater,
    #[serde(serialize_with = "json::object")]
    refused: Vec<(String, u64)>,
}

#[derive(Serialize)]
struct HighWater {
    commands: u64,
    events: u64,
}

/// Returns the summary as one JSON object on one line.
pub(crate) fn json<E>(report: &Report<E>, resting_orders: u64) -> String {
    let count = |kind| report.stats.events_of(kind);
    json::line(&Json {
        commands: report.commands,
        accepted: count(EventKind::Accepted),
        rejected: count(EventKind::Rejected),
        trades: count(EventKind::Trade),
        traded_qty: report.stats.traded_qty,
        canceled: count(EventKind::Canceled),
        resting_orders,
        elapsed_ns: report.elapsed_ns,
        commands_per_s: report.commands_per_s(),
        latency_ns: Percentiles::of(report),
        allocations_after_start: report.allocations,
        page_faults_after_start: report.page_faults,
        queue_high_water: HighWater { commands: report.high_water.commands, events: report.high_water.events },
        refused: by_reason(&report.stats).iter().map(|(reason, n)| (reason.to_string(), *n)).collect(),
    })
}

/// Writes the summary as lines for people.
pub(crate) fn text<E>(out: &mut impl Write, report: &Report<E>, colour: bool) -> io::Result<()> {
    let (bold, off) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let l = Percentiles::of(report);
    let ms = report.elapsed_ns / 1_000;
    let shape = match report.shape {
        Shape::Inline => "one thread does all".to_owned(),
        Shape::Threads { pinned: 0 } => "three threads".to_owned(),
        Shape::Threads { pinned } => format!("three threads, {pinned} pinned"),
    };
    writeln!(
        out,
        "  speed        {bold}{} commands/s{off}  ({} in {}.{:03} ms: text to text, {shape})",
        grouped(report.commands_per_s()),
        grouped(report.commands),
        grouped(ms / 1_000),
        ms % 1_000
    )?;
    writeln!(
        out,
        "  latency      p50 {bold}{}{off}   p90 {}   p99 {}   p99.9 {}   max {}",
        duration(l.p50),
        duration(l.p90),
        duration(l.p99),
        duration(l.p99_9),
        duration(l.max)
    )?;
    let way = match report.shape {
        Shape::Inline => "from a decoded command to its last event formatted",
        Shape::Threads { .. } => {
            "from a decoded command to its last event queued for the publisher, time in the queue included"
        }
    };
    writeln!(out, "               {way}")?;
    writeln!(
        out,
        "  after start  {bold}{} allocations{off}, {} page faults",
        grouped(report.allocations),
        grouped(report.page_faults)
    )?;
    match report.shape {
        Shape::Inline => writeln!(out, "  queues       none"),
        Shape::Threads { .. } => writeln!(
            out,
            "  queues       at most {} of {} commands and {} of {} events waiting",
            grouped(report.high_water.commands),
            grouped(vvp_std_adapter::pipeline::COMMANDS_QUEUED_MAX as u64),
            grouped(report.high_water.events),
            grouped(vvp_std_adapter::pipeline::EVENTS_QUEUED_MAX as u64)
        ),
    }
}

#[derive(Serialize)]
struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    p99_9: u64,
    max: u64,
}

impl Percentiles {
    fn of<E>(report: &Report<E>) -> Self {
        let l = &report.latency;
        Self {
            p50: l.per_mille(500),
            p90: l.per_mille(900),
            p99: l.per_mille(990),
            p99_9: l.per_mille(999),
            max: l.max(),
        }
    }
}

/// Returns nanoseconds in a suitable unit.
fn duration(ns: u64) -> String {
    match ns {
        0..10_000 => format!("{} ns", grouped(ns)),
        10_000..10_000_000 => format!("{}.{} us", grouped(ns / 1_000), ns % 1_000 / 100),
        _ => format!("{}.{} ms", grouped(ns / 1_000_000), ns % 1_000_000 / 100_000),
    }
}
