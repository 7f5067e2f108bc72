//! Checks whether this machine is set up for low latency: what is, what is best, how to get there,
//! and why it matters.
//!
//! ```
//! use vvpx::doctor::{Level, examine};
//! use vvp_std_adapter::os::System;
//! let findings = examine(&System::this());
//! for f in findings.iter().filter(|f| f.level >= Level::Warning) {
//!     println!("{}: {} ({}); best: {}; do: {}", f.id, f.found, f.level, f.best, f.remedy);
//! }
//! ```
//!
//! Only files are read, below the root that [`System`] names; nothing is changed. What cannot be
//! read is [`Level::Unknown`].

mod limits;
mod memory;
mod processor;

use vvp_std_adapter::os::System;

/// The severity of a finding; greater is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Best, or good enough that a change gains nothing.
    Good,
    /// The system does not report it.
    Unknown,
    /// Costs microseconds occasionally.
    Advice,
    /// Costs tens of microseconds to milliseconds, at unpredictable times.
    Warning,
    /// Stalls of many milliseconds, a process that may be killed, or an unreliable clock.
    Critical,
}

impl Level {
    /// Returns its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// Returns the exit code of `vvpx doctor` if this is the worst level: 0 for good and unknown,
    /// then 10, 20 and 30.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Good | Self::Unknown => 0,
            Self::Advice => 10,
            Self::Warning => 20,
            Self::Critical => 30,
        }
    }
}

impl core::fmt::Display for Level {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.word())
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Id of the check, the same in all versions.
    pub id: &'static str,
    /// Name of the checked setting.
    pub title: &'static str,
    /// Severity.
    pub level: Level,
    /// The current state.
    pub found: String,
    /// The best state.
    pub best: &'static str,
    /// The command or boot parameter to get there, or the party that can change it. Also present if
    /// nothing is wrong: it says how to keep the state.
    pub remedy: &'static str,
    /// Effect of a bad state.
    pub why: &'static str,
}

/// The constant part of a check, and its function.
struct Topic {
    id: &'static str,
    title: &'static str,
    best: &'static str,
    remedy: &'static str,
    why: &'static str,
    /// Returns the level and the current state; `None` if the system does not provide it.
    check: fn(&System) -> Option<(Level, String)>,
}

/// Runs all checks, in a fixed order.
#[must_use]
pub fn examine(system: &System) -> Vec<Finding> {
    let topics = processor::TOPICS.iter().chain(memory::TOPICS).chain(limits::TOPICS);
    topics
        .map(|topic| {
            let (level, found) =
                (topic.check)(system).unwrap_or_else(|| (Level::Unknown, "the system does not say".to_owned()));
            let Topic { id, title, best, remedy, why, .. } = *topic;
            Finding { id, title, level, found, best, remedy, why }
        })
        .collect()
}

/// Returns the worst level; good if there are no findings.
#[must_use]
pub fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|f| f.level).max().unwrap_or(Level::Good)
}

/// Returns a list of numbers in the kernel's notation: `0-3,8`.
fn written(numbers: &[usize]) -> String {
    let mut text = String::new();
    let mut rest = numbers;
    while let [first, ..] = *rest {
        let run = rest.iter().zip(first..).take_while(|(a, b)| **a == *b).count().max(1);
        let comma = if text.is_empty() { "" } else { "," };
        let last = first + run - 1;
        text += &if run == 1 { format!("{comma}{first}") } else { format!("{comma}{first}-{last}") };
        rest = rest.get(run..).unwrap_or(&[]);
    }
    text
}

/// Returns the choice in brackets of a file like `always [madvise] never`.
fn chosen(text: &str) -> Option<&str> {
    text.split_ascii_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
}

/// Returns bytes in KiB, MiB or GiB, in whole units.
fn size(bytes: u64) -> String {
    match bytes {
        0..0x40_0000 => format!("{} KiB", bytes >> 10),
        0x40_0000..0x1_0000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_as_the_kernel_does() {
        for text in ["", "5", "0-3", "0-3,8", "1,3,5-6"] {
            assert_eq!(written(&vvp_std_adapter::os::list(text).expect("a list")), text);
        }
    }

    #[test]
    fn unreadable_system_gives_unknown_findings() {
        let findings = examine(&System::at("/nonexistent"));
        assert!(findings.iter().all(|f| f.level == Level::Unknown), "{findings:#?}");
        assert_eq!(worst(&findings).exit_code(), 0);
    }

    #[test]
    fn findings_are_complete_and_have_unique_ids() {
        let findings = examine(&System::this());
        for (i, f) in findings.iter().enumerate() {
            assert!(![f.title, &f.found, f.best, f.remedy, f.why].iter().any(|t| t.is_empty()), "{f:?}");
            assert!(findings.iter().skip(i + 1).all(|g| g.id != f.id), "{} twice", f.id);
        }
    }
}
