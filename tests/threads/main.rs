//! Threads at full speed: run as they are, and under ThreadSanitizer (.ci/tsan).

#[cfg(feature = "async")]
mod tasks;
#[macro_use]
mod one_to_one;

mod async_queue;
mod fan_in;
mod frames;
mod latest;
mod map;
mod mpsc;
mod pool;
mod robust;
mod sequenced_spsc;
mod spsc;
mod tops;
mod values;
mod waiting;
