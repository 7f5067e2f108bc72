//! Memory pressure, read from text files and created for real.

use crate::tree::Tree;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use vvp_core::queue::Spsc;
use vvp_std_adapter::memory::{
    MemorySample, PressureChange, PressureLevel, PressureMonitor, Psi, Threshold, Thresholds,
};
use vvp_std_adapter::os::{CgroupVersion, System};

#[test]
fn sample_matches_the_files() {
    let v1 = MemorySample::take(&Tree::of("laptop").system());
    let group = v1.cgroup.expect("a group");
    assert_eq!(
        (group.version, group.usage_bytes, group.limit_bytes),
        (CgroupVersion::V1, 97_000_000, Some(100_000_000))
    );
    assert_eq!((group.soft_limit_bytes, group.events.max, group.events.oom_kill), (None, 7, 2));
    assert_eq!(v1.psi.map(|p| (p.some.avg10, p.full.total_us)), Some((2201, 23_456)));
    assert_eq!(v1.swap_total_bytes.zip(v1.swap_free_bytes), Some((8_000_000 << 10, 7_000_000 << 10)));

    let v2 = MemorySample::take(&Tree::of("tuned").system());
    let group = v2.cgroup.expect("a group");
    assert_eq!((group.version, group.usage_bytes, group.limit_bytes), (CgroupVersion::V2, 1 << 20, None));
    assert_eq!(v2.huge_pages.map(|h| (h.total, h.free, h.reserved, h.page_bytes)), Some((512, 500, 3, 2 << 20)));

    assert_eq!(MemorySample::take(&Tree::empty().system()), MemorySample::default());
    let here = MemorySample::take(&System::this());
    assert!(here.rss_bytes > Some(0) && here.minor_faults > Some(0) && here.total_bytes > here.available_bytes);
}

#[test]
fn each_measurement_calls_for_its_level() {
    use PressureLevel::{Critical, Elevated, Normal};
    let calm = MemorySample::take(&Tree::of("tuned").system());
    let level = |now: &MemorySample| Thresholds::default().evaluate(&calm, now).0;
    assert_eq!(level(&calm), Normal);
    let with = |change: &dyn Fn(&mut MemorySample)| {
        let mut sample = calm;
        change(&mut sample);
        level(&sample)
    };
    let psi = |some: u32, full: u32| {
        let line = |n: u32| format!("avg10={}.{:02} avg60=0.00 avg300=0.00 total=1", n / 100, n % 100);
        Psi::parse(&format!("some {}\nfull {}", line(some), line(full)))
    };
    assert_eq!(with(&|s| s.psi = psi(500, 0)), Elevated);
    assert_eq!(with(&|s| s.psi = psi(500, 1000)), Critical);
    assert_eq!(with(&|s| s.available_bytes = Some(0)), Critical);
    assert_eq!(with(&|s| s.swapped_bytes = Some(4096)), Elevated);
    let group =
        |change: fn(&mut vvp_std_adapter::memory::CgroupMemory)| with(&|s| s.cgroup.iter_mut().for_each(change));
    assert_eq!(group(|g| g.limit_bytes = Some(1_200_000)), Elevated);
    assert_eq!(group(|g| g.limit_bytes = Some(1_050_000)), Critical);
    assert_eq!(group(|g| g.events.high = 1), Elevated);
    assert_eq!(group(|g| g.events.max = 1), Elevated);
    assert_eq!(group(|g| g.events.oom_kill = 1), Critical);
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(300), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn change_is_reported_by_callback_queue_and_statistics() {
    static CHANGES: Spsc<PressureChange, 2> = Spsc::new();
    let tree = Tree::of("tuned");
    let called = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&called);
    let monitor = PressureMonitor::builder()
        .system(tree.system())
        .interval(Duration::from_millis(1))
        .calm_samples(3)
        .on_change(move |c| list.lock().expect("no panic").push((c.from, c.to)))
        .queue(CHANGES.producer().expect("free"))
        .start()
        .expect("it starts");
    // A text file is not a pressure file of a kernel.
    assert_eq!(monitor.stats().trigger.window, None);
    use PressureLevel::{Critical, Elevated, Normal};
    let mut expected = Vec::new();
    for (average, from, to) in [("7.00", Normal, Elevated), ("30.00", Elevated, Critical), ("0.00", Critical, Normal)] {
        tree.write("proc/pressure/memory", format!("some avg10={average} avg60=0.00 avg300=0.00 total=0\n").as_bytes());
        until("the level changes", || monitor.level() == to && monitor.stats().level == to);
        expected.push((from, to));
        assert_eq!(*called.lock().expect("no panic"), expected);
        assert_eq!(monitor.stats().last_change.map(|c| (c.from, c.to, c.by_trigger)), Some((from, to, false)));
    }
    assert_eq!((monitor.stats().changes, monitor.stats().changes_not_queued), (3, 1));
    drop(monitor);
    let mut queue = CHANGES.consumer().expect("free");
    assert_eq!(queue.drain().map(|c| (c.from, c.to)).collect::<Vec<_>>(), expected[..2]);
    assert!(CHANGES.producer().is_some(), "the producer was released");
}

/// Creates real pressure once: a file in memory is evicted and read back page by page.
fn press(file: &std::fs::File, bytes: usize) {
    // SAFETY: a new shared mapping with the length of the file, which no process writes.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    assert_ne!(at, libc::MAP_FAILED);
    for _ in 0..2 {
        for page in (0..bytes).step_by(4096) {
            // SAFETY: within the mapping.
            std::hint::black_box(unsafe { at.cast::<u8>().add(page).read_volatile() });
        }
        // SAFETY: our mapping; its contents stay in the file.
        unsafe { libc::madvise(at, bytes, libc::MADV_PAGEOUT) };
    }
    // SAFETY: mapped above, and not used any more.
    unsafe { libc::munmap(at, bytes) };
}

fn stalled_us() -> Option<u64> {
    MemorySample::take(&System::this()).psi.map(|p| p.some.total_us)
}

#[test]
fn real_pressure_triggers_the_kernels_alarm() {
    const BYTES: usize = 128 << 20;
    let Some(before) = stalled_us() else {
        eprintln!("SKIPPED: this kernel reports no pressure (/proc/pressure/memory)");
        return;
    };
    let off = Threshold::OFF;
    let (send, received) = mpsc::channel();
    let monitor = PressureMonitor::builder()
        .interval(Duration::from_millis(100))
        .trigger(Duration::from_millis(1), Duration::from_secs(1))
        .thresholds(Thresholds {
            psi_some_avg10: off,
            psi_full_avg10: off,
            cgroup_used_per_mille: off,
            machine_used_per_mille: off,
            major_faults: off,
            swapped_bytes: off,
        })
        .on_change(move |c| {
            let _ = send.send(*c);
        })
        .start()
        .expect("it starts");
    let trigger = monitor.stats().trigger;
    if trigger.window.is_none() {
        eprintln!("SKIPPED: this kernel grants no trigger: {trigger:?}");
        return;
    }
    let path = format!("{}/pressure-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::write(&path, vec![7; BYTES]).expect("128 MiB of disk");
    let file = std::fs::File::open(&path).expect("just written");
    std::fs::remove_file(&path).expect("just written");
    file.sync_all().expect("on the disk, so that its pages can go");
    let mut seen = None;
    for _ in 0..30 {
        press(&file, BYTES);
        seen = received.recv_timeout(Duration::from_millis(50)).ok();
        if seen.is_some() {
            break;
        }
    }
    let seen = seen.or_else(|| received.recv_timeout(Duration::from_secs(5)).ok());
    let stalled = stalled_us().unwrap_or(0) - before;
    match seen {
        Some(change) => {
            assert_eq!((change.to, change.by_trigger), (PressureLevel::Elevated, true));
            assert!(monitor.stats().triggers > 0);
            eprintln!("seen after {stalled} us of stalls, window {:?}", trigger.window);
        }
        // The alarm needs 2 ms within one window of 2 s; twenty times that over the whole test must
        // have triggered it.
        None if stalled < 40_000 => eprintln!("SKIPPED: no real pressure could be created: {stalled} us of stalls"),
        None => panic!("{stalled} us of stalls and no alarm"),
    }
}
