//! Two threads and frames between them, at full speed, with checksums: for the sanitizers. loom
//! cannot check `bbqueue`; our own bookkeeping is checked alone in `tests/loom/frames.rs`.

use std::thread;
use vvp_core::queue::{FrameError, Frames, PopError};

const FRAMES: u32 = 50_000;

/// Returns the frame of a number, whose length varies.
fn frame(n: u32, out: &mut [u8; 60]) -> &[u8] {
    let len = 4 + (n.wrapping_mul(0x9E37_79B9) >> 27) as usize;
    for (i, byte) in out.iter_mut().enumerate().take(len) {
        *byte = n.wrapping_mul(31).wrapping_add(i as u32) as u8;
    }
    out[..4].copy_from_slice(&n.to_le_bytes());
    &out[..len]
}

#[test]
fn single_frames() {
    static RING: Frames<512> = Frames::new();
    let mut tx = RING.producer().unwrap();
    let producer = thread::spawn(move || {
        let mut bytes = [0; 60];
        for n in 0..FRAMES {
            let frame = frame(n, &mut bytes);
            while let Err(e) = tx.push(frame) {
                assert_eq!(e, FrameError::Full);
                thread::yield_now();
            }
        }
        tx.close();
    });
    let mut rx = RING.consumer().unwrap();
    let (mut n, mut bytes) = (0, [0; 60]);
    loop {
        match rx.read() {
            Ok(lent) => {
                assert_eq!(&*lent, frame(n, &mut bytes));
                lent.release();
                n += 1;
            }
            Err(PopError::Closed) => break,
            Err(_) => thread::yield_now(),
        }
    }
    producer.join().unwrap();
    assert_eq!(n, FRAMES);
    let stats = RING.stats();
    assert_eq!((stats.pushed, stats.popped, stats.depth), (FRAMES as usize, FRAMES as usize, 0));
}

#[test]
fn batches_are_read_many_at_once() {
    let mut ring = Frames::<1024>::new();
    let (mut tx, mut rx) = ring.split();
    thread::scope(|scope| {
        scope.spawn(move || {
            let (mut n, mut bytes) = (0, [0; 60]);
            while n < FRAMES {
                let Ok(mut batch) = tx.batch(200) else {
                    thread::yield_now();
                    continue;
                };
                while n < FRAMES && batch.push(frame(n, &mut bytes)).is_ok() {
                    n += 1;
                }
                batch.commit();
            }
        });
        let (mut n, mut bytes) = (0, [0; 60]);
        while n < FRAMES {
            let Ok(lent) = rx.read_many() else {
                thread::yield_now();
                continue;
            };
            let mut taken = 0;
            for lent in lent.iter().take(7) {
                assert_eq!(lent, frame(n, &mut bytes));
                n += 1;
                taken += 1;
            }
            lent.release_first(taken);
        }
    });
}
