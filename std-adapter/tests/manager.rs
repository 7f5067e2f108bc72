//! The memory manager: allocation, refusals, and statistics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vvp_core::engine::Matcher;
use vvp_std_adapter::engine::SmallEngine;
use vvp_std_adapter::memory::region::RegionOptions;
use vvp_std_adapter::memory::{CountingAllocator, ManagerError, MemoryManager, Pages};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn objects_are_registered_by_name_until_dropped() {
    let manager = MemoryManager::builder().pages(Pages::LAZY).build().expect("no monitor");
    let queue = manager.create_queue::<u64, 64>("orders").expect("memory");
    let pool = manager.create_pool::<[u64; 4], 16>("parties").expect("memory");
    assert!(matches!(manager.create_queue::<u8, 2>("orders"), Err(ManagerError::NameTaken)));
    for n in 0..5 {
        queue.producer().expect("free").push(n).expect("room");
    }
    queue.consumer().expect("free").pop().expect("one");
    let held = pool.acquire_with(|| [7; 4]).expect("free");
    let stats = manager.stats();
    let names: Vec<&str> = stats.objects.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["orders", "parties"]);
    let usage = stats.objects[0].usage.expect("a queue reports");
    assert_eq!((usage.capacity, usage.in_use, usage.taken, usage.given_back), (64, 4, 5, 1));
    let usage = stats.objects[1].usage.expect("a pool reports");
    assert_eq!((usage.capacity, usage.in_use, usage.high_water), (16, 1, 1));
    assert_eq!(stats.in_use_bytes, stats.objects.iter().map(|o| o.bytes).sum::<u64>());
    drop(held);
    let most = stats.in_use_bytes;
    drop(queue);
    let stats = manager.stats();
    assert_eq!((stats.objects.len(), stats.peak_bytes), (1, most));
    assert_eq!(stats.in_use_bytes, stats.objects[0].bytes);
    manager.create_queue::<u8, 2>("orders").expect("the name is free again");
}

#[test]
fn budget_bounds_all_threads_together() {
    const SIZE: usize = 1 << 16;
    let manager = MemoryManager::builder().budget_bytes(10 * SIZE as u64 + 1).pages(Pages::LAZY).build().expect("fine");
    let made = AtomicU64::new(0);
    // Objects are dropped only after all threads have asked.
    let kept_by_all = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (manager, made, kept_by_all) = (&manager, &made, &kept_by_all);
            scope.spawn(move || {
                let mut kept = Vec::new();
                for n in 0..8 {
                    match manager.place::<[u8; SIZE]>(&format!("{thread}-{n}")) {
                        Ok(placed) => {
                            made.fetch_add(1, Ordering::Relaxed);
                            kept.push(placed);
                        }
                        Err(ManagerError::OverBudget { needed_bytes, left_bytes }) => {
                            assert!(needed_bytes == SIZE as u64 && left_bytes < needed_bytes);
                        }
                        Err(other) => panic!("{other}"),
                    }
                    assert!(manager.stats().in_use_bytes <= 10 * SIZE as u64);
                }
                kept_by_all.lock().expect("no thread panicked").extend(kept);
            });
        }
    });
    assert_eq!(made.into_inner(), 10);
}

#[test]
fn large_objects_are_prefaulted_and_never_on_a_stack() {
    // 256 KiB of stack, far less than what is placed.
    std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(|| {
            let manager = MemoryManager::builder().build().expect("no monitor");
            let mut words = manager.place::<[u64; 1 << 20]>("words").expect("8 MiB");
            words[1 << 19] = 1;
            if words.prefaulted().is_applied() {
                assert_eq!(manager.stats().objects[0].resident_bytes, Some(8 << 20));
            }
            let engine = manager.place::<SmallEngine>("engine").expect("memory");
            assert!(engine.instruments() == 0 && engine.max_instruments() == 8);
            let too_much = manager.place::<[u8; 1 << 50]>("much");
            assert!(matches!(too_much, Err(ManagerError::NotEnoughMemory { .. })), "{:?}", too_much.err());
            assert_eq!(manager.stats().objects.len(), 2);
        })
        .expect("a thread")
        .join()
        .expect("the stack is large enough");
    let lazy = MemoryManager::builder().pages(Pages::LAZY).build().expect("no monitor");
    assert!(matches!(lazy.place::<[u8; 1 << 56]>("more"), Err(ManagerError::Map(_))), "no such address space");
    let sparse = lazy.place::<[u8; 1 << 30]>("sparse").expect("address space");
    assert_eq!((sparse[77], lazy.stats().objects[0].resident_bytes.map(|n| n < 1 << 20)), (0, Some(true)));
}

#[test]
fn regions_count_towards_the_budget() {
    let manager = MemoryManager::builder().budget_bytes(1 << 20).build().expect("no monitor");
    let region = manager.create_anonymous_region("shared", 1 << 16, &RegionOptions::READY).expect("memory");
    assert_eq!((region.name(), region.bytes().len()), ("shared", 1 << 16));
    assert_eq!(manager.stats().in_use_bytes, 1 << 16);
    let error = manager.create_anonymous_region("more", 1 << 20, &RegionOptions::READY).expect_err("too much");
    assert!(matches!(error, ManagerError::OverBudget { .. }) && error.to_string().contains("budget"), "{error}");
    let error = manager.create_shared_region("../x", 1, &RegionOptions::default()).expect_err("no name");
    assert!(matches!(error, ManagerError::Region(_)), "{error}");
    drop(region);
    assert_eq!(manager.stats().in_use_bytes, 0);
}

#[test]
fn stats_print_and_serialize_with_monitor_data() {
    let paused = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&paused);
    let manager = MemoryManager::builder()
        .max_hiccup_ns(0)
        .monitoring_interval(Duration::from_millis(1))
        .on_pressure(|_| ())
        .on_hiccup(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .pages(Pages::LAZY)
        .build()
        .expect("threads");
    let _queue = manager.create_queue::<u64, 64>("orders").expect("memory");
    let start = Instant::now();
    while paused.load(Ordering::Relaxed) == 0 || manager.pressure().is_some_and(|p| p.stats().samples == 0) {
        assert!(start.elapsed() < Duration::from_secs(100), "the monitors never ran");
        std::thread::sleep(Duration::from_millis(1));
    }
    let stats = manager.stats();
    assert!(stats.jitter.iter().any(|core| core.stalls > 0) && stats.allocation_calls > 0);
    assert!(stats.pressure.as_ref().is_some_and(|p| p.rss_bytes > Some(0)));
    let text = stats.to_string();
    for word in ["orders", "0 of 64 used", "pressure: ", "jitter of core ", "other allocations: "] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json = serde_json::to_value(&stats).expect("plain data");
    assert_eq!(json["objects"][0]["usage"]["capacity"], 64);
    assert_eq!(json["budget_bytes"], serde_json::Value::Null);
    assert!(json["pressure"]["level"].is_string() && json["pauses"][0]["p99_ns"].is_number());
}

#[test]
fn second_global_manager_is_rejected() {
    assert!(MemoryManager::global().is_none());
    let manager = MemoryManager::builder().pages(Pages::LAZY).install().expect("the first");
    let again = MemoryManager::builder().install();
    assert!(matches!(again, Err(ManagerError::AlreadyInstalled)));
    let global = MemoryManager::global().expect("installed");
    assert!(std::ptr::eq(global, manager));
}
