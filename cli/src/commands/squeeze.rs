//! Creates real memory pressure: a file is evicted from memory and read back, repeatedly.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use vvp_std_adapter::memory::{MemorySample, PressureLevel, PressureMonitor, Threshold, Thresholds};
use vvp_std_adapter::os::System;

/// Duration of a phase of pressure, and of the pause after it.
const PHASE: Duration = Duration::from_millis(300);

/// The effect of the pressure.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Squeezed {
    /// Phases of pressure.
    pub(crate) phases: u64,
    /// Time that threads of the machine have waited for memory in these phases, in microseconds.
    pub(crate) stalled_us: u64,
    /// Number of level changes of the pressure monitor.
    pub(crate) changes: u64,
}

/// Creates pressure in phases until `over`, with an unlinked file of `mib` MiB.
pub(crate) fn squeeze(mib: u64, over: &AtomicBool) -> io::Result<Squeezed> {
    let bytes = usize::try_from(mib << 20).map_err(|_| io::ErrorKind::InvalidInput)?;
    let path = std::env::temp_dir().join(format!("vvp-pressure-{}", std::process::id()));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    for _ in 0..mib {
        file.write_all(&vec![7; 1 << 20])?;
    }
    file.sync_all()?; // only then can its pages go
    let stalled = || MemorySample::take(&System::this()).psi.map_or(0, |psi| psi.some.total_us);
    let before = stalled();
    let thresholds = Thresholds { psi_some_avg10: Threshold { elevated: 1, critical: 2_000 }, ..Thresholds::default() };
    let monitor = PressureMonitor::builder().thresholds(thresholds).start()?;
    let mut done = Squeezed::default();
    // Relaxed: only a flag to stop; it guards no data.
    while !over.load(Ordering::Relaxed) {
        let start = std::time::Instant::now();
        while start.elapsed() < PHASE && !over.load(Ordering::Relaxed) {
            press(&file, bytes)?;
        }
        done.phases += 1;
        std::thread::sleep(PHASE);
    }
    let stats = monitor.stats();
    done.changes = stats.changes.max(u64::from(stats.level > PressureLevel::Normal));
    done.stalled_us = stalled().saturating_sub(before);
    Ok(done)
}

/// Evicts the file from memory and reads it back, page by page.
fn press(file: &File, bytes: usize) -> io::Result<()> {
    let (null, read) = (core::ptr::null_mut(), libc::PROT_READ);
    // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory that is in
    // use.
    let at = unsafe { libc::mmap(null, bytes, read, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // Only pages that are mapped are evicted, so they are read first.
    for _ in 0..2 {
        for page in (0..bytes).step_by(4096) {
            // SAFETY: within the mapping; the file is ours and keeps its length.
            std::hint::black_box(unsafe { at.cast::<u8>().add(page).read_volatile() });
        }
        // SAFETY: our mapping; its contents stay in the file.
        unsafe { libc::madvise(at, bytes, libc::MADV_PAGEOUT) };
    }
    // SAFETY: mapped above, and not used any more.
    unsafe { libc::munmap(at, bytes) };
    Ok(())
}
