//! The least executor there can be: one task a thread, which sleeps while the task waits.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Every thread's waker, kept for good: the thread sanitizer cannot see the fence by which the last owner of an `Arc` may
/// free it.
static KEPT: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

thread_local! {
    static WAKER: Waker = {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        KEPT.lock().expect("nobody panics with it").push(waker.clone());
        waker
    };
}

/// Runs a task on this thread.
pub(crate) fn block_on<F: Future>(task: F) -> F::Output {
    let waker = WAKER.with(Clone::clone);
    let mut task = pin!(task);
    loop {
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}
