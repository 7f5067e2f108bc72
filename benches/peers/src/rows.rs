//! Rows of contenders in turn: A B C, A B C, … and the median of each.

use crate::support::host;

/// A name, and what to do this many times; gives ticks.
pub struct Row<'a> {
    pub name: &'static str,
    pub run: Box<dyn FnMut(u64) -> u64 + 'a>,
}

impl<'a> Row<'a> {
    /// A contender on one thread: `once` is one time.
    pub fn new(name: &'static str, mut once: impl FnMut(u64) + 'a) -> Self {
        let run = move |times| {
            let start = host::ticks();
            for n in 0..times {
                once(n);
            }
            host::ticks() - start
        };
        Self { name, run: Box::new(run) }
    }

    /// A contender that takes its own time.
    pub fn timed(name: &'static str, run: impl FnMut(u64) -> u64 + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Runs all in turn and prints them: nanoseconds per `per` of one time, and the ratio to the row
/// named `peer`. A round in which this thread was preempted is run again, three times at most.
pub fn compare(title: &str, peer: &str, rounds: usize, times: u64, per: u64, rows: &mut [Row<'_>]) {
    let ticks_per_ns = host::ticks_per_ns();
    let mut results: Vec<Vec<f64>> = rows.iter().map(|_| vec![]).collect();
    rows.iter_mut().for_each(|row| _ = (row.run)(times / 10));
    for _ in 0..rounds {
        for (row, results) in rows.iter_mut().zip(&mut results) {
            let mut ticks = 0;
            for _ in 0..3 {
                let before = host::preemptions();
                ticks = (row.run)(times);
                if host::preemptions() == before {
                    break;
                }
            }
            results.push(ticks as f64 / ticks_per_ns / (times * per) as f64);
        }
    }
    results.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    let median = |times: &[f64]| times[times.len() / 2];
    let at = rows.iter().position(|row| row.name == peer).unwrap_or(0);
    let base = median(&results[at]);
    println!("{title}: {times} times, {rounds} rounds, ratio to {peer}");
    for (row, times) in rows.iter().zip(&results) {
        let (least, most) = (times[0], times[times.len() - 1]);
        println!(
            "  {:34} {:8.2} ns [{least:.2} .. {most:.2}]  {:6.2} x",
            row.name,
            median(times),
            median(times) / base
        );
    }
}
