//! The queues side by side with others: `queues [--rounds N] [--list] [ROW ..]`, rows by the
//! beginning of their names.
//!
//! All contenders of a row take turns, round by round; each figure is the median of the rounds
//! [fastest .. slowest]. Beside a row across cores stands how long a cache line took there and back
//! just before and after it: the host moves the virtual processors, so only ratios within a row
//! mean anything. A round in which a thread was preempted is run again, three times at most.

mod bare;
mod frames;
mod harness;
mod mpsc;
mod spsc;

use harness::{Runner, line_round_trip};

/// A row of the table: its name, how to build the contenders, the goals (ours ÷ best peer) for each
/// of its figures.
struct Row {
    name: &'static str,
    across_cores: bool,
    figures: &'static [&'static str],
    goals: &'static [f64],
    build: fn() -> Vec<Runner>,
}

const fn row(name: &'static str, across_cores: bool, goals: &'static [f64], build: fn() -> Vec<Runner>) -> Row {
    Row { name, across_cores, figures: &["ns"], goals, build }
}

const fn trip(name: &'static str, goals: &'static [f64], build: fn() -> Vec<Runner>) -> Row {
    Row { name, across_cores: true, figures: &["p50", "p99"], goals, build }
}

type Bytes = [u8; 16];
type Line = [u64; 8];

const ROWS: &[Row] = &[
    row("single/u64/1024", true, &[0.5], spsc::single::<u64, 1024>),
    row("single/u64/65536", true, &[0.5], spsc::single::<u64, 65536>),
    row("single/16B/1024", true, &[0.5], spsc::single::<Bytes, 1024>),
    row("single/16B/65536", true, &[0.5], spsc::single::<Bytes, 65536>),
    row("single/64B/1024", true, &[0.9], spsc::single::<Line, 1024>),
    row("single/64B/65536", true, &[0.9], spsc::single::<Line, 65536>),
    row("inplace/u64/1024", true, &[0.9], spsc::in_place::<u64, 1024>),
    row("inplace/u64/65536", true, &[0.9], spsc::in_place::<u64, 65536>),
    row("inplace/64B/1024", true, &[0.6], spsc::in_place::<Line, 1024>),
    row("inplace/64B/65536", true, &[0.6], spsc::in_place::<Line, 65536>),
    row("slices/u64/1024", true, &[0.9], spsc::slices::<u64, 1024>),
    row("slices/u64/65536", true, &[0.9], spsc::slices::<u64, 65536>),
    trip("trip/u64", &[1.0, 0.7], spsc::trip::<u64, 1024>),
    trip("trip/64B", &[1.0, 0.7], spsc::trip::<Line, 1024>),
    row("same/u64", false, &[1.0], spsc::same::<u64, 1024>),
    row("same/16B", false, &[1.0], spsc::same::<Bytes, 1024>),
    row("same/64B", false, &[0.6], spsc::same::<Line, 1024>),
    row("mpsc/1/u64/1024", true, &[0.8], mpsc::one::<u64, 1024>),
    row("mpsc/1/u64/65536", true, &[0.8], mpsc::one::<u64, 65536>),
    row("mpsc/1/64B/1024", true, &[0.8], mpsc::one::<Line, 1024>),
    row("mpsc/2/fill/u64", true, &[1.0], mpsc::fill::<u64>),
    row("mpsc/2/stream/u64/1024", true, &[1.0], mpsc::stream::<u64, 1024>),
    row("mpsc/2/fill/64B", true, &[1.0], mpsc::fill::<Line>),
    Row { name: "bare/lines", across_cores: true, figures: &["write", "read"], goals: &[], build: bare::lines },
    row("frames/64B", true, &[0.3], frames::across),
    row("frames/same/64B", false, &[0.3], frames::same),
];

/// Runs what the arguments name; the lines to print at the end.
pub fn run(args: &[String]) -> Result<(), String> {
    let mut rounds = 7;
    let mut wanted: Vec<&str> = vec![];
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => {
                let n = args.next().and_then(|n| n.parse().ok()).filter(|&n| n > 0);
                rounds = n.ok_or("--rounds: give the number of rounds, 1 or more")?;
            }
            "--list" => {
                ROWS.iter().for_each(|row| println!("{}", row.name));
                return Ok(());
            }
            name if ROWS.iter().any(|row| row.name.starts_with(name)) => wanted.push(name),
            _ => return Err(format!("{arg}: no row begins so; --list prints their names")),
        }
    }
    let mut summary = vec![];
    for row in ROWS.iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| row.name.starts_with(name))) {
        summary.extend(race(row, rounds));
    }
    println!("\nours ÷ best peer, {rounds} rounds\n{:24} {:6} {:>7} {:>6}", "row", "figure", "ratio", "goal");
    summary.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn race(row: &Row, rounds: usize) -> Vec<String> {
    let mut runners = (row.build)();
    let before = row.across_cores.then(line_round_trip);
    // One round that does not count: the memory is touched, the code is there.
    for runner in &mut runners {
        (runner.run)();
    }
    let mut results: Vec<Vec<Vec<f64>>> = vec![vec![]; runners.len()];
    for _ in 0..rounds {
        for (runner, results) in runners.iter_mut().zip(&mut results) {
            results.push((runner.run)());
        }
    }
    match before {
        Some(before) => {
            println!("{}  (a line there and back: {before:.0} ns before, {:.0} ns after)", row.name, line_round_trip());
        }
        None => println!("{}", row.name),
    }
    let mut lines = vec![];
    for (figure, what) in row.figures.iter().enumerate() {
        let (mut ours, mut best): (Option<(&str, f64)>, Option<(&str, f64)>) = (None, None);
        for (runner, results) in runners.iter().zip(&results) {
            let mut numbers: Vec<f64> = results.iter().map(|round| round[figure]).collect();
            numbers.sort_by(f64::total_cmp);
            let median = numbers[numbers.len() / 2];
            let (least, most) = (numbers[0], numbers[numbers.len() - 1]);
            println!("  {what:4} {:22} {median:8.2} [{least:.2} .. {most:.2}]", runner.name);
            let side = match runner.name {
                name if name.starts_with("bare") => continue, // no queue
                name if name.starts_with("vvp") => &mut ours,
                _ => &mut best,
            };
            if side.is_none_or(|(_, so_far)| median < so_far) {
                *side = Some((runner.name, median));
            }
        }
        if let (Some(ours), Some(best), Some(goal)) = (ours, best, row.goals.get(figure)) {
            lines.push(format!(
                "{:24} {what:6} {:7.2} {goal:6.2}  {} against {}",
                row.name,
                ours.1 / best.1,
                ours.0,
                best.0
            ));
        }
    }
    lines
}
