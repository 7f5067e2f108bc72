//! State hash of a book, on or off at compile time, for
//! [`Engine::state_hash`](crate::engine::Engine::state_hash).

mod accumulator;
mod hasher;
mod hooks;

use accumulator::Accumulator;
pub(crate) use hasher::Hasher;
use zerocopy::FromZeros;

/// What a [`Book`](super::Book) may have as its last type parameter: [`NoStateHash`] or
/// [`WithStateHash`].
pub trait StateHash: Sealed + core::fmt::Debug {}

/// A book without a state hash, which costs nothing.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoStateHash;

/// A book with a state hash, updated at every change: 24 bytes more, and 24 for each order and
/// stop; on x86-64 some 115 instructions more each time one is added or removed, 45 each time it
/// changes.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WithStateHash;

impl StateHash for NoStateHash {}
impl StateHash for WithStateHash {}

/// The book's hooks of the state hash; sealed.
pub trait Sealed {
    /// What the book keeps for it.
    type State<const ORDERS: usize, const STOPS: usize>: Accumulate;
}

impl Sealed for NoStateHash {
    type State<const ORDERS: usize, const STOPS: usize> = Nothing;
}

impl Sealed for WithStateHash {
    type State<const ORDERS: usize, const STOPS: usize> = Accumulator<ORDERS, STOPS>;
}

/// A sum over live orders and stops, and their list in entry order. Orders have the numbers 1 to
/// `ORDERS`, stops the numbers after them.
pub trait Accumulate: FromZeros + core::fmt::Debug {
    /// Whether anything is done here.
    const ON: bool;

    /// Adds an order or stop, last in entry order. `fixed`: a hash of its constant part.
    fn enter(&mut self, i: u32, fixed: u64, open: u64);

    /// It goes.
    fn leave(&mut self, i: u32, open: u64);

    /// Its open quantity changes.
    fn resize(&mut self, i: u32, was: u64, now: u64);

    /// The other number that changes: an iceberg's slice, a trailing stop's anchor; `None` while it has none.
    fn second(&mut self, i: u32, was: Option<u64>, now: Option<u64>);

    /// An iceberg queues right behind the order `before`, or first of its level (0), or nowhere any more (`None`).
    fn queue_behind(&mut self, i: u32, before: Option<u32>);

    /// The sum now.
    fn sum(&self) -> u64;

    /// The oldest, and the next one after another; 0 when there is none.
    fn oldest(&self) -> u32;
    /// The one that entered next.
    fn newer(&self, i: u32) -> u32;

    /// Removes all.
    fn clear(&mut self);

    /// Takes all out of the list; they come back in entry order through [`Accumulate::append`].
    fn unthread(&mut self);
    /// Puts one that has entered at the end of the list.
    fn append(&mut self, i: u32);
}

/// What an untracked book keeps.
#[derive(Clone, Copy, Debug, FromZeros)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Nothing;

impl Accumulate for Nothing {
    const ON: bool = false;

    fn enter(&mut self, _: u32, _: u64, _: u64) {}
    fn leave(&mut self, _: u32, _: u64) {}
    fn resize(&mut self, _: u32, _: u64, _: u64) {}
    fn second(&mut self, _: u32, _: Option<u64>, _: Option<u64>) {}
    fn queue_behind(&mut self, _: u32, _: Option<u32>) {}
    fn sum(&self) -> u64 {
        0
    }
    fn oldest(&self) -> u32 {
        0
    }
    fn newer(&self, _: u32) -> u32 {
        0
    }
    fn clear(&mut self) {}
    fn unthread(&mut self) {}
    fn append(&mut self, _: u32) {}
}
