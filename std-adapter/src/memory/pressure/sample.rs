//! Measurements of memory at one moment.

use crate::os::{Cgroup, CgroupVersion, MemoryEvents, System, field};

/// One line of a pressure file. Averages are in hundredths of a percent: 1234 is 12.34 % of the
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PsiLine {
    /// Over the last 10 s.
    pub avg10: u32,
    /// Over the last 60 s.
    pub avg60: u32,
    /// Over the last 300 s.
    pub avg300: u32,
    /// Total stalled time in microseconds.
    pub total_us: u64,
}

/// The contents of `/proc/pressure/memory` (pressure stall information).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Psi {
    /// Time in which at least one thread waited for memory.
    pub some: PsiLine,
    /// Time in which all threads waited for memory, so that no work was done.
    pub full: PsiLine,
}

impl Psi {
    /// Parses the text of a pressure file; `None` if it is malformed. Some kernels omit `full`,
    /// which is then 0.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let line = |name| text.lines().find_map(|l| l.strip_prefix(name)).and_then(psi_line);
        Some(Self { some: line("some ")?, full: line("full ").unwrap_or_default() })
    }
}

fn psi_line(line: &str) -> Option<PsiLine> {
    let of = |name: &str| line.split_ascii_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let hundredths = |name| {
        let (whole, part) = of(name)?.split_once('.')?;
        let part = if part.len() == 2 { part.parse::<u32>().ok()? } else { return None };
        whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part)
    };
    Some(PsiLine {
        avg10: hundredths("avg10")?,
        avg60: hundredths("avg60")?,
        avg300: hundredths("avg300")?,
        total_us: of("total")?.parse().ok()?,
    })
}

/// The memory control group of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupMemory {
    /// Its interface.
    pub version: CgroupVersion,
    /// Bytes charged to it.
    pub usage_bytes: u64,
    /// The least hard limit that applies to it.
    pub limit_bytes: Option<u64>,
    /// The least soft limit that applies to it.
    pub soft_limit_bytes: Option<u64>,
    /// The kernel's event counts.
    pub events: MemoryEvents,
}

/// The pool of reserved huge pages, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HugePages {
    /// In the pool.
    pub total: u64,
    /// Not in use.
    pub free: u64,
    /// Free, but reserved for a mapping.
    pub reserved: u64,
    /// Bytes of one page.
    pub page_bytes: u64,
}

/// All measurements of one moment; `None` for what the system does not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MemorySample {
    /// Stalls of the whole machine.
    pub psi: Option<Psi>,
    /// The control group.
    pub cgroup: Option<CgroupMemory>,
    /// Resident bytes of this process.
    pub rss_bytes: Option<u64>,
    /// Bytes of this process that are swapped out.
    pub swapped_bytes: Option<u64>,
    /// Page faults of this process served from memory.
    pub minor_faults: Option<u64>,
    /// Page faults of this process that waited for a device.
    pub major_faults: Option<u64>,
    /// Memory of the machine.
    pub total_bytes: Option<u64>,
    /// Memory that is available to programs without swapping.
    pub available_bytes: Option<u64>,
    /// Swap space of the machine.
    pub swap_total_bytes: Option<u64>,
    /// Free swap space.
    pub swap_free_bytes: Option<u64>,
    /// The pool of reserved huge pages.
    pub huge_pages: Option<HugePages>,
}

impl MemorySample {
    /// Takes all measurements: reads some ten small files in 50 to 200 µs.
    #[must_use]
    pub fn take(system: &System) -> Self {
        let group = Cgroup::of_memory(system);
        let info = system.text("proc/meminfo").unwrap_or_default();
        let status = system.text("proc/self/status").unwrap_or_default();
        let (minor_faults, major_faults) = faults(&system.text("proc/self/stat").unwrap_or_default());
        let huge_pages = || {
            Some(HugePages {
                total: field(&info, "HugePages_Total")?,
                free: field(&info, "HugePages_Free")?,
                reserved: field(&info, "HugePages_Rsvd").unwrap_or(0),
                page_bytes: field(&info, "Hugepagesize")?,
            })
        };
        Self {
            psi: system.text("proc/pressure/memory").and_then(|text| Psi::parse(&text)),
            cgroup: group.and_then(|group| {
                Some(CgroupMemory {
                    version: group.version(),
                    usage_bytes: group.usage_bytes(system)?,
                    limit_bytes: group.limit_bytes(system),
                    soft_limit_bytes: group.soft_limit_bytes(system),
                    events: group.events(system).unwrap_or_default(),
                })
            }),
            rss_bytes: field(&status, "VmRSS"),
            swapped_bytes: field(&status, "VmSwap"),
            minor_faults,
            major_faults,
            total_bytes: field(&info, "MemTotal"),
            available_bytes: field(&info, "MemAvailable"),
            swap_total_bytes: field(&info, "SwapTotal"),
            swap_free_bytes: field(&info, "SwapFree"),
            huge_pages: huge_pages(),
        }
    }
}

impl MemorySample {
    /// Returns what the machine can still provide to this process without swapping, within the
    /// limit of its control group; `None` if the system does not report it.
    #[must_use]
    pub fn obtainable_bytes(&self) -> Option<u64> {
        let group = self.cgroup.and_then(|g| Some(g.limit_bytes?.saturating_sub(g.usage_bytes)));
        [self.available_bytes, group].into_iter().flatten().min()
    }
}

/// Returns the minor and major faults in `/proc/self/stat`. The name in parentheses may contain
/// anything, so fields are counted from the last parenthesis.
fn faults(stat: &str) -> (Option<u64>, Option<u64>) {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    // state ppid pgrp session tty tpgid flags minflt cminflt majflt
    let mut words = fields.split_ascii_whitespace().skip(7);
    let minor = words.next().and_then(|w| w.parse().ok());
    (minor, words.nth(1).and_then(|w| w.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_file_is_parsed_to_the_hundredth() {
        let text =
            "some avg10=22.01 avg60=12.50 avg300=3.00 total=123456\nfull avg10=11.00 avg60=4.00 avg300=1.05 total=7";
        let psi = Psi::parse(text).expect("a pressure file");
        assert_eq!(psi.some, PsiLine { avg10: 2201, avg60: 1250, avg300: 300, total_us: 123_456 });
        assert_eq!((psi.full.avg300, psi.full.total_us), (105, 7));
        for bad in ["", "some", "some avg10=1 avg60=1.00 avg300=1.00 total=1", "full avg10=11.00 avg60=4.00"] {
            assert_eq!(Psi::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn faults_are_found_behind_any_process_name() {
        assert_eq!(faults("7 (a) b) 1 (x) R 1 2 3 4 5 6 100 0 9 0"), (Some(100), Some(9)));
        assert_eq!(faults(""), (None, None));
    }
}
