//! State hash of an engine: one number for all state that decides its future behaviour.

use super::{Engine, Spec};
use crate::book::{Book, Hasher, Price, WithStateHash};
use crate::capacity::checked;

impl<
    const INSTRUMENTS: usize,
    const OWNERS: usize,
    const ORDERS: usize,
    const BLOCKS: usize,
    const FAR: usize,
    const STOPS: usize,
    const IDS: usize,
> Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS, WithStateHash>, INSTRUMENTS, OWNERS>
{
    /// Returns a 64-bit hash of the logical state: equal for two engines of any sizes if and only
    /// if they will give the same events and answers from here on. Collisions: one in 2^64, for
    /// states that were not made to collide.
    ///
    /// It covers the event number, the clock, every definition, phase and last trade price, the
    /// limits of owners, and each live order and stop with its queue position and its place in
    /// entry order. It does not cover history (high-water marks) and capacities: engines with equal
    /// hashes may still differ in when they are full.
    ///
    /// Commands update it incrementally; the call visits each instrument once. The value is the
    /// same on every target, but may change from one release to the next.
    ///
    /// ```
    /// use vvp_core::book::*;
    /// use vvp_core::engine::{Engine, Matcher};
    ///
    /// type Small = vvp_core::book_type!(
    ///     orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8, state_hash: WithStateHash
    /// );
    /// type Smaller = vvp_core::book_type!(
    ///     orders: 16, ticks_per_side: 128, far_levels: 4, stops: 2, state_hash: WithStateHash
    /// );
    /// let mut one = Engine::<Small, 1, 4>::new();
    /// let mut two = Engine::<Smaller, 2, 0>::new();
    /// let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
    /// let bid = |id, price| {
    ///     Command::limit(OrderId::new(id), Side::Buy, Price::new(price), Qty::new(10))
    /// };
    /// let cancel = |id| Command::cancel(OrderId::new(id));
    /// // Different commands, as many events, the same book.
    /// for command in [define, bid(1, 100), bid(2, 99), cancel(1), bid(1, 101)] {
    ///     one.apply(&command, &mut CountSink::default());
    /// }
    /// for command in [define, bid(1, 99), bid(2, 99), cancel(1), bid(1, 101)] {
    ///     two.apply(&command, &mut CountSink::default());
    /// }
    /// assert_eq!(one.state_hash(), two.state_hash());
    /// ```
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        checked!(Self);
        let state = &self.state;
        let mut all = Hasher::new(u64::from(state.instruments)).and(state.seq).and(state.clock).and(state.risk.sum());
        let specs = self.specs.iter().take(state.instruments as usize);
        for (spec, book) in specs.filter_map(Spec::unpack).zip(&self.books) {
            let (low, high) = spec.symbol.to_words();
            let ticks = |price: Option<Price>| price.map(|price| price.ticks() as u64);
            all = all
                .and(low)
                .and(high)
                .and(spec.tick.mantissa() as u64)
                .and(spec.tick.decimals().into())
                .and_maybe(ticks(spec.min_price))
                .and_maybe(ticks(spec.max_price))
                .and_maybe(ticks(spec.reference));
            all = book.state(all);
        }
        all.word()
    }
}
