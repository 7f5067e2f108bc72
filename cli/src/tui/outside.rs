//! What `vvpx top` sees of the matcher's process and of its machine from outside, at no cost to the
//! matcher.

use std::time::Duration;
use vvp_std_adapter::memory::{CoreJitter, JitterMode, JitterMonitor, MemorySample, PressureLevel, Thresholds};
use vvp_std_adapter::os::System;
use vvp_std_adapter::thread::allowed_cpus;

/// How often the watcher of a core looks whether the core was there: rarely enough to take nothing from those who work there.
const EVERY: Duration = Duration::from_millis(5);
/// A longer stall is counted as a pause.
const PAUSE_NS: u64 = 1_000_000;

/// The observer. Its own threads are what sees the pauses.
#[derive(Debug)]
pub(crate) struct Outside {
    system: System,
    pauses: Option<JitterMonitor>,
    /// The sample before, to see what has become worse.
    before: MemorySample,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) level: PressureLevel,
    pub(crate) memory: MemorySample,
    /// Of the matcher's process.
    pub(crate) rss_bytes: Option<u64>,
    /// How long the matcher was ready to run and had no processor, since its start.
    pub(crate) waited_ns: Option<u64>,
    /// Stalls of each core since `vvpx top` began.
    pub(crate) cores: Vec<CoreJitter>,
}

impl Outside {
    pub(crate) fn new() -> Self {
        let system = System::this();
        // No thread for them is no reason to show nothing.
        let pauses = JitterMonitor::start(&allowed_cpus(), JitterMode::Timer(EVERY), PAUSE_NS, |_| ()).ok();
        Self { before: MemorySample::take(&system), system, pauses }
    }

    /// `pid`: the matcher's process, if it lives.
    pub(crate) fn look(&mut self, pid: Option<u32>) -> Seen {
        let mut memory = MemorySample::take(&self.system);
        // These would be our own.
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
