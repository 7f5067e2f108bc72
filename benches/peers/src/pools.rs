//! Pools beside others: `vvp-peers pools [--rounds N]`, and `vvp-peers soak [OPERATIONS]`.

use crate::rows::{Row, compare};
use crate::support::host;
use crossbeam_queue::ArrayQueue;
use std::hint::black_box;
use std::sync::Barrier;
use vvp_core::pool::{Handle, Pool, Reset, Slab};
use vvp_core::queue::Spsc;

/// 64 bytes, as an order is.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Order([u64; 8]);

impl Reset for Order {
    #[inline(always)]
    fn reset(&mut self) {
        self.0[0] = 0;
    }
}

const N: usize = 1024;
const BURST: usize = 64;

/// Filled completely by its owner, so that all contenders do the same work.
#[inline(always)]
fn order(n: u64) -> Order {
    Order([n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7])
}

pub fn run(rounds: usize) {
    one_thread::<Order>("64-byte orders", rounds, order, |order| order.0[0]);
    one_thread::<u64>("u64", rounds, |n| n, |n| *n);
    contending(rounds);
    freed_on_the_other_core(rounds);
}

fn one_thread<T: Reset + Default + Copy + Send + 'static>(
    what: &str,
    rounds: usize,
    make: impl Fn(u64) -> T + Copy,
    read: impl Fn(&T) -> u64 + Copy,
) {
    let pool = Box::leak(Box::new(Pool::<T, N>::new()));
    let magazine = pool.magazine::<BURST>();
    let mut ours = Box::new(Slab::<T, N>::new());
    let mut slab = slab::Slab::with_capacity(N);
    // SAFETY: every slot is freed to this slab, on this thread.
    let nexus = unsafe { nexus_slab::bounded::Slab::<T>::with_capacity(N) };
    let queue = ArrayQueue::<u32>::new(N);
    (0..N as u32).for_each(|i| queue.push(i).expect("room"));
    let mut values = vec![T::default(); N];
    let mut bare = Bare { values: [T::default(); N], free: core::array::from_fn(|i| i as u32), left: N };

    let mut rows = [
        Row::new("vvp Slab", |n| {
            let key = ours.vacant().expect("room").insert(make(n));
            black_box(ours.get(key));
            black_box(ours.remove(key).map(|value| read(&value)));
        }),
        Row::new("vvp Magazine", |n| {
            let mut value = magazine.acquire().expect("room");
            *value = make(n);
            black_box(&*value);
        }),
        Row::new("vvp Pool", |n| {
            let mut value = pool.acquire().expect("room");
            *value = make(n);
            black_box(&*value);
        }),
        Row::new("vvp Pool, by handle", |n| {
            let handle = pool.acquire_handle().expect("room");
            let mut value = pool.adopt(handle).expect("ours");
            *value = make(n);
            black_box(&*value);
        }),
        Row::new("nexus-slab", |n| {
            let slot = nexus.alloc(make(n));
            black_box(&*slot);
            nexus.free(slot);
        }),
        Row::new("slab", |n| {
            let key = slab.insert(make(n));
            black_box(&slab[key]);
            black_box(read(&slab.remove(key)));
        }),
        Row::new("ArrayQueue of indices", |n| {
            let i = queue.pop().expect("room");
            values[i as usize] = make(n);
            black_box(&values[i as usize]);
            queue.push(i).expect("room");
        }),
        Row::new("bare array, nothing checked", |n| {
            let i = bare.take();
            *bare.at(i) = make(n);
            black_box(bare.at(i));
            bare.give_back(i);
        }),
    ];
    compare(&format!("pair, {what}"), "nexus-slab", rounds, 2_000_000, 1, &mut rows);
    drop(rows);

    let mut keys = Vec::with_capacity(BURST);
    let mut boxes = Vec::with_capacity(BURST);
    let mut pool_boxes = Vec::with_capacity(BURST);
    let mut slots = Vec::with_capacity(BURST);
    let mut slab_keys = Vec::with_capacity(BURST);
    let mut indices = Vec::with_capacity(BURST);
    let mut numbers = Vec::with_capacity(BURST);
    let mut rows = [
        Row::new("vvp Slab", |n| {
            keys.extend((0..BURST as u64).map(|i| ours.vacant().expect("room").insert(make(n + i))));
            keys.drain(..).for_each(|key| _ = black_box(ours.remove(key).map(|value| read(&value))));
        }),
        Row::new("vvp Magazine", |n| {
            boxes.extend((0..BURST as u64).map(|i| {
                let mut value = magazine.acquire().expect("room");
                *value = make(n + i);
                value
            }));
            boxes.drain(..).for_each(|value| _ = black_box(read(&value)));
        }),
        Row::new("vvp Pool", |n| {
            pool_boxes.extend((0..BURST as u64).map(|i| {
                let mut value = pool.acquire().expect("room");
                *value = make(n + i);
                value
            }));
            pool_boxes.drain(..).for_each(|value| _ = black_box(read(&value)));
        }),
        Row::new("nexus-slab", |n| {
            slots.extend((0..BURST as u64).map(|i| nexus.alloc(make(n + i))));
            slots.drain(..).for_each(|slot| {
                black_box(read(&slot));
                nexus.free(slot);
            });
        }),
        Row::new("slab", |n| {
            slab_keys.extend((0..BURST as u64).map(|i| slab.insert(make(n + i))));
            slab_keys.drain(..).for_each(|key| _ = black_box(read(&slab.remove(key))));
        }),
        Row::new("ArrayQueue of indices", |n| {
            indices.extend((0..BURST as u64).map(|i| {
                let index = queue.pop().expect("room");
                values[index as usize] = make(n + i);
                index
            }));
            indices.drain(..).for_each(|index| {
                black_box(read(&values[index as usize]));
                queue.push(index).expect("room");
            });
        }),
        Row::new("bare array, nothing checked", |n| {
            numbers.extend((0..BURST as u64).map(|i| {
                let number = bare.take();
                *bare.at(number) = make(n + i);
                number
            }));
            numbers.drain(..).for_each(|number| {
                black_box(read(bare.at(number)));
                bare.give_back(number);
            });
        }),
    ];
    compare(&format!("burst of {BURST}, {what}"), "nexus-slab", rounds, 50_000, BURST as u64, &mut rows);
}

/// The minimal pool of one thread, without any check: the lower bound of its rows. As with the
/// fastest peer, wrong use corrupts memory.
struct Bare<T> {
    values: [T; N],
    free: [u32; N],
    left: usize,
}

impl<T> Bare<T> {
    #[inline(always)]
    fn take(&mut self) -> u32 {
        self.left -= 1;
        // SAFETY: the rows never hold more than N slots, so `left` was at least 1.
        unsafe { *self.free.get_unchecked(self.left) }
    }

    #[inline(always)]
    fn at(&mut self, number: u32) -> &mut T {
        // SAFETY: the numbers come from the list, where all are below N.
        unsafe { self.values.get_unchecked_mut(number as usize) }
    }

    #[inline(always)]
    fn give_back(&mut self, number: u32) {
        // SAFETY: the slot was acquired before, so `left` is below N.
        unsafe { *self.free.get_unchecked_mut(self.left) = number };
        self.left += 1;
    }
}

/// Returns the ticks from the common start of two threads, each on its core, until both have ended.
fn both(one: impl FnOnce() + Send, other: impl FnOnce() + Send) -> u64 {
    let ready = Barrier::new(2);
    std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            host::pin(0);
            host::real_time();
            ready.wait();
            other();
        });
        ready.wait();
        let start = host::ticks();
        one();
        there.join().expect("a thread that ends");
        host::ticks() - start
    })
}

fn contending(rounds: usize) {
    static POOL: Pool<Order, N> = Pool::new();
    let queue = ArrayQueue::<u32>::new(N);
    (0..N as u32).for_each(|i| queue.push(i).expect("room"));
    let values = Values(Box::leak(Box::new([Order::default(); N])));
    let (queue, values) = (&queue, &values);
    POOL.make_all(Order::default); // as those of the peer are
    let pool = |times| {
        move || {
            for n in 0..times {
                let mut value = POOL.acquire().expect("room");
                value.0[0] = n;
                black_box(&mut *value);
            }
        }
    };
    let magazine = |times| {
        move || {
            let magazine = POOL.magazine::<BURST>();
            for n in 0..times {
                let mut value = magazine.acquire().expect("room");
                value.0[0] = n;
                black_box(&mut *value);
            }
        }
    };
    let indices = |times| {
        move || {
            for n in 0..times {
                let i = queue.pop().expect("room");
                values.touch(i, n);
                queue.push(i).expect("room");
            }
        }
    };
    let mut rows = [
        Row::timed("vvp Pool", |times| both(pool(times), pool(times))),
        Row::timed("vvp Pool, magazines of 64", |times| both(magazine(times), magazine(times))),
        Row::timed("ArrayQueue of indices", |times| both(indices(times), indices(times))),
    ];
    compare("two threads contending, a pair each", "ArrayQueue of indices", rounds, 1_000_000, 1, &mut rows);
}

/// Slots that the owner of the index may write to.
struct Values(*mut [Order; N]);

// SAFETY: an index is in one thread's hands at a time, and so is its place.
unsafe impl Sync for Values {}

impl Values {
    #[inline(always)]
    fn touch(&self, i: u32, n: u64) {
        assert!((i as usize) < N);
        // SAFETY: the places live on, and this one is ours as long as the index is; volatile, so
        // that it is done.
        unsafe { self.0.cast::<Order>().add(i as usize).cast::<u64>().write_volatile(n) };
    }
}

fn freed_on_the_other_core(rounds: usize) {
    static POOL: Pool<Order, N> = Pool::new();
    static HANDLES: Spsc<Handle, 256> = Spsc::new();
    static INDICES: Spsc<u32, 256> = Spsc::new();
    let queue = ArrayQueue::<u32>::new(N);
    (0..N as u32).for_each(|i| queue.push(i).expect("room"));
    let values = Values(Box::leak(Box::new([Order::default(); N])));
    let (queue, values) = (&queue, &values);
    POOL.make_all(Order::default); // as those of the peer are
    let boxes = Box::leak(Box::new(Spsc::<vvp_core::pool::PoolBox<'static, Order>, 256>::new()));
    let boxes = &*boxes;

    let by_box = |times: u64| {
        let mut tx = boxes.producer().expect("free");
        let mut rx = boxes.consumer().expect("free");
        both(
            move || {
                for n in 0..times {
                    let mut value = until(|| POOL.acquire());
                    value.0[0] = n;
                    let mut value = Some(value);
                    until(|| tx.push(value.take()?).map_err(|full| value = Some(full.0)).ok());
                }
            },
            move || (0..times).for_each(|_| drop(until(|| rx.pop().ok()))),
        )
    };
    let by_magazine = |times: u64| {
        let mut tx = boxes.producer().expect("free");
        let mut rx = boxes.consumer().expect("free");
        both(
            move || {
                let magazine = POOL.magazine::<BURST>();
                for n in 0..times {
                    let mut value = until(|| magazine.acquire()).into_pool_box();
                    value.0[0] = n;
                    let mut value = Some(value);
                    until(|| tx.push(value.take()?).map_err(|full| value = Some(full.0)).ok());
                }
            },
            move || {
                let magazine = POOL.magazine::<BURST>();
                (0..times).for_each(|_| magazine.keep(until(|| rx.pop().ok())));
            },
        )
    };
    let by_handle = |times: u64| {
        let mut tx = HANDLES.producer().expect("free");
        let mut rx = HANDLES.consumer().expect("free");
        both(
            move || {
                for n in 0..times {
                    let mut value = until(|| POOL.acquire());
                    value.0[0] = n;
                    let handle = value.into_handle();
                    until(|| tx.push(handle).ok());
                }
            },
            move || (0..times).for_each(|_| POOL.release(until(|| rx.pop().ok())).expect("ours")),
        )
    };
    let by_index = |times: u64| {
        let mut tx = INDICES.producer().expect("free");
        let mut rx = INDICES.consumer().expect("free");
        both(
            move || {
                for n in 0..times {
                    let i = until(|| queue.pop());
                    values.touch(i, n);
                    until(|| tx.push(i).ok());
                }
            },
            move || (0..times).for_each(|_| queue.push(until(|| rx.pop().ok())).expect("room")),
        )
    };
    let mut rows = [
        Row::timed("vvp Pool, boxes", by_box),
        Row::timed("vvp Pool, boxes and magazines", by_magazine),
        Row::timed("vvp Pool, handles", by_handle),
        Row::timed("ArrayQueue of indices", by_index),
    ];
    compare("freed on the other core", "ArrayQueue of indices", rounds, 500_000, 1, &mut rows);
}

#[inline(always)]
fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        core::hint::spin_loop();
    }
}

/// Two threads acquire, mark, check and release objects, with boxes, handles and magazines in turn,
/// for `operations` operations in total; then every slot must be free.
pub fn soak(operations: u64) {
    static POOL: Pool<Order, 256> = Pool::new();
    let started = std::time::Instant::now();
    let work = |owner: u64| {
        move || {
            let magazine = POOL.magazine::<16>();
            let mut held = std::collections::VecDeque::with_capacity(128);
            let mut named = std::collections::VecDeque::with_capacity(64);
            let check = |value: &Order, n: u64| assert!(value.0 == [owner, n, n, n, n, n, n, n], "{:?}", value.0);
            let mut random = owner;
            let mut done = 0;
            while done < operations / 2 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let n = done;
                let mark = |value: &mut Order| {
                    assert_eq!(value.0[0], 0, "not reset, or another owner's");
                    value.0 = [owner, n, n, n, n, n, n, n];
                };
                done += 1;
                match random >> 61 {
                    0 | 1 if held.len() < 128 => match POOL.acquire() {
                        Some(mut value) => {
                            mark(&mut value);
                            held.push_back((value, n));
                        }
                        None => std::thread::yield_now(),
                    },
                    2 | 3 if held.len() < 128 => match magazine.acquire() {
                        Some(mut value) => {
                            mark(&mut value);
                            held.push_back((value.into_pool_box(), n));
                        }
                        None => std::thread::yield_now(),
                    },
                    4 if named.len() < 64 => {
                        if let Some((value, n)) = held.pop_front() {
                            named.push_back((value.into_handle(), n));
                        }
                    }
                    5 => {
                        if let Some((handle, n)) = named.pop_front() {
                            check(&POOL.get(handle).expect("ours"), n);
                            POOL.release(handle).expect("ours");
                            assert!(POOL.adopt(handle).is_err(), "a second owner");
                        }
                    }
                    6 => {
                        if let Some((value, n)) = held.pop_front() {
                            check(&value, n);
                            magazine.keep(value);
                        }
                    }
                    _ => {
                        if let Some((value, n)) = held.pop_front() {
                            check(&value, n);
                        }
                    }
                }
            }
            named.into_iter().for_each(|(handle, _)| POOL.release(handle).expect("ours"));
        }
    };
    both(work(1), work(2));
    let stats = POOL.stats();
    println!("{operations} operations in {:.0} s: {stats:?}", started.elapsed().as_secs_f64());
    assert_eq!((stats.in_use, stats.in_magazines, stats.acquired), (0, 0, stats.released));
    assert_eq!(core::iter::from_fn(|| POOL.acquire()).collect::<Vec<_>>().len(), 256, "all are there");
    println!("nothing is missing, nothing was handed out twice");
}
