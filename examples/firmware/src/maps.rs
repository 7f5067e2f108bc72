//! Limits, open orders and last prices: an instance of each of the core's maps, so that building
//! this library for a target compiles them for it.

use vvp_core::map::{ConcurrentMap, DenseMap, IdMap};

/// Limits of up to 224 accounts, by id.
pub type Limits = IdMap<u32, 256>;

/// The open orders of a session, by the number that it gave them.
pub type Open = DenseMap<u32, 256>;

/// The last price of up to 48 instruments, for all threads and interrupt handlers.
pub static LAST: ConcurrentMap<u32, u32, 64> = ConcurrentMap::new();

/// Takes an order in, if its account may trade this much; whether it did.
pub fn enter(limits: &mut Limits, open: &mut Open, account: u64, order: u64, qty: u32) -> bool {
    let Some(limit) = limits.get_mut(account).filter(|limit| **limit >= qty) else { return false };
    if open.insert(order, qty).is_err() {
        return false;
    }
    *limit -= qty;
    true
}

/// Forgets an order, and gives its account back what it held.
pub fn cancel(limits: &mut Limits, open: &mut Open, account: u64, order: u64) -> bool {
    let Some(qty) = open.remove(order) else { return false };
    limits.get_or_insert(account, 0).map(|limit| *limit = limit.saturating_add(qty)).is_ok()
}

/// A trade: the new last price, and the one before.
pub fn traded(instrument: u32, price: u32) -> Option<u32> {
    LAST.insert(instrument, price).ok().flatten()
}

/// The account is closed.
pub fn close(limits: &mut Limits, account: u64) -> Option<u32> {
    limits.remove(account)
}
