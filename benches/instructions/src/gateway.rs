//! A gateway's messages in, reports out to a ring that stays in the first cache: the adapter of
//! natural use over the engine, and the bare ladder (the floor) with the same messages.
//!
//! One time is 16 messages.

use super::Workload;
use crate::support::adapter::Gateway;
use crate::support::bare_gateway::BareLadder;
use crate::support::challenge;
use crate::support::gateway::{MessageBook, ReportRing, messages};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("gateway_normal_16", |times| run(Gateway::<false>::new(), 0.02, times)),
    ("gateway_static_16", |times| run(Gateway::<false>::new(), 0.0, times)),
    ("gateway_flash_crash_16", |times| run(Gateway::<false>::new(), 0.6, times)),
    ("floor_gateway_normal_16", |times| run(BareLadder::new(), 0.02, times)),
    ("floor_gateway_static_16", |times| run(BareLadder::new(), 0.0, times)),
    ("floor_gateway_flash_crash_16", |times| run(BareLadder::new(), 0.6, times)),
];

const EACH: usize = 16;
/// Messages before those that are counted.
const WARM: usize = 16_000;
/// New orders of the stream: enough messages for 4,000 times.
const ORDERS: usize = 60_000;

fn run(mut book: impl MessageBook<ReportRing>, swing: f64, times: u64) {
    let stream = messages(&challenge::stream("gateway", swing, ORDERS).commands);
    let (filling, counted) = stream.split_at(WARM);
    let mut out = ReportRing::new();
    book.reset();
    book.run(filling, &mut out);
    for messages in counted.chunks_exact(EACH).cycle().take(times as usize) {
        book.run(messages, &mut out);
    }
    std::hint::black_box(&out);
}
