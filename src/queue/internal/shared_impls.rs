//! Macros for impls that are the same in several queues.

/// Implements what a queue of one ring of values has: its size, a default, a debug form.
macro_rules! one_ring {
    ($Queue:ident) => {
        impl<T, const N: usize> $Queue<T, N> {
            /// Returns the capacity in values.
            #[must_use]
            pub const fn capacity(&self) -> usize {
                checked!(Self);
                N
            }

            /// Returns how many values are in the queue at some moment during the call (in `Mpsc`
            /// reserved slots included). The number may have changed when the call returns.
            #[must_use]
            pub fn len(&self) -> usize {
                self.stats().depth
            }

            /// Returns whether the queue is empty at some moment during the call.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }

        impl<T, const N: usize> Default for $Queue<T, N> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<T, const N: usize> core::fmt::Debug for $Queue<T, N> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let (name, stats) = (stringify!($Queue), self.stats());
                f.debug_struct(name).field("capacity", &N).field("stats", &stats).finish_non_exhaustive()
            }
        }
    };
}

/// Implements what such a queue from one producer to one consumer has besides: endpoints and drop.
macro_rules! one_to_one {
    ($Queue:ident, $Producer:ident, $Consumer:ident) => {
        impl<T, const N: usize> $Queue<T, N> {
            /// Returns both endpoints, for as long as the queue is borrowed. Values in the queue
            /// stay; a closed endpoint is open again.
            pub fn split(&mut self) -> ($Producer<'_, T, N>, $Consumer<'_, T, N>) {
                self.take_both();
                let queue = &*self;
                // SAFETY: the exclusive borrow lasts as long as the two handles, so there are no
                // others.
                unsafe { ($Producer::attach(queue), $Consumer::attach(queue)) }
            }

            /// Claims both endpoints for the caller, which may attach one handle to each.
            pub(in crate::queue) fn take_both(&mut self) {
                checked!(Self);
                self.producer.end.claimed.take();
                self.consumer.end.claimed.take();
            }

            /// Claims the producer endpoint; `None` while it is claimed. Dropping the handle
            /// releases it, and the next owner continues where this one stopped. A closed endpoint
            /// is open again.
            #[must_use]
            pub fn producer(&self) -> Option<$Producer<'_, T, N>> {
                checked!(Self);
                self.producer.end.claimed.claim()?;
                // SAFETY: the flag was down and is now ours.
                Some(unsafe { $Producer::attach(self) })
            }

            /// Claims the consumer endpoint; `None` while it is claimed. Dropping the handle
            /// releases it, and the next owner continues where this one stopped. A closed endpoint
            /// is open again.
            #[must_use]
            pub fn consumer(&self) -> Option<$Consumer<'_, T, N>> {
                checked!(Self);
                self.consumer.end.claimed.claim()?;
                // SAFETY: the flag was down and is now ours.
                Some(unsafe { $Consumer::attach(self) })
            }

            /// Returns whether either endpoint has closed and has not been claimed since.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                checked!(Self);
                self.producer.end.is_closed() || self.consumer.end.is_closed()
            }
        }

        impl<T, const N: usize> Drop for $Queue<T, N> {
            fn drop(&mut self) {
                if core::mem::needs_drop::<T>() && !crate::sync::broken("queue_drop") {
                    let (_, mut rx) = self.split();
                    while rx.pop().is_ok() {}
                }
            }
        }
    };
}

pub(in crate::queue) use {one_ring, one_to_one};
