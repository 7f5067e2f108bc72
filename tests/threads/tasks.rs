//! A minimal executor: one task per thread, which sleeps while the task waits.
#![allow(clippy::disallowed_types)] // it has atomics of its own; nothing here runs under loom

use std::future::Future;
use std::pin::pin;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A thread's waker, never freed: ThreadSanitizer does not understand the fence by which the last
/// owner of an `Arc` frees it, nor a contended `Mutex`. So the wakers are chained by hand, where
/// the leak checker finds them.
struct Kept {
    _waker: Waker,
    _next: *mut Kept,
}

static KEPT: AtomicPtr<Kept> = AtomicPtr::new(null_mut());

thread_local! {
    static WAKER: Waker = {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let kept = Box::leak(Box::new(Kept { _waker: waker.clone(), _next: null_mut() }));
        kept._next = KEPT.swap(kept, Ordering::Relaxed); // Relaxed: never read
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
