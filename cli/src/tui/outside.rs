//! Samples of the matcher's process and its machine for `vvpx top`, taken from outside at no cost
//! to the matcher.

use std::time::Duration;
use vvp_std_adapter::memory::{CoreJitter, JitterMode, JitterMonitor, MemorySample, PressureLevel, Thresholds};
use vvp_std_adapter::os::System;
use vvp_std_adapter::thread::allowed_cpus;

/// Interval of the jitter monitor's samples on a core: long enough to take no time from the threads
/// that work there.
const EVERY: Duration = Duration::from_millis(5);
/// Stalls longer than this count as pauses.
const PAUSE_NS: u64 = 1_000_000;

/// The observer; its own threads detect the pauses.
#[derive(Debug)]
pub(crate) struct Outside {
    system: System,
    pauses: Option<JitterMonitor>,
    /// The previous sample, for the difference.
    before: MemorySample,
}

/// One sample of the matcher's process and its machine.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) level: PressureLevel,
    pub(crate) memory: MemorySample,
    /// Of the matcher's process.
    pub(crate) rss_bytes: Option<u64>,
    /// Time since its start in which the matcher was runnable but had no processor.
    pub(crate) waited_ns: Option<u64>,
    /// Stalls of each core since `vvpx top` began.
    pub(crate) cores: Vec<CoreJitter>,
}

impl Outside {
    pub(crate) fn new() -> Self {
        let system = System::this();
        // Without these threads the rest is shown all the same.
        let pauses = JitterMonitor::start(&allowed_cpus(), JitterMode::Timer(EVERY), PAUSE_NS, |_| ()).ok();
        Self { before: MemorySample::take(&system), system, pauses }
    }

    /// Takes a sample. `pid` is the matcher's process, if it is alive.
    pub(crate) fn sample(&mut self, pid: Option<u32>) -> Seen {
        let mut memory = MemorySample::take(&self.system);
        // These are of our own process.
        (memory.rss_bytes, memory.major_faults, memory.minor_faults, memory.swapped_bytes) = (None, None, None, None);
        let level = Thresholds::default().evaluate(&self.before, &memory).0;
        self.before = memory;
        let field = |pid: u32| self.system.field(format!("proc/{pid}/status"), "VmRSS");
        let schedstat = |pid: u32| self.system.text(format!("proc/{pid}/schedstat"));
        let waited = |text: String| text.split_ascii_whitespace().nth(1).and_then(|word| word.parse().ok());
        Seen {
            level,
            memory,
            rss_bytes: pid.and_then(field),
            waited_ns: pid.and_then(schedstat).and_then(waited),
            cores: self.pauses.as_ref().map(JitterMonitor::cores).unwrap_or_default(),
        }
    }
}
