//! A progress bar for runs that take a while, on a terminal only.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vvp_std_adapter::pipeline::Progress;

/// Runs shorter than this show no bar.
const PATIENCE: Duration = Duration::from_millis(500);
const CELLS: u64 = 30;

/// A progress bar; created before the run, because the check of the terminal allocates.
#[derive(Debug)]
pub(crate) struct Bar<'a> {
    progress: &'a Progress,
    visible: bool,
}

impl<'a> Bar<'a> {
    pub(crate) fn new(progress: &'a Progress) -> Self {
        Self { progress, visible: crate::io::output::colour(&io::stderr()) }
    }

    /// Runs `work` and draws until it is done.
    pub(crate) fn beside<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        if !self.visible {
            return work();
        }
        let over = AtomicBool::new(false);
        std::thread::scope(|threads| {
            let drawing = threads.spawn(|| self.show(&|| over.load(Ordering::Acquire)));
            let result = work();
            over.store(true, Ordering::Release); // pairs with the Acquire above: no bar is drawn over the result
            drawing.thread().unpark();
            result
        })
    }

    /// Draws until `done` returns true; without a terminal it only waits.
    pub(crate) fn show(&self, done: &dyn Fn() -> bool) {
        let start = Instant::now();
        let mut drawn = false;
        while !done() {
            if !self.visible {
                std::thread::park();
                continue;
            }
            // Woken early when the run is over.
            std::thread::park_timeout(Duration::from_millis(100));
            if start.elapsed() > PATIENCE && !done() {
                drawn |= draw(self.progress, start.elapsed()).is_ok();
            }
        }
        if drawn {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

fn draw(progress: &Progress, elapsed: Duration) -> io::Result<()> {
    let (bytes, total) = progress.read();
    let mib = bytes >> 20;
    let mut out = io::stderr().lock();
    match total {
        Some(total) => {
            let cells = (u128::from(bytes) * u128::from(CELLS) / u128::from(total)).min(CELLS.into()) as u64;
            let percent = (u128::from(bytes) * 100 / u128::from(total)).min(100);
            out.write_all("\r  [".as_bytes())?;
            for i in 0..CELLS {
                out.write_all(if i < cells { b"#" } else { b"." })?;
            }
            // Estimated from the rate so far.
            let left = u128::from(total.saturating_sub(bytes)) * elapsed.as_millis() / u128::from(bytes.max(1)) / 1000;
            let rate = rate(bytes, elapsed);
            write!(out, "] {percent:3} %  {mib} of {} MiB  {rate} MiB/s  {left} s left\x1b[K", total >> 20)
        }
        None => write!(out, "\r  {mib} MiB read  {} MiB/s  {} s\x1b[K", rate(bytes, elapsed), elapsed.as_secs()),
    }
}

/// Returns MiB a second.
fn rate(bytes: u64, elapsed: Duration) -> u128 {
    (u128::from(bytes) * 1000 / elapsed.as_millis().max(1)) >> 20
}
