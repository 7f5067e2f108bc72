//! A common start for all threads of a run.

use crate::thread::{ThreadPlace, pin_to, wake_on_time};
use vvp_core::sync::{AtomicUsize, Ordering};

const CLOSED: usize = 0;
const RELEASED: usize = 1;
const CANCELED: usize = 2;

/// Threads come up to it, it opens for all of them at once, or the start is called off.
#[derive(Debug)]
pub(super) struct StartBarrier {
    waiting: AtomicUsize,
    state: AtomicUsize,
}

impl StartBarrier {
    pub(super) const fn new() -> Self {
        Self { waiting: AtomicUsize::new(0), state: AtomicUsize::new(CLOSED) }
    }

    /// Pins the calling thread if it is to be pinned, then waits for the start. `None` when it was called off, else
    /// whether the thread is pinned.
    pub(super) fn wait(&self, place: ThreadPlace) -> Option<bool> {
        wake_on_time();
        let pinned = place.cpu.is_some_and(|cpu| pin_to(cpu).is_applied());
        // Release: pairs with the Acquire in `gathered`: what this thread did to get ready comes before the start.
        self.waiting.fetch_add(1, Ordering::Release);
        loop {
            // Acquire: pairs with the Release in `open`.
            match self.state.load(Ordering::Acquire) {
                RELEASED => return Some(pinned),
                CANCELED => return None,
                _ => std::thread::yield_now(),
            }
        }
    }

    /// Waits until so many threads are at the barrier.
    pub(super) fn await_arrivals(&self, threads: usize) {
        // Acquire: see `pass`.
        while self.waiting.load(Ordering::Acquire) < threads {
            std::thread::yield_now();
        }
    }

    /// Lets all go.
    pub(super) fn release(&self) {
        // Release: pairs with the Acquire in `pass`.
        self.state.store(RELEASED, Ordering::Release);
    }

    /// Sends all home.
    pub(super) fn cancel(&self) {
        // Release: as in `open`.
        self.state.store(CANCELED, Ordering::Release);
    }
}
