//! The workloads of the instruction counts.
//!
//! `vvp-instructions` prints the names; `vvp-instructions NAME N` does one of them N times and
//! prints nothing. `scripts/instructions.sh` runs each under valgrind for N and for 2 N times: the
//! difference over N is the cost of one repetition, without start-up and the building of the book.
//! Nothing here depends on time, addresses or hashing seeds, so the counts are the same from run to
//! run.

mod book;
mod feed;
mod gateway;
mod map;
mod pool;
mod queue;
#[path = "../../support/mod.rs"]
#[allow(dead_code)]
mod support;
mod wire;

use std::process::ExitCode;

/// A name, and the function that runs the workload N times.
pub(crate) type Workload = (&'static str, fn(u64));

fn main() -> ExitCode {
    let workloads = || {
        let core = book::WORKLOADS.iter().chain(feed::WORKLOADS).chain(queue::WORKLOADS);
        let core = core.chain(gateway::WORKLOADS);
        core.chain(pool::WORKLOADS).chain(map::WORKLOADS).chain(wire::WORKLOADS)
    };
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next().map(|n| n.parse())) {
        (None, _) => {
            for (name, _) in workloads() {
                println!("{name}");
            }
            ExitCode::SUCCESS
        }
        (Some(name), Some(Ok(times))) => match workloads().find(|w| w.0 == name) {
            Some((_, run)) => {
                run(times);
                ExitCode::SUCCESS
            }
            None => usage(&format!("no workload '{name}'; without arguments the names are printed")),
        },
        _ => usage("give a workload and how many times to run it"),
    }
}

fn usage(what: &str) -> ExitCode {
    eprintln!("vvp-instructions: {what}");
    ExitCode::from(2)
}
