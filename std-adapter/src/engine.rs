//! Engines of the sizes that the command line uses.

use vvp_core::book::{Book, Tracked};
use vvp_core::engine::{Engine, Matcher};
use vvp_core::feed::Feed;

/// For files of any kind: 1,024 instruments of up to 1,048,576 resting orders and 65,536 stops each, at whatever prices: a
/// window of 262,144 ticks a side, and as many levels beyond it as there can be orders; risk limits of 65,536 owners.
///
/// It takes some 200 GiB of address space and only as much memory as the orders in it touch, so it is made of lazy
/// pages ([`Pages::LAZY`](crate::memory::Pages::LAZY)).
pub type ServerEngine = Engine<Book<{ 1 << 20 }, 4096, { 1 << 20 }, { 1 << 16 }, { 1 << 21 }>, 1024, { 1 << 16 }>;

/// A [`ServerEngine`] with a state hash.
pub type TrackedServerEngine =
    Engine<Book<{ 1 << 20 }, 4096, { 1 << 20 }, { 1 << 16 }, { 1 << 21 }, Tracked>, 1024, { 1 << 16 }>;

/// Market data of a [`ServerEngine`]; of lazy pages like that.
pub type ServerFeed = Feed<1024, { <ServerEngine as Matcher>::LEVELS_TOUCHED_MAX }>;

/// For one busy instrument: 8 instruments of up to 8,192 resting orders, 1,024 stops, a window of 4,096 ticks a side and 512
/// price levels beyond; risk limits of 256 owners.
///
/// Small enough to have every page ready before the start.
pub type JobEngine = Engine<Book<8192, 64, 512, 1024, 16_384>, 8, 256>;
