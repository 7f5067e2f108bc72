//! What the loom tests of the queues of values share.
#![allow(dead_code)] // not every build uses all of it

use loom::thread;
use vvp_core::queue::{Pop, PopError, Push};

/// A value on the heap: use before it is written, or a second drop, is a memory error.
pub(crate) type Value = Box<usize>;

/// Pushes; waits for room.
pub(crate) fn push(tx: &mut impl Push<Item = Value>, n: usize) {
    let mut value = Box::new(n);
    while let Err(full) = tx.push(value) {
        value = full.0;
        thread::yield_now();
    }
}

/// Pops; waits for a value or for the close.
pub(crate) fn pop(rx: &mut impl Pop<Item = Value>) -> Option<usize> {
    loop {
        match rx.pop() {
            Ok(value) => return Some(*value),
            Err(PopError::Closed) => return None,
            Err(_) => thread::yield_now(),
        }
    }
}

/// Runs `test` with a queue whose handles may move to threads. The remaining values are dropped at
/// the end.
pub(crate) fn lend<Q: 'static>(queue: Q, test: impl FnOnce(&'static mut Q)) {
    let queue = Box::into_raw(Box::new(queue));
    // SAFETY: it lives until below, where every test has joined its threads and so dropped the
    // handles.
    test(unsafe { &mut *queue });
    // SAFETY: from `into_raw`; all handles are gone.
    drop(unsafe { Box::from_raw(queue) });
}
