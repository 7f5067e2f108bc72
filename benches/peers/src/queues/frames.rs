//! Frames of 64 bytes: ours, and bbqueue's two modes.

use super::harness::{Runner, batches, same_thread};
use bbqueue::BBQueue;
use bbqueue::traits::coordination::cas::AtomicCoord;
use bbqueue::traits::notifier::polling::Polling;
use bbqueue::traits::storage::Inline;
use vvp_core::queue::Frames;

const FRAMES: u64 = 200_000;
const LEN: usize = 64;
/// Bytes of a ring of about a thousand frames.
const RING: usize = 72 * 1024;
/// Bytes of a batch.
const BATCH: usize = 16 * 68;

type Bbq = BBQueue<Inline<RING>, AtomicCoord, Polling>;

fn bytes(n: u64) -> [u8; LEN] {
    let mut frame = [0x5A; LEN];
    frame[..8].copy_from_slice(&n.to_le_bytes());
    frame
}

fn number(frame: &[u8]) -> u64 {
    frame.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first))
}

/// One by one, from core to core.
pub fn across() -> Vec<Runner> {
    let (mut tx, mut rx) = Box::leak(Box::new(Frames::<RING>::new())).split();
    let single = batches(
        "vvp Frames",
        FRAMES,
        1,
        move |n, _| u64::from(tx.push(&bytes(n)).is_ok()),
        move |sum| {
            let Ok(frame) = rx.read() else { return 0 };
            *sum += number(&frame);
            frame.release();
            1
        },
    );
    let (mut tx, mut rx) = Box::leak(Box::new(Frames::<RING>::new())).split();
    let many = batches(
        "vvp Frames, in batches",
        FRAMES,
        16,
        move |from, to| {
            let Ok(mut batch) = tx.batch(BATCH) else { return 0 };
            for n in from..to {
                if batch.push(&bytes(n)).is_err() {
                    break;
                }
            }
            let count = batch.len() as u64;
            batch.commit();
            count
        },
        move |sum| {
            let Ok(frames) = rx.read_many() else { return 0 };
            let mut count = 0;
            for frame in &frames {
                *sum += number(frame);
                count += 1;
            }
            frames.release();
            count
        },
    );
    vec![single, many, bbqueue_framed()]
}

fn bbqueue_framed() -> Runner {
    let ring: &'static Bbq = Box::leak(Box::new(Bbq::new()));
    let (tx, rx) = (ring.framed_producer(), ring.framed_consumer());
    batches(
        "bbqueue framed",
        FRAMES,
        1,
        move |n, _| {
            let Ok(mut grant) = tx.grant(LEN as u16) else { return 0 };
            grant.copy_from_slice(&bytes(n));
            grant.commit(LEN as u16);
            1
        },
        move |sum| {
            let Ok(frame) = rx.read() else { return 0 };
            *sum += number(&frame);
            frame.release();
            1
        },
    )
}

/// Push, then read, on one thread.
pub fn same() -> Vec<Runner> {
    let (mut tx, mut rx) = Box::leak(Box::new(Frames::<RING>::new())).split();
    let ours = same_thread::<u64>(
        "vvp Frames",
        FRAMES,
        move |n| tx.push(&bytes(n)).is_ok(),
        move || {
            let frame = rx.read().ok()?;
            let n = number(&frame);
            frame.release();
            Some(n)
        },
    );
    let ring: &'static Bbq = Box::leak(Box::new(Bbq::new()));
    let (tx, rx) = (ring.framed_producer(), ring.framed_consumer());
    let framed = same_thread::<u64>(
        "bbqueue framed",
        FRAMES,
        move |n| {
            tx.grant(LEN as u16).is_ok_and(|mut grant| {
                grant.copy_from_slice(&bytes(n));
                grant.commit(LEN as u16);
                true
            })
        },
        move || {
            let frame = rx.read().ok()?;
            let n = number(&frame);
            frame.release();
            Some(n)
        },
    );
    vec![ours, framed]
}
