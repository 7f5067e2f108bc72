//! The loom tests of both queues from one producer to one consumer.

/// Defines the tests of the queue of this name.
macro_rules! one_to_one {
    ($Queue:ident) => {
        #[test]
        fn values_arrive_in_order_across_the_wrap() {
            loom::model(|| {
                lend($Queue::<Value, 2>::new(), |queue| {
                    let (mut tx, mut rx) = queue.split();
                    push(&mut tx, 0);
                    let producer = thread::spawn(move || (1..3).for_each(|n| push(&mut tx, n)));
                    (0..3).for_each(|n| assert_eq!(pop(&mut rx), Some(n)));
                    producer.join().unwrap();
                    assert_eq!(rx.pop(), Err(PopError::Empty));
                });
            });
        }

        #[test]
        fn one_slot_is_enough() {
            loom::model(|| {
                lend($Queue::<Value, 1>::new(), |queue| {
                    let (mut tx, mut rx) = queue.split();
                    let producer = thread::spawn(move || (0..2).for_each(|n| push(&mut tx, n)));
                    (0..2).for_each(|n| assert_eq!(pop(&mut rx), Some(n)));
                    producer.join().unwrap();
                });
            });
        }

        #[test]
        fn last_value_before_a_close_is_not_missed() {
            loom::model(|| {
                lend($Queue::<Value, 2>::new(), |queue| {
                    let (mut tx, mut rx) = queue.split();
                    let producer = thread::spawn(move || {
                        push(&mut tx, 0);
                        push(&mut tx, 1);
                        tx.close();
                    });
                    let mut taken = 0;
                    while let Some(n) = pop(&mut rx) {
                        assert_eq!(n, taken);
                        taken += 1;
                    }
                    assert_eq!(taken, 2);
                    producer.join().unwrap();
                });
            });
        }

        #[test]
        fn producer_learns_that_the_consumer_has_closed() {
            loom::model(|| {
                lend($Queue::<Value, 1>::new(), |queue| {
                    let (mut tx, mut rx) = queue.split();
                    let consumer = thread::spawn(move || {
                        let _ = rx.pop();
                        rx.close();
                    });
                    let mut value = Box::new(0);
                    loop {
                        match tx.push(value) {
                            Ok(()) => value = Box::new(1),
                            Err(_) if tx.is_closed() => break,
                            Err(full) => {
                                value = full.0;
                                thread::yield_now();
                            }
                        }
                    }
                    consumer.join().unwrap();
                });
            });
        }

        #[test]
        fn slices_are_copied_whole() {
            loom::model(|| {
                let queue = Arc::new($Queue::<u64, 2>::new());
                let producer = {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || {
                        let mut tx = queue.producer().unwrap();
                        let mut rest: &[u64] = &[1, 2, 3];
                        while !rest.is_empty() {
                            rest = &rest[tx.push_slice(rest)..];
                            thread::yield_now();
                        }
                    })
                };
                let mut rx = queue.consumer().unwrap();
                let mut taken = Vec::new();
                while taken.len() < 3 {
                    let mut out = [0; 2];
                    let n = rx.pop_slice(&mut out);
                    taken.extend_from_slice(&out[..n]);
                    thread::yield_now();
                }
                assert_eq!(taken, [1, 2, 3]);
                producer.join().unwrap();
            });
        }

        #[test]
        fn endpoint_has_one_owner_and_the_next_resumes() {
            loom::model(|| {
                let queue = Arc::new($Queue::<Value, 4>::new());
                let rival = {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || match queue.producer() {
                        Some(mut tx) => tx.push(Box::new(7)).is_ok(),
                        None => false,
                    })
                };
                let mine = match queue.producer() {
                    Some(mut tx) => tx.push(Box::new(7)).is_ok(),
                    None => false,
                };
                let theirs = rival.join().unwrap();
                assert!(mine || theirs);
                let mut rx = queue.consumer().unwrap();
                let count = core::iter::from_fn(|| rx.pop().ok()).filter(|v| **v == 7).count();
                assert_eq!(count, usize::from(mine) + usize::from(theirs));
            });
        }

        #[test]
        fn consumer_is_restarted_while_the_producer_runs() {
            loom::model(|| {
                let queue = Arc::new($Queue::<Value, 2>::new());
                let take_one =
                    |queue: &$Queue<Value, 2>| queue.consumer().and_then(|mut rx| rx.pop().ok()).map(|value| *value);
                let other = {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || take_one(&queue))
                };
                let mut tx = queue.producer().unwrap();
                tx.push(Box::new(0)).unwrap();
                tx.push(Box::new(1)).unwrap();
                let mine = take_one(&queue);
                let theirs = other.join().unwrap();
                // The second resumed where the first had stopped; values that were not taken are
                // dropped with the queue.
                assert!(mine != theirs || mine.is_none());
                let taken = usize::from(mine.is_some()) + usize::from(theirs.is_some());
                assert_eq!(queue.stats().popped, taken);
                let mut rx = queue.consumer().unwrap();
                assert_eq!(rx.pop().ok().map(|value| *value), (taken < 2).then_some(taken));
            });
        }

        #[test]
        fn remaining_values_are_dropped_with_the_queue() {
            loom::model(|| {
                let mark = Arc::new(());
                let queue = Arc::new($Queue::<Arc<()>, 2>::new());
                let producer = {
                    let (queue, mark) = (Arc::clone(&queue), Arc::clone(&mark));
                    thread::spawn(move || {
                        let mut tx = queue.producer().unwrap();
                        tx.push(Arc::clone(&mark)).unwrap();
                        tx.push(mark).unwrap();
                    })
                };
                let taken = queue.consumer().unwrap().pop();
                producer.join().unwrap();
                drop((taken, queue));
                assert_eq!(Arc::strong_count(&mark), 1);
            });
        }
    };
}
