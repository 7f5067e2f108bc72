//! Threads that must not allocate.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use vvp_std_adapter::memory::{AllocGuard, AllocationRate, CountingAllocator, OnAllocation};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[inline(never)]
fn the_culprit() {
    drop(black_box(Vec::<u8>::with_capacity(100)));
}

#[test]
fn armed_thread_records_the_first_allocation_and_counts_all() {
    let mut buffer = Vec::<u8>::with_capacity(64);
    let guard = AllocGuard::arm(OnAllocation::Record);
    buffer.extend([7; 64]);
    drop(buffer);
    assert!(guard.check() && guard.first().is_none());
    the_culprit();
    drop(black_box(Box::new(7_u64)));
    assert_eq!((guard.allocations().calls, guard.allocations().bytes), (2, 108));
    let first = guard.first().expect("seen");
    assert_eq!(first.bytes, 100);
    assert!(first.backtrace.to_string().contains("the_culprit"), "{}", first.backtrace);
    assert!(!guard.check());
}

#[test]
fn guard_arms_only_its_thread_and_only_while_it_lives() {
    let guard = AllocGuard::arm(OnAllocation::Record);
    let inner = AllocGuard::arm(OnAllocation::Record);
    the_culprit();
    assert_eq!(inner.allocations().calls, 1);
    drop(inner);
    // The allocation of the inner guard itself counted for the outer one.
    let before = guard.allocations().calls;
    the_culprit();
    assert_eq!(guard.allocations().calls, before + 1);
    drop(guard);
    the_culprit();
    let guard = std::thread::scope(|scope| {
        let (go, start) = std::sync::mpsc::channel::<()>();
        let other = scope.spawn(move || {
            let _ = start.recv();
            the_culprit();
        });
        let guard = AllocGuard::arm(OnAllocation::Record);
        drop(go);
        while !other.is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(guard.allocations().calls, 0);
        guard
    });
    drop(guard);
}

#[test]
fn guards_can_be_dropped_in_any_order() {
    let mut guards: Vec<_> = (0..4).map(|_| AllocGuard::arm(OnAllocation::Record)).collect();
    drop(guards.remove(2));
    drop(guards.remove(2));
    let before = guards[1].allocations().calls;
    the_culprit();
    assert_eq!(guards[1].allocations().calls, before + 1);
    drop(guards.remove(0));
    the_culprit();
    assert_eq!(guards[0].allocations().calls, before + 2);
}

#[test]
fn check_or_drop_panics_with_the_backtrace() {
    for check in [false, true] {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let guard = AllocGuard::arm(OnAllocation::Panic);
            the_culprit();
            if check {
                guard.check();
            }
        }))
        .expect_err("it allocated");
        let text = panic.downcast_ref::<String>().expect("a text");
        assert!(text.contains("100 bytes") && text.contains("the_culprit"), "{text}");
    }
    drop(AllocGuard::arm(OnAllocation::Panic));
}

/// Runs itself again as a process of its own, which aborts.
#[test]
fn abort_is_immediate_and_prints_the_backtrace() {
    const MARK: &str = "VVP_TEST_ABORT";
    if std::env::var_os(MARK).is_some() {
        let _guard = AllocGuard::arm(OnAllocation::Abort);
        the_culprit();
        std::process::exit(0);
    }
    let name = "abort_is_immediate_and_prints_the_backtrace";
    let test = std::env::current_exe().expect("this test");
    let ran = Command::new(test).args([name, "--exact", "--nocapture"]).env(MARK, "1").output().expect("it starts");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ran.status), Some(libc::SIGABRT), "{said}");
    assert!(said.contains("100 bytes") && said.contains("the_culprit"), "{said}");
}

#[test]
fn rate_counts_allocations_since_the_last_sample() {
    let mut rate = AllocationRate::start();
    the_culprit();
    let seen = rate.sample();
    assert!(seen.bytes >= seen.calls && seen.calls > 0, "{seen:?}");
}
