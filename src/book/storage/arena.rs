//! Arena of 32-byte nodes for orders and levels; the queue of a level is a ring through its node.

use crate::book::storage::indexed_heap::Heaped;
use crate::book::storage::observer::StorageObserver;
use crate::book::storage::price_ladder::price;
use crate::book::{Price, SelfTradePrevention, Side, TimeInForce};
use crate::sync::prefetch;
use zerocopy::FromZeros;

/// An order or a level.
///
/// ```text
/// offset       0          8          16            20       24      28
/// order        id         open qty   level | bit   owner    next    prev
/// level        rank        total qty  count | side  hidden   first   last
/// ```
///
/// `next` and `prev` are node numbers. The queue of a level is a ring through the level's own node,
/// so linking and unlinking have no special cases at the ends.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C, align(32))]
pub(in crate::book) struct Node {
    /// Order: id. Level: rank.
    pub(in crate::book) id: u64,
    /// Order: open quantity. Level: the open quantities of all its orders.
    pub(in crate::book) qty: u64,
    /// Order: its level, and [`HAS_COLD_STATE`]. Level: visible orders × 2 + side.
    level_or_count: u32,
    /// Order: owner. Level: its first hidden order, or itself if it has none; visible orders queue
    /// ahead of it (M1.2).
    owner_or_hidden: u32,
    /// Order: the next in the queue, or the level at the end. Level: the first order.
    pub(in crate::book) next: u32,
    /// Order: the previous in the queue, or the level at the front. Level: the last order.
    pub(in crate::book) prev: u32,
}

const _: () = assert!(size_of::<Node>() == 32);

impl Node {
    /// Returns whether trading or removing this order takes more than its node.
    #[inline(always)]
    pub(in crate::book) const fn has_cold_state(&self) -> bool {
        self.level_or_count & HAS_COLD_STATE != 0
    }

    /// Returns whether this is a queued order that is neither iceberg nor hidden nor gtd, so that
    /// trading or removing it takes nothing but its node. `false` for the null node.
    #[inline(always)]
    pub(in crate::book) const fn is_vanilla(&self) -> bool {
        self.level_or_count as i32 > 0
    }

    /// Returns the owner of an order.
    #[inline(always)]
    pub(in crate::book) const fn owner(&self) -> u32 {
        self.owner_or_hidden
    }

    /// Returns the level of an order without cold state.
    #[inline(always)]
    pub(in crate::book) const fn level(&self) -> u32 {
        self.level_or_count
    }
}

/// Marks icebergs, hidden and gtd orders: trading or removing them takes more than their node.
const HAS_COLD_STATE: u32 = 1 << 31;

/// State that only icebergs and gtd orders use.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct ColdState {
    /// gtd: when it expires, in ns.
    pub(in crate::book) expires: u64,
    /// Iceberg: the largest slice (M7.8); 0 otherwise.
    pub(in crate::book) display: u64,
    /// Iceberg: the slice now.
    pub(in crate::book) slice: u64,
    /// gtd: its position in the expiry heap.
    place: u32,
    reserved: u32,
}

/// Attributes of an order beside its node: 56 bits of entry stamp (M0.12), 8 of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::book) struct Attributes {
    pub(in crate::book) stamp: u64,
    pub(in crate::book) tif: TimeInForce,
    pub(in crate::book) stp: SelfTradePrevention,
    pub(in crate::book) iceberg: bool,
    pub(in crate::book) hidden: bool,
    pub(in crate::book) post_only: bool,
}

impl Attributes {
    #[inline(always)]
    const fn pack(self) -> u64 {
        self.stamp << 8
            | (self.tif as u64) // gtc, day, gtd: 2 bits
            | (self.stp as u64) << 2 // 3 bits
            | (self.iceberg as u64) << 5
            | (self.hidden as u64) << 6
            | (self.post_only as u64) << 7
    }

    /// Returns the options as one byte, without the entry stamp.
    pub(in crate::book) const fn options(self) -> u64 {
        self.pack() & 0xff
    }

    const fn unpack(word: u64) -> Self {
        Self {
            stamp: word >> 8,
            tif: match word & 3 {
                0 => TimeInForce::Gtc,
                1 => TimeInForce::Day,
                _ => TimeInForce::Gtd,
            },
            stp: match word >> 2 & 7 {
                0 => SelfTradePrevention::None,
                1 => SelfTradePrevention::CancelNewest,
                2 => SelfTradePrevention::CancelOldest,
                3 => SelfTradePrevention::CancelBoth,
                _ => SelfTradePrevention::Decrement,
            },
            iceberg: word >> 5 & 1 != 0,
            hidden: word >> 6 & 1 != 0,
            post_only: word >> 7 & 1 != 0,
        }
    }

    /// Returns whether the order uses its [`ColdState`] or is not fully visible.
    #[inline(always)]
    const fn has_cold_state(self) -> bool {
        self.iceberg || self.hidden || matches!(self.tif, TimeInForce::Gtd)
    }
}

/// Arena of nodes for `ORDERS` orders and as many levels (no more can be occupied), with their
/// attributes and cold state.
///
/// Node 0 is the null node; levels are 1 ..= `ORDERS`, orders `ORDERS` + 1 ..= 2 × `ORDERS`. Free
/// nodes are reused last in, first out, so that the working set stays small and cached.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct Arena<const ORDERS: usize, S> {
    free_order: u32,
    used_orders: u32,
    free_level: u32,
    used_levels: u32,
    live_orders: u32,
    reserved: [u32; 3],
    null: Node,
    levels: [Node; ORDERS],
    orders: [Node; ORDERS],
    attributes: [u64; ORDERS],
    /// By level: the part of its total that is not visible.
    hidden_qty: [u64; ORDERS],
    cold: [ColdState; ORDERS],
    pub(in crate::book) observer: S,
}

impl<const ORDERS: usize, S: StorageObserver> Arena<ORDERS, S> {
    /// `null`, `levels` and `orders` lie one behind the other: 1 + 2 × `ORDERS` nodes.
    const NODES: usize = 1 + 2 * ORDERS;

    const FIRST_ORDER: u32 = ORDERS as u32 + 1;

    /// Returns a node by its number.
    #[inline(always)]
    pub(in crate::book) fn node(&self, i: u32) -> &Node {
        debug_assert!((i as usize) < Self::NODES, "a node number");
        let base = (&raw const *self).wrapping_byte_add(core::mem::offset_of!(Self, null)).cast::<Node>();
        // SAFETY: every number kept in a node, a ladder, the id table or a free list came from
        // `take_order` or `take_level`, which give numbers below `NODES`; `repr(C)` puts the three
        // node fields one behind the other without padding, and the pointer covers the whole arena.
        unsafe { &*base.wrapping_add(i as usize) }
    }

    /// Returns a node by its number.
    #[inline(always)]
    pub(in crate::book) fn node_mut(&mut self, i: u32) -> &mut Node {
        debug_assert!((i as usize) < Self::NODES, "a node number");
        let base = (&raw mut *self).wrapping_byte_add(core::mem::offset_of!(Self, null)).cast::<Node>();
        // SAFETY: as in `node`, and the arena is borrowed for as long as the node is.
        unsafe { &mut *base.wrapping_add(i as usize) }
    }

    /// Prefetches a node; the number need not be valid.
    #[inline(always)]
    pub(in crate::book) fn prefetch(&self, i: u32) {
        let base = (&raw const *self).wrapping_byte_add(core::mem::offset_of!(Self, null)).cast::<Node>();
        prefetch(base.wrapping_add(i as usize));
    }

    #[inline(always)]
    fn order_index(i: u32) -> usize {
        debug_assert!(i >= Self::FIRST_ORDER && (i as usize) < Self::NODES, "the number of an order");
        (i - Self::FIRST_ORDER) as usize
    }

    #[inline(always)]
    fn level_index(i: u32) -> usize {
        debug_assert!(i > 0 && i < Self::FIRST_ORDER, "the number of a level");
        (i as usize).wrapping_sub(1)
    }

    // ---- orders ---------------------------------------------------------------------------------

    /// Returns the number of resting orders.
    #[inline(always)]
    pub(in crate::book) const fn live_orders(&self) -> usize {
        self.live_orders as usize
    }

    #[inline(always)]
    pub(in crate::book) const fn has_room(&self) -> bool {
        (self.live_orders as usize) < ORDERS
    }

    /// Takes a free order node; requires [`Arena::has_room`]. [`Arena::link`] sets its links.
    #[inline(always)]
    pub(in crate::book) fn take_order(&mut self, id: u64, qty: u64, owner: u32) -> u32 {
        debug_assert!(self.has_room(), "a free order");
        let i = if self.free_order != 0 {
            let i = self.free_order;
            self.free_order = self.node(i).next;
            i
        } else {
            let i = Self::FIRST_ORDER + self.used_orders;
            self.used_orders += 1;
            i
        };
        self.live_orders += 1;
        let node = self.node_mut(i);
        node.id = id;
        node.qty = qty;
        node.owner_or_hidden = owner;
        i
    }

    /// Frees an order node.
    #[inline(always)]
    pub(in crate::book) fn free_order(&mut self, i: u32) {
        let free = self.free_order;
        let node = self.node_mut(i);
        node.qty = 0; // marks a free node for walks over all nodes
        node.next = free;
        self.free_order = i;
        self.live_orders -= 1;
    }

    /// Returns the high-water mark of orders: free nodes are reused before a fresh one is taken.
    pub(in crate::book) const fn orders_high_water(&self) -> usize {
        self.used_orders as usize
    }

    /// Returns the high-water mark of levels.
    pub(in crate::book) const fn levels_high_water(&self) -> usize {
        self.used_levels as usize
    }

    /// Returns the numbers of all order nodes ever used, free ones (with quantity 0) included.
    pub(in crate::book) fn order_numbers(&self) -> core::ops::Range<u32> {
        Self::FIRST_ORDER..Self::FIRST_ORDER + self.used_orders
    }

    /// Removes all orders and levels. The caller has cleared the ids.
    pub(in crate::book) fn clear(&mut self) {
        let levels = self.used_levels as usize;
        for hidden_qty in self.hidden_qty.iter_mut().take(levels) {
            *hidden_qty = 0;
        }
        (self.free_order, self.used_orders, self.live_orders) = (0, 0, 0);
        (self.free_level, self.used_levels) = (0, 0);
        self.observer.on_cleared();
    }

    #[inline(always)]
    pub(in crate::book) fn owner(&self, order: u32) -> u32 {
        self.node(order).owner_or_hidden
    }

    /// Returns the level of a resting order.
    #[inline(always)]
    pub(in crate::book) fn level_of(&self, order: u32) -> u32 {
        self.node(order).level_or_count & !HAS_COLD_STATE
    }

    #[inline(always)]
    pub(in crate::book) fn has_cold_state(&self, order: u32) -> bool {
        self.node(order).level_or_count & HAS_COLD_STATE != 0
    }

    #[inline(always)]
    pub(in crate::book) fn attributes(&self, order: u32) -> Attributes {
        Attributes::unpack(*self.attributes_word(order))
    }

    #[inline(always)]
    fn attributes_word(&self, order: u32) -> &u64 {
        let i = Self::order_index(order);
        // SAFETY: `order` is the number of an order (see `node`), so its index is below `ORDERS`.
        unsafe { self.attributes.get_unchecked(i) }
    }

    #[inline(always)]
    fn attributes_word_mut(&mut self, order: u32) -> &mut u64 {
        let i = Self::order_index(order);
        // SAFETY: as in `attributes_word`.
        unsafe { self.attributes.get_unchecked_mut(i) }
    }

    #[inline(always)]
    pub(in crate::book) fn set_attributes(&mut self, order: u32, attributes: Attributes) {
        *self.attributes_word_mut(order) = attributes.pack();
    }

    /// [`Arena::set_attributes`] for an order without options.
    #[inline(always)]
    pub(in crate::book) fn set_vanilla_attributes(
        &mut self,
        order: u32,
        stamp: u64,
        tif: TimeInForce,
        stp: SelfTradePrevention,
    ) {
        self.set_attributes(order, Attributes { stamp, tif, stp, iceberg: false, hidden: false, post_only: false });
    }

    #[inline(always)]
    pub(in crate::book) fn cold(&self, order: u32) -> &ColdState {
        let i = Self::order_index(order);
        // SAFETY: as in `attributes_word`.
        unsafe { self.cold.get_unchecked(i) }
    }

    #[inline(always)]
    pub(in crate::book) fn cold_mut(&mut self, order: u32) -> &mut ColdState {
        let i = Self::order_index(order);
        // SAFETY: as in `attributes_word`.
        unsafe { self.cold.get_unchecked_mut(i) }
    }

    /// Returns the quantity that trades before an order queues again: all of it, or an iceberg's
    /// slice (M7.3).
    #[inline(always)]
    pub(in crate::book) fn slice(&self, order: u32) -> u64 {
        if self.has_cold_state(order) && self.attributes(order).iceberg {
            self.cold(order).slice
        } else {
            self.node(order).qty
        }
    }

    /// Returns the part of an order that is not visible: all of a hidden one, the reserve of an
    /// iceberg.
    pub(in crate::book) fn hidden_qty_of(&self, order: u32) -> u64 {
        if !self.has_cold_state(order) {
            return 0;
        }
        let attributes = self.attributes(order);
        if attributes.hidden {
            self.node(order).qty
        } else if attributes.iceberg {
            self.node(order).qty - self.cold(order).slice
        } else {
            0
        }
    }

    /// Returns whether an order is hidden: it queues behind all displayed ones (M1.2).
    pub(in crate::book) fn is_hidden(&self, order: u32) -> bool {
        self.has_cold_state(order) && self.attributes(order).hidden
    }

    // ---- levels ---------------------------------------------------------------------------------

    /// Takes a level node without orders. An order that has room has a level node too.
    #[inline(always)]
    pub(in crate::book) fn take_level(&mut self, rank: i64, side: usize) -> u32 {
        let i = if self.free_level != 0 {
            let i = self.free_level;
            self.free_level = self.node(i).next;
            i
        } else {
            self.used_levels += 1;
            self.used_levels
        };
        debug_assert!(i as usize <= ORDERS, "no more levels than orders");
        *self.node_mut(i) =
            Node { id: rank as u64, qty: 0, level_or_count: side as u32, owner_or_hidden: i, next: i, prev: i };
        i
    }

    #[inline(always)]
    pub(in crate::book) fn free_level(&mut self, level: u32) {
        let free = self.free_level;
        self.node_mut(level).next = free;
        self.free_level = level;
    }

    #[inline(always)]
    pub(in crate::book) fn rank(&self, level: u32) -> i64 {
        self.node(level).id as i64
    }

    /// Returns the side of a level (M0.7).
    #[inline(always)]
    pub(in crate::book) fn side(&self, level: u32) -> Side {
        if self.node(level).level_or_count & 1 == 0 { Side::Buy } else { Side::Sell }
    }

    /// Returns the price of a level.
    #[inline(always)]
    pub(in crate::book) fn price(&self, level: u32) -> Price {
        price(self.side(level), self.rank(level))
    }

    /// Returns the number of visible orders of a level; an iceberg is one.
    #[inline(always)]
    pub(in crate::book) fn visible_orders(&self, level: u32) -> u32 {
        self.node(level).level_or_count >> 1
    }

    /// Returns the visible quantity of a level.
    #[inline(always)]
    pub(in crate::book) fn visible_qty(&self, level: u32) -> u64 {
        let i = Self::level_index(level);
        // SAFETY: `level` is the number of a level (see `node`), so its index is below `ORDERS`.
        self.node(level).qty - unsafe { *self.hidden_qty.get_unchecked(i) }
    }

    /// Returns the part of a level's quantity that is not visible.
    #[inline(always)]
    pub(in crate::book) fn hidden_qty_mut(&mut self, level: u32) -> &mut u64 {
        let i = Self::level_index(level);
        // SAFETY: as in `visible_qty`.
        unsafe { self.hidden_qty.get_unchecked_mut(i) }
    }

    #[inline(always)]
    pub(in crate::book) fn is_empty(&self, level: u32) -> bool {
        self.node(level).next == level
    }

    /// Iterates over the orders of a level in priority order (M1.2, M1.3).
    pub(in crate::book) fn queue(&self, level: u32) -> impl Iterator<Item = u32> {
        let mut at = level;
        core::iter::from_fn(move || {
            at = self.node(at).next;
            (at != level).then_some(at)
        })
    }

    // ---- queues ---------------------------------------------------------------------------------

    /// Links an order at the back of its level's queue (of the displayed part, unless it is hidden)
    /// and adds its quantity to the level. Attributes and cold state are set already. Implements
    /// M1.2 and M1.3.
    #[inline(always)]
    pub(in crate::book) fn link(&mut self, order: u32, level: u32, attributes: Attributes) {
        let has_cold = attributes.has_cold_state();
        self.node_mut(order).level_or_count = level | if has_cold { HAS_COLD_STATE } else { 0 };
        let qty = self.node(order).qty;
        let at = self.node_mut(level);
        at.qty += qty;
        let before = if attributes.hidden { level } else { at.owner_or_hidden };
        at.level_or_count += if attributes.hidden { 0 } else { 2 };
        self.insert_before(order, before);
        if has_cold {
            let hidden_qty = self.hidden_qty_of(order);
            *self.hidden_qty_mut(level) += hidden_qty;
            if attributes.hidden && self.node(level).owner_or_hidden == level {
                self.node_mut(level).owner_or_hidden = order;
            }
        }
        self.report_added(order);
    }

    /// [`Arena::link`] for an order that is neither hidden nor iceberg nor gtd.
    #[inline(always)]
    pub(in crate::book) fn link_vanilla(&mut self, order: u32, level: u32, qty: u64) {
        self.node_mut(order).level_or_count = level;
        let at = self.node_mut(level);
        at.qty += qty;
        at.level_or_count += 2;
        let before = at.owner_or_hidden;
        self.insert_before(order, before);
        self.report_added_vanilla(order);
    }

    /// [`Arena::shrink`] for an order that is neither hidden nor iceberg nor gtd; `open` may be
    /// what it `was`.
    #[inline(always)]
    pub(in crate::book) fn shrink_vanilla(&mut self, order: u32, level: u32, was: u64, open: u64) {
        self.node_mut(order).qty = open;
        self.node_mut(level).qty -= was - open;
        self.report_resized(order, was, open);
    }

    /// Gives an order a new entry stamp.
    #[inline(always)]
    pub(in crate::book) fn restamp(&mut self, order: u32, stamp: u64) {
        let word = self.attributes_word_mut(order);
        *word = *word & 0xff | stamp << 8;
    }

    /// [`Arena::unlink`] for an order that is neither hidden nor iceberg nor gtd, given a copy of
    /// its node.
    #[inline(always)]
    pub(in crate::book) fn unlink_vanilla(&mut self, order: &Node) {
        if S::ON {
            self.report_removed(self.node(order.prev).next);
        }
        let at = self.node_mut(order.level());
        at.qty -= order.qty;
        at.level_or_count -= 2;
        self.node_mut(order.prev).next = order.next;
        self.node_mut(order.next).prev = order.prev;
    }

    /// Unlinks a run of `count` orders that are neither hidden nor iceberg nor gtd from the front
    /// of a level; `next` is the first order that stays. `qty` is their quantity and what `next`
    /// traded.
    #[inline(always)]
    pub(in crate::book) fn unlink_front(&mut self, level: u32, next: u32, count: u32, qty: u64) {
        let at = self.node_mut(level);
        at.qty -= qty;
        at.level_or_count -= 2 * count;
        at.next = next;
        self.node_mut(next).prev = level;
        if count != 0 {
            self.report_queued_behind(next, level);
        }
    }

    /// Frees the nodes of a run of queued orders, `first` to `last`; their quantities are 0
    /// already.
    #[inline(always)]
    pub(in crate::book) fn free_run(&mut self, first: u32, last: u32, count: u32) {
        self.node_mut(last).next = self.free_order;
        self.free_order = first;
        self.live_orders -= count;
    }

    #[inline(always)]
    fn insert_before(&mut self, order: u32, at: u32) {
        let prev = self.node(at).prev;
        let node = self.node_mut(order);
        node.next = at;
        node.prev = prev;
        self.node_mut(prev).next = order;
        self.node_mut(at).prev = order;
    }

    /// Unlinks an order from its level's queue and takes its open quantity off the level. Returns
    /// the level, which may be empty then.
    #[inline(always)]
    pub(in crate::book) fn unlink(&mut self, order: u32) -> u32 {
        self.report_removed(order);
        let level = self.level_of(order);
        let Node { qty, next, prev, .. } = *self.node(order);
        let mut seen = 2;
        if self.has_cold_state(order) {
            let hidden_qty = self.hidden_qty_of(order);
            *self.hidden_qty_mut(level) -= hidden_qty;
            if self.attributes(order).hidden {
                seen = 0;
            }
        }
        let at = self.node_mut(level);
        at.qty -= qty;
        at.level_or_count -= seen;
        if at.owner_or_hidden == order {
            at.owner_or_hidden = next;
        }
        self.node_mut(prev).next = next;
        self.node_mut(next).prev = prev;
        level
    }

    /// Moves a displayed order to the back of the displayed queue of its level (M1.2).
    #[inline(always)]
    pub(in crate::book) fn requeue(&mut self, order: u32, level: u32) {
        let Node { next, prev, .. } = *self.node(order);
        self.report_queued_behind(next, prev);
        self.node_mut(prev).next = next;
        self.node_mut(next).prev = prev;
        let before = self.node(level).owner_or_hidden;
        self.insert_before(order, before);
        self.report_queued_behind(order, self.node(order).prev);
    }
}

/// Order of expiry (M13.3): by expiry time, then by entry.
impl<const ORDERS: usize, S: StorageObserver> Heaped for Arena<ORDERS, S> {
    fn before(&self, a: u32, b: u32) -> bool {
        let key = |order| (self.cold(order).expires, self.attributes(order).stamp);
        key(a) < key(b)
    }

    fn placed(&mut self, order: u32, place: u32) {
        self.cold_mut(order).place = place;
    }

    fn place(&self, order: u32) -> u32 {
        self.cold(order).place
    }
}
