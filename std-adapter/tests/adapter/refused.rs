//! Every refusal of the system, and the resulting error or outcome.
//!
//! Most come from a filter that makes chosen calls of one thread fail (`refuse.rs`); other users
//! and limits are real ones, in `refused_users.rs`.

use crate::place::{PLAIN, Place, locks_are_real};
use crate::refuse::{Refuse, under};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use vvp_std_adapter::ipc::{ClaimError, Peer, SpscChannel};
use vvp_std_adapter::memory::region::{RegionDir, RegionError, RegionSetting, Request, SharedRegion};
use vvp_std_adapter::memory::{
    JitterMode, JitterMonitor, ManagerError, MapError, MapFileError, MappedFile, MemoryManager, MemorySample, Pages,
    PressureMonitor, Zeroed, populate,
};
use vvp_std_adapter::os::Outcome;
use vvp_std_adapter::os::System;
use vvp_std_adapter::pipeline::Stop;
use vvp_std_adapter::thread::{self, Core, Spawn, SpawnError, WakeLatency};

/// Runs `act` under `rule` and compares its result; does nothing if no filter can be installed.
fn says<R: Send + PartialEq + core::fmt::Debug>(rule: Refuse<'_>, act: impl FnOnce() -> R + Send, expected: R) {
    if let Some(said) = under(&[rule], act) {
        assert_eq!(said, expected, "{rule:?}");
    }
}

/// A `madvise` call; the number is that of `linux/mman.h`.
const fn advice(number: u32, errno: i32) -> Refuse<'static> {
    match number {
        14 => Refuse { call: libc::SYS_madvise, arguments: &[(2, 14)], errno },
        _ => Refuse { call: libc::SYS_madvise, arguments: &[(2, 23)], errno },
    }
}
const HUGE: u32 = libc::MADV_HUGEPAGE as u32;
const POPULATE: u32 = libc::MADV_POPULATE_WRITE as u32;
/// A shared mapping: those of regions and files, but none of the allocator's.
const SHARED: Refuse<'_> =
    Refuse { call: libc::SYS_mmap, arguments: &[(3, libc::MAP_SHARED as u32)], errno: libc::ENOMEM };
/// Refuses further threads.
const NO_THREAD: [Refuse<'_>; 2] =
    [Refuse::all(libc::SYS_clone3, libc::EAGAIN), Refuse::all(libc::SYS_clone, libc::EAGAIN)];

#[test]
fn region_error_names_the_refused_call() {
    let place = Place::made("refused-calls");
    let dir = RegionDir::at(&place.0).expect("ours");
    let anonymous = || SharedRegion::anonymous(1 << 20, &PLAIN).err();
    let named = || SharedRegion::create_in(&dir, "r", 1 << 20, &PLAIN).err();
    let system = |call, errno| Some(RegionError::System { call, errno });
    for errno in [libc::ENFILE, libc::EMFILE, libc::ENOSYS] {
        says(Refuse::all(libc::SYS_memfd_create, errno), anonymous, system("memfd_create", errno));
    }
    for errno in [libc::ENOSPC, libc::ENOMEM, libc::EOPNOTSUPP] {
        says(Refuse::all(libc::SYS_fallocate, errno), anonymous, system("fallocate", errno));
        says(Refuse::all(libc::SYS_fallocate, errno), named, system("fallocate", errno));
    }
    says(Refuse::all(libc::SYS_fallocate, libc::EFBIG), named, Some(RegionError::TooLarge));
    says(SHARED, anonymous, system("mmap", libc::ENOMEM));
    says(SHARED, named, system("mmap", libc::ENOMEM));
    let unnamed = Refuse { call: libc::SYS_openat, arguments: &[(2, TMPFILE)], errno: libc::EOPNOTSUPP };
    says(unnamed, named, system("openat", libc::EOPNOTSUPP));
    says(Refuse::all(libc::SYS_linkat, libc::EPERM), named, system("linkat", libc::EPERM));
    assert!(place.is_empty(), "nothing is left behind");

    drop(SharedRegion::create_in(&dir, "r", 1 << 20, &PLAIN).expect("nothing is refused now"));
    let open = || SharedRegion::open_in(&dir, "r", 1 << 20, &PLAIN).err();
    says(SHARED, open, system("mmap", libc::ENOMEM));
    says(Refuse::all(libc::SYS_openat, libc::EMFILE), open, system("openat", libc::EMFILE));
    says(
        Refuse::all(libc::SYS_unlinkat, libc::EROFS),
        || dir.remove("r"),
        Err(system("unlinkat", libc::EROFS).expect("an error")),
    );
    assert_eq!(open(), None, "it is as it was");
    let at = || RegionDir::at(&place.0).err();
    says(Refuse::all(libc::SYS_openat, libc::EACCES), at, system("open", libc::EACCES));
    for errno in [libc::EACCES, libc::ENOSPC, libc::EMFILE, libc::EIO] {
        let said = RegionError::System { call: "openat", errno }.to_string();
        assert!(said.contains("openat") && said.contains(&format!("errno {errno}")) && said.contains(": "), "{said}");
    }
}

/// The flags of a file without a name.
const TMPFILE: u32 = (libc::O_TMPFILE | libc::O_RDWR | libc::O_CLOEXEC) as u32;

#[test]
fn refused_setting_is_reported_and_required_one_is_an_error() {
    let seal = |errno| Refuse { call: libc::SYS_fcntl, arguments: &[(1, libc::F_ADD_SEALS as u32)], errno };
    let refused = Outcome::Refused;
    let with = |setting: RegionSetting, request: Request| {
        let mut options = PLAIN;
        match setting {
            RegionSetting::HugePages => options.huge_pages = request,
            RegionSetting::Prefault => options.prefault = request,
            RegionSetting::Lock => options.lock = request,
            RegionSetting::Node => options.on_node = request,
            _ => options.seals = request,
        }
        options
    };
    let cases = [
        (RegionSetting::HugePages, advice(HUGE, libc::EINVAL), refused(libc::EINVAL)),
        (RegionSetting::Prefault, advice(POPULATE, libc::ENOMEM), refused(libc::ENOMEM)),
        (RegionSetting::Prefault, advice(POPULATE, libc::EINVAL), refused(libc::EINVAL)),
        (RegionSetting::Lock, Refuse::all(libc::SYS_mlock, libc::EPERM), refused(libc::EPERM)),
        (RegionSetting::Lock, Refuse::all(libc::SYS_mlock, libc::ENOMEM), refused(libc::ENOMEM)),
        (RegionSetting::Lock, Refuse::all(libc::SYS_mlock, libc::EAGAIN), refused(libc::EAGAIN)),
        (RegionSetting::Node, Refuse::all(libc::SYS_mbind, libc::EPERM), refused(libc::EPERM)),
        (RegionSetting::Node, Refuse::all(libc::SYS_mbind, libc::EIO), refused(libc::EIO)),
        (RegionSetting::Node, Refuse::all(libc::SYS_mbind, libc::ENOSYS), Outcome::Unsupported),
        (RegionSetting::Seals, seal(libc::EBUSY), refused(libc::EBUSY)),
        (RegionSetting::Seals, seal(libc::EPERM), Outcome::Unsupported),
    ];
    let locks_are_real = locks_are_real();
    for (setting, rule, outcome) in cases {
        if setting == RegionSetting::Lock && !locks_are_real {
            continue;
        }
        // The pool of huge pages is refused as well, so that the advice counts.
        let no_pool = Refuse {
            call: libc::SYS_memfd_create,
            arguments: &[(1, libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | libc::MFD_HUGETLB)],
            errno: libc::ENOENT,
        };
        let said = under(&[rule, no_pool], || {
            let tried =
                SharedRegion::anonymous(4 << 20, &with(setting, Request::BestEffort)).expect("best effort never fails");
            let outcomes = tried.outcomes();
            // The whole region is usable.
            tried.bytes()[(4 << 20) - 1].store(1, std::sync::atomic::Ordering::Relaxed);
            let required = SharedRegion::anonymous(4 << 20, &with(setting, Request::Required)).err();
            ([outcomes.huge_pages, outcomes.prefault, outcomes.lock, outcomes.node, outcomes.seals], required)
        });
        let Some((outcomes, required)) = said else { return };
        assert_eq!(outcomes.iter().flatten().collect::<Vec<_>>(), [&outcome], "{rule:?}");
        let error = RegionError::RequirementFailed { setting, outcome };
        assert_eq!(required, Some(error), "{rule:?}");
        assert!(error.to_string().ends_with(setting.remedy()));
    }
}

#[test]
fn refused_memory_is_an_error_and_refused_pages_are_an_outcome() {
    const BYTES: u32 = 77 << 20;
    type Big = [u8; BYTES as usize];
    let none = Refuse { call: libc::SYS_mmap, arguments: &[(1, BYTES)], errno: libc::ENOMEM };
    let what = |e: MapError| (e.bytes, e.errno);
    let error = (BYTES as usize, libc::ENOMEM);
    says(none, || Zeroed::<Big>::new(Pages::LAZY).err().map(what), Some(error));
    // Huge pages take 2 MiB more.
    let none_huge = Refuse { arguments: &[(1, BYTES + (2 << 20))], ..none };
    says(none_huge, || Zeroed::<Big>::new(Pages::READY).err().map(what), Some(error));
    says(
        none,
        || {
            let manager = MemoryManager::builder().pages(Pages::LAZY).build().expect("no monitors");
            let refused = matches!(manager.place::<Big>("big"), Err(ManagerError::Map(e)) if what(e) == error);
            (refused, manager.stats().in_use_bytes, manager.stats().objects.len())
        },
        (true, 0, 0),
    );

    let outcomes = |rule, expected| {
        says(
            rule,
            || {
                let mut v = Zeroed::<[u8; 4 << 20]>::new(Pages::READY).expect("best effort never fails");
                v[(4 << 20) - 1] = 1;
                (v.huge_pages(), v.prefaulted())
            },
            expected,
        );
    };
    outcomes(advice(HUGE, libc::EINVAL), (Outcome::Refused(libc::EINVAL), Outcome::Applied));
    outcomes(advice(POPULATE, libc::ENOMEM), (Outcome::Applied, Outcome::Refused(libc::ENOMEM)));
    // The error of a kernel without the call; the pages are then touched one by one.
    outcomes(advice(POPULATE, libc::EINVAL), (Outcome::Applied, Outcome::Applied));
    says(Refuse::all(libc::SYS_openat, libc::EACCES), || populate(1 << 20).is_applied(), false);
}

#[test]
fn mapped_file_error_names_the_refused_call_and_leaves_no_file() {
    let place = Place::made("refused-files");
    let path = place.0.join("f");
    let system = |call, errno| Some(MapFileError::System { call, errno });
    let create = || MappedFile::create(&path, 8192).err();
    for errno in [libc::ENOSPC, libc::EDQUOT, libc::EOPNOTSUPP] {
        says(Refuse::all(libc::SYS_fallocate, errno), create, system("fallocate", errno));
    }
    says(SHARED, create, system("mmap", libc::ENOMEM));
    says(Refuse::all(libc::SYS_openat, libc::EROFS), create, system("open", libc::EROFS));
    assert!(place.is_empty(), "nothing is left behind");
    let file = MappedFile::create(&path, 8192).expect("nothing is refused now");
    says(Refuse::all(libc::SYS_msync, libc::EIO), || file.flush().err(), system("msync", libc::EIO));
    says(
        Refuse::all(libc::SYS_openat, libc::EACCES),
        || MappedFile::read_only(&path).err(),
        system("open", libc::EACCES),
    );
    says(SHARED, || MappedFile::read_write(&path).err(), system("mmap", libc::ENOMEM));
}

#[test]
fn refused_thread_setting_is_reported_and_required_one_starts_no_thread() {
    use thread::SpawnSetting;
    let Some(&cpu) = thread::allowed_cpus().first() else { return };
    let all = || Spawn::new("x").on(Core::Cpu(cpu)).fifo(1).nice(1).timer_slack_ns(1);
    let slack =
        Refuse { call: libc::SYS_prctl, arguments: &[(0, libc::PR_SET_TIMERSLACK as u32)], errno: libc::EINVAL };
    let cases = [
        (SpawnSetting::Core, Refuse::all(libc::SYS_sched_setaffinity, libc::EPERM)),
        (SpawnSetting::Fifo, Refuse::all(libc::SYS_sched_setscheduler, libc::EPERM)),
        (SpawnSetting::Nice, Refuse::all(libc::SYS_setpriority, libc::EACCES)),
        (SpawnSetting::TimerSlack, slack),
    ];
    for (setting, rule) in cases {
        let outcome = Outcome::Refused(rule.errno);
        let Some((reported, required)) = under(&[rule], || {
            let spawned = all().start(|| 7).expect("nothing is required");
            let reported = spawned.outcomes.clone();
            assert_eq!(spawned.join().expect("no panic"), 7);
            (reported, all().require(setting).start(|| ()).err())
        }) else {
            return;
        };
        assert!(reported.contains(&(setting, outcome)), "{reported:?}");
        assert!(
            matches!(required, Some(SpawnError::RequirementFailed(k, a)) if (k, a) == (setting, outcome)),
            "{required:?}"
        );
    }
    let none = under(&NO_THREAD, || all().start(|| ()).err());
    assert!(matches!(none, None | Some(Some(SpawnError::System(_)))), "{none:?}");
    let hold = || WakeLatency::hold(0).err();
    says(Refuse::all(libc::SYS_openat, libc::EACCES), hold, Some(Outcome::Refused(libc::EACCES)));
    says(Refuse::all(libc::SYS_openat, libc::ENOENT), hold, Some(Outcome::Unsupported));
    says(Refuse::all(libc::SYS_sched_getaffinity, libc::EPERM), thread::allowed_cpus, Vec::new());
}

#[test]
fn refused_monitor_is_an_error_or_continues_without() {
    let errno = |e: io::Error| e.raw_os_error();
    let pressure = || PressureMonitor::builder().interval(Duration::from_millis(1)).start();
    let jitter = || JitterMonitor::start(&[0], JitterMode::Timer(Duration::from_millis(1)), u64::MAX, |_| ());
    let no_eventfd = Refuse::all(libc::SYS_eventfd2, libc::EMFILE);
    says(no_eventfd, || pressure().err().and_then(errno), Some(libc::EMFILE));
    says(no_eventfd, || Stop::new().err().and_then(errno), Some(libc::EMFILE));
    for said in
        [under(&NO_THREAD, || pressure().err().and_then(errno)), under(&NO_THREAD, || jitter().err().and_then(errno))]
    {
        assert!(matches!(said, None | Some(Some(libc::EAGAIN))), "{said:?}");
    }
    under(&[Refuse::all(libc::SYS_openat, libc::EACCES)], || {
        let monitor = pressure().expect("empty samples, and no alarm");
        until("a sample", || monitor.stats().samples > 0);
        let stats = monitor.stats();
        assert_eq!((stats.sample, stats.trigger.window), (MemorySample::default(), None));
        assert_eq!(stats.trigger.outcome, Outcome::Refused(libc::EACCES));
        assert_eq!(MemorySample::take(&System::this()), MemorySample::default());
    });
    under(&[Refuse::all(libc::SYS_sched_setaffinity, libc::EPERM)], || {
        let monitor = jitter().expect("it measures unpinned");
        until("a stall", || monitor.cores().iter().all(|core| !core.stalls.is_empty()));
        assert!(monitor.cores().iter().all(|core| core.pinned == Outcome::Refused(libc::EPERM)));
    });
}

/// Every way to open `/proc`, and any other file.
const NO_PROC: Refuse<'_> = Refuse::all(libc::SYS_openat, libc::ENOENT);
type Channel = SpscChannel<u64, 8>;

fn lives(peer: Peer) -> bool {
    matches!(peer, Peer::Alive(token) if token.pid() == std::process::id())
}

#[test]
fn endpoints_and_peers_work_without_proc() {
    let channel = Channel::anonymous(&PLAIN).expect("memory");
    let Some(()) = under(&[NO_PROC], || {
        let fresh = Channel::anonymous(&PLAIN).expect("memory");
        assert!(fresh.region().sees_deaths() && channel.region().sees_deaths());
        for channel in [&fresh, &channel] {
            let (tx, rx) = (channel.sender().expect("free"), channel.receiver().expect("free"));
            assert!(lives(tx.peer()) && lives(rx.peer()));
            assert_eq!(channel.sender().err(), Some(ClaimError::Taken { pid: std::process::id() }));
            drop(rx);
            assert_eq!(tx.peer(), Peer::Absent);
        }
    }) else {
        return;
    };
    assert!(channel.sender().is_ok(), "the endpoint was released");
}

#[test]
fn shared_description_never_reports_a_live_owner_dead() {
    let channel = Channel::anonymous(&PLAIN).expect("memory");
    let copy = channel.fd().expect("a descriptor");
    let copies = [copy.try_clone().expect("a descriptor"), copy];
    let Some([one, two]) = under(&[NO_PROC], || copies.map(|fd| Channel::from_fd(fd, &PLAIN).expect("memory"))) else {
        return;
    };
    assert!(channel.region().sees_deaths() && !one.region().sees_deaths() && !two.region().sees_deaths());
    let taken = Some(ClaimError::Taken { pid: std::process::id() });
    // Endpoints of processes that share a description: owned, for each other and for those that can
    // lock.
    let (tx, rx) = (one.sender().expect("free"), two.receiver().expect("free"));
    assert!(lives(tx.peer()) && lives(rx.peer()));
    for other in [&channel, &one, &two] {
        assert_eq!((other.sender().err(), other.receiver().err()), (taken, taken));
    }
    drop(tx);
    assert_eq!(rx.peer(), Peer::Absent);
    // Endpoints of a process that can lock: owned, for those that cannot.
    let tx = channel.sender().expect("released");
    assert!(lives(rx.peer()) && lives(tx.peer()));
    assert_eq!((one.sender().err(), two.sender().err()), (taken, taken));
    drop((tx, rx));
    assert!(two.sender().is_ok() && channel.sender().is_ok() && one.receiver().is_ok() && channel.receiver().is_ok());
}

#[test]
fn failed_lock_query_is_no_death_and_failed_lock_is_no_claim() {
    let channel = Channel::anonymous(&PLAIN).expect("memory");
    let other = Channel::from_fd(channel.fd().expect("a descriptor"), &PLAIN).expect("memory");
    assert!(other.region().sees_deaths());
    let (mut tx, mut rx) = (channel.sender().expect("free"), other.receiver().expect("free"));
    let (ask, set) = (libc::F_OFD_GETLK.cast_unsigned(), libc::F_OFD_SETLK.cast_unsigned());
    for errno in [libc::ENOLCK, libc::EBADF, libc::EINVAL, libc::ENOMEM] {
        let mute = Refuse { call: libc::SYS_fcntl, arguments: &[(1, ask)], errno };
        let ends = (&mut tx, &mut rx);
        says(mute, move || (lives(ends.0.peer()), lives(ends.1.peer())), (true, true));
    }
    drop(tx);
    for errno in [libc::ENOLCK, libc::EINVAL] {
        let mute = Refuse { call: libc::SYS_fcntl, arguments: &[(1, set)], errno };
        says(mute, || channel.sender().err(), Some(ClaimError::NotLocked { errno }));
        let place = Place::made("no-locks");
        let error = RegionError::System { call: "fcntl", errno };
        says(mute, || Channel::create_in(&place.dir(), "c", &PLAIN).err(), Some(error));
        assert!(place.is_empty(), "nothing is left behind");
    }
    assert!(channel.sender().is_ok(), "the endpoint is unchanged");
    let fd = channel.fd().expect("a descriptor");
    let full = Refuse::all(libc::SYS_openat, libc::EMFILE);
    let error = RegionError::System { call: "open", errno: libc::EMFILE };
    says(full, || Channel::from_fd(fd.try_clone().expect("one"), &PLAIN).err(), Some(error));
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn filter_refuses_only_the_given_calls() {
    let rules = [Refuse { call: libc::SYS_fcntl, arguments: &[(1, 77), (2, 5)], errno: libc::EXDEV }];
    let Some(said) = under(&rules, || {
        // SAFETY: no such command, and no such descriptor.
        let ask = |command, argument: libc::c_int| unsafe { libc::fcntl(-1, command, argument) };
        [(77, 5), (77, 6), (78, 5)].map(|(command, argument)| {
            assert_eq!(ask(command, argument), -1);
            io::Error::last_os_error().raw_os_error()
        })
    }) else {
        return;
    };
    assert_eq!(said, [Some(libc::EXDEV), Some(libc::EBADF), Some(libc::EBADF)]);
    assert!(Path::new("/proc/self").exists(), "other threads have no filter");
}
