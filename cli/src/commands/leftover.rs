//! The directory of a `vvpx stress`, and the directories that killed runs have left.
//!
//! A running `vvpx stress` holds a lock on its directory (`flock`, on a descriptor that closes on
//! exec), which the kernel releases when the process ends. The next `vvpx stress` removes
//! directories without a lock if their name, owner, mode and files are those of such a run.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const WHERE: &str = "/dev/shm";
const NAME: &str = "vvp-stress-";
/// Files in a pipeline's directory, besides the queues of events.
const FILES: [&str; 4] = ["orders", "board", "figures", "journal"];
const QUEUES: &str = "events-";

/// The pipeline's directory; removed when dropped.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Place {
    /// Creates a directory for this process only. (A process of another PID namespace may have the
    /// same number.)
    pub(crate) fn make() -> io::Result<Self> {
        let pid = std::process::id();
        for n in 0..1_000 {
            let more = if n == 0 { String::new() } else { format!("-{n}") };
            let path = Path::new(WHERE).join(format!("{NAME}{pid}{more}"));
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            // Another process may have removed it as a leftover before it was locked; then the next
            // name is tried.
            match locked(&path)? {
                Some(lock) if lock.metadata()?.nlink() > 0 => return Ok(Self { path, _lock: lock }),
                _ => {}
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Removes the directories that killed runs have left, and returns their paths. Directories that
/// cannot be read are kept.
pub(crate) fn remove_left() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(WHERE) else { return Vec::new() };
    let named = entries.filter_map(Result::ok).filter(|entry| entry.file_name().to_str().is_some_and(is_name));
    named.map(|entry| entry.path()).filter(|path| remove_if_left(path).unwrap_or(false)).collect()
}

/// Returns whether a name has the form of ours: a process number, and optionally another number.
fn is_name(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    name.strip_prefix(NAME).is_some_and(|rest| match rest.split_once('-') {
        Some((pid, n)) => number(pid) && number(n),
        None => number(rest),
    })
}

fn remove_if_left(path: &Path) -> io::Result<bool> {
    let Some(lock) = locked(path)? else { return Ok(false) };
    let data = lock.metadata()?;
    // SAFETY: returns a number; cannot fail.
    if data.uid() != unsafe { libc::geteuid() } || data.mode() & 0o777 != 0o700 {
        return Ok(false);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let (name, is_file) = (entry.file_name(), entry.file_type()?.is_file());
        let known = name.to_str().is_some_and(|name| FILES.contains(&name) || name.starts_with(QUEUES));
        if !known || !is_file {
            return Ok(false);
        }
        files.push(entry.path());
    }
    for file in files {
        std::fs::remove_file(file)?;
    }
    std::fs::remove_dir(path)?;
    Ok(true)
}

/// Opens and locks the directory; `None` if another process holds the lock. Links are not followed.
fn locked(path: &Path) -> io::Result<Option<File>> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let file = match File::options().read(true).custom_flags(flags).open(path) {
        // Removed in the meantime.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    // SAFETY: takes no pointer.
    match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } {
        0 => Ok(Some(file)),
        _ if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => Ok(None),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_leftover_directory_names_match() {
        for name in ["vvp-stress-1", "vvp-stress-4194303-12"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["vvp-stress-", "vvp-stress-x", "vvp-stress-1-", "vvp-stress--1", "vvp-stress-1-2-3", "vvp-1000"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
