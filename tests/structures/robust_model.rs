//! `RobustMpsc` against a `VecDeque`: random scripts of all operations of its endpoints, with
//! deaths in the middle of pushes, on one thread; also where the counts wrap.

use proptest::prelude::*;
use std::collections::VecDeque;
use vvp_core::queue::robust_mpsc::{RobustMpsc, RobustProducer, Stage};
use vvp_core::queue::{Full, PopError};

const LANES: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    Push {
        lane: usize,
    },
    PushSlice {
        lane: usize,
        len: usize,
    },
    Die {
        lane: usize,
        at: Stage,
    },
    Claim {
        lane: usize,
    },
    Leave {
        lane: usize,
        close: bool,
    },
    Pop,
    PopSlice(usize),
    PassOver,
    /// The consumer dies while it handles a value, or between two.
    RestartConsumer {
        in_hand: bool,
    },
    CloseConsumer,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (lane, n) = (0..LANES, 0_usize..7);
    let stage = prop::sample::select(vec![Stage::Begun, Stage::Reserved, Stage::Written, Stage::Published]);
    prop::collection::vec(
        prop_oneof![
            8 => lane.clone().prop_map(|lane| Op::Push { lane }),
            2 => (lane.clone(), n.clone()).prop_map(|(lane, len)| Op::PushSlice { lane, len }),
            2 => (lane.clone(), stage).prop_map(|(lane, at)| Op::Die { lane, at }),
            4 => lane.clone().prop_map(|lane| Op::Claim { lane }),
            1 => (lane, any::<bool>()).prop_map(|(lane, close)| Op::Leave { lane, close }),
            8 => Just(Op::Pop),
            1 => n.prop_map(Op::PopSlice),
            3 => Just(Op::PassOver),
            1 => any::<bool>().prop_map(|in_hand| Op::RestartConsumer { in_hand }),
            1 => Just(Op::CloseConsumer),
        ],
        0..150,
    )
}

/// Returns the value with this number of a lane; its third word is a checksum.
fn value(lane: usize, number: usize) -> [u64; 3] {
    let (lane, number) = (lane as u64, number as u64);
    [lane, number, (lane << 40 | number).wrapping_mul(0x9E37_79B9_7F4A_7C15)]
}

/// The model: each slot's lane and number, `None` for one whose producer died before it published.
#[derive(Default)]
struct Model {
    slots: VecDeque<Option<(usize, usize)>>,
    next: [usize; LANES],
    dead: [bool; LANES],
    closed: [bool; LANES],
    pushed: usize,
    popped: usize,
    passed: usize,
    refused: usize,
}

impl Model {
    /// Pushes, or counts a refusal.
    fn push(&mut self, lane: usize, capacity: usize) -> bool {
        if self.slots.len() == capacity {
            self.refused += 1;
            return false;
        }
        self.slots.push_back(Some((lane, self.next[lane])));
        self.next[lane] += 1;
        self.pushed += 1;
        true
    }

    fn pass_over(&mut self) {
        assert_eq!(self.slots.pop_front(), Some(None));
        (self.passed, self.pushed) = (self.passed + 1, self.pushed - 1);
    }

    /// Pops. If all producers are gone, unpublished slots are passed over: no producer can publish
    /// them any more.
    fn pop(&mut self, closed: bool) -> Option<(usize, usize)> {
        while closed && self.slots.front() == Some(&None) {
            self.pass_over();
        }
        let first = (*self.slots.front()?)?;
        self.slots.pop_front();
        self.popped += 1;
        Some(first)
    }
}

type Producers<'q, const N: usize> = [Option<RobustProducer<'q, [u64; 3], N, LANES>>; LANES];

fn run<const N: usize>(script: &[Op]) {
    let queue = RobustMpsc::<[u64; 3], N, LANES>::new();
    let mut model = Model::default();
    let mut producers: Producers<'_, N> = [None, None, None];
    let mut rx = queue.consumer().unwrap();
    for op in script {
        assert!(queue.consumer().is_none(), "two consumers");
        let full = model.slots.len() == N;
        match *op {
            Op::Push { lane } => {
                let Some(tx) = &mut producers[lane] else { continue };
                assert_eq!((tx.lane(), tx.position()), (lane, model.next[lane]));
                let value = value(lane, tx.position());
                let expected = if model.push(lane, N) { Ok(()) } else { Err(Full(value)) };
                assert_eq!(tx.push(value), expected);
            }
            Op::PushSlice { lane, len } => {
                let Some(tx) = &mut producers[lane] else { continue };
                let values: Vec<_> = (0..len).map(|i| value(lane, tx.position() + i)).collect();
                let pushed = (0..len).take_while(|_| model.push(lane, N)).count();
                assert_eq!(tx.push_slice(&values), pushed);
            }
            Op::Die { lane, at } => {
                let Some(tx) = producers[lane].take() else { continue };
                let last = value(lane, tx.position());
                tx.die(last, at);
                model.dead[lane] = true;
                match at {
                    Stage::Begun => {}
                    _ if full => model.refused += 1,
                    Stage::Published => _ = model.push(lane, N),
                    Stage::Reserved | Stage::Written => {
                        model.slots.push_back(None);
                        model.pushed += 1;
                    }
                }
            }
            Op::Claim { lane } => {
                let claimed = queue.producer_of(lane);
                if producers[lane].is_some() || model.dead[lane] {
                    assert!(claimed.is_none(), "two producers in a lane");
                }
                if model.dead[lane] {
                    producers[lane] = queue.take_over_producer_of(lane);
                } else if producers[lane].is_none() {
                    producers[lane] = claimed;
                }
                (model.dead[lane], model.closed[lane]) = (false, false);
                assert_eq!(producers[lane].as_ref().map(RobustProducer::position), Some(model.next[lane]));
            }
            Op::Leave { lane, close } => {
                let Some(tx) = producers[lane].take() else { continue };
                if close {
                    tx.close();
                    model.closed[lane] = true;
                }
            }
            Op::Pop => {
                let gone = producers.iter().all(Option::is_none) && model.dead == [false; LANES];
                let closed = gone && model.closed.contains(&true);
                assert_eq!(rx.is_closed(), closed);
                let none = if closed { PopError::Closed } else { PopError::Empty };
                let expected = model.pop(closed).map(|(lane, n)| (value(lane, n), lane, n)).ok_or(none);
                assert_eq!(rx.handle(|value, lane, number| (value, lane, number)), expected);
            }
            Op::PopSlice(len) => {
                let mut out = vec![[0; 3]; len];
                let closed = rx.is_closed();
                let taken = rx.pop_slice(&mut out);
                let expected = (0..len).map_while(|_| model.pop(closed)).map(|(lane, n)| value(lane, n));
                assert!(expected.eq(out[..taken].iter().copied()));
            }
            Op::PassOver => {
                assert_eq!(rx.is_stalled(), model.slots.front() == Some(&None));
                let passed = rx.pass_over(|lane| !model.dead[lane]);
                assert_eq!(passed, model.slots.front() == Some(&None));
                if passed {
                    model.pass_over();
                }
            }
            Op::RestartConsumer { in_hand } => {
                if in_hand {
                    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        // Like a death: the value was seen, and its slot not released.
                        let seen = rx.handle(|_, lane, number| std::panic::panic_any((lane, number)));
                        assert!(matches!(seen, Err(PopError::Empty | PopError::Closed)));
                    }));
                    if let Err(seen) = panicked {
                        assert_eq!(seen.downcast_ref(), Some(&model.slots[0].unwrap()));
                    }
                }
                std::mem::forget(rx);
                rx = queue.take_over_consumer();
            }
            Op::CloseConsumer => {
                rx.close();
                assert!(queue.is_closed() && producers.iter().flatten().all(RobustProducer::is_closed));
                rx = queue.consumer().unwrap();
                assert!(!producers.iter().flatten().any(RobustProducer::is_closed));
            }
        }
        let stats = queue.stats();
        assert_eq!((stats.pushed, stats.popped, stats.full_count), (model.pushed, model.popped, model.refused));
        assert_eq!((stats.depth, queue.passed_over()), (model.slots.len(), model.passed));
        assert!(stats.high_water <= N && stats.high_water >= stats.depth);
        assert!(model.refused == 0 || stats.high_water == N);
    }
}

proptest! {
    #[test]
    fn behaves_like_a_deque(script in ops()) {
        std::panic::set_hook(Box::new(|panic| {
            if panic.payload().downcast_ref::<(usize, usize)>().is_none() {
                eprintln!("{panic}");
            }
        }));
        run::<1>(&script);
        run::<2>(&script);
        run::<8>(&script);
    }
}

#[test]
fn producers_get_one_lane_each_until_all_are_taken() {
    let queue = RobustMpsc::<u8, 4, 2>::new();
    let (a, b) = (queue.producer().unwrap(), queue.producer().unwrap());
    assert_eq!((a.lane(), b.lane()), (0, 1));
    assert!(queue.producer().is_none() && queue.producer_of(2).is_none() && queue.take_over_producer_of(2).is_none());
    drop(a);
    assert_eq!(queue.producer().map(|tx| tx.lane()), Some(0));
}
