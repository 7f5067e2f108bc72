//! A common start for all threads of a run.

use vvp_core::sync::{AtomicUsize, Ordering};

const CLOSED: usize = 0;
const RELEASED: usize = 1;
const CANCELED: usize = 2;

/// A barrier at which threads wait until all are released together, or the start is canceled.
#[derive(Debug)]
pub(super) struct StartBarrier {
    waiting: AtomicUsize,
    state: AtomicUsize,
}

impl StartBarrier {
    pub(super) const fn new() -> Self {
        Self { waiting: AtomicUsize::new(0), state: AtomicUsize::new(CLOSED) }
    }

    /// Waits for the start; returns whether there is one, or it was canceled.
    pub(super) fn wait(&self) -> bool {
        // Release: pairs with the Acquire in `await_arrivals`: what this thread did to prepare
        // happens before the start.
        self.waiting.fetch_add(1, Ordering::Release);
        loop {
            // Acquire: pairs with the Release in `release`.
            match self.state.load(Ordering::Acquire) {
                RELEASED => return true,
                CANCELED => return false,
                _ => std::thread::yield_now(),
            }
        }
    }

    /// Waits until this many threads have arrived.
    pub(super) fn await_arrivals(&self, threads: usize) {
        // Acquire: see `wait`.
        while self.waiting.load(Ordering::Acquire) < threads {
            std::thread::yield_now();
        }
    }

    /// Releases all threads.
    pub(super) fn release(&self) {
        // Release: pairs with the Acquire in `wait`.
        self.state.store(RELEASED, Ordering::Release);
    }

    /// Cancels the start for all threads.
    pub(super) fn cancel(&self) {
        // Release: as in `release`.
        self.state.store(CANCELED, Ordering::Release);
    }
}
