//! `Mpsc` and `FanIn` against `VecDeque`s: random scripts of all their operations, on one thread.
//! The values count themselves.

use crate::counted::{Alive, Counted};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use vvp_core::queue::{FanIn, Full, Mpsc, MpscProducer, PopError, Producer, TooFew};

/// One step of a script; `i` is the index of the producer.
#[derive(Clone, Debug)]
enum Op {
    Push { i: usize },
    Grant { i: usize, granted: usize, written: usize, commit: bool },
    Claim { i: usize },
    Leave { i: usize, close: bool },
    Pop,
    Peek,
    Drain(usize),
    RestartConsumer { close: bool },
}

const PRODUCERS: usize = 3;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (i, n) = (0..PRODUCERS, 0_usize..7);
    prop::collection::vec(
        prop_oneof![
            8 => i.clone().prop_map(|i| Op::Push { i }),
            3 => (i.clone(), n.clone(), n.clone(), any::<bool>())
                .prop_map(|(i, granted, written, commit)| Op::Grant { i, granted, written, commit }),
            2 => i.clone().prop_map(|i| Op::Claim { i }),
            1 => (i, any::<bool>()).prop_map(|(i, close)| Op::Leave { i, close }),
            7 => Just(Op::Pop),
            1 => Just(Op::Peek),
            1 => n.prop_map(Op::Drain),
            1 => any::<bool>().prop_map(|close| Op::RestartConsumer { close }),
        ],
        0..150,
    )
}

/// The model: values in order, `None` for slots that hold none.
#[derive(Default)]
struct Model {
    slots: VecDeque<Option<u64>>,
    next: u64,
    pushed: usize,
    popped: usize,
    refused: usize,
    producers: usize,
    closing: bool,
}

impl Model {
    fn value(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
    /// Returns the next value. Slots before it that hold none are released when the consumer reads.
    fn front(&mut self) -> Option<u64> {
        while self.slots.front() == Some(&None) {
            self.slots.pop_front();
        }
        self.slots.front().copied().flatten()
    }
    fn pop(&mut self) -> Option<u64> {
        let value = self.front()?;
        self.slots.pop_front();
        self.popped += 1;
        Some(value)
    }
    fn empty(&self) -> PopError {
        if self.closing && self.producers == 0 { PopError::Closed } else { PopError::Empty }
    }
}

fn run<const N: usize>(script: &[Op], alive: &Alive) {
    let queue = Mpsc::<Counted, N>::new();
    let mut model = Model::default();
    let mut producers: [Option<MpscProducer<'_, Counted, N>>; PRODUCERS] = [None, None, None];
    let mut rx = Some(queue.consumer().unwrap());
    for op in script {
        assert!(queue.consumer().is_none(), "two consumers");
        let consumer = rx.as_mut().unwrap();
        let free = N - model.slots.len();
        match *op {
            Op::Push { i } => {
                let Some(tx) = &mut producers[i] else { continue };
                let n = model.value();
                match tx.push(Counted::new(n, alive)) {
                    Ok(()) => {
                        assert!(free > 0);
                        model.slots.push_back(Some(n));
                        model.pushed += 1;
                    }
                    Err(Full(back)) => {
                        assert_eq!((free, back.n), (0, n));
                        model.refused += 1;
                    }
                }
                assert_eq!(tx.free_slots(), N - model.slots.len());
            }
            Op::Grant { i, granted, written, commit } => {
                let Some(tx) = &mut producers[i] else { continue };
                match tx.grant(granted) {
                    Err(TooFew { available, .. }) => {
                        assert!(granted > free && available == free);
                        model.refused += 1;
                    }
                    Ok(mut grant) => {
                        assert!(granted <= free && grant.len() == granted);
                        for i in 0..written {
                            let n = model.value();
                            match grant.push(Counted::new(n, alive)) {
                                Ok(()) if commit => model.slots.push_back(Some(n)),
                                Ok(()) => model.slots.push_back(None),
                                Err(Full(back)) => assert!(i >= granted && back.n == n),
                            }
                        }
                        let written = written.min(granted);
                        assert_eq!(grant.written(), written);
                        (written..granted).for_each(|_| model.slots.push_back(None));
                        if commit {
                            grant.commit();
                            model.pushed += written;
                        }
                    }
                }
            }
            Op::Claim { i } if producers[i].is_none() => {
                let other = producers.iter().flatten().next();
                producers[i] = Some(other.map_or_else(|| queue.producer(), Clone::clone));
                model.closing &= model.producers > 0;
                model.producers += 1;
            }
            Op::Claim { .. } => {}
            Op::Leave { i, close } => {
                let Some(tx) = producers[i].take() else { continue };
                model.producers -= 1;
                if close {
                    tx.close();
                    model.closing = true;
                }
            }
            Op::Pop => match consumer.pop() {
                Ok(value) => assert_eq!(Some(value.n), model.pop()),
                Err(e) => {
                    assert_eq!((model.pop(), e), (None, model.empty()));
                }
            },
            Op::Peek => assert_eq!(consumer.peek().map(|value| value.n), model.front()),
            Op::Drain(n) => {
                // A drain may pass any number of slots that hold no value; the values are in order.
                for value in consumer.drain().take(n) {
                    assert_eq!(Some(value.n), model.pop());
                }
                while model.slots.len() > queue.stats().depth && model.slots.front() == Some(&None) {
                    model.slots.pop_front();
                }
            }
            Op::RestartConsumer { close } => {
                let old = rx.take().unwrap();
                if close {
                    old.close();
                    assert!(queue.is_closed() && producers.iter().flatten().all(MpscProducer::is_closed));
                } else {
                    drop(old);
                }
                rx = queue.consumer();
            }
        }
        let consumer = rx.as_ref().unwrap();
        assert!(!consumer.is_stalled());
        assert_eq!(consumer.is_closed(), model.empty() == PopError::Closed);
        let stats = queue.stats();
        assert_eq!((stats.popped, stats.full_count), (model.popped, model.refused));
        // Slots that hold no value count as values until they are passed.
        let vacant = model.slots.iter().filter(|slot| slot.is_none()).count();
        assert_eq!((stats.pushed, stats.depth), (model.pushed + vacant, model.slots.len()));
        assert!(stats.high_water >= stats.depth && stats.high_water <= N);
    }
}

/// Runs a script on three lanes of four slots. A step is a lane and an operation: below 6 a push, 6
/// drops the lane's producer, 7 closes it, else a pop.
fn run_lanes(script: &[(usize, usize)], batch: usize, alive: &Alive) {
    let queue = FanIn::<Counted, 4, 3>::new();
    let mut models: [VecDeque<u64>; 3] = Default::default();
    let mut producers = [None, None, None];
    let mut rx = queue.consumer().unwrap();
    rx.set_batch(batch);
    assert!(queue.consumer().is_none());
    let (mut next, mut waited) = (0, [0; 3]);
    let (mut pushed, mut refused, mut deepest) = (0, 0, 0);
    for &(lane, op) in script {
        match op {
            0..6 => {
                next += 1;
                let tx = producers[lane].get_or_insert_with(|| queue.producer_of(lane).unwrap());
                assert!(queue.producer_of(lane).is_none());
                match tx.push(Counted::new(next, alive)) {
                    Ok(()) => {
                        models[lane].push_back(next);
                        pushed += 1;
                    }
                    Err(Full(back)) => {
                        assert!(models[lane].len() == 4 && back.n == next);
                        refused += 1;
                    }
                }
            }
            6 => producers[lane] = None,
            7 => {
                if let Some(tx) = producers[lane].take() {
                    tx.close();
                }
            }
            _ => match rx.pop_with_lane() {
                Ok((from, value)) => {
                    assert_eq!(Some(value.n), models[from].pop_front());
                    // Fair: a lane with values waits for a batch of each of the two others, and for
                    // the one that is under way.
                    for lane in 0..3 {
                        waited[lane] = if lane == from || models[lane].is_empty() { 0 } else { waited[lane] + 1 };
                        assert!(waited[lane] <= 3 * batch.min(4), "lane {lane} waits too long");
                    }
                }
                Err(_) => assert!(models.iter().all(VecDeque::is_empty)),
            },
        }
        let depth = models.iter().map(VecDeque::len).sum();
        deepest = deepest.max(models.iter().map(VecDeque::len).max().unwrap_or(0));
        let stats = queue.stats();
        assert_eq!((queue.len(), stats.depth, stats.pushed - stats.popped), (depth, depth, depth));
        assert_eq!((stats.pushed, stats.full_count), (pushed, refused));
        assert!(stats.high_water <= deepest && (refused == 0 || stats.high_water == 4));
    }
    drop(producers);
    let left = rx.drain().count();
    assert_eq!(left, models.iter().map(VecDeque::len).sum());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn behaves_like_a_deque(script in ops()) {
        let alive = Rc::new(Cell::new(0));
        run::<8>(&script, &alive);
        run::<2>(&script, &alive);
        prop_assert_eq!(alive.get(), 0);
    }

    #[test]
    fn lanes_behave_like_deques(
        script in prop::collection::vec((0_usize..3, 0_usize..12), 0..200),
        batch in 1_usize..6,
    ) {
        let alive = Rc::new(Cell::new(0));
        run_lanes(&script, batch, &alive);
        prop_assert_eq!(alive.get(), 0);
    }
}

#[test]
fn slices_are_copied_in_order() {
    let queue = Mpsc::<u64, 8>::new();
    let (mut a, mut rx) = (queue.producer(), queue.consumer().unwrap());
    let mut b = a.clone();
    let mut out = [0; 8];
    for start in (0..400).step_by(8) {
        assert_eq!(a.push_slice(&[start, start + 1, start + 2]), 3);
        assert_eq!(b.push_slice(&[start + 3]), 1);
        assert_eq!(b.push_slice(&[]), 0);
        assert_eq!(a.push_slice(&core::array::from_fn::<_, 9, _>(|i| start + 4 + i as u64)), 4);
        assert_eq!(a.push(9), Err(Full(9)));
        assert_eq!(a.grant(1).err().map(|few| few.available), Some(0));
        assert_eq!(rx.pop_slice(&mut out[..5]), 5);
        assert_eq!(rx.pop_slice(&mut out[5..]), 3);
        assert!(out.iter().copied().eq(start..start + 8));
    }
    assert_eq!(rx.pop_slice(&mut out), 0);
    assert_eq!((queue.stats().full_count, queue.stats().high_water), (150, 8));
}

/// A forgotten grant stalls the queue, which reports it, and leaks at worst.
#[test]
fn forgotten_grant_stalls_the_queue() {
    let alive = Rc::new(Cell::new(0));
    let queue = Mpsc::<Counted, 4>::new();
    let (mut tx, mut rx) = (queue.producer(), queue.consumer().unwrap());
    core::mem::forget(tx.grant(1).unwrap());
    assert!(tx.push(Counted::new(1, &alive)).is_ok());
    assert_eq!((rx.pop().err(), rx.is_stalled()), (Some(PopError::Empty), true));
    drop((tx, rx));
    drop(queue);
    assert_eq!(alive.get(), 0, "the value behind it is dropped with the queue");
}

#[test]
fn destructor_that_panics_in_an_aborted_grant_leaves_the_queue_sound() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "boom");
        }
    }
    let queue = Mpsc::<Bomb, 4>::new();
    let (mut tx, mut rx) = (queue.producer(), queue.consumer().unwrap());
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut grant = tx.grant(2).unwrap();
        assert!(grant.push(Bomb(true)).is_ok());
    }));
    assert!(result.is_err());
    assert!(tx.push(Bomb(false)).is_ok());
    assert!(rx.pop().is_ok() && rx.pop().is_err() && queue.is_empty());
}

#[test]
fn split_reopens_a_queue_whose_handles_were_forgotten() {
    let mut queue = Mpsc::<u64, 4>::new();
    {
        let (mut tx, rx) = queue.split();
        tx.push(1).unwrap();
        core::mem::forget((tx, rx));
    }
    let (tx, mut rx) = queue.split();
    tx.close();
    assert_eq!((rx.pop(), rx.pop()), (Ok(1), Err(PopError::Closed)));

    let mut lanes = FanIn::<u64, 4, 70>::new();
    {
        let (mut producers, rx) = lanes.split();
        producers[69].push(1).unwrap();
        core::mem::forget((producers, rx));
    }
    assert!(lanes.producer().is_none() && lanes.consumer().is_none());
    let (producers, mut rx) = lanes.split();
    producers.into_iter().for_each(Producer::close);
    assert_eq!((rx.pop_with_lane(), rx.pop()), (Ok((69, 1)), Err(PopError::Closed)));
}

#[test]
fn lanes_are_read_in_fair_order() {
    let lanes = FanIn::<u64, 64, 130>::new();
    let mut rx = lanes.consumer().unwrap();
    rx.set_batch(2);
    let mut producers = [3, 64, 129].map(|lane| lanes.producer_of(lane).unwrap());
    assert!(lanes.producer_of(130).is_none());
    assert_eq!(producers[0].push_slice(&[1, 2, 3, 4, 5]), 5);
    assert_eq!(producers[1].push_slice(&[11, 12, 13]), 3);
    assert_eq!(producers[2].push_slice(&[21, 22]), 2);
    let mut out = [0; 16];
    assert_eq!(rx.pop_slice(&mut out), 10);
    assert_eq!(out[..10], [1, 2, 11, 12, 21, 22, 3, 4, 13, 5]);
    let [a, b, c] = producers;
    assert!(!a.is_closed());
    rx.close();
    assert!(a.is_closed() && b.is_closed() && c.is_closed() && !lanes.is_closed());
    drop((a, b));
    c.close();
    assert!(lanes.is_closed());
    let again = lanes.producer();
    assert!(again.is_some() && !lanes.is_closed());
}

/// Large queues are made of zeroed memory.
#[test]
fn zero_bytes_are_empty_queues() {
    use zerocopy::FromZeros;
    let queue: Mpsc<u64, 64> = FromZeros::new_zeroed();
    assert_eq!(queue.stats(), Mpsc::<u64, 64>::new().stats());
    queue.producer().push(7).unwrap();
    assert_eq!(queue.consumer().unwrap().pop(), Ok(7));
    let lanes: FanIn<u64, 64, 3> = FromZeros::new_zeroed();
    lanes.producer().unwrap().push(7).unwrap();
    assert_eq!(lanes.consumer().unwrap().pop_with_lane(), Ok((0, 7)));
}
