//! Records of a saved book: little-endian, unaligned.
//! [docs/snapshot.md](crate::guide::snapshot) has every byte.

use super::super::{InstrumentSpec, OrderType, Phase, Price, SelfTradePrevention, Side, Symbol, Tick, TimeInForce};
use crate::book::matching::iceberg::exceeds_max_slices;
use crate::book::order_book::OrderState;
use crate::book::storage::arena::Attributes;
use crate::book::storage::stop_orders::Stop;
use zerocopy::little_endian::{I64, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The header of a book: all but its orders and stops.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct BookRecord {
    pub(super) symbol: [U64; 2],
    pub(super) tick: I64,
    pub(super) min_price: I64,
    pub(super) max_price: I64,
    pub(super) reference: I64,
    pub(super) last: I64,
    /// Entry stamps assigned so far.
    pub(super) stamps: U64,
    /// Ticks in a full window of the engine that was saved.
    pub(super) width: U64,
    pub(super) windows: [WindowRecord; 2],
    pub(super) orders: U32,
    pub(super) stops: U32,
    pub(super) phase: u8,
    pub(super) decimals: u8,
    /// Presence of the prices: [`MIN`], [`MAX`], [`REFERENCE`], [`LAST`].
    pub(super) known: u8,
    /// Bits of the windows that are in place: 1 bids, 2 asks.
    pub(super) settled: u8,
    pub(super) reserved: U32,
}

pub(super) const MIN: u8 = 1;
pub(super) const MAX: u8 = 2;
pub(super) const REFERENCE: u8 = 4;
pub(super) const LAST: u8 = 8;

/// The near-level window of a side; zeros if the side is empty.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct WindowRecord {
    /// The best rank that it covers.
    pub(super) top: I64,
    /// Ranks that it covers from there down.
    pub(super) len: U64,
}

/// A resting order.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct OrderRecord {
    pub(super) id: U64,
    pub(super) open: U64,
    pub(super) price: I64,
    pub(super) stamp: U64,
    pub(super) expires: U64,
    pub(super) display: U64,
    pub(super) slice: U64,
    pub(super) owner: U32,
    pub(super) side: u8,
    pub(super) tif: u8,
    pub(super) stp: u8,
    /// [`HIDDEN`], [`POST_ONLY`].
    pub(super) options: u8,
}

pub(super) const HIDDEN: u8 = 1;
pub(super) const POST_ONLY: u8 = 2;

/// An untriggered stop.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct StopRecord {
    pub(super) id: U64,
    pub(super) open: U64,
    pub(super) stop: I64,
    pub(super) limit: I64,
    pub(super) protect: U64,
    pub(super) trail: U64,
    pub(super) anchor: I64,
    pub(super) stamp: U64,
    pub(super) expires: U64,
    pub(super) owner: U32,
    pub(super) side: u8,
    pub(super) kind: u8,
    pub(super) tif: u8,
    pub(super) stp: u8,
    /// [`PROTECTED`], [`ANCHORED`].
    pub(super) options: u8,
    pub(super) reserved: [u8; 7],
}

pub(super) const PROTECTED: u8 = 1;
pub(super) const ANCHORED: u8 = 2;

const _: () = assert!(
    size_of::<BookRecord>() == 120 && size_of::<OrderRecord>() == 64 && size_of::<StopRecord>() == 88,
    "as docs/snapshot.md says"
);

/// The records of one book within a snapshot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BookParts<'a> {
    pub(super) head: &'a BookRecord,
    /// Bids, then asks; of each side the best price first, in queue order.
    pub(super) orders: &'a [OrderRecord],
    /// In entry order.
    pub(super) stops: &'a [StopRecord],
    /// Its offset in the snapshot in bytes.
    pub(super) offset: u64,
}

impl<'a> BookParts<'a> {
    /// Splits off the book at the front of `bytes`, which begin at byte `offset` of the snapshot.
    /// Returns `None` if the bytes are too few.
    pub(crate) fn split(bytes: &'a [u8], offset: u64) -> Option<(Self, &'a [u8])> {
        let (head, rest) = BookRecord::ref_from_prefix(bytes).ok()?;
        let count = |n: U32| usize::try_from(n.get()).ok();
        let (orders, rest) = <[OrderRecord]>::ref_from_prefix_with_elems(rest, count(head.orders)?).ok()?;
        let (stops, rest) = <[StopRecord]>::ref_from_prefix_with_elems(rest, count(head.stops)?).ok()?;
        Some((Self { head, orders, stops, offset }, rest))
    }

    /// Returns the offset of an order in the snapshot in bytes.
    pub(super) fn order_offset(&self, index: usize) -> u64 {
        self.offset + (size_of::<BookRecord>() + index * size_of::<OrderRecord>()) as u64
    }

    /// Returns the offset of a stop in the snapshot in bytes.
    pub(super) fn stop_offset(&self, index: usize) -> u64 {
        self.order_offset(self.orders.len()) + (index * size_of::<StopRecord>()) as u64
    }

    /// Returns the bytes of a book with `orders` orders and `stops` stops.
    pub(crate) fn len(orders: usize, stops: usize) -> u64 {
        let bytes = |each: usize, count: usize| each as u64 * count as u64;
        bytes(size_of::<BookRecord>(), 1)
            + bytes(size_of::<OrderRecord>(), orders)
            + bytes(size_of::<StopRecord>(), stops)
    }

    /// Returns the definition, or `None` if the record is malformed.
    pub(crate) fn spec(&self) -> Option<InstrumentSpec> {
        let head = self.head;
        // An absent price is stored as zero.
        let price = |flag: u8, ticks: I64| match head.known & flag != 0 {
            true => Some(Some(Price::new(ticks.get()))),
            false => (ticks.get() == 0).then_some(None),
        };
        let spec = InstrumentSpec {
            symbol: Symbol::from_words(head.symbol[0].get(), head.symbol[1].get())?,
            tick: Tick::new(head.tick.get(), head.decimals)?,
            min_price: price(MIN, head.min_price)?,
            max_price: price(MAX, head.max_price)?,
            reference: price(REFERENCE, head.reference)?,
        };
        spec.has_band().then_some(spec)
    }
}

impl BookRecord {
    pub(super) const fn phase(&self) -> Option<Phase> {
        Phase::from_code(self.phase)
    }

    /// Returns the last trade price.
    pub(super) fn last(&self) -> Option<i64> {
        (self.known & LAST != 0).then_some(self.last.get())
    }
}

/// Returns `bit` if it is set, else 0.
pub(super) const fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

impl OrderRecord {
    /// Creates the record of an order; `slice` is the slice of an iceberg, else 0.
    pub(super) fn new(order: &OrderState, slice: u64) -> Self {
        let Attributes { stamp, tif, stp, iceberg: _, hidden, post_only } = order.attributes;
        Self {
            id: order.id.into(),
            open: order.open.into(),
            price: order.price.ticks().into(),
            stamp: stamp.into(),
            expires: order.expires.into(),
            display: order.display.into(),
            slice: slice.into(),
            owner: order.owner.into(),
            side: order.side as u8,
            tif: tif as u8,
            stp: stp as u8,
            options: flag(hidden, HIDDEN) | flag(post_only, POST_ONLY),
        }
    }

    /// Returns the order, or `None` if the record is malformed.
    pub(super) fn read(&self) -> Option<OrderState> {
        let tif = TimeInForce::from_code(self.tif).filter(|tif| tif.may_rest())?;
        let (open, display, slice) = (self.open.get(), self.display.get(), self.slice.get());
        let attributes = Attributes {
            stamp: self.stamp.get(),
            tif,
            stp: SelfTradePrevention::from_code(self.stp)?,
            iceberg: display != 0,
            hidden: self.options & HIDDEN != 0,
            post_only: self.options & POST_ONLY != 0,
        };
        let shows = match attributes.iceberg {
            false => slice == 0,
            true => 0 < slice && slice <= display.min(open) && !exceeds_max_slices(open, display) && !attributes.hidden,
        };
        let rest = OrderState {
            id: self.id.get(),
            owner: self.owner.get(),
            open,
            side: Side::from_code(self.side)?,
            price: Price::new(self.price.get()),
            attributes,
            display,
            expires: self.expires.get(),
        };
        let expires = rest.expires == 0 || tif == TimeInForce::Gtd;
        let good = open > 0 && shows && expires && self.options & !(HIDDEN | POST_ONLY) == 0;
        good.then_some(rest)
    }
}

impl StopRecord {
    pub(super) fn new(stop: &Stop) -> Self {
        Self {
            id: stop.id.into(),
            open: stop.qty.into(),
            stop: stop.stop.into(),
            limit: stop.limit.into(),
            protect: stop.protect.into(),
            trail: stop.trail.into(),
            anchor: stop.anchor.into(),
            stamp: stop.stamp.into(),
            expires: stop.expires.into(),
            owner: stop.owner.into(),
            side: stop.side as u8,
            kind: stop.kind as u8,
            tif: stop.tif as u8,
            stp: stop.stp as u8,
            options: flag(stop.has_protect, PROTECTED) | flag(stop.has_anchor, ANCHORED),
            reserved: [0; 7],
        }
    }

    /// Returns the stop, or `None` if the record is malformed.
    pub(super) fn read(&self) -> Option<Stop> {
        let kind = OrderType::from_code(self.kind).filter(|kind| kind.is_stop())?;
        let mut stop = Stop::NONE;
        stop.id = self.id.get();
        stop.qty = self.open.get();
        stop.stop = self.stop.get();
        stop.limit = self.limit.get();
        stop.protect = self.protect.get();
        stop.trail = self.trail.get();
        stop.anchor = self.anchor.get();
        stop.stamp = self.stamp.get();
        stop.expires = self.expires.get();
        stop.owner = self.owner.get();
        stop.kind = kind;
        stop.tif = TimeInForce::from_code(self.tif)?;
        stop.stp = SelfTradePrevention::from_code(self.stp)?;
        stop.side = Side::from_code(self.side)?;
        stop.has_protect = self.options & PROTECTED != 0;
        stop.has_anchor = self.options & ANCHORED != 0;

        let trails = kind == OrderType::TrailingStop;
        let good = stop.qty > 0
            && (stop.trail > 0) == trails
            && (stop.limit == 0 || kind.has_limit())
            && (!stop.has_protect || !kind.has_limit())
            && (stop.protect == 0 || stop.has_protect)
            && (!stop.has_anchor || trails)
            && (stop.anchor == 0 || stop.has_anchor)
            && (!trails || stop.stop == stop.trailed().unwrap_or(0))
            && (stop.expires == 0 || stop.tif == TimeInForce::Gtd)
            && self.options & !(PROTECTED | ANCHORED) == 0
            && self.reserved == [0; 7];
        good.then_some(stop)
    }
}
