//! Arena of 32-byte nodes for orders and levels; the queue of a level is a ring through its node.

use crate::book::state_hash::Accumulate;
use crate::book::storage::indexed_heap::Heaped;
use crate::book::{SelfTradePrevention, TimeInForce};
use crate::sync::prefetch;
use zerocopy::FromZeros;

/// An order or a level.
///
/// ```text
/// offset       0          8          16            20       24      28
/// order        id         open qty   level | bit   owner    next    prev
/// level        key        total qty  count | side  hidden   first   last
/// ```
///
/// `next` and `prev` are node numbers; the queue of a level is a ring that starts and ends at the level's own node, so
/// linking and unlinking never ask where in the queue they are.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C, align(32))]
pub(in crate::book) struct Node {
    /// Order: id. Level: key.
    pub(in crate::book) key: u64,
    /// Order: open quantity. Level: the open quantities of all its orders.
    pub(in crate::book) qty: u64,
    /// Order: its level, and [`HAS_COLD_STATE`]. Level: visible orders × 2 + side.
    up: u32,
    /// Order: owner. Level: its first hidden order, or itself when it has none; visible orders queue before it.
    who: u32,
    /// Order: the next in the queue, at the end the level. Level: the first order.
    pub(in crate::book) next: u32,
    /// Order: the one before it in the queue, at the front the level. Level: the last order.
    pub(in crate::book) prev: u32,
}

const _: () = assert!(size_of::<Node>() == 32);

impl Node {
    /// Whether this order needs more than its node when it trades or goes.
    #[inline(always)]
    pub(in crate::book) const fn has_cold_state(&self) -> bool {
        self.up & HAS_COLD_STATE != 0
    }

    /// Whether this is an order in a queue that needs nothing but its node when it trades or goes.
    #[inline(always)]
    pub(in crate::book) const fn is_vanilla(&self) -> bool {
        self.up as i32 > 0
    }

    /// The owner of an order.
    #[inline(always)]
    pub(in crate::book) const fn owner(&self) -> u32 {
        self.who
    }
}

/// Marks orders that need more than their node when they trade or go: icebergs, hidden and gtd orders.
const HAS_COLD_STATE: u32 = 1 << 31;

/// What only some orders have.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct ColdState {
    /// gtd: when it expires, in ns.
    pub(in crate::book) expires: u64,
    /// Iceberg: what it shows at most; 0 otherwise.
    pub(in crate::book) display: u64,
    /// Iceberg: what it shows now.
    pub(in crate::book) slice: u64,
    /// gtd: its place in the expiry heap.
    place: u32,
    reserved: u32,
}

/// What an order is, apart from its node: 56 bits of entry stamp, 8 of options.
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

    /// The options as one byte, without the entry stamp.
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

    /// Whether the order needs its [`ColdState`] or counts as not visible.
    #[inline(always)]
    const fn has_cold_state(self) -> bool {
        self.iceberg || self.hidden || matches!(self.tif, TimeInForce::Gtd)
    }
}

/// Nodes for `ORDERS` orders and as many levels (no more can be occupied), and what only some of them need.
///
/// Node 0 is nobody; levels are 1 ..= `ORDERS`, orders `ORDERS` + 1 ..= 2 × `ORDERS`. Free nodes are kept last in, first
/// out, so that the ones in use stay few and warm.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(in crate::book) struct Slab<const ORDERS: usize, S> {
    free_order: u32,
    used_orders: u32,
    free_level: u32,
    used_levels: u32,
    live_orders: u32,
    reserved: [u32; 3],
    nobody: Node,
    levels: [Node; ORDERS],
    orders: [Node; ORDERS],
    attributes: [u64; ORDERS],
    /// By level: how much of its total nobody sees.
    hidden_qty: [u64; ORDERS],
    cold: [ColdState; ORDERS],
    pub(in crate::book) state_hash: S,
}

impl<const ORDERS: usize, S: Accumulate> Slab<ORDERS, S> {
    /// `nobody`, `levels` and `orders` lie one behind the other: 1 + 2 × `ORDERS` nodes.
    const NODES: usize = 1 + 2 * ORDERS;

    const FIRST_ORDER: u32 = ORDERS as u32 + 1;

    /// A node by its number.
    #[inline(always)]
    pub(in crate::book) fn node(&self, i: u32) -> &Node {
        debug_assert!((i as usize) < Self::NODES, "a node number");
        let base = (&raw const *self).wrapping_byte_add(core::mem::offset_of!(Self, nobody)).cast::<Node>();
        // SAFETY: every number kept in a node, a ladder, the id table or a free list came from `take_order` or
        // `take_level`, which give numbers below `NODES`; `repr(C)` puts the three node fields one behind the other
        // without padding, and the pointer covers the whole slab.
        unsafe { &*base.wrapping_add(i as usize) }
    }

    /// A node by its number.
    #[inline(always)]
    pub(in crate::book) fn node_mut(&mut self, i: u32) -> &mut Node {
        debug_assert!((i as usize) < Self::NODES, "a node number");
        let base = (&raw mut *self).wrapping_byte_add(core::mem::offset_of!(Self, nobody)).cast::<Node>();
        // SAFETY: as in `node`, and the slab is borrowed for as long as the node is.
        unsafe { &mut *base.wrapping_add(i as usize) }
    }

    /// Asks memory for a node; the number may be none.
    #[inline(always)]
    pub(in crate::book) fn prefetch(&self, i: u32) {
        let base = (&raw const *self).wrapping_byte_add(core::mem::offset_of!(Self, nobody)).cast::<Node>();
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

    // ---- orders ------------------------------------------------------------------------------------------------

    /// Orders in use.
    #[inline(always)]
    pub(in crate::book) const fn live_orders(&self) -> usize {
        self.live_orders as usize
    }

    #[inline(always)]
    pub(in crate::book) const fn has_room(&self) -> bool {
        (self.live_orders as usize) < ORDERS
    }

    /// A free order node; [`Slab::has_room`] said yes. Its links are for [`Slab::link`] to set.
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
        node.key = id;
        node.qty = qty;
        node.who = owner;
        i
    }

    /// Gives an order node back.
    #[inline(always)]
    pub(in crate::book) fn free_order(&mut self, i: u32) {
        let free = self.free_order;
        let node = self.node_mut(i);
        node.qty = 0; // whoever walks all nodes sees that nobody is there
        node.next = free;
        self.free_order = i;
        self.live_orders -= 1;
    }

    /// The most orders that were live at one time: nodes are used anew before a fresh one is.
    pub(in crate::book) const fn orders_high_water(&self) -> usize {
        self.used_orders as usize
    }

    /// The most levels that were occupied at one time.
    pub(in crate::book) const fn levels_high_water(&self) -> usize {
        self.used_levels as usize
    }

    /// All order nodes that were ever used, free ones among them (with quantity 0), by number.
    pub(in crate::book) fn order_numbers(&self) -> core::ops::Range<u32> {
        Self::FIRST_ORDER..Self::FIRST_ORDER + self.used_orders
    }

    /// Takes all orders and levels out. No id leads to any of them any more.
    pub(in crate::book) fn clear(&mut self) {
        let levels = self.used_levels as usize;
        for hidden_qty in self.hidden_qty.iter_mut().take(levels) {
            *hidden_qty = 0;
        }
        (self.free_order, self.used_orders, self.live_orders) = (0, 0, 0);
        (self.free_level, self.used_levels) = (0, 0);
        self.state_hash.clear();
    }

    #[inline(always)]
    pub(in crate::book) fn owner(&self, order: u32) -> u32 {
        self.node(order).who
    }

    /// The level of a resting order.
    #[inline(always)]
    pub(in crate::book) fn level_of(&self, order: u32) -> u32 {
        self.node(order).up & !HAS_COLD_STATE
    }

    #[inline(always)]
    pub(in crate::book) fn has_cold_state(&self, order: u32) -> bool {
        self.node(order).up & HAS_COLD_STATE != 0
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

    /// [`Slab::set_attributes`] for an order without options.
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

    /// What of an order shows and trades before it queues anew: all of it, or an iceberg's slice.
    #[inline(always)]
    pub(in crate::book) fn slice(&self, order: u32) -> u64 {
        if self.has_cold_state(order) && self.attributes(order).iceberg {
            self.cold(order).slice
        } else {
            self.node(order).qty
        }
    }

    /// How much of an order nobody sees.
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

    /// Whether an order queues behind all visible ones and counts for nobody.
    pub(in crate::book) fn is_hidden(&self, order: u32) -> bool {
        self.has_cold_state(order) && self.attributes(order).hidden
    }

    // ---- levels ------------------------------------------------------------------------------------------------

    /// A level without orders. There is always one free for an order that has room.
    #[inline(always)]
    pub(in crate::book) fn take_level(&mut self, key: i64, side: usize) -> u32 {
        let i = if self.free_level != 0 {
            let i = self.free_level;
            self.free_level = self.node(i).next;
            i
        } else {
            self.used_levels += 1;
            self.used_levels
        };
        debug_assert!(i as usize <= ORDERS, "no more levels than orders");
        *self.node_mut(i) = Node { key: key as u64, qty: 0, up: side as u32, who: i, next: i, prev: i };
        i
    }

    #[inline(always)]
    pub(in crate::book) fn free_level(&mut self, level: u32) {
        let free = self.free_level;
        self.node_mut(level).next = free;
        self.free_level = level;
    }

    #[inline(always)]
    pub(in crate::book) fn key(&self, level: u32) -> i64 {
        self.node(level).key as i64
    }

    /// The side of a level: 0 bids, 1 asks.
    #[inline(always)]
    pub(in crate::book) fn side(&self, level: u32) -> usize {
        (self.node(level).up & 1) as usize
    }

    /// Visible orders of a level.
    #[inline(always)]
    pub(in crate::book) fn visible_orders(&self, level: u32) -> u32 {
        self.node(level).up >> 1
    }

    /// Visible quantity of a level.
    #[inline(always)]
    pub(in crate::book) fn visible_qty(&self, level: u32) -> u64 {
        let i = Self::level_index(level);
        // SAFETY: `level` is the number of a level (see `node`), so its index is below `ORDERS`.
        self.node(level).qty - unsafe { *self.hidden_qty.get_unchecked(i) }
    }

    /// How much of a level's quantity nobody sees.
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

    /// The orders of a level in the order in which they trade.
    pub(in crate::book) fn queue(&self, level: u32) -> impl Iterator<Item = u32> {
        let mut at = level;
        core::iter::from_fn(move || {
            at = self.node(at).next;
            (at != level).then_some(at)
        })
    }

    // ---- queues ------------------------------------------------------------------------------------------------

    /// Puts an order at the back of its level's queue (of the visible part, unless it is hidden) and adds its
    /// quantity to the level. Attributes and cold state are set already.
    #[inline(always)]
    pub(in crate::book) fn link(&mut self, order: u32, level: u32, attributes: Attributes) {
        let has_cold = attributes.has_cold_state();
        self.node_mut(order).up = level | if has_cold { HAS_COLD_STATE } else { 0 };
        let qty = self.node(order).qty;
        let at = self.node_mut(level);
        at.qty += qty;
        let before = if attributes.hidden { level } else { at.who };
        at.up += if attributes.hidden { 0 } else { 2 };
        self.insert_before(order, before);
        if has_cold {
            let hidden_qty = self.hidden_qty_of(order);
            *self.hidden_qty_mut(level) += hidden_qty;
            if attributes.hidden && self.node(level).who == level {
                self.node_mut(level).who = order;
            }
        }
        self.joined(order);
    }

    /// [`Slab::link`] for an order that is neither hidden nor iceberg nor gtd.
    #[inline(always)]
    pub(in crate::book) fn link_vanilla(&mut self, order: u32, level: u32, qty: u64) {
        self.node_mut(order).up = level;
        let at = self.node_mut(level);
        at.qty += qty;
        at.up += 2;
        let before = at.who;
        self.insert_before(order, before);
        self.joined(order);
    }

    /// [`Slab::shrink`] for an order that is neither hidden nor iceberg nor gtd; `open` may be what it `was`.
    #[inline(always)]
    pub(in crate::book) fn shrink_vanilla(&mut self, order: u32, level: u32, was: u64, open: u64) {
        self.node_mut(order).qty = open;
        self.node_mut(level).qty -= was - open;
        self.resized(order, was, open);
    }

    /// Gives an order a new entry stamp.
    #[inline(always)]
    pub(in crate::book) fn restamp(&mut self, order: u32, stamp: u64) {
        let word = self.attributes_word_mut(order);
        *word = *word & 0xff | stamp << 8;
    }

    /// [`Slab::unlink`] for an order that is neither hidden nor iceberg nor gtd, of which a copy is at hand.
    #[inline(always)]
    pub(in crate::book) fn unlink_vanilla(&mut self, order: &Node) -> u32 {
        if S::ON {
            self.leaves(self.node(order.prev).next);
        }
        let level = order.up;
        let at = self.node_mut(level);
        at.qty -= order.qty;
        at.up -= 2;
        self.node_mut(order.prev).next = order.next;
        self.node_mut(order.next).prev = order.prev;
        level
    }

    /// Takes a run of orders that are neither hidden nor iceberg nor gtd off the front of a level: `count` of them, the
    /// order `next` is the first one that stays. `qty` is how much goes, theirs and what `next` traded.
    #[inline(always)]
    pub(in crate::book) fn unlink_front(&mut self, level: u32, next: u32, count: u32, qty: u64) {
        let at = self.node_mut(level);
        at.qty -= qty;
        at.up -= 2 * count;
        at.next = next;
        self.node_mut(next).prev = level;
        if count != 0 {
            self.queues_behind(next, level);
        }
    }

    /// Gives back the nodes of a run of orders of a queue, `first` to `last`; their quantities are 0 already.
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

    /// Takes an order out of its level's queue, and what is left of its quantity off the level. The level may be
    /// empty then.
    #[inline(always)]
    pub(in crate::book) fn unlink(&mut self, order: u32) -> u32 {
        self.leaves(order);
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
        at.up -= seen;
        if at.who == order {
            at.who = next;
        }
        self.node_mut(prev).next = next;
        self.node_mut(next).prev = prev;
        level
    }

    /// Takes `qty`, at most its slice, off an order at the front of a level. Gives what stays open.
    #[inline(always)]
    pub(in crate::book) fn fill(&mut self, order: u32, level: u32, qty: u64, has_cold: bool) -> u64 {
        self.node_mut(level).qty -= qty;
        let node = self.node_mut(order);
        node.qty -= qty;
        let open = node.qty;
        self.resized(order, open + qty, open);
        if has_cold {
            let attributes = self.attributes(order);
            if attributes.hidden {
                *self.hidden_qty_mut(level) -= qty;
            } else if attributes.iceberg {
                let slice = &mut self.cold_mut(order).slice;
                *slice -= qty;
                let slice = *slice;
                self.sliced(order, slice + qty, slice);
            }
        }
        open
    }

    /// An iceberg whose slice is used up shows a new one, at the back of the visible queue.
    pub(in crate::book) fn refresh_if_spent(&mut self, order: u32) {
        if self.slice(order) != 0 {
            return;
        }
        let level = self.level_of(order);
        let open = self.node(order).qty;
        let cold = self.cold_mut(order);
        cold.slice = cold.display.min(open);
        let slice = cold.slice;
        *self.hidden_qty_mut(level) -= slice;
        self.sliced(order, 0, slice);
        let Node { next, prev, .. } = *self.node(order);
        self.queues_behind(next, prev);
        self.node_mut(prev).next = next;
        self.node_mut(next).prev = prev;
        let before = self.node(level).who;
        self.insert_before(order, before);
        self.queues_behind(order, self.node(order).prev);
    }

    /// Sets a resting order's open quantity to something smaller, not zero; it keeps its place. An iceberg's reserve
    /// goes first.
    pub(in crate::book) fn shrink(&mut self, order: u32, open: u64) {
        let level = self.level_of(order);
        let hidden_qty = self.hidden_qty_of(order);
        let by = self.node(order).qty - open;
        self.node_mut(order).qty = open;
        self.node_mut(level).qty -= by;
        self.resized(order, open + by, open);
        if self.has_cold_state(order) {
            if self.attributes(order).iceberg {
                let cold = self.cold_mut(order);
                let was = cold.slice;
                cold.slice = was.min(open);
                self.sliced(order, was, was.min(open));
            }
            let now = self.hidden_qty_of(order);
            let at = self.hidden_qty_mut(level);
            *at = *at - hidden_qty + now;
        }
    }
}

/// Orders by expiry time, then by entry.
impl<const ORDERS: usize, S: Accumulate> Heaped for Slab<ORDERS, S> {
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
