//! Statistics of a manager, for display and for serde.

use super::super::{CoreJitter, PressureLevel, PressureStats};
use super::{ObjectEntry, ObjectUsage};
use serde::Serialize;

/// The statistics of a [`MemoryManager`](super::MemoryManager).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ManagerStats {
    /// Time since the manager was built.
    pub uptime_ms: u64,
    /// The budget, if there is one.
    pub budget_bytes: Option<u64>,
    /// Bytes allocated now.
    pub in_use_bytes: u64,
    /// The most bytes allocated at one time.
    pub peak_bytes: u64,
    /// The live objects, in the order of their creation.
    pub objects: Vec<ObjectStats>,
    /// Memory pressure, if it is monitored.
    pub pressure: Option<PressureSummary>,
    /// Jitter of each core, if it is monitored.
    #[serde(rename = "pauses")]
    pub jitter: Vec<JitterSummary>,
    /// Calls of the whole process that requested memory, besides what is placed here; 0 without the
    /// [`CountingAllocator`](crate::memory::CountingAllocator).
    pub allocation_calls: u64,
    /// Bytes requested by these calls.
    pub allocation_bytes: u64,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ObjectStats {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Bytes of it that are resident; `None` if it is larger than 4 GiB, or the system does not
    /// report them.
    pub resident_bytes: Option<u64>,
    /// The outcome of the request for huge pages.
    pub huge_pages: Option<String>,
    /// The outcome of prefaulting.
    pub prefault: Option<String>,
    /// Its usage, if it reports one.
    pub usage: Option<ObjectUsage>,
}

/// Memory pressure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PressureSummary {
    /// `normal`, `elevated` or `critical`.
    pub level: &'static str,
    /// Changes of the level.
    pub changes: u64,
    /// Alarms of the kernel.
    pub alarms: u64,
    /// Stalls of some threads over the last 10 s, in hundredths of a percent of the time.
    pub some_avg10: Option<u32>,
    /// Resident bytes of the process.
    pub rss_bytes: Option<u64>,
    /// Bytes that the machine can still provide.
    pub available_bytes: Option<u64>,
    /// Page faults of the process that waited for a device.
    pub major_faults: Option<u64>,
}

/// Jitter of one core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JitterSummary {
    /// The core.
    pub cpu: usize,
    /// Stalls measured.
    pub stalls: u64,
    /// The median.
    pub p50_ns: u64,
    /// The 99th percentile.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// Hiccups longer than the limit.
    pub too_long: u64,
}

impl PressureSummary {
    pub(super) fn of(stats: &PressureStats) -> Self {
        Self {
            level: match stats.level {
                PressureLevel::Normal => "normal",
                PressureLevel::Elevated => "elevated",
                PressureLevel::Critical => "critical",
            },
            changes: stats.changes,
            alarms: stats.triggers,
            some_avg10: stats.sample.psi.map(|psi| psi.some.avg10),
            rss_bytes: stats.sample.rss_bytes,
            available_bytes: stats.sample.available_bytes,
            major_faults: stats.sample.major_faults,
        }
    }
}

impl JitterSummary {
    pub(super) fn of(core: &CoreJitter) -> Self {
        Self {
            cpu: core.cpu,
            stalls: core.stalls.count(),
            p50_ns: core.stalls.per_mille(500),
            p99_ns: core.stalls.per_mille(990),
            max_ns: core.stalls.max(),
            too_long: core.too_long(),
        }
    }
}

pub(super) fn of_object(entry: &ObjectEntry, usage: Option<ObjectUsage>) -> ObjectStats {
    let outcome = |outcome: Option<crate::os::Outcome>| outcome.map(|outcome| outcome.to_string());
    ObjectStats {
        name: entry.name.clone(),
        kind: entry.kind,
        bytes: entry.bytes,
        resident_bytes: resident_bytes(entry.address, entry.bytes),
        huge_pages: outcome(entry.huge_pages),
        prefault: outcome(entry.prefault),
        usage,
    }
}

/// The largest object whose pages are queried.
const MOST_QUERIED_BYTES: u64 = 4 << 30;

/// Returns the resident bytes of a range.
fn resident_bytes(address: usize, bytes: u64) -> Option<u64> {
    const PAGE: usize = 4096;
    let bytes = usize::try_from(bytes).ok().filter(|&n| n as u64 <= MOST_QUERIED_BYTES)?;
    let start = address & !(PAGE - 1);
    let pages = (address - start).checked_add(bytes)?.div_ceil(PAGE);
    let mut found = vec![0_u8; pages];
    // SAFETY: `found` has one byte for each page; the call only reports on the range.
    let code =
        unsafe { libc::mincore(core::ptr::without_provenance_mut(start), pages * PAGE, found.as_mut_ptr().cast()) };
    let present = found.iter().filter(|&&page| page & 1 == 1).count() * PAGE;
    (code == 0).then_some(present as u64)
}

/// Displays a size such as `1.5 MiB`.
struct Size(u64);

impl core::fmt::Display for Size {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (unit, name) = match self.0 {
            n if n >= 1 << 30 => (1 << 30, "GiB"),
            n if n >= 1 << 20 => (1 << 20, "MiB"),
            n if n >= 1 << 10 => (1 << 10, "KiB"),
            _ => return f.pad(&format!("{} B", self.0)),
        };
        f.pad(&format!("{}.{} {name}", self.0 / unit, self.0 % unit * 10 / unit))
    }
}

impl core::fmt::Display for ManagerStats {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let size = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), |bytes| Size(bytes).to_string());
        write!(f, "memory: {} in use, {} at most", Size(self.in_use_bytes), Size(self.peak_bytes))?;
        match self.budget_bytes {
            Some(budget) => writeln!(f, ", of {}", Size(budget))?,
            None => writeln!(f, ", no budget")?,
        }
        for object in &self.objects {
            let (bytes, resident) = (Size(object.bytes), size(object.resident_bytes));
            write!(f, "  {:<24} {bytes:>10}, {resident} resident", object.name)?;
            for (what, outcome) in [("huge pages", &object.huge_pages), ("prefault", &object.prefault)] {
                if let Some(outcome) = outcome {
                    write!(f, ", {what} {outcome}")?;
                }
            }
            if let Some(usage) = object.usage {
                let ObjectUsage { capacity, in_use, high_water, refused, .. } = usage;
                write!(f, "; {in_use} of {capacity} used, {high_water} at most, {refused} times full")?;
            }
            writeln!(f)?;
        }
        if let Some(pressure) = &self.pressure {
            let PressureSummary { level, changes, alarms, rss_bytes, available_bytes, .. } = pressure;
            let (rss, available) = (size(*rss_bytes), size(*available_bytes));
            writeln!(
                f,
                "pressure: {level}, {changes} changes, {alarms} alarms; {rss} resident, {available} available"
            )?;
        }
        for core in &self.jitter {
            let JitterSummary { cpu, stalls, p50_ns, p99_ns, max_ns, too_long } = core;
            writeln!(
                f,
                "jitter of core {cpu}: {stalls} stalls, p50 {p50_ns} ns, p99 {p99_ns} ns, \
                 longest {max_ns} ns, {too_long} too long"
            )?;
        }
        writeln!(f, "other allocations: {} calls, {}", self.allocation_calls, Size(self.allocation_bytes))
    }
}
