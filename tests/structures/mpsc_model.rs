//! The queue of many producers, and the lanes, against `VecDeque`s: random scripts of everything that they can do, on one
//! thread. The values count themselves, so that one dropped twice, or never, is noticed.

use proptest::prelude::*;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use vvp_core::queue::{FanIn, Full, Mpsc, MpscProducer, PopError, Producer, TooFew};

/// Knows how many of its kind live.
struct Counted {
    n: u64,
    alive: Rc<Cell<i64>>,
}

impl Counted {
    fn new(n: u64, alive: &Rc<Cell<i64>>) -> Self {
        alive.set(alive.get() + 1);
        Self { n, alive: Rc::clone(alive) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

/// One thing to do, by producer `who` where one does it.
#[derive(Clone, Debug)]
enum Op {
    Push { who: usize },
    Grant { who: usize, granted: usize, written: usize, commit: bool },
    Come { who: usize },
    Go { who: usize, close: bool },
    Pop,
    Peek,
    Drain(usize),
    RestartConsumer { close: bool },
}

const PRODUCERS: usize = 3;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (who, n) = (0..PRODUCERS, 0_usize..7);
    prop::collection::vec(
        prop_oneof![
            8 => who.clone().prop_map(|who| Op::Push { who }),
            3 => (who.clone(), n.clone(), n.clone(), any::<bool>())
                .prop_map(|(who, granted, written, commit)| Op::Grant { who, granted, written, commit }),
            2 => who.clone().prop_map(|who| Op::Come { who }),
            1 => (who, any::<bool>()).prop_map(|(who, close)| Op::Go { who, close }),
            7 => Just(Op::Pop),
            1 => Just(Op::Peek),
            1 => n.prop_map(Op::Drain),
            1 => any::<bool>().prop_map(|close| Op::RestartConsumer { close }),
        ],
        0..150,
    )
}

/// What the queue should be: values in order, `None` for slots that hold none.
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
    /// The slots in front that hold nothing are given back when the consumer looks for a value.
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

fn run<const N: usize>(script: &[Op], alive: &Rc<Cell<i64>>) {
    let queue = Mpsc::<Counted, N>::new();
    let mut model = Model::default();
    let mut producers: [Option<MpscProducer<'_, Counted, N>>; PRODUCERS] = [None, None, None];
    let mut rx = Some(queue.consumer().unwrap());
    for op in script {
        assert!(queue.consumer().is_none(), "two consumers");
        let consumer = rx.as_mut().unwrap();
        let free = N - model.slots.len();
        match *op {
            Op::Push { who } => {
                let Some(tx) = &mut producers[who] else { continue };
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
            Op::Grant { who, granted, written, commit } => {
                let Some(tx) = &mut producers[who] else { continue };
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
            Op::Come { who } if producers[who].is_none() => {
                let other = producers.iter().flatten().next();
                producers[who] = Some(other.map_or_else(|| queue.producer(), Clone::clone));
                model.closing &= model.producers > 0;
                model.producers += 1;
            }
            Op::Come { .. } => {}
            Op::Go { who, close } => {
                let Some(tx) = producers[who].take() else { continue };
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
                // How far a drain goes over slots that hold nothing is its own affair; the values are in order.
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
        // Slots that hold nothing count as values until they are passed over.
        let nothing = model.slots.iter().filter(|slot| slot.is_none()).count();
        assert_eq!((stats.pushed, stats.depth), (model.pushed + nothing, model.slots.len()));
        assert!(stats.high_water >= stats.depth && stats.high_water <= N);
    }
}

/// A script for three lanes of four: (lane, what), what below 6 a push, else a pop in one of its forms.
fn run_lanes(script: &[(usize, usize)], batch: usize, alive: &Rc<Cell<i64>>) {
    let queue = FanIn::<Counted, 4, 3>::new();
    let mut models: [VecDeque<u64>; 3] = Default::default();
    let mut producers = [None, None, None];
    let mut rx = queue.consumer().unwrap();
    rx.set_batch(batch);
    assert!(queue.consumer().is_none());
    let (mut next, mut waited) = (0, [0; 3]);
    let (mut pushed, mut refused, mut deepest) = (0, 0, 0);
    for &(lane, what) in script {
        match what {
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
                    // Fair: a lane that has values waits for two others, each for a batch, and one that has begun.
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
fn runs_are_copied_in_order() {
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

/// A grant that is forgotten stops the queue, which says so, and leaks at worst.
#[test]
fn a_forgotten_grant_stalls() {
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

/// A destructor that panics while a grant is given up leaves the queue in order.
#[test]
fn a_panic_while_a_grant_is_given_up() {
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
fn split_forgets_what_forgotten_handles_left() {
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
fn lanes_in_fair_order() {
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

/// Zeroed memory is empty: this is how the big ones are made.
#[test]
fn zero_bytes_are_empty() {
    use zerocopy::FromZeros;
    let queue: Mpsc<u64, 64> = FromZeros::new_zeroed();
    assert_eq!(queue.stats(), Mpsc::<u64, 64>::new().stats());
    queue.producer().push(7).unwrap();
    assert_eq!(queue.consumer().unwrap().pop(), Ok(7));
    let lanes: FanIn<u64, 64, 3> = FromZeros::new_zeroed();
    lanes.producer().unwrap().push(7).unwrap();
    assert_eq!(lanes.consumer().unwrap().pop_with_lane(), Ok((0, 7)));
}
