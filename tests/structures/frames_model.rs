//! `Frames` against a `VecDeque` of byte strings: random scripts of all its operations, on one
//! thread.

use proptest::prelude::*;
use std::collections::VecDeque;
use vvp_core::queue::{FrameError, Frames, PopError};

/// One step of a script. Numbers are lengths in bytes, or counts.
#[derive(Clone, Debug)]
enum Op {
    Push(usize),
    Commit { granted: usize, used: usize },
    Abort(usize),
    Batch { bytes: usize, frames: Vec<usize>, commit: bool },
    Read { release: bool },
    ReadMany { release: usize },
    RestartProducer,
    RestartConsumer,
    CloseProducer,
    CloseConsumer,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let len = 0_usize..40;
    prop::collection::vec(
        prop_oneof![
            6 => len.clone().prop_map(Op::Push),
            2 => (len.clone(), len.clone()).prop_map(|(granted, used)| Op::Commit { granted, used }),
            1 => len.clone().prop_map(Op::Abort),
            2 => (len.clone(), prop::collection::vec(0_usize..12, 0..5), any::<bool>())
                .prop_map(|(bytes, frames, commit)| Op::Batch { bytes, frames, commit }),
            5 => any::<bool>().prop_map(|release| Op::Read { release }),
            2 => (0_usize..6).prop_map(|release| Op::ReadMany { release }),
            1 => Just(Op::RestartProducer),
            1 => Just(Op::RestartConsumer),
            1 => Just(Op::CloseProducer),
            1 => Just(Op::CloseConsumer),
        ],
        0..150,
    )
}

/// Returns a pattern of bytes that is unlikely to occur by chance.
fn content(n: u64, len: usize) -> Vec<u8> {
    (0..len as u64).map(|i| (n.wrapping_mul(167) ^ i.wrapping_mul(59)) as u8).collect()
}

/// Returns the bytes that a frame takes in the ring, with its length and rounded up.
fn room(len: usize) -> usize {
    4 + len.next_multiple_of(4)
}

fn run<const N: usize>(script: &[Op]) {
    let frames = Frames::<N>::new();
    let max = Frames::<N>::MAX_FRAME;
    let mut model: VecDeque<Vec<u8>> = VecDeque::new();
    let (mut tx, mut rx) = (frames.producer(), frames.consumer());
    let (mut n, mut pushed, mut popped, mut refused) = (0_u64, 0, 0, 0);
    let (mut closed, mut consumer_closed) = (false, false);
    for op in script {
        assert!(tx.is_none() || frames.producer().is_none(), "two producers");
        assert!(rx.is_none() || frames.consumer().is_none(), "two consumers");
        n += 1;
        let in_use: usize = model.iter().map(|frame| room(frame.len())).sum();
        match op {
            Op::Push(_) | Op::Commit { .. } | Op::Abort(_) | Op::Batch { .. } => closed = false,
            Op::Read { .. } | Op::ReadMany { .. } => consumer_closed = false,
            _ => {}
        }
        match op {
            Op::Push(len) => {
                let frame = content(n, *len);
                match tx.get_or_insert_with(|| frames.producer().unwrap()).push(&frame) {
                    Ok(()) => {
                        assert!(*len <= max && in_use + room(*len) <= N);
                        model.push_back(frame);
                        pushed += 1;
                    }
                    Err(FrameError::Full) => {
                        assert!(!model.is_empty(), "a frame of {len} always fits an empty ring of {N}");
                        refused += 1;
                    }
                    Err(e) => assert_eq!((e, *len > max), (FrameError::TooLong { max }, true)),
                }
            }
            Op::Commit { granted, used } => {
                match tx.get_or_insert_with(|| frames.producer().unwrap()).grant(*granted) {
                    Ok(mut grant) => {
                        assert_eq!(grant.len(), *granted);
                        let frame = content(n, *granted);
                        grant.copy_from_slice(&frame);
                        grant.commit(*used);
                        model.push_back(frame[..*used.min(granted)].to_vec());
                        pushed += 1;
                    }
                    Err(FrameError::Full) => refused += 1,
                    Err(_) => assert!(*granted > max),
                }
            }
            Op::Abort(len) => match tx.get_or_insert_with(|| frames.producer().unwrap()).grant(*len) {
                Ok(mut grant) => grant.fill(0xEE),
                Err(FrameError::Full) => refused += 1,
                Err(_) => assert!(*len > max),
            },
            Op::Batch { bytes, frames: lengths, commit } => {
                match tx.get_or_insert_with(|| frames.producer().unwrap()).batch(*bytes) {
                    Ok(mut batch) => {
                        let (mut left, mut written) = (*bytes, vec![]);
                        for len in lengths {
                            let frame = content(n, *len);
                            let fits = *len <= max && room(*len) <= left;
                            assert_eq!(batch.push(&frame).is_ok(), fits);
                            if fits {
                                left -= room(*len);
                                written.push(frame);
                            }
                        }
                        assert_eq!(batch.len(), written.len());
                        if *commit {
                            batch.commit();
                            pushed += written.len();
                            model.extend(written);
                        }
                    }
                    Err(FrameError::Full) => refused += 1,
                    Err(_) => assert!(*bytes > max),
                }
            }
            Op::Read { release } => match rx.get_or_insert_with(|| frames.consumer().unwrap()).read() {
                Ok(frame) => {
                    assert_eq!(Some(&*frame), model.front().map(Vec::as_slice));
                    if *release {
                        frame.release();
                        model.pop_front();
                        popped += 1;
                    }
                }
                Err(e) => assert_eq!((e, model.len()), (if closed { PopError::Closed } else { PopError::Empty }, 0)),
            },
            Op::ReadMany { release } => match rx.get_or_insert_with(|| frames.consumer().unwrap()).read_many() {
                Ok(lent) => {
                    let count = lent.iter().count();
                    assert!(count >= 1 && lent.iter().eq(model.iter().take(count)));
                    lent.release_first(*release);
                    model.drain(..count.min(*release));
                    popped += count.min(*release);
                }
                Err(e) => assert_eq!((e, model.len()), (if closed { PopError::Closed } else { PopError::Empty }, 0)),
            },
            Op::RestartProducer => {
                drop(tx.take());
                (tx, closed) = (frames.producer(), false);
            }
            Op::RestartConsumer => {
                drop(rx.take());
                (rx, consumer_closed) = (frames.consumer(), false);
            }
            Op::CloseProducer => {
                tx.take().or_else(|| frames.producer()).unwrap().close();
                closed = true;
            }
            Op::CloseConsumer => {
                rx.take().or_else(|| frames.consumer()).unwrap().close();
                consumer_closed = true;
            }
        }
        if let Some(tx) = &tx {
            assert_eq!(tx.is_closed(), consumer_closed);
        }
        assert_eq!(frames.is_closed(), closed || consumer_closed);
        let stats = frames.stats();
        assert_eq!((stats.pushed, stats.popped, stats.full_count, stats.depth), (pushed, popped, refused, model.len()));
        assert!(stats.high_water <= N / 4);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn behaves_like_a_deque_of_strings(script in ops()) {
        run::<64>(&script);
        run::<92>(&script); // half of it is not a multiple of four
        run::<16>(&script);
    }
}
