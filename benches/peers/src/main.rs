//! All contenders in turn, in one process: A B A B …
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- [compare|latency|shapes|pair] [--rounds N] [--only NAME,..] [STREAM ..]
//! ```
//!
//! - `compare` (the default): nanoseconds a command, median [fastest .. slowest round], and the
//!   ratio to ours. A round in which the thread was preempted is run again, three times at most.
//! - `latency`: time of each command of `itch` alone, less the cost of reading the clock: median,
//!   p99, p99.9.
//! - `pair`: the engine alone, with a reader of its events on the other core that polls all the
//!   time, and with one that leaves it time to fill more of the queue than its second cache holds,
//!   in turn.
//! - `handoff [--rounds N] [SCENARIO ..]`: a gateway's messages in, reports out to a second core:
//!   see `handoff.rs`.
//! - `queues [--rounds N] [--list] [ROW ..]`: the queues, in rows of their own.
//! - `shapes`: what the streams are made of; checks that our events and the floor's are equal
//!   after every command.
//! - `pools`, `metrics`: pools and slabs, histograms and counters; `soak [OPERATIONS]`: two threads
//!   at a pool, 10^9 operations if nothing else is said, every value checked.
//!
//! `codec [FILE] [--rounds N]`: decoders of ITCH: see `codec.rs`.
//!
//! `maps [--rounds N]` has the maps' rows, `maps soak` their 10^9 operations: see `maps.rs`.
//!
//! A peer that needs more than four seconds for a round of a stream has only one, and one that
//! needs more than a minute is left out of the other streams.

mod adapters;
mod codec;
mod handoff;
mod maps;
mod matchcore_gateway;
mod metrics;
mod pair;
mod pools;
mod queues;
mod rows;
#[path = "../../support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::time::{Duration, Instant};
use support::contender::{Bare, Contender, Ours};
use support::{host, shape, workloads};
use vvp_core::book::Command;

const CORE: usize = 1;
/// A contender that needs longer for a round has only one.
const LONG: Duration = Duration::from_secs(4);

fn contenders(only: &[String]) -> Vec<Box<dyn Contender>> {
    let all: Vec<Box<dyn Contender>> = vec![
        Box::new(Ours::new()),
        Box::new(Ours::one_by_one()),
        Box::new(Bare::new()),
        Box::new(adapters::Matchcore::new()),
        Box::new(adapters::OrderbookRs::new()),
        Box::new(adapters::Lobster::new()),
        Box::new(adapters::RustOb::new()),
    ];
    let wanted = |c: &dyn Contender| {
        only.is_empty() || c.name().starts_with("vvp") || only.iter().any(|name| c.name().starts_with(name.as_str()))
    };
    all.into_iter().filter(|c| wanted(c.as_ref())).collect()
}

struct Options {
    mode: String,
    rounds: usize,
    only: Vec<String>,
    operations: u64,
    reader_pause: usize,
    streams: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut o = Options {
        mode: "compare".into(),
        rounds: 7,
        only: vec![],
        operations: 1_000_000_000,
        reader_pause: 0,
        streams: vec![],
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "compare" | "latency" | "pair" | "handoff" | "shapes" | "pools" | "metrics" | "soak" => o.mode = arg,
            n if o.mode == "soak" && n.parse::<u64>().is_ok() => o.operations = n.parse().unwrap_or(0),
            "--rounds" => {
                let n = args.next().and_then(|n| n.parse().ok()).filter(|&n| n > 0);
                o.rounds = n.ok_or("--rounds: give the number of rounds, 1 or more")?;
            }
            "--reader-pause" => {
                let n = args.next().and_then(|n| n.parse().ok());
                o.reader_pause = n.ok_or("--reader-pause: give the number of pauses")?;
            }
            "--only" => {
                let names = args.next().ok_or("--only: give names, separated by commas")?;
                o.only = names.split(',').map(str::to_owned).collect();
            }
            name if workloads::NAMES.contains(&name) => o.streams.push(arg),
            name if o.mode == "handoff" && handoff::SCENARIOS.iter().any(|s| s.0 == name) => o.streams.push(arg),
            _ => return Err(format!("{arg}: no such stream or option; streams are {}", workloads::NAMES.join(" "))),
        }
    }
    if o.streams.is_empty() && o.mode != "handoff" {
        o.streams = workloads::NAMES.iter().map(|&name| name.to_owned()).collect();
    }
    Ok(o)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == "queues") {
        if let Err(problem) = queues::run(&args[1..]) {
            eprintln!("{problem}");
            std::process::exit(2);
        }
        return;
    }
    if args.first().is_some_and(|first| first == "codec") {
        return codec::main(&args[1..]);
    }
    if args.first().is_some_and(|first| first == "maps") {
        return maps::main(args[1..].to_vec());
    }
    let o = options().unwrap_or_else(|problem| {
        eprintln!("{problem}");
        std::process::exit(2);
    });
    let (pinned, real_time) = (host::pin(CORE), host::real_time());
    println!("core {CORE}: pinned {pinned}, SCHED_FIFO {real_time}");
    match o.mode.as_str() {
        "pools" => return pools::run(o.rounds),
        "metrics" => return metrics::run(o.rounds),
        "soak" => return pools::soak(o.operations),
        "handoff" => return handoff::run(&o),
        _ => {}
    }
    let ticks_per_ns = host::ticks_per_ns();
    let mut slow: Vec<&'static str> = vec![];
    for name in &o.streams {
        let Some(workload) = workloads::by_name(name) else { continue };
        match o.mode.as_str() {
            "shapes" => println!("{name}: {}", shape::of(&workload)),
            "latency" => {
                for mut c in contenders(&o.only) {
                    if !slow.contains(&c.name()) {
                        latency(c.as_mut(), &workload, ticks_per_ns);
                    }
                }
            }
            "pair" => pair(&workload, o.rounds, ticks_per_ns),
            _ => compare(&workload, &o, ticks_per_ns, &mut slow),
        }
    }
}

fn timed(c: &mut dyn Contender, workload: &workloads::Workload) -> f64 {
    let (mut ticks, wall) = (0, Instant::now());
    for _ in 0..3 {
        c.start(workload.filling());
        let before = host::preemptions();
        let start = host::ticks();
        c.run(workload.timed());
        ticks = host::ticks() - start;
        // A long round is never left alone, and a switch of the thread is little of it.
        if host::preemptions() == before || wall.elapsed() >= LONG {
            break;
        }
    }
    ticks as f64 / workload.timed().len() as f64
}

fn compare(workload: &workloads::Workload, o: &Options, ticks_per_ns: f64, slow: &mut Vec<&'static str>) {
    let mut all: Vec<_> = contenders(&o.only).into_iter().filter(|c| !slow.contains(&c.name())).collect();
    let mut times: Vec<Vec<f64>> = vec![vec![]; all.len()];
    let mut long: Vec<&'static str> = vec![];
    for _ in 0..o.rounds {
        for (c, times) in all.iter_mut().zip(&mut times) {
            if slow.contains(&c.name()) || long.contains(&c.name()) {
                continue;
            }
            let wall = Instant::now();
            times.push(timed(c.as_mut(), workload) / ticks_per_ns);
            if wall.elapsed() >= LONG {
                long.push(c.name());
            }
            if wall.elapsed().as_secs() >= 60 {
                slow.push(c.name());
            }
        }
    }
    println!("{}: {} commands, {} rounds", workload.name, workload.timed().len(), o.rounds);
    let mut ours = f64::NAN;
    let our_events = all[0].events();
    for (c, times) in all.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        if c.name() == "vvp" {
            ours = median;
        }
        let note = match c.events() {
            0 => String::new(),
            n if n == our_events => "  events as ours".into(),
            n => format!("  {n} events, ours {our_events}"),
        };
        let note = if long.contains(&c.name()) { format!("{note}  one round") } else { note };
        println!(
            "  {:18} {:9.1} ns [{:.1} .. {:.1}]  {:7.2} x{note}",
            c.name(),
            median,
            times[0],
            times[times.len() - 1],
            median / ours
        );
    }
}

/// With a reader on the other core, and alone.
fn pair(workload: &workloads::Workload, rounds: usize, ticks_per_ns: f64) {
    let mut engine = support::ours::engine();
    let mut ours = Ours::new();
    let mut times = [vec![], vec![], vec![]];
    for _ in 0..rounds {
        times[0].push(pair::alone(&mut ours, workload) / ticks_per_ns);
        times[1].push(pair::run(&mut engine, workload, CORE, 1 - CORE, pair::CLOSE) / ticks_per_ns);
        times[2].push(pair::run(&mut engine, workload, CORE, 1 - CORE, pair::FAR) / ticks_per_ns);
    }
    for (times, name) in times.iter_mut().zip(["alone", "with a reader close behind", "with a reader far behind"]) {
        times.sort_by(f64::total_cmp);
        let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{} {name:26} {median:6.1} ns [{:.1} .. {last:.1}]", workload.name, times[0]);
    }
}

/// Each command alone.
fn latency(c: &mut dyn Contender, workload: &workloads::Workload, ticks_per_ns: f64) {
    let cost = timer_cost();
    c.start(workload.filling());
    let mut samples: Vec<u32> = Vec::with_capacity(workload.timed().len());
    for command in workload.timed() {
        samples.push(one(c, command).saturating_sub(cost) as u32);
    }
    samples.sort_unstable();
    let at = |q: f64| f64::from(samples[((samples.len() - 1) as f64 * q) as usize]) / ticks_per_ns;
    println!(
        "{} {:18} median {:6.0} ns, p99 {:6.0} ns, p99.9 {:6.0} ns, p99.99 {:6.0} ns, worst {:8.0} ns",
        workload.name,
        c.name(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(0.9999),
        at(1.0)
    );
}

#[inline(always)]
fn one(c: &mut dyn Contender, command: &Command) -> u64 {
    let start = host::ticks();
    c.one(command);
    host::ticks() - start
}

/// Returns the cost of two consecutive readings of the counter: the minimum of many.
fn timer_cost() -> u64 {
    (0..100_000)
        .map(|_| {
            let start = host::ticks();
            host::ticks() - start
        })
        .min()
        .unwrap_or(0)
}
