//! The files in which the system describes itself: `/proc`, `/sys`, and the control groups.

use std::io::Read;
use std::path::{Path, PathBuf};

/// Above the size of any file read here; bounds the reading of a file that never ends.
const LONGEST_FILE_BYTES: u64 = 4 << 20;

/// The files of a system: this one, or a copy in a directory (for tests, or to examine another
/// machine).
///
/// Paths are relative to the root, without a leading slash: `proc/meminfo`. No method fails: a file
/// that cannot be read, or is not text, gives `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    root: PathBuf,
}

impl System {
    /// Returns the machine that this program runs on.
    #[must_use]
    pub fn this() -> Self {
        Self { root: PathBuf::from("/") }
    }

    /// Returns a copy below `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the path of a file below the root.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        // A path that comes from a file of the system begins with a slash; joining it as is would
        // leave the root.
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Returns a file's text, trimmed.
    #[must_use]
    pub fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let file = std::fs::File::open(self.path(path)).ok()?;
        let mut text = String::new();
        file.take(LONGEST_FILE_BYTES).read_to_string(&mut text).ok()?;
        Some(text.trim().to_owned())
    }

    /// Returns the number in a file that holds one integer.
    #[must_use]
    pub fn number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// Returns the list in a file of processors or nodes, such as `0-3,8`.
    #[must_use]
    pub fn list(&self, path: impl AsRef<Path>) -> Option<Vec<usize>> {
        list(&self.text(path)?)
    }

    /// Returns the number after `name` in a file of lines like `MemFree:   123 kB`, in bytes where
    /// the line says kB.
    #[must_use]
    pub fn field(&self, path: impl AsRef<Path>, name: &str) -> Option<u64> {
        field(&self.text(path)?, name)
    }

    /// Returns the names in a directory, sorted.
    #[must_use]
    pub fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }
}

/// Returns the number after `name` in a text of lines like `MemFree:   123 kB`, in bytes where the
/// line says kB.
#[must_use]
pub fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix(name)?;
        rest.strip_prefix(':').or_else(|| rest.starts_with([' ', '\t']).then_some(rest))
    })?;
    let mut words = line.split_ascii_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    Some(if words.next() == Some("kB") { number.saturating_mul(1024) } else { number })
}

/// Exclusive bound of the processor numbers in a list; the kernel's own bound is 8,192.
const LISTED_MAX: usize = 1 << 16;

/// Parses a list such as `0-3,8` into numbers in the order given; `None` if it is malformed. An
/// empty text is an empty list.
#[must_use]
pub fn list(text: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= LISTED_MAX {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_parsed_as_the_kernel_writes_them() {
        assert_eq!(list(""), Some(vec![]));
        assert_eq!(list("0-3,8\n"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(list("5"), Some(vec![5]));
        for bad in ["x", "3-1", "1-", "-", "0-99999999999", "(null)"] {
            assert_eq!(list(bad), None, "{bad}");
        }
    }

    #[test]
    fn fields_in_kilobytes_are_returned_in_bytes() {
        let text = "MemTotal:  10 kB\nHugePages_Total:   7\npgmajfault 9\nBroken: x kB\n";
        assert_eq!(field(text, "MemTotal"), Some(10_240));
        assert_eq!(field(text, "HugePages_Total"), Some(7));
        assert_eq!(field(text, "pgmajfault"), Some(9));
        assert_eq!((field(text, "Broken"), field(text, "Mem"), field(text, "None")), (None, None, None));
    }

    #[test]
    fn missing_files_are_none_and_absolute_paths_stay_below_the_root() {
        let nowhere = System::at("/nonexistent");
        assert_eq!(nowhere.text("proc/meminfo"), None);
        assert_eq!(nowhere.text("/proc/meminfo"), None);
        assert!(nowhere.names("proc").is_empty());
        assert!(System::this().text("proc/self/stat").is_some());
    }
}
