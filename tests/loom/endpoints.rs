//! What loom's tests of all queues of values share.
#![allow(dead_code)] // each test takes what it needs

use loom::thread;
use vvp_core::queue::{Pop, PopError, Push};

/// A value on the heap: one that is used before it is written, or dropped twice, is memory gone wrong.
pub(crate) type Value = Box<usize>;

/// Waits for room.
pub(crate) fn push(tx: &mut impl Push<Item = Value>, n: usize) {
    let mut value = Box::new(n);
    while let Err(full) = tx.push(value) {
        value = full.0;
        thread::yield_now();
    }
}

/// Waits for a value, or for the close.
pub(crate) fn pop(rx: &mut impl Pop<Item = Value>) -> Option<usize> {
    loop {
        match rx.pop() {
            Ok(value) => return Some(*value),
            Err(PopError::Closed) => return None,
            Err(_) => thread::yield_now(),
        }
    }
}

/// A queue for as long as the model runs, its handles fit to move to a thread. The values left are dropped at the end.
pub(crate) fn lend<Q: 'static>(queue: Q, test: impl FnOnce(&'static mut Q)) {
    let queue = Box::into_raw(Box::new(queue));
    // SAFETY: it lives until below, where every test has joined its threads and so dropped the handles.
    test(unsafe { &mut *queue });
    // SAFETY: it came from `into_raw`, and nobody uses it any more.
    drop(unsafe { Box::from_raw(queue) });
}
