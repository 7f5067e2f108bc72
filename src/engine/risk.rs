//! Risk limits per owner, checked before an order enters.

use crate::book::{Hasher, Limits, OwnerId, Qty, Reject};
use zerocopy::FromZeros;

/// The limits of up to `OWNERS` owners, and how many live orders each of them has.
///
/// Owners without limits are not kept, so an engine that sets none pays one predictable branch an order.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct RiskLimits<const OWNERS: usize> {
    count: u32,
    reserved: u32,
    /// Of a mix of each owner and its limits: its share of the state hash.
    sum: u64,
    /// The owners that have an entry, in ascending order.
    sorted: [u32; OWNERS],
    /// Open addressing by owner.
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

impl<const OWNERS: usize> RiskLimits<OWNERS> {
    /// Where an owner's entry belongs; `None` when there is no place at all.
    fn home(owner: u32) -> Option<usize> {
        (owner.wrapping_mul(0x9e37_79b9) as usize).checked_rem(OWNERS)
    }

    /// Where an owner's entry is, or the free place where it would be.
    fn place(&self, owner: u32) -> Option<usize> {
        let start = Self::home(owner)?;
        (start..OWNERS).chain(0..start).find(|&i| self.entries.get(i).is_some_and(|e| !e.used || e.owner == owner))
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
        self.place(owner).and_then(|i| self.entries.get(i)).filter(|e| e.used)
    }

    #[inline(always)]
    fn entry_mut(&mut self, owner: u32) -> Option<&mut Entry> {
        if self.count == 0 {
            return None;
        }
        self.place(owner).and_then(|i| self.entries.get_mut(i)).filter(|e| e.used)
    }

    /// Whether the owner's live orders are counted already.
    pub(super) fn contains(&self, owner: OwnerId) -> bool {
        self.entry(owner.get()).is_some()
    }

    /// Replaces all limits of an owner, whose live orders are `live` if it is new here; one that has none left is
    /// forgotten. `false`: no room for it.
    pub(super) fn set(&mut self, owner: OwnerId, limits: &Limits, live: u64) -> bool {
        let none = *limits == Limits::default();
        let Some(i) = self.place(owner.get()) else { return none };
        let Some(&was) = self.entries.get(i) else { return none };
        self.sum = self.sum.wrapping_sub(was.mixed());
        if none {
            if was.used {
                self.remove(i, owner.get());
            }
            return true;
        }
        if !was.used {
            // From its place on each one moves up, the last into the first place that is free.
            let (at, mut carried) = (self.rank(owner.get()), owner.get());
            self.count += 1;
            for place in self.sorted.iter_mut().take(self.count as usize).skip(at) {
                core::mem::swap(place, &mut carried);
            }
        }
        let notional = limits.max_notional.unwrap_or(0);
        let entry = Entry {
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
        self.sum = self.sum.wrapping_add(entry.mixed());
        if let Some(place) = self.entries.get_mut(i) {
            *place = entry;
        }
        true
    }

    /// How many of the owners come before this one.
    fn rank(&self, owner: u32) -> usize {
        self.sorted.get(..self.count as usize).map_or(0, |all| all.partition_point(|&o| o < owner))
    }

    /// Takes out the entry at place `hole`, and moves up those that passed that place looking for theirs.
    fn remove(&mut self, hole: usize, owner: u32) {
        // Down to its place each one moves, which drives it out.
        let (at, mut carried) = (self.rank(owner), 0);
        for place in self.sorted.iter_mut().take(self.count as usize).skip(at).rev() {
            core::mem::swap(place, &mut carried);
        }
        self.count -= 1;
        let mut hole = hole;
        for i in (hole + 1..OWNERS).chain(0..hole) {
            let entry = self.entries[i];
            if !entry.used {
                break;
            }
            let Some(home) = Self::home(entry.owner) else { break };
            // From its home to where it is, and to the hole, going round.
            let (far, near) = ((i + OWNERS - home) % OWNERS, (i + OWNERS - hole) % OWNERS);
            if far >= near {
                self.entries[hole] = entry;
                hole = i;
            }
        }
        self.entries[hole] = Entry::FREE;
    }

    /// Forgets all owners.
    pub(super) fn clear(&mut self) {
        self.sum = 0;
        // Memory that was never used stays untouched.
        if core::mem::take(&mut self.count) != 0 {
            self.entries.fill(Entry::FREE);
        }
    }

    /// Changes with every limit of every owner.
    pub(super) const fn sum(&self) -> u64 {
        self.sum
    }

    /// The limits of an owner.
    pub(super) fn limits_of(&self, owner: OwnerId) -> Limits {
        self.entry(owner.get()).map_or_else(Limits::default, Entry::limits)
    }

    /// How many owners have limits.
    pub(super) const fn len(&self) -> usize {
        self.count as usize
    }

    /// The owners with limits, in ascending order, and their limits.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (OwnerId, Limits)> {
        let owners = self.sorted.iter().take(self.count as usize);
        owners.filter_map(|&owner| Some((OwnerId::new(owner), self.entry(owner)?.limits())))
    }

    #[inline(always)]
    pub(super) fn check(&self, owner: u32, qty: u64, price: Option<i64>, adds: bool) -> Result<(), Reject> {
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
    pub(super) fn on_open(&mut self, owner: u32) {
        if let Some(entry) = self.entry_mut(owner) {
            entry.live_orders += 1;
        }
    }

    #[inline(always)]
    pub(super) fn on_close(&mut self, owner: u32) {
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
    const FREE: Self = Self {
        max_notional: [0; 2],
        max_qty: 0,
        max_orders: 0,
        live_orders: 0,
        owner: 0,
        used: false,
        has_qty: false,
        has_notional: false,
        has_orders: false,
        blocked: false,
        reserved: [0; 7],
    };

    /// All but the count of live orders, which follows from them; 0 without an owner.
    fn mixed(&self) -> u64 {
        if !self.used {
            return 0;
        }
        let Limits { max_qty, max_notional, max_orders, blocked } = self.limits();
        let head = Hasher::new(3).and(u64::from(self.owner) << 1 | u64::from(blocked));
        let head = head.and_maybe(max_qty.map(Qty::lots)).and_maybe(max_orders);
        head.and_maybe(max_notional.map(|n| n as u64)).and_maybe(max_notional.map(|n| (n >> 64) as u64)).word()
    }

    fn limits(&self) -> Limits {
        let [low, high] = self.max_notional;
        Limits {
            max_qty: self.has_qty.then_some(Qty::new(self.max_qty)),
            max_notional: self.has_notional.then_some(u128::from(high) << 64 | u128::from(low)),
            max_orders: self.has_orders.then_some(self.max_orders),
            blocked: self.blocked,
        }
    }

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
