//! The results of a benchmark run: rows, loads, and the state of the machine.

use serde::{Deserialize, Serialize};
use vvp_core::metrics::Histogram;

/// Version of the JSON form; results of another version cannot be compared.
pub const FORM: u32 = 1;

/// Everything that one run measured. It is what `--json` writes and `--compare` reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`FORM`] of the program that wrote the results.
    pub form: u32,
    /// Version of the program.
    pub version: String,
    /// Seconds since 1970, at the start.
    pub unix_time: u64,
    /// Whether it was a quick run: fewer rounds of fewer operations.
    pub quick: bool,
    /// Properties of the machine, a name and a value each.
    pub host: Vec<(String, String)>,
    /// Conditions that make the numbers less reliable.
    pub warnings: Vec<String>,
    /// The times of single operations of the structures.
    pub rows: Vec<Row>,
    /// Latencies of single operations.
    pub curves: Vec<Curve>,
    /// Orders through the whole path, by rate.
    pub loads: Vec<Load>,
    /// Longest stalls, in order of time.
    pub stalls: Vec<Stall>,
    /// Memory after each group.
    pub memory: Vec<Memory>,
}

impl Results {
    /// Returns the row of this name, if it was measured.
    #[must_use]
    pub fn row(&self, group: &str, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.group == group && row.name == name)
    }
}

/// The time of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The group.
    pub group: String,
    /// The operation.
    pub name: String,
    /// Nanoseconds for one operation, the median of the rounds.
    pub median_ns: f64,
    /// The fastest round.
    pub min_ns: f64,
    /// The slowest round.
    pub max_ns: f64,
    /// Number of rounds.
    pub rounds: u32,
    /// Rounds that were repeated because a thread was preempted.
    pub repeated: u32,
    /// Rounds in which a thread was preempted in every attempt; they count nevertheless.
    pub disturbed: u32,
    /// Round trip of a cache line between the two processors in ns, just before the row and just
    /// after it; rows of one thread have none.
    pub line_ns: Option<[f64; 2]>,
}

impl Row {
    /// Returns whether the numbers are plausible: times are finite, above 0, and in order.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        let ordered = 0.0 < self.min_ns && self.min_ns <= self.median_ns && self.median_ns <= self.max_ns;
        let line = self.line_ns.is_none_or(|line| line.iter().all(|ns| ns.is_finite() && *ns > 0.0));
        ordered && self.max_ns.is_finite() && line && self.rounds > 0
    }

    /// Returns operations a second at the median; 0 if the time was too short to be measured.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        if self.median_ns > 0.0 { 1e9 / self.median_ns } else { 0.0 }
    }
}

/// The distribution of the times of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The group.
    pub group: String,
    /// The operation.
    pub name: String,
    /// Percentiles and their ns, ascending.
    pub percentiles: Vec<(f64, u64)>,
}

/// The percentiles of a histogram that are kept.
pub const PERCENTILES: [f64; 12] = [0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999, 100.0];

/// Returns the values of a histogram at [`PERCENTILES`].
#[must_use]
pub(super) fn percentiles(histogram: &Histogram) -> Vec<(f64, u64)> {
    let millionth = |p: f64| (p * 1_000.0).round() as u64;
    PERCENTILES.iter().map(|&p| (p, histogram.value_at(millionth(p), 100_000))).collect()
}

/// The latencies of orders that were sent at a fixed rate, independent of earlier orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// `one thread` or `two threads`.
    pub path: String,
    /// Orders offered a second; 0 at full speed.
    pub offered_per_s: f64,
    /// Orders answered a second.
    pub answered_per_s: f64,
    /// Orders sent.
    pub orders: u64,
    /// Latency from the time an order was due to its last encoded event: percentiles and their ns,
    /// ascending.
    pub percentiles: Vec<(f64, u64)>,
    /// Round trip of a cache line between the two processors in ns, just before and just after;
    /// none on one thread.
    pub line_ns: Option<[f64; 2]>,
    /// Whether the median stayed within ten times that of the lowest rate: the knee is above this
    /// rate.
    pub sustained: bool,
}

impl Load {
    /// Returns nanoseconds at this percentile, if it is one of those kept.
    #[must_use]
    pub fn at(&self, percentile: f64) -> Option<u64> {
        self.percentiles.iter().find(|(p, _)| (p - percentile).abs() < 1e-9).map(|&(_, ns)| ns)
    }
}

/// A stall of a processor, as measured by a spinning thread on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// Milliseconds since the start of the run.
    pub at_ms: u64,
    /// The longest stall in this interval, in ns.
    pub longest_ns: u64,
}

/// Memory of the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The group after which it was measured.
    pub after: String,
    /// Resident bytes.
    pub resident_bytes: u64,
    /// Page faults since the start of the run.
    pub page_faults: u64,
    /// Allocations since the start of the run, if the counting allocator is installed.
    pub allocations: u64,
}
