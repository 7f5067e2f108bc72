//! `SequencedSpsc` against a `VecDeque`: random scripts of all its operations, on one thread. The
//! values count themselves.

use crate::counted::Counted;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use vvp_core::queue::{Full, PopError, SequencedConsumer, SequencedProducer, SequencedSpsc};

/// One step of a script.
#[derive(Clone, Debug)]
enum Op {
    Push,
    Pop,
    Peek,
    PushSlice(usize),
    PopSlice(usize),
    Drain(usize),
    RestartProducer,
    RestartConsumer,
    CloseProducer,
    CloseConsumer,
    Split,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let n = 0_usize..12;
    prop::collection::vec(
        prop_oneof![
            8 => Just(Op::Push),
            6 => Just(Op::Pop),
            1 => Just(Op::Peek),
            2 => n.clone().prop_map(Op::PushSlice),
            2 => n.clone().prop_map(Op::PopSlice),
            1 => n.prop_map(Op::Drain),
            1 => Just(Op::RestartProducer),
            1 => Just(Op::RestartConsumer),
            1 => Just(Op::CloseProducer),
            1 => Just(Op::CloseConsumer),
            1 => Just(Op::Split),
        ],
        0..120,
    )
}

/// The operations that need `Copy`.
type Slices<T, const N: usize> =
    (fn(&mut SequencedProducer<'_, T, N>, &[u64]) -> usize, fn(&mut SequencedConsumer<'_, T, N>, usize) -> Vec<u64>);

/// Runs a script; `make` gives a value its number and `number` reads it back.
fn run<T, const N: usize>(
    script: &[Op],
    make: impl Fn(u64) -> T,
    number: impl Fn(&T) -> u64,
    slices: Option<Slices<T, N>>,
) {
    let mut queue = SequencedSpsc::<T, N>::new();
    let mut model = VecDeque::new();
    let (mut next, mut pushed, mut popped, mut refused, mut deepest) = (0, 0, 0, 0, 0);
    let (mut closed, mut consumer_closed) = (false, false);
    for part in script.split_inclusive(|op| matches!(op, Op::Split)) {
        let (tx, rx) = queue.split();
        drop((tx, rx)); // claimed, and released
        (closed, consumer_closed) = (false, false);
        let (mut tx, mut rx) = (queue.producer(), queue.consumer());
        for op in part {
            assert!(tx.is_none() || queue.producer().is_none(), "two producers");
            assert!(rx.is_none() || queue.consumer().is_none(), "two consumers");
            match *op {
                Op::Push => {
                    closed = false;
                    match tx.get_or_insert_with(|| queue.producer().unwrap()).push(make(next)) {
                        Ok(()) => {
                            model.push_back(next);
                            pushed += 1;
                        }
                        Err(Full(back)) => {
                            assert_eq!((model.len(), number(&back)), (N, next));
                            refused += 1;
                        }
                    }
                    next += 1;
                }
                Op::PushSlice(n) => {
                    let Some((push_slice, _)) = slices else { continue };
                    closed = false;
                    let values: Vec<u64> = (next..).take(n).collect();
                    next += n as u64;
                    let done = push_slice(tx.get_or_insert_with(|| queue.producer().unwrap()), &values);
                    assert_eq!(done, n.min(N - model.len()));
                    model.extend(&values[..done]);
                    pushed += done;
                    refused += usize::from(done < n);
                }
                Op::Pop => {
                    consumer_closed = false;
                    match rx.get_or_insert_with(|| queue.consumer().unwrap()).pop() {
                        Ok(value) => {
                            assert_eq!(Some(number(&value)), model.pop_front());
                            popped += 1;
                        }
                        Err(e) => {
                            assert!(model.is_empty());
                            assert_eq!(e, if closed { PopError::Closed } else { PopError::Empty });
                        }
                    }
                }
                Op::Peek => {
                    consumer_closed = false;
                    let rx = rx.get_or_insert_with(|| queue.consumer().unwrap());
                    assert_eq!(rx.peek().map(&number), model.front().copied());
                    assert_eq!((rx.available(), rx.is_closed()), (model.len(), closed));
                }
                Op::PopSlice(n) => {
                    let Some((_, pop_slice)) = slices else { continue };
                    consumer_closed = false;
                    let taken = pop_slice(rx.get_or_insert_with(|| queue.consumer().unwrap()), n);
                    assert_eq!(taken, model.drain(..n.min(model.len())).collect::<Vec<_>>());
                    popped += taken.len();
                }
                Op::Drain(n) => {
                    consumer_closed = false;
                    let rx = rx.get_or_insert_with(|| queue.consumer().unwrap());
                    let taken: Vec<u64> = rx.drain().take(n).map(|value| number(&value)).collect();
                    assert_eq!(taken, model.drain(..n.min(model.len())).collect::<Vec<_>>());
                    popped += taken.len();
                }
                Op::RestartProducer => {
                    drop(tx.take());
                    (tx, closed) = (queue.producer(), false);
                }
                Op::RestartConsumer => {
                    drop(rx.take());
                    (rx, consumer_closed) = (queue.consumer(), false);
                }
                Op::CloseProducer => {
                    tx.take().or_else(|| queue.producer()).unwrap().close();
                    closed = true;
                }
                Op::CloseConsumer => {
                    rx.take().or_else(|| queue.consumer()).unwrap().close();
                    consumer_closed = true;
                }
                Op::Split => {}
            }
            deepest = deepest.max(model.len());
            if let Some(tx) = &mut tx {
                assert_eq!((tx.free_slots(), tx.is_closed()), (N - model.len(), consumer_closed));
            }
            assert_eq!(queue.is_closed(), closed || consumer_closed);
            let stats = queue.stats();
            assert_eq!((stats.pushed, stats.popped, stats.full_count), (pushed, popped, refused));
            assert_eq!((stats.depth, queue.len()), (model.len(), model.len()));
            assert!(stats.high_water <= deepest && stats.high_water + 16 >= deepest);
        }
    }
    let _ = (closed, consumer_closed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn behaves_like_a_deque(script in ops()) {
        fn slices<const N: usize>() -> Slices<u64, N> {
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
        run::<u64, 8>(&script, |n| n, |n| *n, Some(slices()));
        run::<u64, 1>(&script, |n| n, |n| *n, Some(slices()));
        run::<[u64; 2], 32>(&script, |n| [n, !n], |n| n[0], None);
    }

    #[test]
    fn drops_each_value_once(script in ops()) {
        let alive = Rc::new(Cell::new(0));
        run::<Counted, 4>(&script, |n| Counted::new(n, &alive), |value| value.n, None);
        prop_assert_eq!(alive.get(), 0);
    }
}

#[test]
fn remaining_values_are_dropped_with_the_queue() {
    let alive = Rc::new(Cell::new(0));
    let mut queue = SequencedSpsc::<Counted, 4>::new();
    {
        let (mut tx, mut rx) = queue.split();
        (0..6).for_each(|n| drop(tx.push(Counted::new(n, &alive))));
        assert!(rx.pop().is_ok());
        assert!(tx.push(Counted::new(9, &alive)).is_ok()); // beyond the wrap
    }
    assert_eq!(alive.get(), 4);
    drop(queue);
    assert_eq!(alive.get(), 0);
}

/// Large queues are made of zeroed memory.
#[test]
fn zero_bytes_are_an_empty_queue() {
    use zerocopy::FromZeros;
    let zeroed = SequencedSpsc::<u64, 64>::new_box_zeroed().unwrap();
    assert_eq!(zeroed.stats(), SequencedSpsc::<u64, 64>::new().stats());
    let (mut tx, mut rx) = (zeroed.producer().unwrap(), zeroed.consumer().unwrap());
    assert_eq!(rx.pop(), Err(PopError::Empty));
    for n in 0..300 {
        tx.push(n).unwrap();
        assert_eq!(rx.pop(), Ok(n));
    }
}
