//! Invariants of the tree of far levels.

use super::{Far, FarLevel, LEFT, RIGHT};

impl<const FAR: usize> Far<FAR> {
    /// Returns the height of a subtree, by the balance factors of its nodes.
    fn height(&self, of: u32) -> u32 {
        let (mut height, mut at) = (0, of);
        while let Some(node) = self.node(at) {
            height += 1;
            at = node.child(node.leans(RIGHT));
        }
        height
    }

    /// Returns the highest level.
    pub(in crate::book) fn highest(&self) -> Option<FarLevel> {
        self.get(self.outermost(self.root, RIGHT))
    }

    /// Returns whether the tree is ordered and balanced, its links agree, every node is in it or
    /// free, no rank lies in the window (with its top at `top`), and the cached levels are those
    /// next to the window.
    pub(in crate::book) fn is_consistent(&self, top: i64, in_window: impl Fn(i64) -> bool) -> bool {
        let (mut seen, mut before) = (0, None);
        let (mut low, mut high) = (0, 0);
        let mut at = self.outermost(self.root, LEFT);
        while let Some(node) = self.node(at) {
            let [left, right] = node.children;
            let linked = |child: u32| child == 0 || self.node(child).is_some_and(|child| child.parent == at);
            let even = match node.level >> 30 {
                0 => self.height(left) == self.height(right),
                1 => self.height(left) == self.height(right) + 1,
                2 => self.height(left) + 1 == self.height(right),
                _ => false,
            };
            let rises = before.is_none_or(|before| before < node.rank);
            if !linked(left) || !linked(right) || !even || !rises || in_window(node.rank) || seen == self.len {
                return false;
            }
            if node.rank > top {
                high = if high == 0 { at } else { high };
            } else {
                low = at;
            }
            seen += 1;
            before = Some(node.rank);
            at = self.next(at, RIGHT);
        }
        let (mut free, mut at) = (0, self.free);
        while let Some(node) = self.node(at) {
            if free == self.used {
                return false;
            }
            free += 1;
            at = node.child(LEFT);
        }
        let root = self.node(self.root).map_or(0, |root| root.parent);
        root == 0
            && (seen, low, high) == (self.len, self.low, self.high)
            && seen + free == self.used
            && self.used as usize <= FAR
    }
}

#[cfg(all(test, not(broken)))] // proptest is not there for the model checkers
mod tests {
    extern crate std;
    use super::super::Far;
    use super::FarLevel;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::vec::Vec;
    use zerocopy::FromZeros;

    const ROOM: usize = 96;
    type Small = Far<ROOM>;

    #[derive(Clone, Debug)]
    enum Step {
        /// A level anywhere.
        Insert(i64),
        /// The next ones of a run of ranks, upward or downward.
        Run(i64, i64, u8),
        /// A level next to the window.
        PushLow,
        PopLow,
        PopHigh,
        Remove(usize),
        /// Several of one end.
        RemoveFirst(u8),
        RemoveLast(u8),
        /// The window moves.
        Split(i64),
        Clear,
    }

    fn rank() -> impl Strategy<Value = i64> {
        prop_oneof![
            6 => -60i64..60,
            1 => (0i64..4).prop_map(|d| i64::MIN + d),
            1 => (0i64..4).prop_map(|d| i64::MAX - d),
            1 => any::<i64>(),
        ]
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => rank().prop_map(Step::Insert),
            2 => (rank(), prop_oneof![Just(-1i64), Just(1), Just(3)], 0u8..40).prop_map(|(k, by, n)| Step::Run(k, by, n)),
            4 => Just(Step::PushLow),
            3 => Just(Step::PopLow),
            3 => Just(Step::PopHigh),
            8 => any::<usize>().prop_map(Step::Remove),
            1 => (0u8..30).prop_map(Step::RemoveFirst),
            1 => (0u8..30).prop_map(Step::RemoveLast),
            2 => rank().prop_map(Step::Split),
            1 => Just(Step::Clear),
        ];
        prop::collection::vec(step, 0..200)
    }

    type Model = BTreeMap<i64, u32>;

    fn pair((&rank, &level): (&i64, &u32)) -> FarLevel {
        FarLevel { rank, level }
    }

    fn same(far: &Small, model: &Model, top: i64) -> Result<(), TestCaseError> {
        use core::ops::Bound::{Excluded, Unbounded};
        prop_assert!(far.is_consistent(top, |_| false));
        prop_assert_eq!((far.len(), far.is_empty()), (model.len(), model.is_empty()));
        prop_assert_eq!(far.is_full(), model.len() == ROOM);
        prop_assert_eq!(far.highest(), model.last_key_value().map(pair));
        prop_assert_eq!(far.last_low(), model.range(..=top).next_back().map(pair));
        prop_assert_eq!(far.first_high(), model.range((Excluded(top), Unbounded)).next().map(pair));
        let near = model.keys().flat_map(|&k| [k.saturating_sub(1), k, k.saturating_add(1)]);
        for rank in near.chain([top, i64::MIN, i64::MAX]) {
            prop_assert_eq!(far.find(rank), model.get(&rank).copied().unwrap_or(0));
            let below = model.range(..rank).next_back().map(pair);
            prop_assert_eq!(far.high_below(rank), below.filter(|far| far.rank > top));
            let low = model.range(..rank).rev().find(|&(&k, _)| k <= top).map(pair);
            prop_assert_eq!(far.low_below(rank), low);
            let above = model.range((Excluded(rank), Unbounded)).next().map(pair);
            prop_assert_eq!(far.low_above(rank), above.filter(|far| far.rank <= top));
            let high = model.range((Excluded(rank), Unbounded)).find(|&(&k, _)| k > top).map(pair);
            prop_assert_eq!(far.high_above(rank), high);
        }
        Ok(())
    }

    fn insert(far: &mut Small, model: &mut Model, rank: i64, top: i64) {
        if model.len() < ROOM && !model.contains_key(&rank) {
            let level = 1 + (rank as u32 & 0xffff);
            far.insert(rank, level, rank > top);
            model.insert(rank, level);
        }
    }

    fn do_step(far: &mut Small, model: &mut Model, top: &mut i64, step: Step) {
        let remove = |far: &mut Small, model: &mut Model, rank: Option<i64>| {
            if let Some(rank) = rank {
                far.remove(rank);
                model.remove(&rank);
            }
        };
        match step {
            Step::Insert(rank) => insert(far, model, rank, *top),
            Step::Run(from, by, count) => {
                for i in 0..i64::from(count) {
                    insert(far, model, from.saturating_add(by * i), *top);
                }
            }
            Step::PushLow => {
                if model.len() < ROOM && !model.contains_key(top) {
                    far.push_low(*top, 7);
                    model.insert(*top, 7);
                }
            }
            Step::PopLow => {
                let rank = far.last_low().map(|far| far.rank);
                far.pop_low();
                rank.and_then(|rank| model.remove(&rank));
            }
            Step::PopHigh => {
                let rank = far.first_high().map(|far| far.rank);
                far.pop_high();
                rank.and_then(|rank| model.remove(&rank));
            }
            Step::Remove(which) => remove(far, model, model.keys().copied().nth(which % model.len().max(1))),
            Step::RemoveFirst(count) => {
                (0..count).for_each(|_| remove(far, model, model.keys().next().copied()));
            }
            Step::RemoveLast(count) => {
                (0..count).for_each(|_| remove(far, model, model.keys().next_back().copied()));
            }
            Step::Split(at) => {
                *top = at;
                far.split_at(at);
            }
            Step::Clear => {
                far.clear();
                model.clear();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn far_levels_are_an_ordered_map_with_a_gap(steps in steps()) {
            let mut far = Small::new_zeroed();
            let (mut model, mut top) = (Model::new(), 0);
            same(&far, &model, top)?;
            for step in steps {
                do_step(&mut far, &mut model, &mut top, step);
                same(&far, &model, top)?;
            }
        }
    }

    #[test]
    fn a_rank_that_is_not_there_is_neither_found_nor_removed() {
        let mut far = Small::new_zeroed();
        far.remove(3);
        far.pop_low();
        far.pop_high();
        assert_eq!((far.len(), far.find(0)), (0, 0));
        far.insert(5, 1, true);
        far.remove(3);
        far.pop_low();
        assert_eq!((far.len(), far.find(3), far.find(5)), (1, 0, 1));
        assert!(far.is_consistent(0, |_| false));
    }

    #[test]
    fn a_broken_tree_is_seen() {
        let full = || {
            let mut far = Small::new_zeroed();
            (0..7).for_each(|rank| far.insert(rank, 1, false));
            assert!(far.is_consistent(6, |_| false));
            far
        };
        let breaks: [fn(&mut Small); 8] = [
            |far| far.nodes[1].rank = 100,
            |far| far.nodes[1].parent = 3,
            |far| far.nodes[1].lean(true),
            |far| far.nodes[3].children = [0, 0],
            |far| far.low = 1,
            |far| far.high = 1,
            |far| far.len += 1,
            |far| far.used += 1,
        ];
        for (i, break_it) in breaks.into_iter().enumerate() {
            let mut far = full();
            break_it(&mut far);
            assert!(!far.is_consistent(6, |_| false), "break {i}");
        }
        assert!(!full().is_consistent(6, |rank| rank == 3), "one in the window");
        assert!(!full().is_consistent(5, |_| false), "one above it that is not remembered");
    }
}
