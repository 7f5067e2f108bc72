//! Measures this machine: times every structure of the core, sends orders through the whole path at
//! fixed rates, and counts what must never happen. `vvpx bench` is its command line.
//!
//! ```no_run
//! use vvpx::bench::{Group, run_all};
//! let results = run_all(true, &mut |step| println!("{step}")).expect("memory");
//! for row in results.rows.iter().filter(|row| row.group == Group::Queues.name()) {
//!     println!("{}: {:.1} ns [{:.1} .. {:.1}]", row.name, row.median_ns, row.min_ns, row.max_ns);
//! }
//! ```
//!
//! Method: threads are pinned to the last two processors and, on request, in the real-time class; a
//! round in which a thread was preempted is repeated, three times at most; results are the median
//! of the rounds with the fastest and the slowest. Rows of two threads have a cache line's round
//! trip just before and just after, because on a shared host it changes, and the results with it.

mod book;
mod compare;
mod flow;
mod harness;
mod html;
mod maps;
mod path;
mod pools;
mod prove;
mod queues;
mod row;
mod surroundings;
mod syscalls;

pub use book::book;
pub use compare::{Change, Comparison, NotComparable, comparable, compare};
pub use flow::{FlowEngine, stream};
pub use harness::Harness;
pub use html::page;
pub use path::{Path, Threads, load_title};
pub use prove::{Proof, prove};
pub use row::{Curve, FORM, Load, Memory, PERCENTILES, Results, Row, Stall};
pub use syscalls::{NotCounted, SyscallWatch};

use surroundings::Surroundings;
use vvp_std_adapter::memory::MapError;

/// A group of benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Queues across two processors and on one.
    Queues,
    /// Pools and slabs.
    Pools,
    /// Maps.
    Maps,
    /// The engine, commands in and events out, on one thread.
    Book,
    /// Orders through the whole path, at rates up to saturation.
    Pipeline,
}

impl Group {
    /// All groups, in the order in which they run.
    pub const ALL: [Self; 5] = [Self::Queues, Self::Pools, Self::Maps, Self::Book, Self::Pipeline];

    /// Returns its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queues => "queues",
            Self::Pools => "pools",
            Self::Maps => "maps",
            Self::Book => "book",
            Self::Pipeline => "pipeline",
        }
    }
}

/// Number of orders in one run of the whole path.
const PATH_ORDERS: u64 = 500_000;

/// Runs everything; `quick` for a tenth of the operations in three rounds. `step` is called after
/// each measurement.
///
/// # Errors
/// No memory.
pub fn run_all(quick: bool, step: &mut dyn FnMut(&Step<'_>)) -> Result<Results, MapError> {
    run(&Harness::new(quick), &Group::ALL, step)
}

/// A step of a run, for progress messages.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A group begins.
    Group(Group),
    /// A row was measured.
    Row(&'a Row),
    /// A load was measured.
    Load(&'a Load),
}

impl core::fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Group(group) => write!(f, "{}", group.name()),
            Self::Row(row) => write!(f, "{}: {:.1} ns", row.name, row.median_ns),
            Self::Load(load) if load.offered_per_s > 0.0 => write!(
                f,
                "{}, {:.2} M orders/s: p50 {} ns",
                load.path,
                load.offered_per_s / 1e6,
                load.at(50.0).unwrap_or(0)
            ),
            Self::Load(load) => write!(f, "{}: at most {:.2} M orders/s", load.path, load.answered_per_s / 1e6),
        }
    }
}

/// Runs these groups.
///
/// The calling thread stays pinned to a processor, and in the real-time class if the harness uses
/// it.
///
/// # Errors
/// No memory.
pub fn run(harness: &Harness, groups: &[Group], step: &mut dyn FnMut(&Step<'_>)) -> Result<Results, MapError> {
    let around = Surroundings::new();
    let mut results = around.empty_results(harness.is_quick());
    for &group in groups {
        step(&Step::Group(group));
        let rows = &mut results.rows;
        let mut row = |row: Row| {
            step(&Step::Row(&row));
            rows.push(row);
        };
        match group {
            Group::Queues => queues::rows(harness, &mut row)?,
            Group::Pools => pools::rows(harness, &mut row)?,
            Group::Maps => maps::rows(harness, &mut row)?,
            Group::Book => results.curves.push(book::rows(harness, &mut row)?),
            Group::Pipeline => {
                let mut path = Path::new(harness.operations(PATH_ORDERS))?;
                for threads in [Threads::One, Threads::Two, Threads::None] {
                    path.sweep(harness, threads, &mut |load| {
                        step(&Step::Load(&load));
                        results.loads.push(load);
                    });
                }
            }
        }
        results.stalls.push(around.stall(harness));
        results.memory.push(around.memory(group));
    }
    results.warnings = surroundings::warnings(&results, harness);
    Ok(results)
}
