//! Risk limits per owner, checked before an order enters: chapter 16 of the contract.

use crate::book::{Hasher, Limits, OwnerId, Qty, Reject};
use zerocopy::FromZeros;

/// The limits of up to `OWNERS` owners, and how many live orders each of them has (M16.4, M16.10).
///
/// Owners without limits have no entry, so an engine without limits pays one predictable branch an
/// order.
#[derive(Debug, FromZeros)]
#[repr(C)]
pub(super) struct RiskLimits<const OWNERS: usize> {
    count: u32,
    reserved: u32,
    /// Sum of a hash of each owner and its limits: their share of the state hash.
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
    /// Returns the home slot of an owner; `None` if there are no slots.
    fn home(owner: u32) -> Option<usize> {
        (owner.wrapping_mul(0x9e37_79b9) as usize).checked_rem(OWNERS)
    }

    /// Returns the slot of an owner's entry, or the free slot where it would go (linear probing).
    fn place(&self, owner: u32) -> Option<usize> {
        let start = Self::home(owner)?;
        (start..OWNERS).chain(0..start).find(|&i| self.entries.get(i).is_some_and(|e| !e.used || e.owner == owner))
    }

    /// Returns whether any owner has limits.
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

    /// Returns whether the owner has limits, so that its live orders are counted.
    pub(super) fn contains(&self, owner: OwnerId) -> bool {
        self.entry(owner.get()).is_some()
    }

    /// Replaces all limits of an owner; `live` is the number of its live orders, used for a new
    /// entry. Limits that are all absent remove the entry. Returns `false` if there is no room.
    /// Implements M16.1 and M16.10.
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
            // Insertion into the sorted array: all from `at` on move up by one.
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

    /// Returns how many owners have a lower number.
    fn rank(&self, owner: u32) -> usize {
        self.sorted.get(..self.count as usize).map_or(0, |all| all.partition_point(|&o| o < owner))
    }

    /// Removes the entry in slot `hole` and moves back those that were displaced past it.
    fn remove(&mut self, hole: usize, owner: u32) {
        // Removal from the sorted array: all above move down by one.
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
            // Cyclic distances to its slot: from its home, and from the hole.
            let (far, near) = ((i + OWNERS - home) % OWNERS, (i + OWNERS - hole) % OWNERS);
            if far >= near {
                self.entries[hole] = entry;
                hole = i;
            }
        }
        self.entries[hole] = Entry::FREE;
    }

    /// Removes all limits.
    pub(super) fn clear(&mut self) {
        self.sum = 0;
        // Pages that were never used stay untouched.
        if core::mem::take(&mut self.count) != 0 {
            self.entries.fill(Entry::FREE);
        }
    }

    /// Returns a sum that depends on every limit of every owner.
    pub(super) const fn sum(&self) -> u64 {
        self.sum
    }

    /// Returns the limits of an owner.
    pub(super) fn limits_of(&self, owner: OwnerId) -> Limits {
        self.entry(owner.get()).map_or_else(Limits::default, Entry::limits)
    }

    /// Returns how many owners have limits.
    pub(super) const fn len(&self) -> usize {
        self.count as usize
    }

    /// Iterates over the owners with limits, in ascending order.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (OwnerId, Limits)> {
        let owners = self.sorted.iter().take(self.count as usize);
        owners.filter_map(|&owner| Some((OwnerId::new(owner), self.entry(owner)?.limits())))
    }

    /// Checks the limits of an owner, in the order of M17.2 (7 to 10).
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

    /// Iterates over the owners with limits and the counts of their live orders.
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

    /// Hashes all but the count of live orders, which follows from the orders; 0 if free.
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
            return Err(Reject::OwnerBlocked); // M16.5
        }
        if self.has_qty && qty > self.max_qty {
            return Err(Reject::MaxQty); // M16.2
        }
        let [low, high] = self.max_notional;
        let most = u128::from(high) << 64 | u128::from(low);
        // M16.3, M16.8: of the absolute price. qty × |price| is below 2^64 × 2^63.
        let notional = |price: i64| u128::from(qty) * u128::from(price.unsigned_abs());
        if self.has_notional && price.is_some_and(|price| notional(price) > most) {
            return Err(Reject::MaxNotional);
        }
        if self.has_orders && adds && self.live_orders >= self.max_orders {
            return Err(Reject::MaxOrders); // M16.4; M16.6: not on replace
        }
        Ok(())
    }
}
