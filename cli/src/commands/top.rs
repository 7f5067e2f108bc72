//! `vvpx top`: shows a running pipeline of processes from outside.

use crate::args::Top;
use crate::diagnostic::{Diagnostic, Outcome};
use crate::io::output::{self, Reader};
use crate::tui::ladder::{self, Style};
use crate::tui::outside::{Outside, Seen};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use vvp_core::book::{DepthLevel, Price, Qty, Tick};
use vvp_core::cell::ReadError;
use vvp_replay::digits::grouped;
use vvp_replay::json;
use vvp_std_adapter::ipc::Peer;
use vvp_std_adapter::memory::CoreJitter;
use vvp_std_adapter::pipeline::processes::{
    BookSummary, LatencySummary, LevelSummary, PUBLISHERS_MAX, PipelineDirectory, PipelineStatus, QueueCounters,
    StatusView,
};

pub(crate) const EVERY: Duration = Duration::from_millis(500);

/// Reads the state of a pipeline repeatedly.
pub(crate) struct Watch {
    view: StatusView,
    dir: PathBuf,
    before: Option<PipelineStatus>,
    outside: Outside,
}

/// The state at one moment.
pub(crate) struct Shown {
    pub(crate) state: &'static str,
    pub(crate) now: PipelineStatus,
    /// Commands, events and allocations a second since the previous state; `None` without two
    /// states of the same matcher.
    pub(crate) rates: [Option<u64>; 3],
    pub(crate) seen: Seen,
}

impl Shown {
    /// Returns whether this is the final state.
    pub(crate) const fn is_over(&self) -> bool {
        self.now.is_final == 1
    }
}

impl Watch {
    /// Returns whether no newer state can come: the matcher is gone, and without the directory no
    /// other one can take its place.
    pub(crate) fn is_gone(&self) -> bool {
        !matches!(self.view.peer(), Peer::Alive(_)) && !self.dir.is_dir()
    }

    pub(crate) fn sample(&mut self) -> Result<Shown, ReadError> {
        let now = self.view.read()?;
        let peer = self.view.peer();
        let state = match (now.is_final, peer) {
            (1, _) => "done",
            (_, Peer::Alive(_)) => "running",
            (_, Peer::Dead(_)) => "its matcher is dead",
            (_, Peer::Absent) => "without a matcher",
        };
        let rates = rates(self.before.replace(now).as_ref(), &now);
        let pid = if let Peer::Alive(token) = peer { Some(token.pid()) } else { None };
        Ok(Shown { state, now, rates, seen: self.outside.sample(pid) })
    }
}

pub(crate) fn main(request: &Top) -> Outcome {
    let fault = |e: &dyn core::fmt::Display| Diagnostic::from_adapter(e).in_file(&request.dir);
    let path = Path::new(&request.dir);
    // Checked first: `top` must not create the directory.
    if !path.is_dir() {
        return Err(Diagnostic::error("there is no such directory")
            .in_file(&request.dir)
            .remedy("'vvpx stress' says where its pipeline is"));
    }
    let view = PipelineDirectory::open(path).and_then(|directory| directory.view()).map_err(|e| fault(&e))?;
    let mut watch = Watch { view, dir: path.to_owned(), before: None, outside: Outside::new() };
    // Draws until the user ends it or the pipeline has ended; then prints the last state.
    #[cfg(feature = "tui")]
    if !request.once && !request.json && io::stdout().is_terminal() && io::stdin().is_terminal() {
        crate::tui::live::run(&mut watch, &request.dir, request.book)
            .map_err(|e| Diagnostic::io(crate::diagnostic::Place::Host("the terminal".into()), &e))?;
    }
    loop {
        match watch.sample() {
            Ok(shown) => {
                let out = draw(request, &shown).map_err(|e| output::stdout_failed(&e))?;
                if output::print(&out)? == Reader::Gone {
                    return Ok(ExitCode::SUCCESS);
                }
                let drawn = cfg!(feature = "tui") && io::stdout().is_terminal() && io::stdin().is_terminal();
                if request.once || shown.is_over() || (drawn && !request.json) {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Err(e) if request.once => return Err(fault(&e)),
            Err(_) => {}
        }
        if watch.is_gone() {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(EVERY);
    }
}

fn draw(request: &Top, shown: &Shown) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let Shown { state, now, rates, seen } = shown;
    let Some(book) = now.books.get(request.book) else { return Ok(out) };
    if request.json {
        return Ok(as_json(state, now, *rates, book, seen).into_bytes());
    }
    let live = !request.once && !cfg!(feature = "tui") && io::stdout().is_terminal();
    as_text(&mut out, state, now, *rates, book, seen, live)?;
    Ok(out)
}

fn rates(before: Option<&PipelineStatus>, now: &PipelineStatus) -> [Option<u64>; 3] {
    let before = before.filter(|before| before.pid == now.pid && before.taken_ns < now.taken_ns);
    [|s: &PipelineStatus| s.commands, |s: &PipelineStatus| s.events, |s: &PipelineStatus| s.allocations].map(|count| {
        let before = before?;
        let (new, ns) = (count(now).checked_sub(count(before))?, now.taken_ns - before.taken_ns);
        Some(u64::try_from(u128::from(new) * 1_000_000_000 / u128::from(ns)).unwrap_or(u64::MAX))
    })
}

/// Returns a number with grouped digits, or a dash if it was not measured.
pub(crate) fn or_dash(n: Option<u64>) -> String {
    n.map_or("–".to_owned(), grouped)
}

/// Returns p50, p99, p99.9 and the maximum in ns; `None` without a sample.
pub(crate) fn percentiles(l: &LatencySummary) -> [Option<u64>; 4] {
    [l.p50_ns, l.p99_ns, l.p999_ns, l.max_ns].map(|ns| (l.count > 0).then_some(ns))
}

/// Returns p99 and the longest stall of a core in ns; `None` without a sample.
pub(crate) fn core_stalls(core: &CoreJitter) -> [Option<u64>; 2] {
    let stalls = &core.stalls;
    [stalls.per_mille(990), stalls.max()].map(|ns| (stalls.count() > 0).then_some(ns))
}

/// Pairs the publishers with their names; the first has no number, because most pipelines have one.
fn publishers<T: Copy>(
    now: &PipelineStatus,
    names: [&'static str; PUBLISHERS_MAX],
    of: [T; PUBLISHERS_MAX],
) -> Vec<(&'static str, T)> {
    names.into_iter().zip(of).take(usize::try_from(now.publishers).unwrap_or(usize::MAX)).collect()
}

pub(crate) fn stages(now: &PipelineStatus) -> Vec<(&'static str, LatencySummary)> {
    let names = ["to_publisher", "to_publisher_1", "to_publisher_2", "to_publisher_3"];
    let mut all = vec![("to_matcher", now.to_matcher), ("matching", now.matching)];
    all.extend(publishers(now, names, now.to_publisher));
    all
}

pub(crate) fn queues(now: &PipelineStatus) -> Vec<(&'static str, QueueCounters)> {
    let mut all = vec![("orders", now.orders_queue)];
    all.extend(publishers(now, ["events", "events_1", "events_2", "events_3"], now.events_queue));
    // The high-water mark is at least the depth; a snapshot may be written between the two.
    all.iter_mut().for_each(|(_, queue)| queue.high_water = queue.high_water.max(queue.depth));
    all
}

/// The state as JSON; what was not measured is null.
#[derive(Serialize)]
struct Json {
    state: &'static str,
    pid: u64,
    commands: u64,
    events: u64,
    commands_per_s: Option<u64>,
    events_per_s: Option<u64>,
    #[serde(serialize_with = "json::hash")]
    state_hash: Option<u64>,
    #[serde(serialize_with = "json::object")]
    queues: Vec<(&'static str, QueueJson)>,
    #[serde(serialize_with = "json::object")]
    latency_ns: Vec<(&'static str, LatencyJson)>,
    allocations: u64,
    allocated_bytes: u64,
    allocations_per_s: Option<u64>,
    minor_faults: u64,
    major_faults: u64,
    preempted: u64,
    pressure: PressureJson,
    pauses: PausesJson,
    book: BookJson,
}

#[derive(Serialize)]
struct QueueJson {
    depth: u64,
    high_water: u64,
    refused: u64,
    passed: u64,
}

#[derive(Serialize)]
struct LatencyJson {
    count: u64,
    p50: Option<u64>,
    p99: Option<u64>,
    p999: Option<u64>,
    max: Option<u64>,
}

#[derive(Serialize)]
struct PressureJson {
    level: String,
    some_avg10_hundredths: Option<u64>,
    full_avg10_hundredths: Option<u64>,
    available_bytes: Option<u64>,
    rss_bytes: Option<u64>,
}

#[derive(Serialize)]
struct PausesJson {
    waited_ns: Option<u64>,
    cores: Vec<CoreJson>,
}

#[derive(Serialize)]
struct CoreJson {
    cpu: usize,
    looks: u64,
    p99_ns: Option<u64>,
    max_ns: Option<u64>,
    too_long: u64,
}

#[derive(Serialize)]
struct BookJson {
    resting: u64,
    bids: Vec<LevelJson>,
    asks: Vec<LevelJson>,
}

#[derive(Serialize)]
struct LevelJson {
    price_ticks: i64,
    qty: u64,
    orders: u64,
}

fn as_json(
    state: &'static str,
    now: &PipelineStatus,
    rates: [Option<u64>; 3],
    book: &BookSummary,
    seen: &Seen,
) -> String {
    let [commands_per_s, events_per_s, allocations_per_s] = rates;
    let queue = |(name, q): (_, QueueCounters)| {
        (name, QueueJson { depth: q.depth, high_water: q.high_water, refused: q.refused, passed: q.passed })
    };
    let stage = |(name, latency): (_, LatencySummary)| {
        let [p50, p99, p999, max] = percentiles(&latency);
        (name, LatencyJson { count: latency.count, p50, p99, p999, max })
    };
    let core = |core: &CoreJitter| {
        let [p99_ns, max_ns] = core_stalls(core);
        CoreJson { cpu: core.cpu, looks: core.stalls.count(), p99_ns, max_ns, too_long: core.too_long() }
    };
    let levels = |levels: &[LevelSummary]| -> Vec<LevelJson> {
        let level = |l: &LevelSummary| LevelJson { price_ticks: l.price, qty: l.qty, orders: l.orders };
        there(levels).map(level).collect()
    };
    let (some, full) = stalls(seen);
    json::line(&Json {
        state,
        pid: now.pid,
        commands: now.commands,
        events: now.events,
        commands_per_s,
        events_per_s,
        state_hash: (now.is_final == 1).then_some(now.state_hash),
        queues: queues(now).into_iter().map(queue).collect(),
        latency_ns: stages(now).into_iter().map(stage).collect(),
        allocations: now.allocations,
        allocated_bytes: now.allocated_bytes,
        allocations_per_s,
        minor_faults: now.minor_faults,
        major_faults: now.major_faults,
        preempted: now.preempted,
        pressure: PressureJson {
            level: seen.level.to_string(),
            some_avg10_hundredths: some,
            full_avg10_hundredths: full,
            available_bytes: seen.memory.available_bytes,
            rss_bytes: seen.rss_bytes,
        },
        pauses: PausesJson { waited_ns: seen.waited_ns, cores: seen.cores.iter().map(core).collect() },
        book: BookJson { resting: book.resting, bids: levels(&book.bids), asks: levels(&book.asks) },
    })
}

/// Returns the machine's memory stalls over the last 10 s, of some threads and of all, in
/// hundredths of a percent.
pub(crate) fn stalls(seen: &Seen) -> (Option<u64>, Option<u64>) {
    let psi = seen.memory.psi;
    (psi.map(|psi| psi.some.avg10.into()), psi.map(|psi| psi.full.avg10.into()))
}

pub(crate) fn there(levels: &[LevelSummary]) -> impl Iterator<Item = &LevelSummary> {
    levels.iter().take_while(|level| level.orders > 0)
}

fn as_text(
    out: &mut Vec<u8>,
    state: &str,
    now: &PipelineStatus,
    rates: [Option<u64>; 3],
    book: &BookSummary,
    seen: &Seen,
    live: bool,
) -> io::Result<()> {
    if live {
        write!(out, "\x1b[H\x1b[2J")?;
    }
    let [commands_per_s, events_per_s, allocations_per_s] = rates.map(or_dash);
    writeln!(out, "vvpx pipeline, matcher {}: {state}", now.pid)?;
    writeln!(out, "  {:>14} commands  {:>12} a second", grouped(now.commands), commands_per_s)?;
    writeln!(out, "  {:>14} events    {:>12} a second", grouped(now.events), events_per_s)?;
    writeln!(out, "\n  {:<14}{:>10}{:>12}{:>12}", "queue", "depth", "at most", "times full")?;
    for (name, queue) in queues(now) {
        let (depth, most, full) = (grouped(queue.depth), grouped(queue.high_water), grouped(queue.refused));
        writeln!(out, "  {name:<14}{depth:>10}{most:>12}{full:>12}")?;
    }
    writeln!(out, "\n  {:<14}{:>10}{:>12}{:>12}{:>14}", "latency in ns", "p50", "p99", "p99.9", "longest")?;
    for (name, l) in stages(now) {
        let [p50, p99, p999, max] = percentiles(&l).map(or_dash);
        writeln!(out, "  {:<14}{p50:>10}{p99:>12}{p999:>12}{max:>14}", name.replace('_', " "))?;
    }
    let PipelineStatus { allocations, allocated_bytes, minor_faults, major_faults, preempted, .. } = *now;
    let percent = |n: Option<u64>| n.map_or("–".to_owned(), |n| format!("{}.{:02} %", n / 100, n % 100));
    let mib = |n: Option<u64>| n.map_or("–".to_owned(), |n| format!("{} MiB", grouped(n >> 20)));
    let (some, full) = stalls(seen);
    writeln!(
        out,
        "\n  {:<14}{}; waiting for memory: some {}, all {} of 10 s; {} to be had; matcher has {}",
        "pressure",
        seen.level,
        percent(some),
        percent(full),
        mib(seen.memory.available_bytes),
        mib(seen.rss_bytes)
    )?;
    let waited = or_dash(seen.waited_ns.map(|ns| ns / 1_000));
    writeln!(
        out,
        "  {:<14}matcher: preempted {} times, {waited} us without a processor, {major_faults} major and {} minor faults",
        "pauses",
        grouped(preempted),
        grouped(minor_faults)
    )?;
    for core in &seen.cores {
        let [p99, max] = core_stalls(core).map(|ns| or_dash(ns.map(|ns| ns / 1_000)));
        let long = core.too_long();
        writeln!(out, "  {:<14}core {}: p99 {p99} us, longest {max} us, {long} over 1 ms", "", core.cpu)?;
    }
    writeln!(
        out,
        "  {:<14}matcher: {allocations} since it was ready, {} bytes, {allocations_per_s} a second\n",
        "allocations",
        grouped(allocated_bytes)
    )?;
    let levels = |levels: &[LevelSummary]| -> Vec<DepthLevel> {
        let level = |l: &LevelSummary| DepthLevel {
            price: Price::new(l.price),
            qty: Qty::new(l.qty),
            orders: u32::try_from(l.orders).unwrap_or(u32::MAX),
        };
        there(levels).map(level).collect()
    };
    let style = Style { levels: book.bids.len(), colour: output::colour(&io::stdout()) };
    ladder::levels(out, &levels(&book.bids), &levels(&book.asks), Tick::ONE, style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(now: &PipelineStatus, rates: [Option<u64>; 3]) -> serde_json::Value {
        let seen = Outside::new().sample(None);
        serde_json::from_str(&as_json("running", now, rates, &now.books[0], &seen)).expect("one JSON object")
    }

    fn text(now: &PipelineStatus, rates: [Option<u64>; 3]) -> String {
        let (mut out, seen) = (Vec::new(), Outside::new().sample(None));
        as_text(&mut out, "running", now, rates, &now.books[0], &seen, false).expect("a Vec takes everything");
        String::from_utf8(out).expect("UTF-8")
    }

    fn line<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let line = text.lines().find(|line| line.contains(name)).unwrap_or_default();
        line.split_whitespace().collect()
    }

    #[test]
    fn what_was_not_measured_is_a_dash_and_null() {
        let now = PipelineStatus { publishers: 1, ..PipelineStatus::default() };
        let (none, text) = (serde_json::Value::Null, text(&now, [None; 3]));
        assert_eq!(line(&text, " commands "), ["0", "commands", "–", "a", "second"], "{text}");
        assert_eq!(line(&text, " events  "), ["0", "events", "–", "a", "second"], "{text}");
        assert_eq!(line(&text, " matching "), ["matching", "–", "–", "–", "–"], "{text}");
        assert!(text.contains("bytes, – a second") && text.contains("matcher has –") && !text.contains('?'), "{text}");
        let json = json(&now, [None; 3]);
        for key in ["commands_per_s", "events_per_s", "allocations_per_s", "state_hash"] {
            assert_eq!(json[key], none, "{key}: {json}");
        }
        for stage in ["to_matcher", "matching", "to_publisher"] {
            assert_eq!(json["latency_ns"][stage]["count"], 0);
            for key in ["p50", "p99", "p999", "max"] {
                assert_eq!(json["latency_ns"][stage].get(key), Some(&none), "{stage} {key}");
            }
        }
    }

    #[test]
    fn what_was_measured_as_nothing_is_0() {
        let latency = LatencySummary { count: 1, ..LatencySummary::default() };
        let now = PipelineStatus { is_final: 1, matching: latency, ..PipelineStatus::default() };
        let (text, json) = (text(&now, [Some(0); 3]), json(&now, [Some(0); 3]));
        assert_eq!(line(&text, " matching "), ["matching", "0", "0", "0", "0"], "{text}");
        assert_eq!(line(&text, " commands "), ["0", "commands", "0", "a", "second"], "{text}");
        assert_eq!((&json["commands_per_s"], &json["latency_ns"]["matching"]["max"]), (&0.into(), &0.into()));
        assert_eq!(json["state_hash"], "0000000000000000");
    }

    #[test]
    fn a_depth_is_never_above_its_high_water() {
        let mut now = PipelineStatus { publishers: 1, ..PipelineStatus::default() };
        (now.orders_queue.depth, now.orders_queue.high_water) = (41, 20);
        (now.events_queue[0].depth, now.events_queue[0].high_water) = (7, 9);
        let (text, json) = (text(&now, [None; 3]), json(&now, [None; 3]));
        assert_eq!(line(&text, " orders "), ["orders", "41", "41", "0"], "{text}");
        assert_eq!(
            (&json["queues"]["orders"]["depth"], &json["queues"]["orders"]["high_water"]),
            (&41.into(), &41.into())
        );
        assert_eq!(
            (&json["queues"]["events"]["depth"], &json["queues"]["events"]["high_water"]),
            (&7.into(), &9.into())
        );
    }

    #[test]
    fn rates_need_two_states_of_the_same_matcher() {
        let at = |pid, taken_ns, commands| PipelineStatus { pid, taken_ns, commands, ..PipelineStatus::default() };
        let now = at(1, 2_000_000_000, 500);
        assert_eq!(rates(None, &now), [None; 3]);
        assert_eq!(rates(Some(&now), &now), [None; 3], "the same state again");
        assert_eq!(rates(Some(&at(2, 1_000_000_000, 100)), &now), [None; 3], "another matcher");
        assert_eq!(rates(Some(&at(1, 1_000_000_000, 100)), &now), [Some(400), Some(0), Some(0)]);
    }
}
