//! The order book, stream by stream, and the floor on the same commands.
//!
//! ```text
//! cargo bench -p vvp-benches --bench book              # all streams
//! cargo bench -p vvp-benches --bench book -- itch      # one of them
//! ```
//!
//! Before anything is timed, both play the whole stream side by side: after every command they must
//! have answered with the same events. Events are written, 64 bytes each, into a ring of 256.
//!
//! Criterion runs ours and the floor one after the other, so on a shared machine only
//! `benches/peers`, which takes turns, gives ratios that mean anything.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::new_without_default)]

#[allow(dead_code)]
mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::{Duration, Instant};
use support::contender::{Bare, Contender, Ours};
use support::{host, shape, workloads};

fn time(contender: &mut dyn Contender, workload: &workloads::Workload, rounds: u64) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..rounds {
        contender.start(workload.filling());
        let start = Instant::now();
        contender.run(workload.timed());
        total += start.elapsed();
    }
    total
}

fn streams(c: &mut Criterion) {
    host::pin(1);
    for name in workloads::NAMES {
        // What criterion would skip need not be generated.
        let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
        if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str()) || w.contains(name)) {
            continue;
        }
        let Some(workload) = workloads::by_name(name) else { continue };
        println!("{name}: {}", shape::of(&workload));
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(workload.timed().len() as u64));
        group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(2));
        let mut contenders: [Box<dyn Contender>; 2] = [Box::new(Ours::new()), Box::new(Bare::new())];
        for contender in &mut contenders {
            let id = BenchmarkId::from_parameter(contender.name());
            group.bench_function(id, |b| b.iter_custom(|rounds| time(contender.as_mut(), &workload, rounds)));
        }
        group.finish();
    }
}

criterion_group!(benches, streams);
criterion_main!(benches);
