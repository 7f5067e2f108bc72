//! Records of a snapshot that belong to no book: little-endian, unaligned.
//! [docs/snapshot.md](crate::guide::snapshot) has every byte.

use crate::book::{Limits, OwnerId, Qty};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(super) const MAGIC: [u8; 8] = *b"VVPSNAP\n";
/// The version of the layout.
pub(super) const VERSION: u32 = 1;

/// The header of a snapshot.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) version: U32,
    pub(super) reserved: U32,
    /// Bytes of the whole snapshot.
    pub(super) len: U64,
    pub(super) seq: U64,
    pub(super) clock: U64,
    pub(super) instruments: U32,
    pub(super) owners: U32,
}

/// The risk limits of an owner.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct OwnerRecord {
    owner: U32,
    /// Presence of the limits: [`HAS_QTY`] and the others.
    known: u8,
    reserved: [u8; 3],
    max_qty: U64,
    max_orders: U64,
    /// Low half, high half.
    max_notional: [U64; 2],
}

const HAS_QTY: u8 = 1;
const HAS_NOTIONAL: u8 = 2;
const HAS_ORDERS: u8 = 4;
const BLOCKED: u8 = 8;

const _: () = assert!(size_of::<Header>() == 48 && size_of::<OwnerRecord>() == 40, "as docs/snapshot.md says");

impl OwnerRecord {
    pub(super) fn new(owner: OwnerId, limits: &Limits) -> Self {
        let notional = limits.max_notional.unwrap_or(0);
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        Self {
            owner: owner.get().into(),
            known: flag(limits.max_qty.is_some(), HAS_QTY)
                | flag(limits.max_notional.is_some(), HAS_NOTIONAL)
                | flag(limits.max_orders.is_some(), HAS_ORDERS)
                | flag(limits.blocked, BLOCKED),
            reserved: [0; 3],
            max_qty: limits.max_qty.map_or(0, Qty::lots).into(),
            max_orders: limits.max_orders.unwrap_or(0).into(),
            max_notional: [(notional as u64).into(), ((notional >> 64) as u64).into()],
        }
    }

    /// Returns owner and limits, or `None` unless every byte is as [`OwnerRecord::new`] writes it.
    pub(super) fn read(&self) -> Option<(OwnerId, Limits)> {
        let has = |bit| self.known & bit != 0;
        let notional = u128::from(self.max_notional[1].get()) << 64 | u128::from(self.max_notional[0].get());
        let limits = Limits {
            max_qty: has(HAS_QTY).then_some(Qty::new(self.max_qty.get())),
            max_notional: has(HAS_NOTIONAL).then_some(notional),
            max_orders: has(HAS_ORDERS).then_some(self.max_orders.get()),
            blocked: has(BLOCKED),
        };
        let owner = OwnerId::new(self.owner.get());
        (Self::new(owner, &limits).as_bytes() == self.as_bytes()).then_some((owner, limits))
    }
}
