//! `queue::Spsc`: everything but claiming, which is a compare-and-swap.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::queue::{Consumer, Producer, Spsc};

static NUMBERS: Spsc<u64, 64> = Spsc::new();
static RECORDS: Spsc<[u64; 8], 64> = Spsc::new();

fn producer<T: Copy>(tx: &mut Producer<'_, T, 64>, value: T, values: &[T], n: usize) -> usize {
    let single = usize::from(tx.push(value).is_ok()) + usize::from(tx.stage(value).is_ok());
    tx.publish();
    let run = tx.push_slice(values);
    let mut granted = 0;
    if let Ok(mut grant) = tx.grant(n) {
        granted += grant.push_slice(values) + usize::from(grant.push(value).is_ok());
        grant.commit();
    }
    let mut grant = tx.grant_up_to(n);
    let (first, second) = grant.slots();
    for slot in first.iter_mut().chain(second) {
        slot.write(value);
        granted += 1;
    }
    drop(grant);
    single + run + granted + tx.free_slots() + usize::from(tx.is_closed()) + tx.stats().depth
}

fn consumer<T: Copy>(rx: &mut Consumer<'_, T, 64>, out: &mut [T], n: usize) -> usize {
    let single = usize::from(rx.pop().is_ok()) + usize::from(rx.peek().is_some());
    let run = rx.pop_slice(out);
    let mut lent = 0;
    if let Ok(mut values) = rx.read(n) {
        lent += values.iter().count() + values.as_mut_slices().0.len();
        values.release_first(n / 2);
    }
    let values = rx.read_up_to(n);
    lent += values.as_slices().1.len();
    values.release();
    single + run + lent + rx.drain().count() + rx.available() + usize::from(rx.is_closed())
}

fn ends<T: Copy + 'static>(queue: &'static Spsc<T, 64>, value: T, values: &mut [T], n: usize) -> usize {
    let (Some(mut tx), Some(mut rx)) = (queue.producer(), queue.consumer()) else { return 0 };
    let done = producer(black_box(&mut tx), value, values, n) + consumer(black_box(&mut rx), values, n);
    tx.close();
    rx.close();
    done
}

vvp_no_panic::cannot_panic!(
    ends(black_box(&NUMBERS), black_box(1), black_box(&mut [0; 7][..]), black_box(9)),
    ends(black_box(&RECORDS), black_box([1; 8]), black_box(&mut [[0; 8]; 7][..]), black_box(9)),
);
