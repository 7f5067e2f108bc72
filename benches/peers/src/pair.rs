//! The engine on one core, a reader of its events on another, our queue between them.

use crate::support::contender::Contender;
use crate::support::huge::Huge;
use crate::support::ours::{self, BenchEngine};
use crate::support::{host, workloads::Workload};
use std::sync::Barrier;
use vvp_core::book::{CountSink, Event, QueueSink};
use vvp_core::engine::Matcher;
use vvp_core::queue::{PopError, Spin, Spsc};

const SLOTS: usize = 65_536;

/// Pauses between two polls of a queue with few events: a reader that wants each event soon.
pub const CLOSE: usize = 30;
/// One that wants the writer to be fast. Its distance lets lines sink into the cache that both
/// cores share, and from there they come, and go back to be written again, faster than from one
/// core's own cache to the other's.
pub const FAR: usize = 4000;

static QUEUE: Spsc<Event, SLOTS> = Spsc::new();

/// Ticks a command until the reader has seen the last event, over one run of the stream.
pub fn run(
    engine: &mut Huge<BenchEngine>,
    workload: &Workload,
    writer_core: usize,
    reader_core: usize,
    rest: usize,
) -> f64 {
    engine.clear();
    let mut count = CountSink::default();
    ours::define(engine, &mut count);
    for c in workload.filling() {
        engine.apply(c, &mut count);
    }
    // A thread starts on the core of its maker, which must sleep until it has moved.
    let ready = Barrier::new(2);
    // Claimed first: until then the queue is as the last run left it, closed.
    let producer = QUEUE.producer().expect("not claimed");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            host::pin(reader_core);
            host::real_time();
            ready.wait();
            let mut events = QUEUE.consumer().expect("not claimed");
            let (mut read, mut sum) = (0u64, 0u64);
            loop {
                let batch = events.read_up_to(256);
                let n = batch.len();
                for event in batch.iter() {
                    sum = sum.wrapping_add(u64::from(event.seq_low())); // every event is read
                }
                batch.release();
                read += n as u64;
                // A reader that follows too closely takes the cache line away that the writer is
                // still filling: it pauses after a small batch.
                if n < 128 {
                    for _ in 0..rest {
                        core::hint::spin_loop();
                    }
                }
                if n == 0 {
                    if let Err(PopError::Closed) = events.pop().map(|_| read += 1) {
                        break;
                    }
                }
            }
            (read, sum)
        });
        ready.wait();
        host::pin(writer_core);
        host::real_time();
        let mut sink = QueueSink::new(producer, Spin);
        let start = host::ticks();
        engine.apply_all(workload.timed(), &mut sink);
        assert_eq!(sink.lost(), 0, "the reader reads to the end");
        sink.into_producer().close();
        let (read, sum) = reader.join().expect("a reader that ends");
        let ticks = host::ticks() - start;
        std::hint::black_box((read, sum));
        ticks as f64 / workload.timed().len() as f64
    })
}

/// The same on one thread: events into a small ring.
pub fn alone(ours: &mut dyn Contender, workload: &Workload) -> f64 {
    ours.start(workload.filling());
    let start = host::ticks();
    ours.run(workload.timed());
    (host::ticks() - start) as f64 / workload.timed().len() as f64
}
