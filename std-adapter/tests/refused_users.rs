//! Refusals of a real kernel: to another user, to one with little lockable memory, and to one with
//! little address space.
//!
//! Each test runs a process of its own, which first drops its privileges.

#[path = "adapter/part.rs"]
mod part;
#[path = "adapter/place.rs"]
mod place;

use part::{Part, given};
use place::{PLAIN, Place, locks_are_real};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use vvp_std_adapter::memory::region::{RegionDir, RegionError, RegionOptions, RegionSetting, Request, SharedRegion};
use vvp_std_adapter::memory::{MapFileError, MappedFile, Pages, Zeroed};
use vvp_std_adapter::os::Outcome;
use vvp_std_adapter::pipeline::processes::{PipelineDirectory, StageError};
use vvp_std_adapter::thread::{set_fifo, set_nice};

/// The unprivileged user of most systems; any user but the test's own would do.
const NOBODY: libc::uid_t = 65_534;

fn limit(resource: libc::__rlimit_resource_t, to: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: to, rlim_max: to };
    // SAFETY: the structure outlives the call.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}

/// Changes the user of all threads of this process to one without privileges. Returns whether it
/// was root and succeeded.
fn drop_privileges() -> bool {
    // SAFETY: takes no pointer that is used: no groups.
    let groups = unsafe { libc::setgroups(0, core::ptr::null()) };
    // SAFETY: takes no pointer.
    let group = unsafe { libc::setresgid(NOBODY, NOBODY, NOBODY) };
    // SAFETY: takes no pointer.
    let user = unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) };
    // SAFETY: sets a flag; takes no pointer. A process that changed its user is not dumpable, which
    // a leak checker requires.
    let dumpable = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1 as libc::c_ulong) };
    (groups, group, user, dumpable) == (0, 0, 0, 0)
}

fn is_root(what: &str) -> bool {
    // SAFETY: takes no pointer.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        eprintln!("SKIPPED: {what}: only root can become another user");
    }
    root
}

#[test]
fn part_with_nothing_to_lock() {
    let Some(place) = given() else { return };
    let (path, bytes) = place.split_once(':').expect("a directory and a limit");
    let bytes: libc::rlim_t = bytes.parse().expect("a number");
    limit(libc::RLIMIT_MEMLOCK, bytes);
    drop_privileges();
    // EPERM without any allowance; ENOMEM with one that is too small.
    let errno = if bytes == 0 { libc::EPERM } else { libc::ENOMEM };
    let outcome = Outcome::Refused(errno);
    let region = SharedRegion::anonymous(1 << 20, &RegionOptions::READY).expect("a region all the same");
    assert_eq!((region.outcomes().lock, region.outcomes().prefault), (Some(outcome), Some(Outcome::Applied)));
    let required = RegionOptions { lock: Request::Required, ..PLAIN };
    let error = RegionError::RequirementFailed { setting: RegionSetting::Lock, outcome };
    assert_eq!(SharedRegion::anonymous(1 << 20, &required).err(), Some(error));
    assert!(error.to_string().contains("ulimit -l"), "{error}");
    let dir = RegionDir::at(path.as_ref()).expect("made for us");
    assert_eq!(SharedRegion::create_in(&dir, "r", 1 << 20, &required).err(), Some(error));
    assert_eq!(std::fs::read_dir(path).expect("ours").count(), 0, "nothing is left behind");
    if bytes > 0 {
        let small = SharedRegion::anonymous(1, &required).expect("within the limit");
        assert_eq!(small.outcomes().lock, Some(Outcome::Applied));
    }
}

#[test]
fn memory_beyond_the_lock_limit_is_refused_if_required() {
    if !locks_are_real() {
        return;
    }
    // SAFETY: takes no pointer.
    let root = unsafe { libc::geteuid() } == 0;
    for bytes in ["0", "65536"] {
        let place = Place::made(&format!("users-lock-{bytes}"));
        if root {
            std::os::unix::fs::chown(&place.0, Some(NOBODY), Some(NOBODY)).expect("root");
        }
        std::fs::set_permissions(&place.0, PermissionsExt::from_mode(0o700)).expect("ours");
        Part::start("part_with_nothing_to_lock", &format!("{}:{bytes}", place.text())).succeeds();
    }
}

#[test]
fn part_of_another_user() {
    let Some(path) = given() else { return };
    let path = PathBuf::from(path);
    let uid = std::fs::metadata(&path).expect("made by the test").uid();
    // Opened with privileges, used without.
    let open_dir = RegionDir::at(&path.join("regions")).expect("made by the test");
    let memfd = SharedRegion::anonymous(1 << 20, &PLAIN).expect("memory");
    assert!(drop_privileges());
    let foreign = RegionError::ForeignOwner { uid };
    let system = |call| RegionError::System { call, errno: libc::EACCES };
    let at = |name: &str| RegionDir::at(&path.join(name)).err();
    assert_eq!(at("shut"), Some(system("open")), "a directory of mode 0700");
    assert_eq!(at("for-all"), Some(foreign), "one that others can read");
    assert_eq!(at("none"), Some(system("mkdir")), "nor can one be made");
    let open = |name| SharedRegion::open_in(&open_dir, name, 1 << 20, &PLAIN).err();
    assert_eq!(open("closed"), Some(foreign), "mode 0600");
    assert_eq!(open("readable"), Some(foreign), "mode 0644");
    let create = || SharedRegion::create_in(&open_dir, "r", 1 << 20, &PLAIN).err();
    assert_eq!(create(), Some(system("openat")));
    assert_eq!(open_dir.remove("closed"), Err(system("unlinkat")));
    let fd = memfd.fd().try_clone_to_owned().expect("a descriptor");
    assert_eq!(SharedRegion::from_fd(fd, 1 << 20, &PLAIN).err(), Some(foreign), "not by its descriptor either");
    for error in [foreign, system("open")] {
        assert!(error.to_string().contains("owner") || error.to_string().contains("owns"), "{error}");
    }

    let denied = |call| Some(MapFileError::System { call, errno: libc::EACCES });
    let (closed, readable) = (path.join("for-all/closed"), path.join("for-all/readable"));
    assert_eq!(MappedFile::read_only(&closed).err(), denied("open"));
    assert_eq!(MappedFile::read_write(&readable).err(), denied("open"));
    assert_eq!(MappedFile::read_only(&readable).map(|file| file.len()), Ok(8192));
    assert_eq!(MappedFile::create(path.join("for-all/new"), 1).err(), denied("open"));

    let pipeline = PipelineDirectory::open(&path.join("for-all"));
    assert!(matches!(pipeline.err(), Some(StageError::Region(error)) if error == foreign));

    // Threads do not get what needs privileges either.
    limit(libc::RLIMIT_RTPRIO, 0);
    limit(libc::RLIMIT_NICE, 0);
    assert_eq!(set_fifo(1), Outcome::Refused(libc::EPERM));
    assert_eq!(set_nice(-1), Outcome::Refused(libc::EACCES));
}

#[test]
fn files_of_another_user_are_rejected() {
    if !is_root("another user's regions") {
        return;
    }
    let place = Place::made("users-other");
    let mode = |name: &str, mode| {
        let path = if name.is_empty() { place.0.clone() } else { place.0.join(name) };
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("ours");
    };
    mode("", 0o755);
    let dir = RegionDir::at(&place.0.join("regions")).expect("ours");
    for name in ["closed", "readable"] {
        drop(SharedRegion::create_in(&dir, name, 1 << 20, &PLAIN).expect("fresh"));
    }
    mode("regions", 0o755);
    mode("regions/readable", 0o644);
    RegionDir::at(&place.0.join("shut")).expect("ours");
    std::fs::create_dir(place.0.join("for-all")).expect("room");
    for name in ["for-all/closed", "for-all/readable"] {
        drop(MappedFile::create(place.0.join(name), 8192).expect("room"));
    }
    mode("for-all", 0o755);
    mode("for-all/readable", 0o644);
    Part::start("part_of_another_user", place.text()).succeeds();
}

#[test]
fn part_with_little_address_space() {
    if given().is_none() {
        return;
    }
    let text = std::fs::read_to_string("/proc/self/statm").expect("/proc");
    let pages: u64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number of pages");
    limit(libc::RLIMIT_AS, pages * 4096 + (64 << 20));
    let error = Zeroed::<[u8; 256 << 20]>::new(Pages::READY).expect_err("there is not as much");
    assert_eq!((error.bytes, error.errno), (256 << 20, libc::ENOMEM));
    let error = SharedRegion::anonymous(256 << 20, &PLAIN).err();
    let known = [Some(RegionError::System { call: "mmap", errno: libc::ENOMEM })];
    assert!(known.contains(&error) || matches!(error, Some(RegionError::NotEnoughMemory { .. })), "{error:?}");
    assert!(Zeroed::<[u8; 1 << 20]>::new(Pages::READY).is_ok(), "the rest is available");
}

#[test]
fn refused_address_space_is_an_error() {
    Part::start("part_with_little_address_space", "").succeeds();
}
