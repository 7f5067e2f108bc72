//! Async queues: producers and consumers that can be awaited. Feature `async`.
//!
//! ```
//! use core::pin::pin;
//! use core::task::{Context, Poll, Waker};
//! use vvp_core::queue::asynch::AsyncSpsc;
//!
//! static QUEUE: AsyncSpsc<u32, 4> = AsyncSpsc::new();
//!
//! let (mut tx, mut rx) = (QUEUE.producer().expect("free"), QUEUE.consumer().expect("free"));
//! let sum = async {
//!     let mut sum = 0;
//!     while let Some(n) = rx.pop().await {
//!         sum += n;
//!     }
//!     sum
//! };
//! let numbers = async move {
//!     for n in 1..=10 {
//!         tx.push(n).await.expect("the consumer is there");
//!     }
//!     tx.close();
//! };
//! // Any executor will do; here is the least of all.
//! let (mut sum, mut numbers) = (pin!(sum), pin!(numbers));
//! let mut context = Context::from_waker(Waker::noop());
//! let mut done = false;
//! loop {
//!     done = done || numbers.as_mut().poll(&mut context).is_ready();
//!     if let Poll::Ready(sum) = sum.as_mut().poll(&mut context) {
//!         assert_eq!(sum, 55);
//!         break;
//!     }
//! }
//! ```
//!
//! One registered waker per waiting task, no allocation, no executor. A future that is dropped
//! before it is ready has no effect: a value that was to be pushed is dropped with it, one that was
//! to be popped stays in the queue.
//!
//! | queue | the consumer waits for | a producer waits for | who takes a value wakes |
//! |---|---|---|---|
//! | [`AsyncSpsc`] | a value, or the close | room, or the consumer's close | the producer |
//! | [`AsyncMpsc`] | a value, or the last close | room, or the consumer's close | all producers that wait |
//! | [`AsyncFanIn`] | a value in any lane, or the last close | room in its lane, or the consumer's close | the producer of that lane |
//!
//! An operation that succeeds wakes the other side, which costs one or two locked instructions on
//! top of the queue's own. So these are types of their own: with the feature on, the other queues
//! are unchanged. A producer of an `AsyncMpsc` that stalls in the middle of a push blocks the
//! others, as in [`Mpsc`](super::Mpsc); one that waits for a free slot does not.
//!
//! ```text
//!   AsyncSpsc:  | the Spsc  | arrivals | room |           a WakerCell each: state, waker (two words)
//!   AsyncMpsc:  | the Mpsc  | arrivals | waiting: 256 bits | taken: 256 bits | a WakerCell for each of WAITERS |
//!   AsyncFanIn: | the FanIn | arrivals | waiting: 256 bits | taken: unused   | a WakerCell for each lane       |
//! ```
//! All-zero bytes are the empty queue here as well, but a waker is an address: unlike the queues
//! inside, these cannot be shared between processes.

mod endpoints;
mod queues;
mod waker_cell;
mod waker_slots;

pub use endpoints::{AsyncConsumer, AsyncProducer, PopFuture, PushFuture};
pub use queues::{AsyncFanIn, AsyncMpsc, AsyncSpsc};
pub use waker_cell::WakerCell;
pub use waker_slots::{Room, WakerSlots};
