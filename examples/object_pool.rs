//! A pool of orders that two threads share: one takes orders out and fills them in, the other works
//! on them and gives them back. What travels between them is a handle of eight bytes.
//!
//! `cargo run --release --example object_pool`

use std::thread;
use std::time::Instant;
use vvp_core::pool::{Handle, Pool, Reset};
use vvp_core::queue::{Consumer, PopError, Producer, Spsc};

#[derive(Debug, Default)]
struct Order {
    id: u64,
    price: i64,
    qty: u64,
    note: [u8; 32],
}

impl Reset for Order {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Both lie in zeroed memory and cost the program's image nothing.
static ORDERS: Pool<Order, 1024> = Pool::new();
static QUEUE: Spsc<Handle, 256> = Spsc::new();

const COUNT: u64 = 2_000_000;

fn take_orders(mut tx: Producer<'_, Handle, 256>) {
    // This thread's own few slots: most of the time it need not go to the shared list.
    let magazine = ORDERS.magazine::<64>();
    for id in 1..=COUNT {
        let mut order = loop {
            match magazine.acquire() {
                Some(order) => break order,
                None => thread::yield_now(), // all are out: wait for the other thread
            }
        };
        order.id = id;
        order.price = 15_000 + (id % 16) as i64;
        order.qty = 1 + id % 100;
        order.note[..5].copy_from_slice(b"limit");
        let mut handle = order.into_pool_box().into_handle();
        while let Err(full) = tx.push(handle) {
            handle = full.0;
            thread::yield_now();
        }
    }
    tx.close();
}

fn work_on_orders(mut rx: Consumer<'_, Handle, 256>) -> (u64, i64) {
    let magazine = ORDERS.magazine::<64>();
    let (mut lots, mut value) = (0, 0);
    loop {
        match rx.pop() {
            Ok(handle) => {
                // From here on the order is ours, and every copy of the handle is stale.
                let order = magazine.adopt(handle).expect("the only owner of the handle");
                lots += order.qty;
                value += order.price * order.qty as i64;
            } // dropped: reset, and back to this thread's magazine
            Err(PopError::Closed) => return (lots, value),
            Err(_) => thread::yield_now(),
        }
    }
}

fn main() {
    let tx = QUEUE.producer().expect("not claimed yet");
    let rx = QUEUE.consumer().expect("not claimed yet");
    let start = Instant::now();
    let taker = thread::spawn(move || take_orders(tx));
    let (lots, value) = work_on_orders(rx);
    taker.join().expect("the taker does not panic");
    let elapsed = start.elapsed();

    println!("{COUNT} orders of {} bytes, {lots} lots worth {value} ticks", size_of::<Order>());
    println!("{:.1} million a second", COUNT as f64 / elapsed.as_secs_f64() / 1e6);
    let stats = ORDERS.stats();
    println!("capacity       {:>9}", stats.capacity);
    println!("in use         {:>9}", stats.in_use);
    println!("high water     {:>9}", stats.high_water);
    println!("acquired       {:>9}", stats.acquired);
    println!("released       {:>9}", stats.released);
    println!("exhausted      {:>9}", stats.exhausted);
    println!("hit rate       {:>7} ‰", stats.hit_rate_per_mille());
    println!("magazine hits  {:>9} ({} ‰)", stats.magazine_hits, stats.magazine_hits_per_mille());
}
