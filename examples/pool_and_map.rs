//! Orders in fixed memory, found by their id: a `Slab` and an `IdMap` for one owner, a `Pool` and a
//! `ConcurrentMap` for threads. It shows what "full" means for each of them.
//!
//! `cargo run --example pool_and_map`
//!
//! `object_pool` shows how objects of a pool travel between threads, and how fast.

use std::thread;
use vvp_core::map::{ConcurrentMap, DenseError, DenseMap, IdMap};
use vvp_core::pool::{Handle, HandleError, Key, Pool, Reset, Slab};

#[derive(Clone, Copy, Debug, Default)]
struct Order {
    id: u64,
    price: i64,
    qty: u64,
}

impl Reset for Order {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The live orders of one session: one thread owns them, so nothing is atomic.
struct Session {
    /// Room for four orders.
    orders: Slab<Order, 4>,
    /// From the client's ids to keys of the slab. 16 places hold 14 ids.
    by_id: IdMap<u64, 16>,
}

impl Session {
    /// Adds an order; gives it back if there is no room.
    fn add(&mut self, order: Order) -> Result<(), Order> {
        let key = self.orders.insert(order).map_err(|full| full.0)?;
        if self.by_id.insert(order.id, key.to_bits()).is_err() {
            self.orders.remove(key);
            return Err(order);
        }
        Ok(())
    }

    fn get(&self, id: u64) -> Option<&Order> {
        self.orders.get(Key::from_bits(self.by_id.get(id)?))
    }

    fn remove(&mut self, id: u64) -> Option<Order> {
        self.orders.remove(Key::from_bits(self.by_id.remove(id)?))
    }
}

/// All zero, like every empty structure of this crate: a static of it costs the image nothing.
static ORDERS: Pool<Order, 4> = Pool::new();
/// From ids to handles of the pool. 8 places hold 6 ids.
static BY_ID: ConcurrentMap<u64, u64, 8> = ConcurrentMap::new();

fn one_owner() {
    // In production draw the seed at random, so that a peer that chooses ids cannot force
    // collisions.
    let mut session = Session { orders: Slab::new(), by_id: IdMap::with_seed(0x5eed) };
    for id in [7001, 19, 555_000_001, 42] {
        session.add(Order { id, price: 15_000, qty: id % 100 }).expect("room for four");
    }
    let order = session.get(19).expect("added above");
    println!("slab and map   19 is {} lots at {}", order.qty, order.price);
    let refused = session.add(Order { id: 8, price: 15_001, qty: 1 });
    println!("  full         order {} comes back, nothing has changed", refused.expect_err("a fifth").id);
    let stale = Key::from_bits(session.by_id.get(19).expect("added above"));
    session.remove(19);
    session.add(Order { id: 8, price: 15_001, qty: 1 }).expect("a slot is free again");
    // The slot of 19 now holds 8, but the old key does not lead there.
    let found = [session.get(19), session.orders.get(stale)].map(|order| order.is_some());
    println!("  removed      found by its id: {}, by its old key: {}", found[0], found[1]);
}

fn ids_in_sequence() {
    // Ids that we hand out ourselves need no hash: the id is the place, in a window that moves on.
    let mut prices = DenseMap::<i64, 4>::new();
    for id in 100..104 {
        prices.insert(id, 15_000 + id as i64).expect("a window of four ids");
    }
    assert_eq!(prices.insert(104, 15_104), Err(DenseError::Full));
    println!("dense map      full: {}", DenseError::Full);
    prices.remove(100);
    prices.insert(104, 15_104).expect("the oldest id has gone");
    println!("  moved on     102 is {:?}, 104 is {:?}", prices.get(102), prices.get(104));
}

fn threads() {
    thread::scope(|scope| {
        // Two gateways add orders at the same time, without a lock.
        for gateway in 1..=2 {
            scope.spawn(move || {
                for n in 1..=2 {
                    let mut order = ORDERS.acquire().expect("room for four");
                    *order = Order { id: gateway * 100 + n, price: 15_000, qty: 10 * n };
                    let id = order.id;
                    BY_ID.insert(id, order.into_handle().to_bits()).expect("room for six");
                }
            });
        }
    });
    let handle = Handle::from_bits(BY_ID.get(&201).expect("added above"));
    let order = *ORDERS.get(handle).expect("a live handle");
    println!("pool and map   {} is {} lots at {}", order.id, order.qty, order.price);
    println!("  full         a fifth order: {:?}", ORDERS.acquire().map(|order| order.id));
    BY_ID.remove(&201);
    ORDERS.release(handle).expect("released once");
    // Copies of a handle go stale: a late reader gets an error and never another's order.
    let late: Result<u64, HandleError> = ORDERS.get(handle).map(|order| order.id);
    println!("  released     its old handle gives {late:?}");
    let (pool, map) = (ORDERS.stats(), BY_ID.stats());
    println!(
        "  statistics   {} of {} in use, {} times full; {} ids",
        pool.in_use, pool.capacity, pool.exhausted, map.len
    );
}

fn main() {
    one_owner();
    ids_in_sequence();
    threads();
}
