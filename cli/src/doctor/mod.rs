//! Is this machine set up for low latency? What is, what is best, how to get there, and why it matters.
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
//! Only files are read, below the root that [`System`] names; nothing is changed. What cannot be read is
//! [`Level::Unknown`].

mod limits;
mod memory;
mod processor;

use vvp_std_adapter::os::System;

/// How bad a finding is. The greater, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// As it should be, or good enough that nothing is gained by a change.
    Good,
    /// The system does not say.
    Unknown,
    /// Costs microseconds now and then.
    Advice,
    /// Costs tens of microseconds to milliseconds, at times that nobody chooses.
    Warning,
    /// Stalls of many milliseconds, an end by force, or a clock that cannot be trusted.
    Critical,
}

impl Level {
    /// In one word.
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

    /// What `vvpx doctor` exits with when this is the worst: 0 for good and unknown, then 10, 20
    /// and 30.
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

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Its name, the same in all versions.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is.
    pub found: String,
    /// What would be best.
    pub best: &'static str,
    /// The command to get there, or the boot parameter, or who can change it. There also where nothing is wrong: it says
    /// how to keep it.
    pub remedy: &'static str,
    /// Why it matters.
    pub why: &'static str,
}

/// What is known about each thing before the machine is looked at.
struct Topic {
    id: &'static str,
    title: &'static str,
    best: &'static str,
    remedy: &'static str,
    why: &'static str,
    /// What is, and how bad that is; `None` if the system does not say.
    look: fn(&System) -> Option<(Level, String)>,
}

/// Looks at everything, in a fixed order.
#[must_use]
pub fn examine(system: &System) -> Vec<Finding> {
    let topics = processor::TOPICS.iter().chain(memory::TOPICS).chain(limits::TOPICS);
    topics
        .map(|topic| {
            let (level, found) =
                (topic.look)(system).unwrap_or_else(|| (Level::Unknown, "the system does not say".to_owned()));
            let Topic { id, title, best, remedy, why, .. } = *topic;
            Finding { id, title, level, found, best, remedy, why }
        })
        .collect()
}

/// The worst level of all; good if there are none.
#[must_use]
pub fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|f| f.level).max().unwrap_or(Level::Good)
}

/// `0-3,8` for people.
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

/// The choice in brackets of a file like `always [madvise] never`.
fn chosen(text: &str) -> Option<&str> {
    text.split_ascii_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
}

/// Bytes in the greatest unit that leaves no rest below a tenth of it.
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
    fn nothing_to_read_is_unknown_and_no_reason_to_fail() {
        let findings = examine(&System::at("/nonexistent"));
        assert!(findings.iter().all(|f| f.level == Level::Unknown), "{findings:#?}");
        assert_eq!(worst(&findings).exit_code(), 0);
    }

    #[test]
    fn every_finding_says_all_there_is_to_say_under_a_name_of_its_own() {
        let findings = examine(&System::this());
        for (i, f) in findings.iter().enumerate() {
            assert!(![f.title, &f.found, f.best, f.remedy, f.why].iter().any(|t| t.is_empty()), "{f:?}");
            assert!(findings.iter().skip(i + 1).all(|g| g.id != f.id), "{} twice", f.id);
        }
    }
}
