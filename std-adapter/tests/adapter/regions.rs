//! Regions: outcomes of requests, and errors.

use crate::place::{PLAIN, Place};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use vvp_std_adapter::memory::region::{
    Region, RegionDir, RegionError, RegionOptions, RegionSetting, Request, SharedRegion,
};
use vvp_std_adapter::os::Outcome;

type Words = [AtomicU64; 1000];

fn words(dir: &RegionDir, name: &str) -> Result<Region<Words>, RegionError> {
    Region::open_in(dir, name, &PLAIN)
}

#[test]
fn two_mappings_share_their_contents() {
    let place = Place::new("shared");
    let dir = place.dir();
    let a = Region::<Words>::create_in(&dir, "words", &PLAIN, |w| w[0].store(5, Ordering::Relaxed)).expect("fresh");
    let b = words(&dir, "words").expect("there");
    assert_eq!(b[0].load(Ordering::Relaxed), 5);
    a[999].store(7, Ordering::Relaxed);
    assert_eq!(b[999].load(Ordering::Relaxed), 7);
    assert_eq!(b.region().creator().map(|c| c.pid()), Some(std::process::id()));
    assert!(a.region().sees_deaths() && b.region().sees_deaths());
    let beats = b.region().beats();
    a.region().beat();
    assert_eq!(b.region().beats(), beats + 1);
    let mode = std::fs::metadata(place.0.join("words")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let taken = Region::<Words>::create_in(&dir, "words", &PLAIN, |_| ());
    assert_eq!(taken.err(), Some(RegionError::Exists));
    dir.remove("words").expect("there");
    assert_eq!(words(&dir, "words").err(), Some(RegionError::Missing));
    assert_eq!(dir.remove("words"), Err(RegionError::Missing));
    assert_eq!(b[999].load(Ordering::Relaxed), 7, "open mappings stay valid");
}

#[test]
fn region_names_cannot_leave_their_directory() {
    let place = Place::new("names");
    let dir = place.dir();
    let long = "x".repeat(101);
    for name in ["", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a b", "ü", "a\0b", long.as_str()] {
        assert_eq!(words(&dir, name).err(), Some(RegionError::BadName), "{name:?}");
        assert_eq!(dir.remove(name), Err(RegionError::BadName), "{name:?}");
        let made = Region::<Words>::create_in(&dir, name, &PLAIN, |_| ());
        assert_eq!(made.err(), Some(RegionError::BadName), "{name:?}");
    }
    Region::<Words>::create_in(&dir, "real", &PLAIN, |_| ()).expect("fresh");
    symlink(place.0.join("real"), place.0.join("link")).expect("a link");
    assert_eq!(words(&dir, "link").err(), Some(RegionError::NotARegion), "links are not followed");
    std::fs::create_dir(place.0.join("dir")).expect("a directory");
    assert_eq!(words(&dir, "dir").err(), Some(RegionError::NotARegion));
    let link = Place::new("names-link");
    symlink(&place.0, &link.0).expect("a link");
    assert!(matches!(RegionDir::at(&link.0), Err(RegionError::System { call: "open", .. })), "nor to a directory");
    std::fs::remove_file(&link.0).expect("ours");
}

#[test]
fn malformed_files_are_rejected_with_typed_errors() {
    let place = Place::new("wrong");
    let dir = place.dir();
    let put = |at: usize, bytes: &[u8]| {
        let _ = dir.remove("r");
        drop(Region::<Words>::create_in(&dir, "r", &PLAIN, |_| ()).expect("fresh"));
        let mut file = std::fs::read(place.0.join("r")).expect("ours");
        file[at..at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(place.0.join("r"), file).expect("ours");
        words(&dir, "r").err()
    };
    assert_eq!(put(0, b"VVP"), None);
    assert_eq!(put(0, b"X"), Some(RegionError::NotARegion));
    assert_eq!(put(8, &[9]), Some(RegionError::OtherVersion { found: 9 }));
    assert!(matches!(put(24, &[0; 8]), Some(RegionError::OtherLayout { found: 0, .. })));
    assert!(matches!(put(32, &[0xff; 8]), Some(RegionError::TooSmall { needed_bytes: u64::MAX, .. })));
    assert_eq!(put(48, &[0xff; 8]), None, "reserved");
    // Not ready, and its creator has lost its lock, although a process of that number exists: this
    // one.
    assert_eq!(put(16, &[0]), Some(RegionError::HalfMade { pid: std::process::id() }));
    assert_eq!(put(16, &[7]), Some(RegionError::HalfMade { pid: std::process::id() }));
    let whole = std::fs::read(place.0.join("r")).expect("ours");
    let mut half = whole.clone();
    half[16] = 0;
    half[40..48].copy_from_slice(&77_u64.to_ne_bytes());
    std::fs::write(place.0.join("r"), &half).expect("ours");
    assert_eq!(words(&dir, "r").err(), Some(RegionError::HalfMade { pid: 77 }));

    for len in [0, 1, 4095] {
        std::fs::write(place.0.join("r"), &whole[..len]).expect("ours");
        let found = RegionError::TooSmall { needed_bytes: 4096, found_bytes: len as u64 };
        assert_eq!(words(&dir, "r").err(), Some(found));
    }
    std::fs::write(place.0.join("r"), &whole[..8192]).expect("ours");
    assert!(matches!(words(&dir, "r").err(), Some(RegionError::TooSmall { found_bytes: 8192, .. })));

    Region::<[AtomicU64; 999]>::create_in(&dir, "other", &PLAIN, |_| ()).expect("fresh");
    assert!(matches!(words(&dir, "other").err(), Some(RegionError::OtherLayout { .. })), "another const parameter");
}

#[test]
fn unfinished_region_is_not_ready_and_abandoned_one_is_half_made() {
    let place = Place::new("making");
    let dir = place.dir();
    let pid = std::process::id();
    let made = Region::<Words>::create_in(&dir, "r", &PLAIN, |_| {
        assert_eq!(words(&dir, "r").err(), Some(RegionError::NotReady { pid }));
        assert_eq!(words(&dir, "r").err(), Some(RegionError::NotReady { pid }), "a failed open changes nothing");
    });
    assert!(made.is_ok() && words(&dir, "r").is_ok());
    let gave_up = std::panic::catch_unwind(|| {
        Region::<Words>::create_in(&dir, "half", &PLAIN, |_| std::panic::resume_unwind(Box::new("no more")))
    });
    assert!(gave_up.is_err());
    assert_eq!(words(&dir, "half").err(), Some(RegionError::HalfMade { pid }));
}

#[test]
fn files_that_others_can_write_are_rejected() {
    let place = Place::new("owner");
    let dir = place.dir();
    drop(Region::<Words>::create_in(&dir, "r", &PLAIN, |_| ()).expect("fresh"));
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(place.0.join("r")).expect("ours"));
    std::fs::set_permissions(place.0.join("r"), PermissionsExt::from_mode(0o622)).expect("ours");
    assert_eq!(words(&dir, "r").err(), Some(RegionError::ForeignOwner { uid }), "others may write to it");
    if std::os::unix::fs::chown(place.0.join("r"), Some(12_345), None).is_ok() {
        std::fs::set_permissions(place.0.join("r"), PermissionsExt::from_mode(0o600)).expect("root");
        assert_eq!(words(&dir, "r").err(), Some(RegionError::ForeignOwner { uid: 12_345 }));
    }
    let open = Place::new("open");
    std::fs::DirBuilder::new().mode(0o700).create(&open.0).expect("fresh");
    std::fs::set_permissions(&open.0, PermissionsExt::from_mode(0o777)).expect("ours");
    assert_eq!(RegionDir::at(&open.0).err(), Some(RegionError::ForeignOwner { uid }));
    let nowhere = RegionDir::at(&PathBuf::from("/proc/nowhere/x"));
    assert!(matches!(nowhere.err(), Some(RegionError::System { call: "mkdir", errno: libc::ENOENT })));
}

#[test]
fn every_request_has_an_outcome() {
    let all = RegionOptions { on_node: Request::BestEffort, ..RegionOptions::READY };
    let region = SharedRegion::anonymous(4 << 20, &all).expect("4 MiB");
    let outcomes = region.outcomes();
    for outcome in [outcomes.huge_pages, outcomes.prefault, outcomes.lock, outcomes.node, outcomes.seals] {
        assert!(outcome.is_some(), "{outcomes:?}");
    }
    assert_eq!((outcomes.prefault, outcomes.seals), (Some(Outcome::Applied), Some(Outcome::Applied)));
    assert!(region.bytes().iter().all(|b| b.load(Ordering::Relaxed) == 0));
    // Sealed: no process can truncate the memory.
    let file = std::fs::File::from(region.fd().try_clone_to_owned().expect("a descriptor"));
    assert_eq!(file.set_len(4096).err().and_then(|e| e.raw_os_error()), Some(libc::EPERM));
    let other = SharedRegion::from_fd(file.into(), 4 << 20, &RegionOptions { seals: Request::Required, ..PLAIN })
        .expect("same");
    region.bytes()[12_345].store(1, Ordering::Relaxed);
    assert_eq!(other.bytes()[12_345].load(Ordering::Relaxed), 1);
    assert_eq!(SharedRegion::anonymous(1, &PLAIN).expect("a page").outcomes(), Default::default());
}

#[test]
fn required_setting_that_is_unavailable_is_an_error() {
    let place = Place::new("require");
    let dir = place.dir();
    let refused = |options: RegionOptions, size| SharedRegion::create_in(&dir, "r", size, &options).err();
    // A region shorter than a huge page has none; named files have no seals; there is no node 1023.
    let huge = RegionOptions { huge_pages: Request::Required, ..PLAIN };
    let outcome = Outcome::Unsupported;
    assert_eq!(refused(huge, 1), Some(RegionError::RequirementFailed { setting: RegionSetting::HugePages, outcome }));
    let seals = RegionOptions { seals: Request::Required, ..PLAIN };
    assert_eq!(refused(seals, 1), Some(RegionError::RequirementFailed { setting: RegionSetting::Seals, outcome }));
    for (node, errno) in [(1023, libc::EINVAL), (u16::MAX, libc::EINVAL)] {
        let options = RegionOptions { on_node: Request::Required, node, ..PLAIN };
        match refused(options, 1) {
            Some(RegionError::RequirementFailed { setting: RegionSetting::Node, outcome: Outcome::Refused(e) }) => {
                assert!(e == errno || e == libc::EPERM)
            }
            Some(RegionError::RequirementFailed { setting: RegionSetting::Node, outcome: Outcome::Unsupported }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(std::fs::read_dir(&place.0).expect("ours").count(), 0, "nothing is left behind");
}

#[test]
fn too_large_region_is_rejected() {
    let place = Place::new("much");
    let dir = place.dir();
    let ask = |size| SharedRegion::create_in(&dir, "r", size, &PLAIN).err();
    assert_eq!(ask(usize::MAX), Some(RegionError::TooLarge));
    assert_eq!(ask(usize::MAX - 4096), Some(RegionError::TooLarge));
    // More than the memory of the machine: refused before the kernel is asked, not when it is
    // touched.
    let more = [ask(1 << 50), SharedRegion::anonymous(1 << 50, &PLAIN).err()];
    for error in more {
        let Some(RegionError::NotEnoughMemory { needed_bytes, available_bytes }) = error else { panic!("{error:?}") };
        assert!(needed_bytes > 1 << 50 && available_bytes < 1 << 50);
        assert!(error.is_some_and(|e| e.to_string().contains("ask for less")));
    }
    assert_eq!(std::fs::read_dir(&place.0).expect("ours").count(), 0);
}

#[test]
fn part_that_touches_what_is_gone() {
    let Some(path) = crate::part::given() else { return };
    let region = words(&RegionDir::at(path.as_ref()).expect("made by the test"), "r").expect("whole");
    region[999].store(1, Ordering::Relaxed);
    std::fs::File::options().write(true).open(format!("{path}/r")).expect("ours").set_len(4096).expect("ours");
    region[999].store(2, Ordering::Relaxed);
    unreachable!("the memory is gone");
}

#[test]
fn touching_a_truncated_region_is_sigbus() {
    use std::os::unix::process::ExitStatusExt;
    if crate::part::given().is_some() {
        return;
    }
    let place = Place::new("cut");
    let dir = place.dir();
    drop(Region::<Words>::create_in(&dir, "r", &PLAIN, |_| ()).expect("fresh"));
    let status =
        crate::part::Part::start("part_that_touches_what_is_gone", place.0.to_str().expect("plain letters")).end();
    // A sanitizer ends the process with a code of its own.
    assert!(
        status.signal() == Some(libc::SIGBUS) || (status.code().is_some_and(|code| code != 0 && code != 101)),
        "{status}"
    );
    assert!(matches!(words(&dir, "r").err(), Some(RegionError::TooSmall { .. })), "the next open fails");
}
