//! Every lock-free structure under the model checker loom (`.ci/loom`).
#![cfg(loom)]

mod endpoints;
#[macro_use]
mod one_to_one;

mod fan_in;
mod frames;
mod latest;
mod map;
mod mpsc;
mod pool;
mod robust;
mod sequenced_spsc;
mod spsc;
mod waiting;
