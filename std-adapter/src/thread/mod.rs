//! Threads: where they run and how they wait.

mod pin;
mod wait;

pub use pin::{Layout, allowed_cpus, pin_to};
pub use wait::Backoff;
