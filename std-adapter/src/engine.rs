//! Engines of the sizes that the command line uses.

use vvp_core::book::{Book, WithStateHash};
use vvp_core::engine::{Engine, Matcher};
use vvp_core::market_data::Feed;

/// Risk limits of 65,536 owners in all of them.
const OWNERS: usize = 1 << 16;

/// 65,536 resting orders, a window of 65,536 ticks a side, 32,768 price levels a side beyond it, 8,192 stops.
type MidBook<T> = Book<{ 1 << 16 }, 1024, { 1 << 15 }, { 1 << 13 }, { 1 << 17 }, T>;

/// 1,048,576 resting orders, a window of 262,144 ticks a side, as many levels beyond it as orders, 65,536 stops.
type BigBook<T> = Book<{ 1 << 20 }, 4096, { 1 << 20 }, { 1 << 16 }, { 1 << 21 }, T>;

/// For files of most kinds: 64 instruments of up to 65,536 resting orders and 8,192 stops each; a window of 65,536
/// ticks a side, and 32,768 price levels a side beyond it; risk limits of 65,536 owners.
///
/// It takes 700 MiB of address space and only as much memory as the orders in it touch, so it is made of lazy pages
/// ([`Pages::LAZY`](crate::memory::Pages::LAZY)). `T` is [`WithStateHash`] for a state hash.
pub type MediumEngine<T = vvp_core::book::NoStateHash> = Engine<MidBook<T>, 64, OWNERS>;

/// 4 instruments of up to 1,048,576 resting orders and 65,536 stops each, at whatever prices; 730 MiB.
pub type DeepEngine<T = vvp_core::book::NoStateHash> = Engine<BigBook<T>, 4, OWNERS>;

/// The largest: 1,024 instruments of up to 1,048,576 resting orders and 65,536 stops each, at whatever prices: a window
/// of 262,144 ticks a side, and as many levels beyond it as there can be orders; risk limits of 65,536 owners.
///
/// It takes some 200 GiB of address space and only as much memory as the orders in it touch, so it is made of lazy
/// pages ([`Pages::LAZY`](crate::memory::Pages::LAZY)).
pub type LargeEngine<T = vvp_core::book::NoStateHash> = Engine<BigBook<T>, 1024, OWNERS>;

/// A [`LargeEngine`] with a state hash.
pub type HashedLargeEngine = LargeEngine<WithStateHash>;

/// Market data of a [`LargeEngine`], or of any smaller one; of lazy pages like that. 109 MiB.
pub type LargeFeed = Feed<1024, { <LargeEngine as Matcher>::LEVELS_TOUCHED_MAX }>;

/// For one busy instrument: 8 instruments of up to 8,192 resting orders, 1,024 stops, a window of 4,096 ticks a side and 512
/// price levels beyond; risk limits of 256 owners.
///
/// Small enough to have every page ready before the start.
pub type SmallEngine = Engine<Book<8192, 64, 512, 1024, 16_384>, 8, 256>;
