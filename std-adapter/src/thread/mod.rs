//! Threads: where they run and how they wait.

mod pin;
mod wait;

pub use pin::{Layout, Place, allowed_cpus, pin_to};
pub use wait::{Backoff, wake_on_time};
