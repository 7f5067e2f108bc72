//! Engine profiles by size.

use vvp_core::book::{Book, WithStateHash};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvp_core::market_data::Feed;

/// All profiles but [`SmallEngine`] have risk limits of 65,536 owners.
const OWNERS: usize = 1 << 16;

/// 65,536 resting orders, 65,536 near ticks and 32,768 far levels a side, 8,192 stops.
type MidBook<T> = Book<{ 1 << 16 }, 1024, { 1 << 15 }, { 1 << 13 }, { 1 << 17 }, T>;

/// 1,048,576 resting orders, 262,144 near ticks and 1,048,576 far levels a side, 65,536 stops.
type BigBook<T> = Book<{ 1 << 20 }, 4096, { 1 << 20 }, { 1 << 16 }, { 1 << 21 }, T>;

/// 64 instruments of up to 65,536 resting orders and 8,192 stops each, with 65,536 near ticks and
/// 32,768 far levels a side; risk limits of 65,536 owners. Enough for most files.
///
/// It takes 700 MiB of address space, but only as much memory as its orders touch, so it is meant
/// for lazy pages ([`Pages::LAZY`](crate::memory::Pages::LAZY)). `T` is [`WithStateHash`] for a
/// state hash.
pub type MediumEngine<T = vvp_core::book::NoStateHash> = Engine<MidBook<T>, 64, OWNERS>;

/// 4 instruments of up to 1,048,576 resting orders and 65,536 stops each, at any prices; 730 MiB.
pub type DeepEngine<T = vvp_core::book::NoStateHash> = Engine<BigBook<T>, 4, OWNERS>;

/// The largest profile: 1,024 instruments of up to 1,048,576 resting orders and 65,536 stops each,
/// at any prices (262,144 near ticks a side and as many far levels as orders); risk limits of
/// 65,536 owners.
///
/// It takes some 200 GiB of address space, but only as much memory as its orders touch, so it is
/// meant for lazy pages ([`Pages::LAZY`](crate::memory::Pages::LAZY)).
pub type LargeEngine<T = vvp_core::book::NoStateHash> = Engine<BigBook<T>, 1024, OWNERS>;

/// A [`LargeEngine`] with a state hash.
pub type HashedLargeEngine = LargeEngine<WithStateHash>;

/// Market data of a [`LargeEngine`] or any smaller profile, also meant for lazy pages; 109 MiB.
pub type LargeFeed = Feed<1024, { <LargeEngine as Matcher>::LEVELS_TOUCHED_MAX }>;

/// 8 instruments of up to 8,192 resting orders and 1,024 stops each, with 4,096 near ticks and 512
/// far levels a side; risk limits of 256 owners. For one busy instrument.
///
/// Small enough to prefault every page before the start.
pub type SmallEngine = Engine<book_type!(orders: 8192, ticks_per_side: 4096, far_levels: 512, stops: 1024), 8, 256>;
