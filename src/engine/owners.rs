//! Risk limits by owner.

use crate::book::{Limits, OwnerId, Qty, Reject};
use zerocopy::FromZeros;

/// The limits of up to `OWNERS` owners, and how many live orders each of them has.
///
/// Owners without limits are not kept, so an engine that sets none pays one predictable branch an order.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct Owners<const OWNERS: usize> {
    count: u32,
    reserved: [u32; 3],
    /// Open addressing by owner; entries stay once they are made.
    entries: [Entry; OWNERS],
}

#[derive(Clone, Copy, Debug, FromZeros)]
#[repr(C)]
struct Entry {
    max_notional: [u64; 2],
    max_qty: u64,
    max_orders: u64,
    live_orders: u64,
    owner: u32,
    used: bool,
    has_qty: bool,
    has_notional: bool,
    has_orders: bool,
    blocked: bool,
    reserved: [u8; 7],
}

impl<const OWNERS: usize> Owners<OWNERS> {
    /// Where an owner's entry is, or the free place where it would be.
    fn place(&self, owner: u32) -> Option<usize> {
        let start = (owner.wrapping_mul(0x9e37_79b9) as usize).checked_rem(OWNERS)?;
        (start..OWNERS).chain(0..start).find(|&i| !self.entries[i].used || self.entries[i].owner == owner)
    }

    /// Whether there are any limits.
    #[inline(always)]
    pub(super) const fn limits_anyone(&self) -> bool {
        self.count != 0
    }

    #[inline(always)]
    fn entry(&self, owner: u32) -> Option<&Entry> {
        if self.count == 0 {
            return None;
        }
        self.place(owner).map(|i| &self.entries[i]).filter(|e| e.used)
    }

    #[inline(always)]
    fn entry_mut(&mut self, owner: u32) -> Option<&mut Entry> {
        if self.count == 0 {
            return None;
        }
        self.place(owner).map(|i| &mut self.entries[i]).filter(|e| e.used)
    }

    /// Whether the owner's live orders are counted already.
    pub(super) fn knows(&self, owner: OwnerId) -> bool {
        self.entry(owner.get()).is_some()
    }

    /// Replaces all limits of an owner, whose live orders are `live` if it is new here. `false`: no room for it.
    pub(super) fn set(&mut self, owner: OwnerId, limits: &Limits, live: u64) -> bool {
        let Some(i) = self.place(owner.get()) else { return *limits == Limits::default() };
        let was = self.entries[i];
        if !was.used && *limits == Limits::default() {
            return true;
        }
        self.count += u32::from(!was.used);
        let notional = limits.max_notional.unwrap_or(0);
        self.entries[i] = Entry {
            max_notional: [notional as u64, (notional >> 64) as u64],
            max_qty: limits.max_qty.map_or(0, Qty::lots),
            max_orders: limits.max_orders.unwrap_or(0),
            live_orders: if was.used { was.live_orders } else { live },
            owner: owner.get(),
            used: true,
            has_qty: limits.max_qty.is_some(),
            has_notional: limits.max_notional.is_some(),
            has_orders: limits.max_orders.is_some(),
            blocked: limits.blocked,
            reserved: [0; 7],
        };
        true
    }

    #[inline(always)]
    pub(super) fn admit(&self, owner: u32, qty: u64, price: Option<i64>, adds: bool) -> Result<(), Reject> {
        if self.count == 0 { Ok(()) } else { self.test(owner, qty, price, adds) }
    }

    #[cold]
    #[inline(never)]
    fn test(&self, owner: u32, qty: u64, price: Option<i64>, adds: bool) -> Result<(), Reject> {
        match self.entry(owner) {
            Some(entry) => entry.test(qty, price, adds),
            None => Ok(()),
        }
    }

    #[inline(always)]
    pub(super) fn born(&mut self, owner: u32) {
        if let Some(entry) = self.entry_mut(owner) {
            entry.live_orders += 1;
        }
    }

    #[inline(always)]
    pub(super) fn died(&mut self, owner: u32) {
        if let Some(entry) = self.entry_mut(owner) {
            entry.live_orders -= 1;
        }
    }

    /// The owners with limits, and how many live orders they are counted to have.
    pub(super) fn counted(&self) -> impl Iterator<Item = (u32, u64)> {
        self.entries.iter().filter(|e| e.used).map(|e| (e.owner, e.live_orders))
    }
}

impl Entry {
    fn test(&self, qty: u64, price: Option<i64>, adds: bool) -> Result<(), Reject> {
        if self.blocked {
            return Err(Reject::OwnerBlocked);
        }
        if self.has_qty && qty > self.max_qty {
            return Err(Reject::MaxQty);
        }
        let [low, high] = self.max_notional;
        let most = u128::from(high) << 64 | u128::from(low);
        // qty × |price| is below 2^64 × 2^63.
        let notional = |price: i64| u128::from(qty) * u128::from(price.unsigned_abs());
        if self.has_notional && price.is_some_and(|price| notional(price) > most) {
            return Err(Reject::MaxNotional);
        }
        if self.has_orders && adds && self.live_orders >= self.max_orders {
            return Err(Reject::MaxOrders);
        }
        Ok(())
    }
}
