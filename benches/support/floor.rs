//! The floor: a minimal limit order book, the lower bound of the cost that we compare with.
//!
//! It adds, trades, cancels and replaces limit orders (gtc and ioc), and writes 64-byte event
//! records. Everything else is left out on purpose: prices lie in one fixed range, ids are below
//! [`IDS`] and never reused, capacity is never checked, there are no owners, times, other order
//! types, phases, risk limits or other instruments.
//!
//! Levels are indexed by price directly, with the asks mirrored so that the best of either side is
//! the highest index; a bitmap of three words finds the next best; the queue of a level is a ring
//! through the level's own record, so linking and unlinking have no branches; ids index a plain
//! array.

use vvp_core::book::{Command, Op, Price, Side, TimeInForce};
use zerocopy::FromZeros;

/// Prices a side.
const WIDTH: usize = 1 << 18;
/// Maximum number of live orders.
const ORDERS: usize = 1 << 17;
/// Ids are below this.
pub const IDS: usize = 1 << 22;
/// The lowest price.
pub const BASE: i64 = 0;

/// An order, or a level. Levels come first, bids then asks, so that a link of either kind is one
/// number.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C, align(32))]
struct Node {
    /// Order: id. Level: total quantity.
    word: u64,
    /// Order: open quantity.
    qty: u32,
    /// Order: its level.
    level: u32,
    next: u32,
    prev: u32,
}

/// Bitmap of the occupied levels of a side.
#[derive(Debug, FromZeros)]
#[repr(C)]
struct Bits {
    words: [u64; WIDTH / 64],
    summary: [u64; 64],
    root: u64,
    /// The best level's node, or 0.
    best: u32,
    reserved: u32,
}

/// The floor. All-zero bytes are the empty one.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub struct Floor {
    sides: [Bits; 2],
    free: u32,
    used: u32,
    /// Records written so far.
    pub count: u64,
    ring: [Record; 256],
    nodes: [Node; 2 * WIDTH + ORDERS],
    ids: [u32; IDS],
}

/// A record on a cache line of its own.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C, align(64))]
struct Record([u64; 8]);

/// The kind of a record.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
enum Kind {
    Accepted = 1,
    Rejected = 2,
    Trade = 3,
    Canceled = 4,
    Replaced = 6,
}

/// Returns the node of the level of a price.
#[inline(always)]
fn level_of(side: usize, price: i64) -> u32 {
    let i = (price - BASE) as usize & (WIDTH - 1);
    (if side == 0 { i } else { 2 * WIDTH - 1 - i }) as u32
}

#[inline(always)]
fn price_of(level: u32) -> i64 {
    let i = level as usize;
    BASE + (if i < WIDTH { i } else { 2 * WIDTH - 1 - i }) as i64
}

#[inline(always)]
const fn high(word: u64) -> usize {
    63 - word.leading_zeros() as usize
}

impl Bits {
    #[inline(always)]
    fn set(&mut self, i: usize) {
        self.words[i >> 6 & (WIDTH / 64 - 1)] |= 1 << (i & 63);
        self.summary[i >> 12 & 63] |= 1 << (i >> 6 & 63);
        self.root |= 1 << (i >> 12 & 63);
    }

    #[inline(always)]
    fn clear(&mut self, i: usize) {
        let word = &mut self.words[i >> 6 & (WIDTH / 64 - 1)];
        *word &= !(1 << (i & 63));
        let some = u64::from(*word != 0);
        let word = &mut self.summary[i >> 12 & 63];
        *word = *word & !(1 << (i >> 6 & 63)) | some << (i >> 6 & 63);
        let some = u64::from(*word != 0);
        self.root = self.root & !(1 << (i >> 12 & 63)) | some << (i >> 12 & 63);
    }

    /// Returns the highest occupied index below `i`, searched from the word of `i` outwards.
    #[inline(always)]
    fn below(&self, i: usize) -> Option<usize> {
        let mut b = i >> 6 & (WIDTH / 64 - 1);
        let mut word = self.words[b] & ((1 << (i & 63)) - 1);
        if word == 0 {
            let mut g = b >> 6;
            let mut summary = self.summary[g] & ((1 << (b & 63)) - 1);
            if summary == 0 {
                let root = self.root & ((1 << g) - 1);
                if root == 0 {
                    return None;
                }
                g = high(root);
                summary = self.summary[g];
            }
            b = g << 6 | high(summary | 1);
            word = self.words[b];
        }
        Some(b << 6 | high(word | 1))
    }
}

impl Floor {
    #[inline(always)]
    fn node(&self, i: u32) -> &Node {
        // SAFETY: every number comes from `level_of` or `take`, which stay inside.
        unsafe { self.nodes.get_unchecked(i as usize) }
    }

    #[inline(always)]
    fn node_mut(&mut self, i: u32) -> &mut Node {
        // SAFETY: as in `node`.
        unsafe { self.nodes.get_unchecked_mut(i as usize) }
    }

    #[inline(always)]
    fn id_mut(&mut self, id: u64) -> &mut u32 {
        &mut self.ids[id as usize & (IDS - 1)]
    }

    #[inline(always)]
    fn emit(&mut self, kind: Kind, rest: [u64; 6]) {
        let [a, b, c, d, e, f] = rest;
        self.ring[self.count as usize & 255] = Record([kind as u64 | self.count << 32, 0, a, b, c, d, e, f]);
        self.count += 1;
    }

    /// Returns the open quantity of an order, 0 if it does not exist.
    pub fn open(&self, id: u64) -> u64 {
        match self.ids[id as usize & (IDS - 1)] {
            0 => 0,
            order => u64::from(self.node(order).qty),
        }
    }

    /// Returns the limit price of an existing order.
    pub fn price(&self, id: u64) -> i64 {
        price_of(self.node(self.ids[id as usize & (IDS - 1)]).level)
    }

    /// Returns the best price of a side.
    pub fn best_price(&self, side: Side) -> Option<i64> {
        match self.sides[side as usize].best {
            0 => None,
            level => Some(price_of(level)),
        }
    }

    #[inline(always)]
    fn rest(&mut self, order: u32, side: usize, level: u32) {
        let qty = self.node(order).qty;
        let at = self.node_mut(level);
        if at.next == 0 {
            at.next = level;
            at.prev = level;
            let bits = &mut self.sides[side];
            bits.set(level as usize & (WIDTH - 1));
            if level > bits.best {
                bits.best = level;
            }
        }
        let at = self.node_mut(level);
        at.word += u64::from(qty);
        let last = at.prev;
        at.prev = order;
        self.node_mut(last).next = order;
        let node = self.node_mut(order);
        node.level = level;
        node.next = level;
        node.prev = last;
    }

    #[inline(always)]
    fn unlink(&mut self, order: u32) {
        let Node { qty, level, next, prev, .. } = *self.node(order);
        self.node_mut(prev).next = next;
        self.node_mut(next).prev = prev;
        let at = self.node_mut(level);
        at.word -= u64::from(qty);
        if at.next == level {
            at.next = 0;
            let side = level as usize / WIDTH;
            let i = level as usize & (WIDTH - 1);
            let bits = &mut self.sides[side & 1];
            bits.clear(i);
            if bits.best == level {
                bits.best = bits.below(i).map_or(0, |i| (i | (level as usize & WIDTH)) as u32);
            }
        }
    }

    #[inline(always)]
    fn take(&mut self, id: u64, qty: u32) -> u32 {
        let order = if self.free != 0 {
            let order = self.free;
            self.free = self.node(order).next;
            order
        } else {
            let order = 2 * WIDTH as u32 + (self.used & (ORDERS as u32 - 1));
            self.used += 1;
            order
        };
        let node = self.node_mut(order);
        node.word = id;
        node.qty = qty;
        *self.id_mut(id) = order;
        order
    }

    #[inline(always)]
    fn give_back(&mut self, order: u32) {
        let id = self.node(order).word;
        *self.id_mut(id) = 0;
        self.node_mut(order).next = self.free;
        self.free = order;
    }

    /// Trades against the other side within `limit`. Returns the open quantity.
    #[inline(always)]
    fn trade(&mut self, id: u64, other: usize, limit: u32, open: u32) -> u32 {
        let mut open = open;
        loop {
            let level = self.sides[other].best;
            if level < limit || level == 0 {
                return open;
            }
            let price = price_of(level) as u64;
            loop {
                let maker = self.node(level).next;
                let node = self.node_mut(maker);
                let qty = node.qty.min(open);
                let left = node.qty - qty;
                let maker_id = node.word;
                open -= qty;
                self.emit(Kind::Trade, [maker_id, id, price, qty.into(), left.into(), open.into()]);
                if left != 0 {
                    self.node_mut(maker).qty = left;
                    self.node_mut(level).word -= u64::from(qty);
                    return 0;
                }
                self.unlink(maker);
                self.give_back(maker);
                if open == 0 {
                    return 0;
                }
                if self.sides[other].best != level {
                    break;
                }
            }
        }
    }

    #[inline(always)]
    fn add(&mut self, c: &Command) {
        let (id, side, qty) = (c.id().get(), c.side() as usize, c.qty().lots() as u32);
        if *self.id_mut(id) != 0 {
            return self.emit(Kind::Rejected, [id, 0, 0, 0, 0, 0]);
        }
        let price = c.limit_price().map_or(0, Price::ticks);
        self.emit(Kind::Accepted, [id, 0, 0, 0, 0, 0]);
        let open = self.trade(id, 1 - side, level_of(1 - side, price), qty);
        if open > 0 {
            if c.tif() == TimeInForce::Ioc {
                self.emit(Kind::Canceled, [id, 1, 0, open.into(), 0, 0]);
            } else {
                let order = self.take(id, open);
                self.rest(order, side, level_of(side, price));
            }
        }
    }

    #[inline(always)]
    fn cancel(&mut self, id: u64) {
        let order = *self.id_mut(id);
        if order == 0 {
            return self.emit(Kind::Rejected, [id, 1, 0, 0, 0, 0]);
        }
        let qty = self.node(order).qty;
        self.emit(Kind::Canceled, [id, 0, 0, qty.into(), 0, 0]);
        self.unlink(order);
        self.give_back(order);
    }

    #[inline(always)]
    fn replace(&mut self, c: &Command) {
        let id = c.id().get();
        let order = *self.id_mut(id);
        if order == 0 {
            return self.emit(Kind::Rejected, [id, 1, 0, 0, 0, 0]);
        }
        let node = *self.node(order);
        let side = node.level as usize / WIDTH;
        let with = c.replacement();
        let level = with.price.map_or(node.level, |price| level_of(side, price.ticks()));
        let qty = with.qty.map_or(node.qty, |qty| qty.lots() as u32);
        self.emit(Kind::Replaced, [id, 0, price_of(level) as u64, qty.into(), 0, 0]);
        if level == node.level && qty <= node.qty {
            self.node_mut(order).qty = qty;
            self.node_mut(level).word -= u64::from(node.qty - qty);
            return;
        }
        self.unlink(order);
        let open = self.trade(id, 1 - side, level_of(1 - side, price_of(level)), qty);
        if open > 0 {
            self.node_mut(order).qty = open;
            self.rest(order, side, level);
        } else {
            self.give_back(order);
        }
    }

    /// Applies one command: a new limit order, a cancel or a replace.
    #[inline]
    pub fn apply(&mut self, c: &Command) {
        match c.op() {
            Op::New => self.add(c),
            Op::Cancel => self.cancel(c.id().get()),
            Op::Replace => self.replace(c),
            _ => {}
        }
    }
}
