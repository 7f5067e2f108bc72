//! The queues: across two processors and on one.

use super::harness::{Harness, wait_for};
use super::row::Row;
use core::hint::black_box;
use vvp_core::cell::Latest;
use vvp_core::queue::{FanIn, Frames, Mpsc, SequencedSpsc, Spsc};
use vvp_std_adapter::memory::{MapError, Pages, Zeroed};

const GROUP: &str = "queues";
const N: usize = 1024;
/// Values in one batch.
const BATCH: usize = 64;

type Line = [u64; 8];

/// Measures all rows of this group.
///
/// # Errors
/// No memory.
pub(super) fn rows(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    spsc(harness, row)?;
    turn(harness, row)?;
    many(harness, row)?;
    frames(harness, row)?;
    latest(harness, row)
}

fn spsc(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    let n = harness.operations(2_000_000);
    {
        let mut queue = Zeroed::<Spsc<u64, N>>::new(Pages::READY)?;
        let (mut tx, mut rx) = queue.split();
        row(harness.solo(GROUP, "Spsc, one thread, u64", n, || {
            for i in 0..n {
                let _ = tx.push(black_box(i));
                let _ = black_box(rx.pop());
            }
        }));
        row(harness.pair(
            GROUP,
            "Spsc, u64, one by one",
            n,
            || (0..n).for_each(|i| wait_for(|| tx.push(i).is_ok())),
            || (0..n).for_each(|_| wait_for(|| rx.pop().is_ok())),
        ));
        let values = [7u64; BATCH];
        row(harness.pair(
            GROUP,
            "Spsc, u64, slices of 64",
            n,
            || {
                let mut left = n;
                while left > 0 {
                    let most = BATCH.min(usize::try_from(left).unwrap_or(BATCH));
                    wait_for(|| {
                        let pushed = tx.push_slice(&values[..most]);
                        left -= pushed as u64;
                        pushed > 0
                    });
                }
            },
            || {
                let (mut left, mut out) = (n, [0u64; BATCH]);
                while left > 0 {
                    wait_for(|| {
                        let popped = rx.pop_slice(&mut out);
                        left -= popped as u64;
                        popped > 0
                    });
                    black_box(&out);
                }
            },
        ));
    }
    {
        let mut queue = Zeroed::<Spsc<Line, N>>::new(Pages::READY)?;
        let (mut tx, mut rx) = queue.split();
        row(harness.pair(
            GROUP,
            "Spsc, 64 bytes, one by one",
            n,
            || (0..n).for_each(|i| wait_for(|| tx.push([i; 8]).is_ok())),
            || (0..n).for_each(|_| wait_for(|| rx.pop().is_ok())),
        ));
        row(harness.pair(
            GROUP,
            "Spsc, 64 bytes, in place",
            n,
            || {
                let mut left = n;
                while left > 0 {
                    let most = BATCH.min(usize::try_from(left).unwrap_or(BATCH));
                    wait_for(|| {
                        let mut grant = tx.grant_up_to(most);
                        let mut got = 0;
                        while grant.push([left; 8]).is_ok() {
                            got += 1;
                        }
                        grant.commit();
                        left -= got;
                        got > 0
                    });
                }
            },
            || {
                let mut left = n;
                while left > 0 {
                    wait_for(|| {
                        let grant = rx.read_up_to(BATCH);
                        let got = grant.len();
                        for value in &grant {
                            black_box(value[0]);
                        }
                        grant.release();
                        left -= got as u64;
                        got > 0
                    });
                }
            },
        ));
    }
    Ok(())
}

/// Measures round trips with one value in flight.
fn turn(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    let n = harness.operations(200_000);
    let mut there = Zeroed::<SequencedSpsc<u64, N>>::new(Pages::READY)?;
    let mut back = Zeroed::<SequencedSpsc<u64, N>>::new(Pages::READY)?;
    let ((mut ask, mut hear), (mut answer, mut get)) = (there.split(), back.split());
    row(harness.pair(
        GROUP,
        "SequencedSpsc, u64, there and back",
        n,
        || {
            for i in 0..n {
                let _ = ask.push(i);
                wait_for(|| get.pop().is_ok());
            }
        },
        || {
            for i in 0..n {
                wait_for(|| hear.pop().is_ok());
                let _ = answer.push(i);
            }
        },
    ));
    let mut there = Zeroed::<Spsc<u64, N>>::new(Pages::READY)?;
    let mut back = Zeroed::<Spsc<u64, N>>::new(Pages::READY)?;
    let ((mut ask, mut hear), (mut answer, mut get)) = (there.split(), back.split());
    row(harness.pair(
        GROUP,
        "Spsc, u64, there and back",
        n,
        || {
            for i in 0..n {
                let _ = ask.push(i);
                wait_for(|| get.pop().is_ok());
            }
        },
        || {
            for i in 0..n {
                wait_for(|| hear.pop().is_ok());
                let _ = answer.push(i);
            }
        },
    ));
    Ok(())
}

fn many(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    let n = harness.operations(1_000_000);
    let mut queue = Zeroed::<Mpsc<u64, N>>::new(Pages::READY)?;
    {
        let (mut tx, mut rx) = queue.split();
        row(harness.pair(
            GROUP,
            "Mpsc, one producer, u64",
            n,
            || (0..n).for_each(|i| wait_for(|| tx.push(i).is_ok())),
            || (0..n).for_each(|_| wait_for(|| rx.pop().is_ok())),
        ));
    }
    let mut queue = Zeroed::<FanIn<u64, N, 4>>::new(Pages::READY)?;
    let (lanes, mut rx) = queue.split();
    let [mut tx, ..] = lanes;
    row(harness.pair(
        GROUP,
        "FanIn, one of four lanes, u64",
        n,
        || (0..n).for_each(|i| wait_for(|| tx.push(i).is_ok())),
        || (0..n).for_each(|_| wait_for(|| rx.pop().is_ok())),
    ));
    Ok(())
}

fn frames(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    const FRAMES: usize = 16;
    /// Minimum overhead of a frame, in bytes.
    const HEADER: usize = 8;
    let n = harness.operations(1_000_000);
    // Its initial state is not all zeros, so it is boxed.
    let mut queue = Box::new(Frames::<65_536>::new());
    let (mut tx, mut rx) = queue.split();
    let frame = [7u8; 64];
    row(harness.pair(
        GROUP,
        "Frames, 64 bytes, batches of 16",
        n,
        || {
            let mut left = n;
            while left > 0 {
                let most = (FRAMES as u64).min(left);
                wait_for(|| {
                    let Ok(mut batch) = tx.batch(FRAMES * (frame.len() + HEADER)) else { return false };
                    left -= (0..most).map_while(|_| batch.push(&frame).ok()).count() as u64;
                    batch.commit();
                    true
                });
            }
        },
        || {
            let mut left = n;
            while left > 0 {
                wait_for(|| {
                    let Ok(frames) = rx.read_many() else { return false };
                    let mut got = 0;
                    for frame in frames.iter() {
                        black_box(frame);
                        got += 1;
                    }
                    frames.release();
                    left -= got;
                    true
                });
            }
        },
    ));
    Ok(())
}

fn latest(harness: &Harness, row: &mut dyn FnMut(Row)) -> Result<(), MapError> {
    let n = harness.operations(2_000_000);
    let mut cell = Zeroed::<Latest<Line>>::new(Pages::READY)?;
    let (mut writer, mut reader) = cell.split();
    row(harness.solo(GROUP, "Latest, 64 bytes, write and read, one thread", n, || {
        for i in 0..n {
            writer.write(black_box([i; 8]));
            let _ = black_box(reader.read());
        }
    }));
    Ok(())
}
