//! `queue::RobustMpsc`: everything.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::queue::robust_mpsc::{RobustConsumer, RobustMpsc, RobustProducer, Stage};
use vvp_core::sync::Plain;

static NUMBERS: RobustMpsc<u64, 64, 3> = RobustMpsc::new();
static RECORDS: RobustMpsc<[u64; 8], 64, 3> = RobustMpsc::new();

fn producer<T: Plain>(tx: &mut RobustProducer<'_, T, 64, 3>, value: T, values: &[T]) -> usize {
    let done = usize::from(tx.push(value).is_ok()) + tx.push_slice(values);
    done + tx.position() + tx.lane() + usize::from(tx.is_closed()) + tx.stats().depth
}

fn consumer<T: Plain>(rx: &mut RobustConsumer<'_, T, 64, 3>, out: &mut [T], dead: usize) -> usize {
    let passed = usize::from(rx.pass_over(|lane| lane != dead)) + usize::from(rx.is_stalled());
    let single = usize::from(rx.pop().is_ok()) + rx.pop_with_lane().map_or(0, |(lane, _)| lane);
    let handled = rx.handle(|_, lane, number| lane ^ number).unwrap_or(0);
    let many = rx.pop_slice(out) + rx.drain().count();
    passed + single + handled + many + usize::from(rx.is_closed()) + rx.stats().full_count
}

fn ends<T: Plain>(queue: &'static RobustMpsc<T, 64, 3>, value: T, values: &mut [T], lane: usize) -> usize {
    let Some(mut tx) = queue.producer_of(lane) else { return 0 };
    let Some(mut rx) = queue.consumer() else { return 0 };
    let done = producer(black_box(&mut tx), value, values) + consumer(black_box(&mut rx), values, lane);
    tx.die(value, Stage::Reserved);
    let Some(tx) = queue.take_over_producer_of(lane) else { return done };
    tx.close();
    rx.close();
    let rx = queue.take_over_consumer();
    let tx = queue.producer();
    drop((tx, rx));
    done + queue.passed_over() + queue.len() + usize::from(queue.is_closed()) + usize::from(queue.is_empty())
}

vvp_no_panic::cannot_panic!(
    ends(black_box(&NUMBERS), black_box(1), black_box(&mut [0; 7][..]), black_box(1)),
    ends(black_box(&RECORDS), black_box([1; 8]), black_box(&mut [[0; 8]; 7][..]), black_box(1)),
);
