//! `queue::Mpsc`: everything.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::queue::{Mpsc, MpscConsumer, MpscProducer};

static NUMBERS: Mpsc<u64, 64> = Mpsc::new();
static RECORDS: Mpsc<[u64; 8], 64> = Mpsc::new();

fn producer<T: Copy>(tx: &mut MpscProducer<'_, T, 64>, value: T, values: &[T], n: usize) -> usize {
    let mut done = usize::from(tx.push(value).is_ok()) + tx.push_slice(values);
    if let Ok(mut grant) = tx.grant(n) {
        done += usize::from(grant.push(value).is_ok()) + grant.written() + grant.len();
        grant.commit();
    }
    if let Ok(mut grant) = tx.grant(n) {
        done += usize::from(grant.push(value).is_ok()); // and dropped
    }
    done + tx.free_slots() + usize::from(tx.is_closed()) + tx.stats().depth
}

fn consumer<T: Copy>(rx: &mut MpscConsumer<'_, T, 64>, out: &mut [T]) -> usize {
    let single = usize::from(rx.pop().is_ok()) + usize::from(rx.peek().is_some());
    let many = rx.pop_slice(out) + rx.drain().count();
    single + many + usize::from(rx.is_closed()) + usize::from(rx.is_stalled())
}

fn ends<T: Copy + 'static>(queue: &'static Mpsc<T, 64>, value: T, values: &mut [T], n: usize) -> usize {
    let mut tx = queue.producer();
    let other = tx.clone();
    let Some(mut rx) = queue.consumer() else { return 0 };
    let done = producer(black_box(&mut tx), value, values, n) + consumer(black_box(&mut rx), values);
    tx.close();
    drop(other);
    rx.close();
    done
}

vvp_no_panic::cannot_panic!(
    ends(black_box(&NUMBERS), black_box(1), black_box(&mut [0; 7][..]), black_box(9)),
    ends(black_box(&RECORDS), black_box([1; 8]), black_box(&mut [[0; 8]; 7][..]), black_box(9)),
);
