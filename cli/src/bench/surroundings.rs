//! Properties and disturbances of the machine during a run.

use super::Group;
use super::harness::Harness;
use super::row::{FORM, Memory, Results, Stall};
use crate::doctor::{Level, examine};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use vvp_std_adapter::memory::{Allocations, allocations, page_faults};
use vvp_std_adapter::os::System;

/// Duration of the stall measurement after a group.
const STALL_WINDOW: Duration = Duration::from_millis(100);
/// A cache line's round trip that changes by more than this factor during a row shows that the host
/// has moved a processor.
const LINE_CHANGE: f64 = 1.5;

/// The state at the start of a run.
pub(super) struct Surroundings {
    start: Instant,
    faults: u64,
    allocations: Allocations,
}

impl Surroundings {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), faults: page_faults(), allocations: allocations() }
    }

    pub(super) fn empty_results(&self, quick: bool) -> Results {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Results {
            form: FORM,
            version: env!("CARGO_PKG_VERSION").into(),
            unix_time: now,
            quick,
            host: host(&System::this()),
            warnings: Vec::new(),
            rows: Vec::new(),
            curves: Vec::new(),
            loads: Vec::new(),
            stalls: Vec::new(),
            memory: Vec::new(),
        }
    }

    /// Reads the clock continuously for a tenth of a second; the longest step between two readings
    /// is the stall.
    pub(super) fn stall(&self, harness: &Harness) -> Stall {
        let clock = harness.clock();
        let at_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let window_ns = u64::try_from(STALL_WINDOW.as_nanos()).unwrap_or(u64::MAX);
        let start = clock.now();
        let (mut last, mut longest) = (start, 0);
        while clock.ns_between(start, last) < window_ns {
            let now = clock.now();
            longest = longest.max(clock.ns_between(last, now));
            last = now;
        }
        Stall { at_ms, longest_ns: longest }
    }

    pub(super) fn memory(&self, after: Group) -> Memory {
        let resident_kib = System::this().field("/proc/self/status", "VmRSS").unwrap_or(0);
        Memory {
            after: after.name().into(),
            resident_bytes: resident_kib * 1024,
            page_faults: page_faults().saturating_sub(self.faults),
            allocations: allocations().since(self.allocations).calls as u64,
        }
    }
}

/// Returns properties of the machine, and the doctor's findings.
fn host(system: &System) -> Vec<(String, String)> {
    let line = |file: &str| system.text(file).map(|text| text.trim().to_owned());
    let cpu = system.text("/proc/cpuinfo").and_then(|text| {
        let model = text.lines().find(|line| line.starts_with("model name"))?;
        Some(model.split_once(':')?.1.trim().to_owned())
    });
    let cpus = vvp_std_adapter::thread::allowed_cpus().len();
    let mut host = vec![
        ("processor".to_owned(), cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned())),
        ("processors".to_owned(), cpus.to_string()),
        ("kernel".to_owned(), line("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".into())),
    ];
    for finding in examine(system).into_iter().filter(|f| f.level >= Level::Advice) {
        host.push((finding.title.to_owned(), format!("{} ({})", finding.found, finding.level)));
    }
    host
}

/// Returns conditions that make the numbers less reliable.
pub(super) fn warnings(results: &Results, harness: &Harness) -> Vec<String> {
    let mut warnings = Vec::new();
    let disturbed: u32 = results.rows.iter().map(|row| row.disturbed).sum();
    let rounds: u32 = results.rows.iter().map(|row| row.rounds).sum();
    if disturbed * 10 > rounds {
        warnings.push(format!(
            "the host is too busy: {disturbed} of {rounds} rounds were disturbed in every attempt; run it again when it is idle, or with --real-time"
        ));
    }
    let moved = results
        .rows
        .iter()
        .filter(|row| row.line_ns.is_some_and(|[before, after]| before.max(after) > LINE_CHANGE * before.min(after)));
    let moved: Vec<&str> = moved.map(|row| row.name.as_str()).collect();
    if !moved.is_empty() {
        warnings.push(format!(
            "the way between the two processors changed during: {}; compare these rows only with others of the same run",
            moved.join("; ")
        ));
    }
    if harness.cpus().1.is_none() {
        warnings.push("there is one processor: rows of two threads take turns on it and say little".into());
    }
    warnings
}
