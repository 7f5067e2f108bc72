//! Where the floor writes its events, and a checksum of events for the comparison with the engine.

use vvp_core::book::{CancelReason, EventKind, Reject, Side};
use zerocopy::FromZeros;

/// One trade; the open quantities are those after it.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    pub maker: u64,
    pub taker: u64,
    pub price: i64,
    pub qty: u32,
    pub maker_open: u32,
    pub taker_open: u32,
}

/// An order at the time of its event.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    pub id: u64,
    pub side: Side,
    pub price: i64,
    pub qty: u32,
}

/// Consumer of the floor's events: the five kinds that the engine has for the same commands.
pub trait Tape {
    fn accepted(&mut self, order: Quote);
    fn rejected(&mut self, id: u64, reason: Reject);
    fn trade(&mut self, fill: Fill);
    fn canceled(&mut self, order: Quote, reason: CancelReason);
    fn replaced(&mut self, order: Quote);
}

/// Drops the events.
#[derive(Clone, Copy, Debug)]
pub struct NoTape;

impl Tape for NoTape {
    fn accepted(&mut self, _: Quote) {}
    fn rejected(&mut self, _: u64, _: Reject) {}
    fn trade(&mut self, _: Fill) {}
    fn canceled(&mut self, _: Quote, _: CancelReason) {}
    fn replaced(&mut self, _: Quote) {}
}

/// A record on a cache line of its own, with the fields of the engine's event.
#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C, align(64))]
struct Record([u64; 8]);

/// 256 records, written over and over: the counterpart of [`super::ring::Ring`].
#[derive(Debug, FromZeros)]
#[repr(C)]
pub struct EventRing {
    slots: [Record; 256],
    /// Records written so far.
    pub count: u64,
}

impl EventRing {
    pub fn new() -> Self {
        Self { slots: [Record([0; 8]); 256], count: 0 }
    }

    #[inline(always)]
    fn put(&mut self, kind: EventKind, rest: [u64; 6]) {
        let [id, detail, price, qty, maker_open, taker_open] = rest;
        let head = u64::from(self.count as u32) | (kind as u64) << 32;
        self.slots[self.count as usize & 255] = Record([head, 0, id, detail, price, qty, maker_open, taker_open]);
        self.count += 1;
    }
}

impl Tape for EventRing {
    #[inline(always)]
    fn accepted(&mut self, order: Quote) {
        self.put(EventKind::Accepted, [order.id, 0, 0, 0, 0, 0]);
    }

    #[inline(always)]
    fn rejected(&mut self, id: u64, reason: Reject) {
        self.put(EventKind::Rejected, [id, reason as u64, 0, 0, 0, 0]);
    }

    #[inline(always)]
    fn trade(&mut self, f: Fill) {
        let (qty, price) = (f.qty.into(), f.price as u64);
        self.put(EventKind::Trade, [f.maker, f.taker, price, qty, f.maker_open.into(), f.taker_open.into()]);
    }

    #[inline(always)]
    fn canceled(&mut self, order: Quote, reason: CancelReason) {
        self.put(EventKind::Canceled, [order.id, reason as u64, 0, order.qty.into(), 0, 0]);
    }

    #[inline(always)]
    fn replaced(&mut self, order: Quote) {
        self.put(EventKind::Replaced, [order.id, 0, order.price as u64, order.qty.into(), 0, 0]);
    }
}
