//! Far levels: those outside the near levels, a height-balanced search tree in a fixed array.
//!
//! Source: G. M. Adelson-Velsky and E. M. Landis, "An algorithm for the organization of
//! information", 1962 (AVL tree). Ours has parent links instead of recursion or a stack of the
//! path, and remembers the two levels next to the window.

mod check;
pub(in crate::book) mod work;

use zerocopy::FromZeros;

/// A level outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::book) struct FarLevel {
    pub(in crate::book) rank: i64,
    pub(in crate::book) level: u32,
}

/// A node of the tree. Links are node numbers from 1; 0 is the null link.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
struct Node {
    rank: i64,
    /// The level (30 bits), and the balance factor: which subtree is one higher, 0 none, 1 left, 2
    /// right.
    level: u32,
    parent: u32,
    /// Left: lower ranks; right: higher ones. Of a free node the left one is the next free node.
    children: [u32; 2],
}

/// The sides of a node, as indices: `children[RIGHT as usize]`.
const LEFT: bool = false;
const RIGHT: bool = true;

/// Mask of the level in [`Node::level`].
const LEVEL: u32 = u32::MAX >> 2;

impl Node {
    const fn level(&self) -> u32 {
        self.level & LEVEL
    }

    const fn child(&self, right: bool) -> u32 {
        self.children[right as usize]
    }

    const fn set_child(&mut self, right: bool, child: u32) {
        self.children[right as usize] = child;
    }

    /// Returns whether the subtree on this side is higher than the other one.
    const fn leans(&self, right: bool) -> bool {
        self.level >> 30 == 1 + right as u32
    }

    const fn is_even(&self) -> bool {
        self.level >> 30 == 0
    }

    const fn hang(&mut self, right: bool, child: u32, parent: u32) {
        self.set_child(right, child);
        self.parent = parent;
    }

    const fn lean(&mut self, right: bool) {
        self.level = self.level() | (1 + right as u32) << 30;
    }

    const fn even(&mut self) {
        self.level &= LEVEL;
    }
}

/// Up to `FAR` levels, ordered by rank.
///
/// With n levels the tree is at most 1.45 log2(n + 2) nodes deep, in whatever order they were added
/// and removed: 25 nodes for 150,000 levels, 46 for 2^32. A lookup of a level or a neighbour
/// descends once. An insertion descends once and ascends once, with at most two rotations; a
/// removal descends once and ascends once, with at most two rotations a node. The levels next to
/// the window are cached, and one is inserted there without a descent.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct Far<const FAR: usize> {
    len: u32,
    root: u32,
    /// The highest level below the window, the lowest above it.
    low: u32,
    high: u32,
    /// Free nodes, last in, first out.
    free: u32,
    /// High-water mark: nodes 1 ..= `used` have been in use.
    used: u32,
    nodes: [Node; FAR],
}

impl<const FAR: usize> Far<FAR> {
    const CHECK: () = assert!(FAR < u32::MAX as usize, "FAR is below 2^32 - 1");

    #[cfg(test)]
    pub(in crate::book) const fn len(&self) -> usize {
        self.len as usize
    }

    pub(in crate::book) const fn is_full(&self) -> bool {
        self.len as usize >= FAR
    }

    pub(in crate::book) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the node with this number, or `None` for 0. One comparison tests for 0 and for the
    /// bound.
    #[inline(always)]
    fn node(&self, i: u32) -> Option<&Node> {
        #[cfg(all(test, not(broken)))]
        work::count();
        self.nodes.get((i as usize).wrapping_sub(1))
    }

    #[inline(always)]
    fn node_mut(&mut self, i: u32) -> Option<&mut Node> {
        #[cfg(all(test, not(broken)))]
        work::count();
        self.nodes.get_mut((i as usize).wrapping_sub(1))
    }

    fn get(&self, i: u32) -> Option<FarLevel> {
        self.node(i).map(|node| FarLevel { rank: node.rank, level: node.level() })
    }

    // ---- lookup ------------------------------------------------------------------------------

    /// Returns the node with this rank, or 0.
    fn search(&self, rank: i64) -> u32 {
        let mut at = self.root;
        while let Some(node) = self.node(at) {
            if node.rank == rank {
                return at;
            }
            at = node.child(rank > node.rank);
        }
        0
    }

    /// Returns the level with this rank, or 0.
    #[inline(never)]
    pub(in crate::book) fn find(&self, rank: i64) -> u32 {
        self.node(self.search(rank)).map_or(0, Node::level)
    }

    /// Returns the node of the highest rank below `rank`, or 0.
    fn search_below(&self, rank: i64) -> u32 {
        let (mut found, mut at) = (0, self.root);
        while let Some(node) = self.node(at) {
            let right = node.rank < rank;
            found = if right { at } else { found };
            at = node.child(right);
        }
        found
    }

    /// Returns the node of the lowest rank above `rank`, or 0.
    fn search_above(&self, rank: i64) -> u32 {
        let (mut found, mut at) = (0, self.root);
        while let Some(node) = self.node(at) {
            let right = node.rank <= rank;
            found = if right { found } else { at };
            at = node.child(right);
        }
        found
    }

    /// Returns the highest level below the window.
    #[inline(always)]
    pub(in crate::book) fn last_low(&self) -> Option<FarLevel> {
        self.get(self.low)
    }

    /// Returns the lowest level above the window.
    #[inline(always)]
    pub(in crate::book) fn first_high(&self) -> Option<FarLevel> {
        self.get(self.high)
    }

    /// Returns the highest level below the window with a rank below `rank`.
    #[inline(always)]
    pub(in crate::book) fn low_below(&self, rank: i64) -> Option<FarLevel> {
        if self.low == 0 { None } else { self.low_below_outlined(rank) }
    }

    #[inline(never)]
    fn low_below_outlined(&self, rank: i64) -> Option<FarLevel> {
        let last = self.last_low()?;
        if last.rank < rank { Some(last) } else { self.get(self.search_below(rank)) }
    }

    /// Returns the highest level above the window with a rank below `rank`.
    #[inline(never)]
    pub(in crate::book) fn high_below(&self, rank: i64) -> Option<FarLevel> {
        if self.first_high()?.rank < rank { self.get(self.search_below(rank)) } else { None }
    }

    /// Returns the lowest level below the window with a rank above `rank`.
    pub(in crate::book) fn low_above(&self, rank: i64) -> Option<FarLevel> {
        if self.last_low()?.rank > rank { self.get(self.search_above(rank)) } else { None }
    }

    /// Returns the lowest level above the window with a rank above `rank`.
    pub(in crate::book) fn high_above(&self, rank: i64) -> Option<FarLevel> {
        let first = self.first_high()?;
        if first.rank > rank { Some(first) } else { self.get(self.search_above(rank)) }
    }

    /// Returns the in-order neighbour of a node: the next higher rank for `right`, else the next
    /// lower one; or 0.
    fn next(&self, of: u32, right: bool) -> u32 {
        let Some(mut node) = self.node(of) else { return 0 };
        let child = node.child(right);
        if child != 0 {
            return self.outermost(child, !right);
        }
        let mut at = of;
        while let Some(parent) = self.node(node.parent) {
            if parent.child(right) != at {
                return node.parent;
            }
            at = node.parent;
            node = parent;
        }
        0
    }

    /// Returns the highest (`right`) or lowest node of a subtree.
    fn outermost(&self, of: u32, right: bool) -> u32 {
        let mut at = of;
        while let Some(node) = self.node(at) {
            let child = node.child(right);
            if child == 0 {
                break;
            }
            at = child;
        }
        at
    }

    // ---- adding ------------------------------------------------------------------------------

    /// Adds a level with a new rank; requires room. `above`: whether it lies above the window.
    #[inline(never)]
    pub(in crate::book) fn insert(&mut self, rank: i64, level: u32, above: bool) {
        let (mut parent, mut right, mut at) = (0, LEFT, self.root);
        while let Some(node) = self.node(at) {
            (parent, right) = (at, rank > node.rank);
            at = node.child(right);
        }
        let new = self.attach(rank, level, parent, right);
        if above {
            if self.first_high().is_none_or(|first| rank < first.rank) {
                self.high = new;
            }
        } else if self.last_low().is_none_or(|last| rank > last.rank) {
            self.low = new;
        }
    }

    /// Adds a level that lies between those below the window and those above it, as the highest
    /// below it.
    #[inline(never)]
    pub(in crate::book) fn push_low(&mut self, rank: i64, level: u32) {
        // Of two in-order neighbours one has no child on the side of the other.
        let new = match self.node(self.low) {
            Some(low) if low.child(RIGHT) == 0 => self.attach(rank, level, self.low, RIGHT),
            _ => self.attach(rank, level, self.high, LEFT),
        };
        self.low = new;
    }

    /// Attaches a new node to a parent without a child on that side (0: the tree is empty).
    fn attach(&mut self, rank: i64, level: u32, parent: u32, right: bool) -> u32 {
        const { Self::CHECK }
        debug_assert!(!self.is_full(), "there is room");
        debug_assert!(level != 0 && level <= LEVEL, "the number of a level");
        let new = if self.free != 0 {
            let new = self.free;
            self.free = self.node(new).map_or(0, |node| node.child(LEFT));
            new
        } else {
            self.used += 1;
            self.used
        };
        self.len += 1;
        if let Some(node) = self.node_mut(new) {
            *node = Node { rank, level, parent, children: [0; 2] };
        }
        match self.node_mut(parent) {
            Some(node) => node.set_child(right, new),
            None => self.root = new,
        }
        self.grown(parent, new);
        new
    }

    /// Restores the balance from `at` up, whose child `child` is new or one higher than before.
    #[inline(always)]
    fn grown(&mut self, mut at: u32, mut child: u32) {
        while let Some(node) = self.node_mut(at) {
            let right = node.child(RIGHT) == child;
            if !node.is_even() {
                if node.leans(right) {
                    self.rotate(at, right);
                } else {
                    node.even();
                }
                return;
            }
            node.lean(right);
            (child, at) = (at, node.parent);
        }
    }

    // ---- removing ----------------------------------------------------------------------------

    /// Removes the level with this rank, if it is there.
    #[inline(never)]
    pub(in crate::book) fn remove(&mut self, rank: i64) {
        let found = self.search(rank);
        self.detach(found);
    }

    /// Removes the highest level below the window, if there is one.
    pub(in crate::book) fn pop_low(&mut self) {
        self.detach(self.low);
    }

    /// Removes the lowest level above the window, if there is one.
    pub(in crate::book) fn pop_high(&mut self) {
        self.detach(self.high);
    }

    #[inline(never)]
    fn detach(&mut self, gone: u32) {
        let Some(&Node { parent, children: [left, right], .. }) = self.node(gone) else { return };
        if gone == self.low {
            self.low = self.next(gone, LEFT);
        } else if gone == self.high {
            self.high = self.next(gone, RIGHT);
        }
        let (mut hole, mut parent, mut child) = (gone, parent, left | right);
        if left != 0 && right != 0 {
            // Two children: the in-order successor moves here; it has one child at most.
            hole = self.outermost(right, LEFT);
            let Some(&next) = self.node(hole) else { return };
            (parent, child) = (next.parent, next.child(RIGHT));
            if let Some(node) = self.node_mut(gone) {
                node.rank = next.rank;
                node.level = next.level() | node.level & !LEVEL;
            }
            if self.low == hole {
                self.low = gone;
            } else if self.high == hole {
                self.high = gone;
            }
        }
        let side = self.swap_child(parent, hole, child);
        if let Some(node) = self.node_mut(child) {
            node.parent = parent;
        }
        let free = self.free;
        if let Some(node) = self.node_mut(hole) {
            node.set_child(LEFT, free);
        }
        self.free = hole;
        self.len -= 1;
        self.shrunk(parent, side);
    }

    /// Restores the balance from `at` up, whose subtree on this side is one lower than before.
    #[inline(always)]
    fn shrunk(&mut self, mut at: u32, mut right: bool) {
        while let Some(node) = self.node_mut(at) {
            if node.is_even() {
                node.lean(!right);
                return;
            }
            let parent = node.parent;
            if node.leans(right) {
                node.even();
            } else {
                at = self.rotate(at, !right);
                if self.node(at).is_none_or(|top| !top.is_even()) {
                    return; // as high as before
                }
            }
            right = self.node(parent).is_some_and(|node| node.child(RIGHT) == at);
            at = parent;
        }
    }

    // ---- rotations ---------------------------------------------------------------------------

    /// Rotates at `at`, whose subtree on this side is two higher. Returns the new root of the
    /// subtree.
    #[inline(never)]
    fn rotate(&mut self, at: u32, right: bool) -> u32 {
        let Some(&low) = self.node(at) else { return at };
        let child = low.child(right);
        let Some(&heavy) = self.node(child) else { return at };
        let inner = heavy.child(!right);
        if heavy.leans(!right) {
            return self.rotate_twice(at, child, inner, right);
        }
        // The child is balanced only after a removal; then the subtree keeps its height.
        let even = heavy.is_even();
        if let Some(node) = self.node_mut(at) {
            node.hang(right, inner, child);
            if even { node.lean(right) } else { node.even() }
        }
        if let Some(node) = self.node_mut(child) {
            node.hang(!right, at, low.parent);
            if even { node.lean(!right) } else { node.even() }
        }
        if let Some(node) = self.node_mut(inner) {
            node.parent = at;
        }
        self.swap_child(low.parent, at, child);
        child
    }

    /// Double rotation: [`Far::rotate`] where the child's inner subtree is the higher one.
    fn rotate_twice(&mut self, at: u32, child: u32, inner: u32, right: bool) -> u32 {
        let Some(&top) = self.node(inner) else { return at };
        let (near, far) = (top.child(!right), top.child(right));
        let mut parent = 0;
        if let Some(node) = self.node_mut(at) {
            parent = node.parent;
            node.hang(right, near, inner);
            if top.leans(right) { node.lean(!right) } else { node.even() }
        }
        if let Some(node) = self.node_mut(child) {
            node.hang(!right, far, inner);
            if top.leans(!right) { node.lean(right) } else { node.even() }
        }
        if let Some(node) = self.node_mut(inner) {
            node.hang(right, child, parent);
            node.set_child(!right, at);
            node.even();
        }
        if let Some(node) = self.node_mut(near) {
            node.parent = at;
        }
        if let Some(node) = self.node_mut(far) {
            node.parent = child;
        }
        self.swap_child(parent, at, inner);
        inner
    }

    /// Replaces a child by another one (`parent` 0: the root). Returns its side.
    #[inline(always)]
    fn swap_child(&mut self, parent: u32, old: u32, new: u32) -> bool {
        match self.node_mut(parent) {
            Some(node) => {
                let right = node.child(RIGHT) == old;
                node.set_child(right, new);
                right
            }
            None => {
                self.root = new;
                LEFT
            }
        }
    }

    // ---- the window --------------------------------------------------------------------------

    /// Moves the window: all ranks up to `top` lie below it now, all others above it.
    pub(in crate::book) fn split_at(&mut self, top: i64) {
        self.high = self.search_above(top);
        self.low = match self.high {
            0 => self.outermost(self.root, RIGHT),
            high => self.next(high, LEFT),
        };
    }

    /// Removes all levels.
    pub(in crate::book) const fn clear(&mut self) {
        (self.len, self.root, self.low, self.high) = (0, 0, 0, 0);
        (self.free, self.used) = (0, 0);
    }
}
