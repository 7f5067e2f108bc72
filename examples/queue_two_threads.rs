//! A queue between two threads: one makes orders, the other takes them in batches.
//!
//! `cargo run --release --example queue_two_threads`

use std::thread;
use std::time::Instant;
use vvp_core::book::{Command, OrderId, Price, Qty, Side};
use vvp_core::queue::{Consumer, PopError, Producer, Spsc};

/// Lies in zeroed memory and costs the program's image nothing.
static ORDERS: Spsc<Command, 1024> = Spsc::new();

const COUNT: u64 = 5_000_000;

fn produce(mut tx: Producer<'_, Command, 1024>) {
    for n in 1..=COUNT {
        let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
        let mut order = Command::limit(OrderId::new(n), side, Price::new(1000 + (n % 16) as i64), Qty::new(n));
        // A full queue gives the order back. How to wait is ours to choose.
        while let Err(full) = tx.push(order) {
            order = full.0;
            thread::yield_now();
        }
    }
    tx.close(); // the consumer learns that no more will come
}

fn consume(mut rx: Consumer<'_, Command, 1024>) -> (u64, u64) {
    let (mut orders, mut batches) = (0, 0);
    loop {
        // Reads the queued values in place; their slots are released in one step.
        let batch = rx.read_up_to(64);
        if !batch.is_empty() {
            orders += batch.iter().filter(|order| order.is_well_formed()).count() as u64;
            batches += 1;
            batch.release();
            continue;
        }
        match rx.pop() {
            Ok(order) => orders += u64::from(order.is_well_formed()),
            Err(PopError::Closed) => return (orders, batches),
            Err(_) => thread::yield_now(),
        }
    }
}

fn main() {
    let tx = ORDERS.producer().expect("not claimed yet");
    let rx = ORDERS.consumer().expect("not claimed yet");
    let start = Instant::now();
    let producer = thread::spawn(move || produce(tx));
    let (orders, batches) = consume(rx);
    producer.join().expect("the producer does not panic");
    let elapsed = start.elapsed();

    let stats = ORDERS.stats();
    println!("{orders} orders of {} bytes through a queue of {}", size_of::<Command>(), ORDERS.capacity());
    println!(
        "{:.1} million a second, {:.1} in a batch",
        orders as f64 / elapsed.as_secs_f64() / 1e6,
        orders as f64 / batches.max(1) as f64
    );
    println!(
        "pushed {}, popped {}, refused {}, high water {}, depth now {}",
        stats.pushed, stats.popped, stats.full_count, stats.high_water, stats.depth
    );
}
