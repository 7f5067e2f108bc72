//! Queues with both endpoints on one thread: the cost of an operation without contention.

use super::Workload;
use std::hint::black_box;
use vvp_core::cell::Latest;
use vvp_core::queue::{FanIn, Frames, Mpsc, RobustMpsc, SequencedSpsc, Spsc};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("spsc_push_pop_u64", push_pop_u64),
    ("spsc_push_pop_64_bytes", push_pop_64_bytes),
    ("spsc_64_pushes_64_pops_u64", runs_of_64),
    ("spsc_slices_of_64_u64", slices_of_64),
    ("spsc_grant_release_64_u64", grants_of_64),
    ("spsc_push_full", push_full),
    ("spsc_pop_empty", pop_empty),
    ("sequenced_push_pop_u64", sequenced_push_pop_u64),
    ("sequenced_push_pop_16_bytes", sequenced_push_pop_16_bytes),
    ("sequenced_slices_of_64_u64", sequenced_slices_of_64),
    ("mpsc_push_pop_u64", mpsc_push_pop_u64),
    ("mpsc_slices_of_64_u64", mpsc_slices_of_64),
    ("robust_push_pop_u64", robust_push_pop_u64),
    ("fan_in_push_pop_u64", fan_in_push_pop_u64),
    ("fan_in_8_lanes_of_8_u64", fan_in_8_lanes),
    ("fan_in_slices_of_64_u64", fan_in_slices_of_64),
    ("latest_write_read_u64", latest_u64),
    ("latest_write_read_64_bytes", latest_64_bytes),
    ("frames_push_read_64_bytes", frames_push_read),
    ("frames_batch_of_16", frames_batch_of_16),
];

const N: usize = 1024;

static NUMBERS: Spsc<u64, N> = Spsc::new();
static SEQUENCED: SequencedSpsc<u64, N> = SequencedSpsc::new();
static PAIRS: SequencedSpsc<[u64; 2], N> = SequencedSpsc::new();
static MANY: Mpsc<u64, N> = Mpsc::new();
static MORTAL: RobustMpsc<u64, N, 8> = RobustMpsc::new();
static LANES: FanIn<u64, N, 8> = FanIn::new();
static NUMBER: Latest<u64> = Latest::new();
static RECORD: Latest<[u64; 8]> = Latest::new();
static FRAMES: Frames<8192> = Frames::new();
static RECORDS: Spsc<[u64; 8], N> = Spsc::new();

fn push_pop_u64(times: u64) {
    let (mut tx, mut rx) = (NUMBERS.producer().expect("free"), NUMBERS.consumer().expect("free"));
    for i in 0..times {
        black_box(tx.push(black_box(i)).is_ok());
        black_box(rx.pop().ok());
    }
}

fn push_pop_64_bytes(times: u64) {
    let (mut tx, mut rx) = (RECORDS.producer().expect("free"), RECORDS.consumer().expect("free"));
    let mut record = [0; 8];
    for i in 0..times {
        record[0] = i;
        black_box(tx.push(black_box(record)).is_ok());
        black_box(rx.pop().ok());
    }
}

/// One repetition is 64 values.
fn runs_of_64(times: u64) {
    let (mut tx, mut rx) = (NUMBERS.producer().expect("free"), NUMBERS.consumer().expect("free"));
    for _ in 0..times {
        for i in 0..64 {
            black_box(tx.push(black_box(i)).is_ok());
        }
        for _ in 0..64 {
            black_box(rx.pop().ok());
        }
    }
}

/// One repetition is 64 values.
fn slices_of_64(times: u64) {
    let (mut tx, mut rx) = (NUMBERS.producer().expect("free"), NUMBERS.consumer().expect("free"));
    let mut values = [7; 64];
    for _ in 0..times {
        black_box(tx.push_slice(black_box(&values)));
        black_box(rx.pop_slice(&mut values));
    }
}

/// One repetition is 64 values, read in place.
fn grants_of_64(times: u64) {
    let (mut tx, mut rx) = (NUMBERS.producer().expect("free"), NUMBERS.consumer().expect("free"));
    let values = [7; 64];
    for _ in 0..times {
        black_box(tx.push_slice(black_box(&values)));
        let read = rx.read_up_to(64);
        black_box(read.iter().sum::<u64>());
        read.release();
    }
}

fn push_full(times: u64) {
    let mut tx = NUMBERS.producer().expect("free");
    while tx.push(0).is_ok() {}
    for i in 0..times {
        black_box(tx.push(black_box(i)).is_err());
    }
}

fn pop_empty(times: u64) {
    let mut rx = NUMBERS.consumer().expect("free");
    for _ in 0..times {
        black_box(rx.pop().is_err());
    }
}

fn sequenced_push_pop_u64(times: u64) {
    let (mut tx, mut rx) = (SEQUENCED.producer().expect("free"), SEQUENCED.consumer().expect("free"));
    for i in 0..times {
        black_box(tx.push(black_box(i)).is_ok());
        black_box(rx.pop().ok());
    }
}

fn sequenced_push_pop_16_bytes(times: u64) {
    let (mut tx, mut rx) = (PAIRS.producer().expect("free"), PAIRS.consumer().expect("free"));
    for i in 0..times {
        black_box(tx.push(black_box([i; 2])).is_ok());
        black_box(rx.pop().ok());
    }
}

/// One repetition is 64 values.
fn sequenced_slices_of_64(times: u64) {
    let (mut tx, mut rx) = (SEQUENCED.producer().expect("free"), SEQUENCED.consumer().expect("free"));
    let mut values = [7; 64];
    for _ in 0..times {
        black_box(tx.push_slice(black_box(&values)));
        black_box(rx.pop_slice(&mut values));
    }
}

fn mpsc_push_pop_u64(times: u64) {
    let (mut tx, mut rx) = (MANY.producer(), MANY.consumer().expect("free"));
    for i in 0..times {
        black_box(tx.push(black_box(i)).is_ok());
        black_box(rx.pop().ok());
    }
}

fn robust_push_pop_u64(times: u64) {
    let (mut tx, mut rx) = (MORTAL.producer().expect("free"), MORTAL.consumer().expect("free"));
    for i in 0..times {
        black_box(tx.push(black_box(i)).is_ok());
        black_box(rx.pop().ok());
    }
}

/// One repetition is 64 values.
fn mpsc_slices_of_64(times: u64) {
    let (mut tx, mut rx) = (MANY.producer(), MANY.consumer().expect("free"));
    let mut values = [7; 64];
    for _ in 0..times {
        black_box(tx.push_slice(black_box(&values)));
        black_box(rx.pop_slice(&mut values));
    }
}

/// One lane of eight in use.
fn fan_in_push_pop_u64(times: u64) {
    let (mut tx, mut rx) = (LANES.producer().expect("free"), LANES.consumer().expect("free"));
    for i in 0..times {
        black_box(tx.push(black_box(i)).is_ok());
        black_box(rx.pop().ok());
    }
}

/// One repetition is 64 values, eight from each of eight lanes.
fn fan_in_8_lanes(times: u64) {
    let mut rx = LANES.consumer().expect("free");
    let mut lanes: [_; 8] = std::array::from_fn(|lane| LANES.producer_of(lane).expect("free"));
    for _ in 0..times {
        for tx in &mut lanes {
            for i in 0..8 {
                black_box(tx.push(black_box(i)).is_ok());
            }
        }
        for _ in 0..64 {
            black_box(rx.pop().ok());
        }
    }
}

/// One repetition is 64 values, all from one lane.
fn fan_in_slices_of_64(times: u64) {
    let (mut tx, mut rx) = (LANES.producer().expect("free"), LANES.consumer().expect("free"));
    let mut values = [7; 64];
    for _ in 0..times {
        black_box(tx.push_slice(black_box(&values)));
        black_box(rx.pop_slice(&mut values));
    }
}

fn latest_u64(times: u64) {
    let (mut writer, mut reader) = (NUMBER.writer().expect("free"), NUMBER.reader());
    for i in 0..times {
        writer.write(black_box(i));
        black_box(reader.read_if_newer());
    }
}

fn latest_64_bytes(times: u64) {
    let (mut writer, mut reader) = (RECORD.writer().expect("free"), RECORD.reader());
    for i in 0..times {
        writer.write(black_box([i; 8]));
        black_box(reader.read_if_newer());
    }
}

fn frames_push_read(times: u64) {
    let (mut tx, mut rx) = (FRAMES.producer().expect("free"), FRAMES.consumer().expect("free"));
    let frame = [7; 64];
    for _ in 0..times {
        black_box(tx.push(black_box(&frame)).is_ok());
        if let Ok(frame) = rx.read() {
            black_box(frame.first());
            frame.release();
        }
    }
}

/// One repetition is 16 frames of 64 bytes.
fn frames_batch_of_16(times: u64) {
    let (mut tx, mut rx) = (FRAMES.producer().expect("free"), FRAMES.consumer().expect("free"));
    let frame = [7; 64];
    for _ in 0..times {
        if let Ok(mut batch) = tx.batch(16 * 68) {
            while batch.push(black_box(&frame)).is_ok() {}
            batch.commit();
        }
        while let Ok(frames) = rx.read_many() {
            black_box(frames.iter().count());
            frames.release();
        }
    }
}
