//! A server that frees memory before the kernel takes it: objects from a memory manager with a
//! budget, and a callback when memory gets scarce.
//!
//! `cargo run -p vvp-std-adapter --example memory_pressure`
//!
//! The monitor reads a simulated machine, a directory with the one file of `/proc` that it needs,
//! so that the output is the same everywhere. Leave `.system(..)` out to watch the real machine;
//! `MemoryManager::builder().on_pressure(..)` does so in one step.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use vvp_std_adapter::memory::{ManagerError, MemoryManager, Pages, PressureLevel, PressureMonitor};
use vvp_std_adapter::os::System;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const MIB: usize = 1 << 20;
type Cache = [u8; 4 * MIB];

/// Sets how much of the simulated machine's 1,000 MB is available.
fn set_available(root: &Path, megabytes: u64) -> Outcome<()> {
    let file = root.join("proc/meminfo");
    // Atomically: the monitor sees the old numbers or the new ones.
    let new = file.with_extension("new");
    std::fs::write(&new, format!("MemTotal: 1000000 kB\nMemAvailable: {} kB\n", megabytes * 1000))?;
    Ok(std::fs::rename(new, file)?)
}

fn main() -> Outcome<()> {
    // Two caches fit into the budget and a third does not, whatever the machine has left.
    let manager = MemoryManager::builder().budget_bytes(10 << 20).pages(Pages::LAZY).build()?;
    let mut caches = vec![manager.place::<Cache>("cache 0")?, manager.place::<Cache>("cache 1")?];
    match manager.place::<Cache>("cache 2") {
        Err(error @ ManagerError::OverBudget { .. }) => println!("refused   {error}"),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("the budget did not hold".into()),
    }

    let root = std::env::temp_dir().join(format!("vvp-memory-pressure-{}", std::process::id()));
    std::fs::create_dir_all(root.join("proc"))?;
    set_available(&root, 500)?;
    let (send, received) = mpsc::channel();
    let monitor = PressureMonitor::builder()
        .system(System::at(&root))
        .interval(Duration::from_millis(1))
        .calm_samples(3) // the level goes down only after three calmer samples in a row
        .on_change(move |change| {
            // On the monitor's thread: only passes the change on. An `Spsc` does so without an
            // allocation.
            let _ = send.send(*change);
        })
        .start()?;
    println!("start     {}, {} MiB in use", monitor.level(), manager.stats().in_use_bytes >> 20);

    // By default 90 % used is elevated and 97 % is critical.
    for available in [80, 10, 500] {
        set_available(&root, available)?;
        let change = received.recv_timeout(Duration::from_secs(60))?;
        print!("{available:>3} MB    {} -> {}: ", change.from, change.to);
        match change.to {
            PressureLevel::Normal => println!("accept work again"),
            PressureLevel::Elevated => {
                caches.pop(); // dropped: unmapped, and its share of the budget is returned
                println!("one cache freed, {} MiB in use", manager.stats().in_use_bytes >> 20);
            }
            PressureLevel::Critical => {
                caches.clear();
                println!("all caches freed, {} MiB in use; accept no new work", manager.stats().in_use_bytes >> 20);
            }
        }
    }
    // One load, suitable for a hot thread.
    assert_eq!(monitor.level(), PressureLevel::Normal);
    println!("end       {}; at most {} MiB allocated", monitor.level(), manager.stats().peak_bytes >> 20);
    drop(monitor); // ends its thread, which reads below `root`
    Ok(std::fs::remove_dir_all(root)?)
}
