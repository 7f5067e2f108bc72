//! The engine with a market data feed, and non-blocking commands (`try_apply`).

use super::Workload;
use super::book::{Bench, Setting, flow_step, limit, sweep_step};
use std::hint::black_box;
use std::mem::MaybeUninit;
use vvp_core::book::{Command, CountSink, Event, OrderId, Side, SliceSink};
use vvp_core::engine::Matcher;
use vvp_core::market_data::{self, Feed, FeedSink, Record};
use zerocopy::FromZeros;

type BenchFeed = Feed<1, { Bench::LEVELS_TOUCHED_MAX }>;

pub(crate) const WORKLOADS: &[Workload] = &[
    ("feed_flow_l1", |times| flow(times, market_data::top(count()))),
    ("feed_flow_l2", |times| flow(times, market_data::levels(count()))),
    ("feed_flow_l3", |times| flow(times, market_data::orders(count()))),
    ("feed_flow_all", |times| flow(times, market_data::all(count()))),
    ("feed_sweep_l1", |times| sweep(times, market_data::top(count()))),
    ("feed_sweep_l2", |times| sweep(times, market_data::levels(count()))),
    ("feed_sweep_l3", |times| sweep(times, market_data::orders(count()))),
    ("feed_sweep_all", |times| sweep(times, market_data::all(count()))),
    ("try_flow", try_flow),
    ("try_add_cancel_touch", try_add_cancel_touch),
];

fn count() -> impl FnMut(Record) {
    |record| {
        black_box(&record);
    }
}

fn flow(times: u64, mut out: impl FeedSink) {
    let mut s = Setting::new();
    let mut feed = BenchFeed::new_box_zeroed().expect("memory for a feed");
    let mut sink = CountSink::default();
    flow_step(times, |c| feed.apply(&mut *s.engine, black_box(c), &mut sink, &mut out));
}

fn sweep(times: u64, mut out: impl FeedSink) {
    let mut s = Setting::empty();
    let mut feed = BenchFeed::new_box_zeroed().expect("memory for a feed");
    let mut sink = CountSink::default();
    sweep_step(times, |c| feed.apply(&mut *s.engine, black_box(c), &mut sink, &mut out));
}

fn attempt(s: &mut Setting, memory: &mut [MaybeUninit<Event>], c: &Command) {
    let mut sink = SliceSink::new(memory);
    black_box(s.engine.try_apply(black_box(c), &mut sink).is_ok());
}

fn try_flow(times: u64) {
    let mut s = Setting::new();
    let mut memory = [const { MaybeUninit::uninit() }; 128];
    flow_step(times, |c| attempt(&mut s, &mut memory, c));
}

fn try_add_cancel_touch(times: u64) {
    let mut s = Setting::new();
    let mut memory = [const { MaybeUninit::uninit() }; 128];
    for id in 0..times {
        attempt(&mut s, &mut memory, &limit(id, Side::Buy, 9_999, 10));
        attempt(&mut s, &mut memory, &Command::cancel(OrderId::new(id)));
    }
}
