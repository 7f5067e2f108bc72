//! Everything that a manager knows, to be printed, or made into whatever format serde can.

use super::super::{CoreJitter, PressureLevel, PressureStats};
use super::{ObjectEntry, ObjectUsage};
use serde::Serialize;

/// What a [`MemoryManager`](super::MemoryManager) knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ManagerStats {
    /// Since the manager was built.
    pub uptime_ms: u64,
    /// The most that may be given out, if there is a bound.
    pub budget_bytes: Option<u64>,
    /// Given out now.
    pub in_use_bytes: u64,
    /// Given out at most.
    pub peak_bytes: u64,
    /// What is alive, in the order in which it was made.
    pub objects: Vec<ObjectStats>,
    /// Pressure on memory, if it is watched.
    pub pressure: Option<PressureSummary>,
    /// Pauses of each core, if they are watched.
    #[serde(rename = "pauses")]
    pub jitter: Vec<JitterSummary>,
    /// Calls for memory of the whole process, besides what is placed here; 0 without the
    /// [`CountingAllocator`](crate::memory::CountingAllocator).
    pub allocation_calls: u64,
    /// Bytes asked for by these.
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
    /// How much of it is in memory; `None` if it is too large to ask (4 GiB), or the system does not say.
    pub resident_bytes: Option<u64>,
    /// What became of the wish for huge pages.
    pub huge_pages: Option<String>,
    /// What became of the wish to have all pages in advance.
    pub prefault: Option<String>,
    /// How it is used, if it tells.
    pub usage: Option<ObjectUsage>,
}

/// Pressure on memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PressureSummary {
    /// `normal`, `elevated` or `critical`.
    pub level: &'static str,
    /// How often the level changed.
    pub changes: u64,
    /// How often the kernel's alarm went off.
    pub alarms: u64,
    /// Stalls over the last 10 s, in hundredths of a percent of the time.
    pub some_avg10: Option<u32>,
    /// Bytes of the process that are in memory.
    pub rss_bytes: Option<u64>,
    /// Bytes that the machine can still give.
    pub available_bytes: Option<u64>,
    /// Page faults of the process that waited for a device.
    pub major_faults: Option<u64>,
}

/// Pauses of one core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JitterSummary {
    /// The core.
    pub cpu: usize,
    /// Stalls seen.
    pub stalls: u64,
    /// Half of them were not longer.
    pub p50_ns: u64,
    /// 99 % of them were not longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// Longer than allowed.
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
    let answer = |answer: Option<crate::os::Outcome>| answer.map(|answer| answer.to_string());
    ObjectStats {
        name: entry.name.clone(),
        kind: entry.kind,
        bytes: entry.bytes,
        resident_bytes: resident_bytes(entry.address, entry.bytes),
        huge_pages: answer(entry.huge_pages),
        prefault: answer(entry.prefault),
        usage,
    }
}

/// Larger objects are not asked about, page by page.
const MOST_ASKED_BYTES: u64 = 4 << 30;

/// How much of a range is in memory.
fn resident_bytes(address: usize, bytes: u64) -> Option<u64> {
    const PAGE: usize = 4096;
    let bytes = usize::try_from(bytes).ok().filter(|&n| n as u64 <= MOST_ASKED_BYTES)?;
    let start = address & !(PAGE - 1);
    let pages = (address - start).checked_add(bytes)?.div_ceil(PAGE);
    let mut found = vec![0_u8; pages];
    // SAFETY: `found` has a byte for each page; of the range the system only tells what is there.
    let code =
        unsafe { libc::mincore(core::ptr::without_provenance_mut(start), pages * PAGE, found.as_mut_ptr().cast()) };
    let present = found.iter().filter(|&&page| page & 1 == 1).count() * PAGE;
    (code == 0).then_some(present as u64)
}

/// `1.5 MiB`
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
            write!(f, "  {:<24} {bytes:>10}, {resident} there", object.name)?;
            for (what, answer) in [("huge pages", &object.huge_pages), ("prefault", &object.prefault)] {
                if let Some(answer) = answer {
                    write!(f, ", {what} {answer}")?;
                }
            }
            if let Some(usage) = object.usage {
                let ObjectUsage { capacity, in_use, high_water, refused, .. } = usage;
                write!(f, "; {in_use} of {capacity} used, {high_water} at most, {refused} refused")?;
            }
            writeln!(f)?;
        }
        if let Some(pressure) = &self.pressure {
            let PressureSummary { level, changes, alarms, rss_bytes, available_bytes, .. } = pressure;
            let (rss, available) = (size(*rss_bytes), size(*available_bytes));
            writeln!(f, "pressure: {level}, {changes} changes, {alarms} alarms; {rss} ours, {available} available")?;
        }
        for core in &self.jitter {
            let JitterSummary { cpu, stalls, p50_ns, p99_ns, max_ns, too_long } = core;
            writeln!(
                f,
                "pauses of core {cpu}: {stalls} stalls, p50 {p50_ns} ns, p99 {p99_ns} ns, longest {max_ns} ns, {too_long} too long"
            )?;
        }
        writeln!(f, "allocations besides: {} calls, {}", self.allocation_calls, Size(self.allocation_bytes))
    }
}
