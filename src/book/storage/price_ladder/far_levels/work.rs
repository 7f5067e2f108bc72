//! Work of operations on far levels, in node accesses: tests hold each operation, and each command
//! of an engine, to the bound that [docs/book.md](crate::guide::book) states.

#[cfg(all(test, not(broken)))]
pub(in crate::book) use counter::{depth, most, take};

#[cfg(all(test, not(broken)))] // the model checkers do without the tests that need it
pub(super) use counter::count;

#[cfg(all(test, not(broken)))]
mod counter {
    extern crate std;
    use core::cell::Cell;

    std::thread_local! {
        static NODES: Cell<u64> = const { Cell::new(0) };
    }

    pub(in crate::book::storage::price_ladder::far_levels) fn count() {
        NODES.set(NODES.get() + 1);
    }

    /// Returns the node accesses of this thread since the last call.
    pub(in crate::book) fn take() -> u64 {
        NODES.take()
    }

    /// Returns the bound on node accesses of one operation on a tree of up to `levels` levels: the
    /// tree is at most 1.45 log2(n + 2) deep; descent, ascent and the cached levels take 6 accesses
    /// a level of the tree, the rotations of a removal up to 20.
    pub(in crate::book) fn most(levels: usize) -> u64 {
        26 * depth(levels) + 20
    }

    /// Returns the greatest depth of a tree of up to `levels` price levels.
    pub(in crate::book) fn depth(levels: usize) -> u64 {
        let log2 = (levels as u64 + 2).next_power_of_two().ilog2();
        u64::from(log2 * 145).div_ceil(100)
    }
}

#[cfg(all(test, not(broken)))]
mod tests {
    extern crate std;
    use super::super::Far;
    use super::{depth, most, take};
    use crate::book::{
        Book, BookView, Command, CountSink, InstrumentId, InstrumentSpec, OrderId, OwnerId, Phase, Price, Qty,
        Replacement, Side, Symbol,
    };
    use crate::engine::{Engine, Matcher, SliceWriter};
    use std::boxed::Box;
    use std::vec::Vec;
    use std::{format, vec};
    use zerocopy::FromZeros;

    const LEVELS: usize = 150_000;
    type Many = Far<LEVELS>;

    fn reverse_bits(i: u64, bits: u32) -> u64 {
        i.reverse_bits() >> (64 - bits)
    }

    /// Returns a pseudo-random number that depends on `i` only.
    fn mixed(i: u64) -> u64 {
        let i = (i ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (i ^ i >> 29).wrapping_mul(0x94d0_49bb_1331_11eb)
    }

    /// Returns `n` different ranks below 0 in orders that an adversary would choose.
    fn orders(n: usize) -> Vec<(&'static str, Vec<i64>)> {
        let n = n as i64;
        let bits = (n as u64).next_power_of_two().ilog2();
        let halves = |i: i64| if i % 2 == 0 { i / 2 } else { n - 1 - i / 2 };
        let reversed = (0..1u64 << bits).map(|i| reverse_bits(i, bits) as i64).filter(|&i| i < n);
        let mut random: Vec<i64> = (0..n).collect();
        random.sort_unstable_by_key(|&i| mixed(i as u64));
        let all: [(&str, Vec<i64>); 6] = [
            ("ascending", (0..n).collect()),
            ("descending", (0..n).rev().collect()),
            ("from both ends inward", (0..n).map(halves).collect()),
            ("from the middle outward", (0..n).rev().map(halves).collect()),
            ("bits reversed", reversed.collect()),
            ("random", random),
        ];
        all.into_iter().map(|(name, places)| (name, places.into_iter().map(|i| 7 * (i - n)).collect())).collect()
    }

    #[test]
    fn one_level_costs_a_logarithm_in_any_order_of_prices() {
        let all = orders(LEVELS);
        for (name, ranks) in &all {
            for (gone, leaving) in &all {
                // Each order of coming with its own for leaving, and with a fixed one.
                if name != gone && *gone != "ascending" && *gone != "bits reversed" {
                    continue;
                }
                let mut far: Box<Many> = Many::new_box_zeroed().expect("memory");
                let mut total = 0;
                for (i, &rank) in ranks.iter().enumerate() {
                    take();
                    far.insert(rank, 1 + i as u32, false);
                    let work = take();
                    assert!(work <= most(i), "{name}: {work} nodes for level {i}");
                    total += work;
                }
                assert!(far.is_full() && far.is_consistent(0, |_| false), "{name}");
                assert!(total / (LEVELS as u64) < 64, "{name}: {total} nodes in all");
                total = 0;
                for (i, &rank) in leaving.iter().enumerate() {
                    take();
                    assert_ne!(far.find(rank), 0, "{name}, {gone}");
                    let find = take();
                    assert!(find <= 2 + depth(LEVELS - i), "{name}, {gone}: {find} nodes to find");
                    far.remove(rank);
                    let work = take();
                    assert!(work <= most(LEVELS - i), "{name}, {gone}: {work} nodes at removal {i}");
                    total += work;
                    if i % (LEVELS / 8) == 0 {
                        assert!(far.is_consistent(0, |_| false), "{name}, {gone}: after removal {i}");
                    }
                }
                assert!(far.is_empty() && far.is_consistent(0, |_| false), "{name}, {gone}");
                assert!(total / (LEVELS as u64) < 64, "{name}, {gone}: {total} nodes in all");
            }
        }
    }

    #[test]
    fn levels_that_cross_the_edge_of_the_window_cost_a_logarithm() {
        let mut far: Box<Many> = Many::new_box_zeroed().expect("memory");
        for (i, &rank) in orders(LEVELS)[5].1.iter().enumerate() {
            far.insert(rank, 1 + i as u32, true);
        }
        let mut total = 0;
        // The window passes over all of them on its way up, and again down.
        for _ in 0..LEVELS {
            let high = far.first_high().expect("one above");
            take();
            far.pop_high();
            far.push_low(high.rank, high.level);
            let work = take();
            assert!(work <= 2 * most(LEVELS), "{work} nodes");
            total += work;
        }
        assert!(far.first_high().is_none() && far.is_consistent(0, |_| false));
        assert!(total / (LEVELS as u64) < 64, "{total} nodes in all");
        for i in 0..LEVELS {
            take();
            far.split_at(7 * (i as i64 - LEVELS as i64));
            assert!(take() <= 4 + 2 * depth(LEVELS), "a walk down, and one to the neighbour");
        }
        while far.last_low().is_some() {
            take();
            far.pop_low();
            assert!(take() <= most(LEVELS));
        }
        assert!(far.is_empty());
    }

    // ---- commands ----------------------------------------------------------------------------

    const BOOK: usize = 1 << 15;
    type Venue = Engine<Book<{ 2 * BOOK }, 16, { 2 * BOOK }, 16, { 8 * BOOK }>, 1, 4>;

    fn limit(id: u64, side: Side, price: i64) -> Command {
        Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(1))
    }

    fn venue() -> Box<Venue> {
        let mut engine = Venue::new_box_zeroed().expect("memory");
        let define = Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X));
        engine.apply(&define, &mut CountSink::default());
        engine
    }

    /// Applies a command that touches up to `levels` far levels, beside the [`STEP`] that may cross
    /// the edge of the window, and holds its work to the bound.
    fn apply(engine: &mut Venue, command: &Command, levels: usize, what: &str) {
        const STEP: usize = 64;
        let mut sink = CountSink::default();
        take();
        engine.apply(command, &mut sink);
        let work = take();
        // Each is found and removed, and its neighbour found; a few more are read on entry. Over
        // many levels rotations are rare, so the bound is that of descents.
        let most = (levels + 2 * STEP + 8) as u64 * 6 * depth(2 * BOOK);
        assert!(work <= most, "{what}: {work} nodes");
    }

    /// Bids far below the market, one tick in seven, in this order; ids from 1.
    fn fill(engine: &mut Venue, ranks: &[i64], what: &str) {
        apply(engine, &limit(u64::MAX, Side::Buy, 100_000), 1, what);
        for (i, &rank) in ranks.iter().enumerate() {
            let mut sink = CountSink::default();
            take();
            engine.apply(&limit(1 + i as u64, Side::Buy, rank), &mut sink);
            let work = take();
            assert!(work <= 4 * most(i), "{what}: {work} nodes for order {i}");
        }
    }

    #[test]
    fn every_command_is_bounded_by_the_levels_that_it_touches() {
        for (name, ranks) in orders(BOOK) {
            let mut engine = venue();
            fill(&mut engine, &ranks, name);
            assert_eq!(engine.check_invariants(), Ok(()), "{name}");
            // Replace to another far price and to one in the window, cancel, read a level.
            let id = |i: usize| OrderId::new(1 + mixed(i as u64) % BOOK as u64);
            for i in 0..1000 {
                let price = if i % 2 == 0 { -7 * (BOOK as i64) - i } else { 99_900 + i % 10 };
                let with = Replacement { price: Some(Price::new(price)), ..Replacement::default() };
                take();
                engine.apply(&Command::replace(id(i as usize), with), &mut CountSink::default());
                let replace = take();
                engine.apply(&Command::cancel(id(5000 + i as usize)), &mut CountSink::default());
                let cancel = take();
                let next =
                    engine.book(InstrumentId::new(0)).and_then(|b| b.next_level(Side::Buy, Some(Price::new(-7 * i))));
                let read = take();
                assert!(next.is_some());
                let bound = most(2 * BOOK);
                assert!(
                    replace <= 6 * bound && cancel <= 4 * bound && read <= bound,
                    "{name}: {replace} {cancel} {read}"
                );
            }
            // Snapshot and restore.
            let mut bytes = vec![0; 16 << 20];
            let mut writer = SliceWriter::new(&mut bytes);
            take();
            engine.save(&mut writer).expect("room");
            let save = take();
            let mut other = venue();
            take();
            other.restore(writer.written()).expect("room");
            let restore = take();
            let walks = BOOK as u64 * depth(BOOK);
            assert!(save <= 2 * walks && restore <= 3 * walks, "{name}: {save} {restore}");
            assert_eq!(other.check_invariants(), Ok(()), "{name}");
            // A market order sweeps 1000 levels, the window follows down through what is left.
            for i in 0..20 {
                let market = Command::market(OrderId::new(1 << 40 | i), Side::Sell, Qty::new(1000));
                apply(&mut engine, &market, 1000, &format!("{name}: sweep"));
            }
            // And jumps back up, and down again.
            for i in 0..200u64 {
                let id = 1 << 41 | i;
                apply(&mut engine, &limit(id, Side::Buy, 1 << 40), 1, &format!("{name}: jump up"));
                apply(&mut engine, &Command::cancel(OrderId::new(id)), 1, &format!("{name}: jump down"));
            }
            // All go.
            let levels = BOOK;
            apply(&mut engine, &Command::mass_cancel(OwnerId::new(0), None), levels, &format!("{name}: mass cancel"));
            apply(&mut other, &Command::phase(Phase::Auction), 1, &format!("{name}: auction"));
            apply(&mut other, &limit(1 << 42, Side::Sell, -1 << 40), 1, &format!("{name}: auction"));
            apply(&mut other, &Command::phase(Phase::Continuous), levels, &format!("{name}: uncross"));
            for engine in [engine, other] {
                assert_eq!(engine.check_invariants(), Ok(()), "{name}");
            }
        }
    }
}
