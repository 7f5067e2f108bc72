//! `Spsc` against a `VecDeque`: random scripts of all its operations, on one thread. The values
//! count themselves.

use crate::counted::{Alive, Counted};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use vvp_core::queue::{Full, PopError, Spsc, TooFew};

/// One step of a script.
#[derive(Clone, Debug)]
enum Op {
    Push,
    Stage,
    Publish,
    Pop,
    Peek,
    PushSlice(usize),
    PopSlice(usize),
    Commit { granted: usize, written: usize },
    Abort { granted: usize, written: usize },
    GrantUpTo(usize),
    Release { lent: usize, released: usize },
    ReadUpTo(usize),
    Drain(usize),
    RestartProducer,
    RestartConsumer,
    CloseProducer,
    CloseConsumer,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let n = 0_usize..12;
    prop::collection::vec(
        prop_oneof![
            6 => Just(Op::Push),
            2 => Just(Op::Stage),
            1 => Just(Op::Publish),
            6 => Just(Op::Pop),
            1 => Just(Op::Peek),
            2 => n.clone().prop_map(Op::PushSlice),
            2 => n.clone().prop_map(Op::PopSlice),
            2 => (n.clone(), n.clone()).prop_map(|(granted, written)| Op::Commit { granted, written }),
            1 => (n.clone(), n.clone()).prop_map(|(granted, written)| Op::Abort { granted, written }),
            1 => n.clone().prop_map(Op::GrantUpTo),
            2 => (n.clone(), n.clone()).prop_map(|(lent, released)| Op::Release { lent, released }),
            1 => n.clone().prop_map(Op::ReadUpTo),
            1 => n.prop_map(Op::Drain),
            1 => Just(Op::RestartProducer),
            1 => Just(Op::RestartConsumer),
            1 => Just(Op::CloseProducer),
            1 => Just(Op::CloseConsumer),
        ],
        0..120,
    )
}

/// The model: a deque, and what is staged but not published.
#[derive(Default)]
struct Model {
    queue: VecDeque<u64>,
    staged: Vec<u64>,
    next: u64,
    pushed: usize,
    popped: usize,
    refused: usize,
    deepest: usize,
    closed: bool,
    consumer_closed: bool,
}

impl Model {
    fn value(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
    fn free(&self, capacity: usize) -> usize {
        capacity - self.queue.len() - self.staged.len()
    }
    fn publish(&mut self) {
        self.pushed += self.staged.len();
        self.queue.extend(self.staged.drain(..));
        self.deepest = self.deepest.max(self.queue.len());
    }
    fn pop(&mut self) -> Option<u64> {
        let value = self.queue.pop_front();
        self.popped += usize::from(value.is_some());
        value
    }
}

/// A value of the queue, which carries a number.
trait Item: Sized {
    type Maker;
    fn make(maker: &Self::Maker, n: u64) -> Self;
    fn number(&self) -> u64;
}

impl Item for u64 {
    type Maker = ();
    fn make((): &(), n: u64) -> Self {
        n
    }
    fn number(&self) -> u64 {
        *self
    }
}

impl Item for Counted {
    type Maker = Alive;
    fn make(alive: &Alive, n: u64) -> Self {
        Self::new(n, alive)
    }
    fn number(&self) -> u64 {
        self.n
    }
}

/// The two operations that need `Copy`.
type SliceOps<T, const N: usize> = (
    fn(&mut vvp_core::queue::Producer<'_, T, N>, &[u64]) -> usize,
    fn(&mut vvp_core::queue::Consumer<'_, T, N>, usize) -> Vec<u64>,
);

fn copying<const N: usize>() -> SliceOps<u64, N> {
    (
        |tx, values| tx.push_slice(values),
        |rx, n| {
            let mut out = vec![0; n];
            let n = rx.pop_slice(&mut out);
            out.truncate(n);
            out
        },
    )
}

fn run<T: Item, const N: usize>(script: &[Op], maker: &T::Maker, slices: Option<SliceOps<T, N>>) {
    let queue = Spsc::<T, N>::new();
    let mut model = Model::default();
    let mut tx = Some(queue.producer().unwrap());
    let mut rx = Some(queue.consumer().unwrap());
    for op in script {
        assert!(tx.is_none() || queue.producer().is_none(), "two producers");
        assert!(rx.is_none() || queue.consumer().is_none(), "two consumers");
        // The next operation that needs a closed endpoint claims it again, which opens it.
        if matches!(
            op,
            Op::Push
                | Op::Stage
                | Op::PushSlice(_)
                | Op::Commit { .. }
                | Op::Abort { .. }
                | Op::GrantUpTo(_)
                | Op::CloseProducer
        ) {
            tx.get_or_insert_with(|| queue.producer().unwrap());
            model.closed = false;
        }
        if !matches!(op, Op::Push | Op::RestartProducer | Op::CloseProducer | Op::Publish) {
            rx.get_or_insert_with(|| queue.consumer().unwrap());
            model.consumer_closed = false;
        }
        step(op, &mut model, &mut tx, &mut rx, &queue, maker, slices);
        if let Some(tx) = &mut tx {
            assert_eq!(tx.free_slots(), model.free(N));
            assert_eq!(tx.is_closed(), model.consumer_closed);
        }
        assert_eq!(queue.is_closed(), model.closed || model.consumer_closed);
        let stats = queue.stats();
        assert_eq!((stats.pushed, stats.popped, stats.full_count), (model.pushed, model.popped, model.refused));
        assert_eq!((stats.depth, queue.len()), (model.queue.len(), model.queue.len()));
        let high = stats.high_water;
        assert!(high <= N && 2 * high >= model.deepest, "high water {high}, but it was {} deep", model.deepest);
    }
}

#[allow(clippy::too_many_lines)]
fn step<'q, T: Item, const N: usize>(
    op: &Op,
    model: &mut Model,
    tx: &mut Option<vvp_core::queue::Producer<'q, T, N>>,
    rx: &mut Option<vvp_core::queue::Consumer<'q, T, N>>,
    queue: &'q Spsc<T, N>,
    maker: &T::Maker,
    slices: Option<SliceOps<T, N>>,
) {
    let free = model.free(N);
    let depth = model.queue.len();
    match *op {
        Op::Push | Op::Stage => {
            let (tx, n) = (tx.as_mut().unwrap(), model.value());
            let stage = matches!(op, Op::Stage);
            let done = if stage { tx.stage(T::make(maker, n)) } else { tx.push(T::make(maker, n)) };
            match done {
                Ok(()) => {
                    assert!(free > 0);
                    model.staged.push(n);
                }
                Err(Full(back)) => {
                    assert_eq!((free, back.number()), (0, n));
                    model.refused += 1;
                }
            }
            if !stage || free == 0 {
                model.publish();
            }
        }
        Op::Publish => {
            if let Some(tx) = tx {
                tx.publish();
                model.publish();
            }
        }
        Op::Pop => match rx.as_mut().unwrap().pop() {
            Ok(value) => assert_eq!(Some(value.number()), model.pop()),
            Err(e) => {
                assert!(model.queue.is_empty());
                assert_eq!(e, if model.closed { PopError::Closed } else { PopError::Empty });
            }
        },
        Op::Peek => {
            let rx = rx.as_mut().unwrap();
            assert_eq!(rx.peek().map(T::number), model.queue.front().copied());
            assert_eq!(rx.available(), depth);
            assert_eq!(rx.is_closed(), model.closed);
        }
        Op::PushSlice(n) => {
            let Some((push_slice, _)) = slices else { return };
            let values: Vec<u64> = (0..n).map(|_| model.value()).collect();
            let done = push_slice(tx.as_mut().unwrap(), &values);
            assert_eq!(done, n.min(free));
            model.refused += usize::from(done < n);
            model.staged.extend(&values[..done]);
            model.publish();
        }
        Op::PopSlice(n) => {
            let Some((_, pop_slice)) = slices else { return };
            let taken = pop_slice(rx.as_mut().unwrap(), n);
            assert_eq!(taken, model.queue.drain(..n.min(depth)).collect::<Vec<_>>());
            model.popped += taken.len();
        }
        Op::Commit { granted, written } | Op::Abort { granted, written } => match tx.as_mut().unwrap().grant(granted) {
            Err(TooFew { available, .. }) => {
                assert!(granted > free && available == free);
                model.refused += 1;
                model.publish();
            }
            Ok(mut grant) => {
                assert!(granted <= free && grant.len() == granted);
                let mut values = Vec::new();
                for _ in 0..written {
                    let n = model.value();
                    match grant.push(T::make(maker, n)) {
                        Ok(()) => values.push(n),
                        Err(Full(back)) => assert!(values.len() == granted && back.number() == n),
                    }
                }
                assert_eq!(grant.written(), written.min(granted));
                if matches!(op, Op::Commit { .. }) {
                    grant.commit();
                    model.staged.extend(values);
                    model.publish();
                }
            }
        },
        Op::GrantUpTo(n) => {
            let mut grant = tx.as_mut().unwrap().grant_up_to(n);
            assert_eq!(grant.len(), n.min(free));
            // Written in place, across the wrap.
            let (first, second) = grant.slots();
            assert_eq!(first.len() + second.len(), n.min(free));
            let len = first.len() + second.len();
            for slot in first.iter_mut().chain(second) {
                let n = model.value();
                slot.write(T::make(maker, n));
                model.staged.push(n);
            }
            // SAFETY: all the slots have just been written.
            unsafe { grant.assume_written(len) };
            grant.commit();
            model.publish();
        }
        Op::Release { lent, released } => match rx.as_mut().unwrap().read(lent) {
            Err(TooFew { available, .. }) => assert!(lent > depth && available == depth),
            Ok(mut lent_values) => {
                assert!(lent <= depth && lent_values.len() == lent);
                assert!(lent_values.iter().map(T::number).eq(model.queue.iter().copied().take(lent)));
                let (first, second) = lent_values.as_mut_slices();
                assert_eq!(first.len() + second.len(), lent);
                lent_values.release_first(released);
                (0..released.min(lent)).for_each(|_| assert!(model.pop().is_some()));
            }
        },
        Op::ReadUpTo(n) => {
            let lent = rx.as_mut().unwrap().read_up_to(n);
            assert!(lent.iter().map(T::number).eq(model.queue.iter().copied().take(n)));
        }
        Op::Drain(n) => {
            let drain = rx.as_mut().unwrap().drain();
            assert_eq!(drain.len(), depth);
            let taken: Vec<u64> = drain.take(n).map(|v| v.number()).collect();
            assert_eq!(taken, model.queue.drain(..n.min(depth)).collect::<Vec<_>>());
            model.popped += taken.len();
        }
        Op::RestartProducer => {
            *tx = None;
            *tx = queue.producer();
            model.publish();
            model.closed = false;
        }
        Op::RestartConsumer => {
            *rx = None;
            *rx = queue.consumer();
            model.consumer_closed = false;
        }
        Op::CloseProducer => {
            tx.take().unwrap().close();
            model.publish();
            model.closed = true;
        }
        Op::CloseConsumer => {
            rx.take().unwrap().close();
            model.consumer_closed = true;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn behaves_like_a_deque(script in ops()) {
        run::<u64, 8>(&script, &(), Some(copying()));
        run::<u64, 1>(&script, &(), Some(copying()));
    }

    #[test]
    fn drops_each_value_once(script in ops()) {
        let alive = Rc::new(Cell::new(0));
        run::<Counted, 4>(&script, &alive, None);
        run::<Counted, 1>(&script, &alive, None);
        prop_assert_eq!(alive.get(), 0);
    }
}

#[test]
fn remaining_values_are_dropped_with_the_queue() {
    let alive = Rc::new(Cell::new(0));
    let mut queue = Spsc::<Counted, 4>::new();
    {
        let (mut tx, mut rx) = queue.split();
        (0..6).for_each(|n| drop(tx.push(Counted::make(&alive, n))));
        assert!(rx.pop().is_ok());
        assert!(tx.push(Counted::make(&alive, 9)).is_ok()); // beyond the wrap
    }
    assert_eq!(alive.get(), 4);
    drop(queue);
    assert_eq!(alive.get(), 0);
}

/// A forgotten drain may leak values, but hands none out twice.
#[test]
fn forgotten_drain_leaks_at_worst() {
    /// Counts its drops; owns no memory, so that AddressSanitizer does not report its leak.
    struct Tally<'a>(u64, &'a Cell<u32>);
    impl Drop for Tally<'_> {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
        }
    }
    let drops = Cell::new(0);
    let mut queue = Spsc::<Tally<'_>, 4>::new();
    {
        let (mut tx, mut rx) = queue.split();
        (0..4).for_each(|n| drop(tx.push(Tally(n, &drops))));
        let mut drain = rx.drain();
        assert_eq!(drain.next().map(|v| v.0), Some(0));
        core::mem::forget(drain);
        core::mem::forget(rx);
    }
    {
        let (mut tx, mut rx) = queue.split();
        assert_eq!(rx.pop().map(|v| v.0), Err(PopError::Empty));
        assert!(tx.push(Tally(7, &drops)).is_ok());
        assert_eq!(rx.pop().map(|v| v.0), Ok(7));
    }
    drop(queue);
    assert_eq!(drops.get(), 2); // what the drain had not yet yielded is leaked
}

#[test]
fn consumer_that_forgot_a_drain_loses_no_value() {
    let queue = Spsc::<u64, 4>::new();
    let (mut tx, mut rx) = (queue.producer().unwrap(), queue.consumer().unwrap());
    assert_eq!(tx.push_slice(&[1, 2, 3]), 3);
    let mut drain = rx.drain();
    assert_eq!(drain.next(), Some(1));
    core::mem::forget(drain);
    drop(rx);
    let mut rx = queue.consumer().unwrap();
    assert!(rx.drain().eq([2, 3]));
}

/// Zeroed memory is an empty queue: this is how the big ones are made.
#[test]
fn zero_bytes_are_an_empty_queue() {
    use zerocopy::FromZeros;
    // SAFETY: `FromZeros` is the promise that zero bytes are a valid value.
    let zeroed: Spsc<[u64; 8], 64> = unsafe { core::mem::zeroed() };
    fn promised<T: FromZeros>(_: &T) {}
    promised(&zeroed);
    assert_eq!(zeroed.stats(), Spsc::<[u64; 8], 64>::new().stats());
    let (mut tx, mut rx) = (zeroed.producer().unwrap(), zeroed.consumer().unwrap());
    assert_eq!(rx.pop(), Err(PopError::Empty));
    for n in 0..300 {
        tx.push([n; 8]).unwrap();
        assert_eq!(rx.pop(), Ok([n; 8]));
    }
}
