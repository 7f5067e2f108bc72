//! The engines of these tests.
//!
//! Each type here, and each type of sink that one is used with, is one more copy of the whole
//! engine to compile, which is most of the time in which these tests are built. So the tests share
//! them, and apply commands with `vvp_testkit::sinks::events_of`, or through its `DynSink` if they
//! have sinks of their own.

use vvp_core::book::{Book, WithStateHash};
use vvp_core::book_type;
use vvp_core::engine::Engine;
use zerocopy::FromZeros;

pub(crate) const INSTRUMENTS: usize = vvp_testkit::engine::MAX_INSTRUMENTS;
pub(crate) const OWNERS: usize = 16;

/// Room for everything that a normal stream asks for; more far levels than a stream has orders.
pub(crate) type Normal =
    Engine<book_type!(orders: 1000, ticks_per_side: 256, far_levels: 1024, stops: 200), INSTRUMENTS, OWNERS>;
/// [`Normal`] with a state hash.
pub(crate) type NormalHashed = Engine<
    book_type!(orders: 1000, ticks_per_side: 256, far_levels: 1024, stops: 200, state_hash: WithStateHash),
    INSTRUMENTS,
    OWNERS,
>;
/// Room for more than [`Normal`], with a wider window of near levels.
pub(crate) type Wide =
    Engine<book_type!(orders: 2000, ticks_per_side: 1024, far_levels: 2000, stops: 300), INSTRUMENTS, 40>;
/// Room for as much as [`Normal`], with the narrowest window.
pub(crate) type Narrow = Engine<Book<1000, 1, 1001, 201, 4096, WithStateHash>, INSTRUMENTS, 17>;
/// So little room for orders and stops that it runs out all the time.
pub(crate) type Full = Engine<Book<12, 4, 64, 5, 64>, INSTRUMENTS, OWNERS>;
/// [`Full`] with a state hash.
pub(crate) type FullHashed = Engine<Book<12, 4, 64, 5, 64, WithStateHash>, INSTRUMENTS, OWNERS>;
/// Room for orders, but for hardly any level beyond the window.
pub(crate) type FewLevels =
    Engine<book_type!(orders: 1000, ticks_per_side: 64, far_levels: 4, stops: 200), INSTRUMENTS, OWNERS>;
/// An id table as full as it may be, and few levels too.
pub(crate) type Tight = Engine<
    book_type!(orders: 50, ticks_per_side: 64, far_levels: 8, stops: 6, state_hash: WithStateHash),
    INSTRUMENTS,
    OWNERS,
>;
/// Room for one order and no stop.
pub(crate) type Tiny = Engine<book_type!(orders: 1, ticks_per_side: 64, far_levels: 1, stops: 0), INSTRUMENTS, OWNERS>;

/// Returns an empty engine.
pub(crate) fn new<E: FromZeros>() -> Box<E> {
    E::new_box_zeroed().expect("memory for an engine")
}
