//! Grants, drains, guards and endpoints are forgotten (`mem::forget`) in every order, and endpoints
//! attached again: values may leak, but none is handed out or dropped twice, none appears that was
//! not pushed, and their order stays.
//!
//! Run under AddressSanitizer by `.ci/run asan`.

use proptest::prelude::*;

use std::collections::HashMap;
use std::mem::forget;
use std::sync::{Arc, Mutex};
use vvp_core::map::ConcurrentMap;
use vvp_core::pool::{Pool, Reset, Slab};
use vvp_core::queue::spsc::{Drain, ReadGrant};
use vvp_core::queue::{FanIn, Frames, Mpsc, Pop, Push, RobustMpsc, SequencedSpsc, Spsc};

/// Switches AddressSanitizer's leak checker off, as this test leaks on purpose. All other checks
/// stay on.
#[unsafe(no_mangle)]
extern "C" fn __lsan_is_turned_off() -> core::ffi::c_int {
    1
}

/// The number of drops of each value.
type Drops = Arc<Mutex<Vec<u32>>>;

/// A value with a number on the heap, so that a sanitizer sees a second owner.
#[derive(Debug)]
struct Token {
    number: Box<usize>,
    drops: Drops,
}

impl Drop for Token {
    fn drop(&mut self) {
        let drops = {
            let mut drops = self.drops.lock().expect("no panic under the lock");
            drops[*self.number] += 1;
            drops[*self.number]
        };
        assert_eq!(drops, 1, "value {} was dropped twice", self.number);
    }
}

/// Makes tokens, and checks those that are popped.
#[derive(Default)]
struct Mint {
    drops: Drops,
    /// Per lane, the last number that was popped.
    last: HashMap<usize, usize>,
    lanes: Vec<usize>,
}

impl Mint {
    fn make(&mut self, lane: usize) -> Token {
        let number = self.lanes.len();
        self.lanes.push(lane);
        self.drops.lock().expect("no panic under the lock").push(0);
        Token { number: Box::new(number), drops: Arc::clone(&self.drops) }
    }

    /// Checks that a popped value is newer than all before it of its lane; so none is popped twice.
    fn took(&mut self, token: Token) {
        let number = *token.number;
        let last = self.last.insert(self.lanes[number], number);
        assert!(last.is_none_or(|last| last < number), "value {number} came after {last:?}");
    }
}

/// Fate of a grant, guard or endpoint.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Finished,
    Dropped,
    Forgotten,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Push,
    Stage,
    Grant {
        len: usize,
        written: usize,
        fate: Fate,
    },
    Pop,
    Read {
        len: usize,
        released: usize,
        fate: Fate,
    },
    Drain {
        taken: usize,
        fate: Fate,
    },
    /// The endpoints are dropped or forgotten, and new ones attached.
    Reattach {
        producer: Fate,
        consumer: Fate,
        take_over: bool,
    },
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![1 => Just(Fate::Finished), 1 => Just(Fate::Dropped), 2 => Just(Fate::Forgotten)]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let n = || 0..7_usize;
    let op = prop_oneof![
        4 => Just(Op::Push),
        1 => Just(Op::Stage),
        2 => (n(), n(), fate()).prop_map(|(len, written, fate)| Op::Grant { len, written, fate }),
        2 => Just(Op::Pop),
        2 => (n(), n(), fate()).prop_map(|(len, released, fate)| Op::Read { len, released, fate }),
        3 => (n(), fate()).prop_map(|(taken, fate)| Op::Drain { taken, fate }),
        2 => (fate(), fate(), any::<bool>())
            .prop_map(|(producer, consumer, take_over)| Op::Reattach { producer, consumer, take_over }),
    ];
    prop::collection::vec(op, 0..60)
}

fn end<T>(value: T, fate: Fate) {
    match fate {
        Fate::Forgotten => forget(value),
        Fate::Finished | Fate::Dropped => drop(value),
    }
}

fn spsc(ops: &[Op]) {
    let mut mint = Mint::default();
    let mut queue = Box::new(Spsc::<Token, 4>::new());
    let mut left = ops;
    while !left.is_empty() {
        // Attaches endpoints: by a split, or by taking over from owners that are gone.
        let (mut tx, mut rx) = match left.first() {
            // SAFETY: no handle of an earlier round is used again; they were dropped or forgotten.
            Some(Op::Reattach { take_over: true, .. }) => unsafe {
                (queue.take_over_producer(), queue.take_over_consumer())
            },
            _ => queue.split(),
        };
        let mut fates = (Fate::Dropped, Fate::Dropped);
        let mut done = 0;
        for (index, op) in left.iter().enumerate() {
            done = index + 1;
            match *op {
                Op::Push => drop(tx.push(mint.make(0))),
                Op::Stage => drop(tx.stage(mint.make(0))),
                Op::Grant { len, written, fate } => {
                    let mut grant = tx.grant_up_to(len);
                    for _ in 0..written {
                        drop(grant.push(mint.make(0)));
                    }
                    if matches!(fate, Fate::Finished) { grant.commit() } else { end(grant, fate) }
                }
                Op::Pop => {
                    if let Ok(token) = rx.pop() {
                        mint.took(token);
                    }
                }
                Op::Read { len, released, fate } => {
                    let grant = rx.read_up_to(len);
                    assert!(
                        grant
                            .iter()
                            .all(|token| mint.drops.lock().expect("no panic under the lock")[*token.number] == 0)
                    );
                    if matches!(fate, Fate::Finished) { grant.release_first(released) } else { end(grant, fate) }
                }
                Op::Drain { taken, fate } => {
                    let mut drain = rx.drain();
                    drain.by_ref().take(taken).for_each(|token| mint.took(token));
                    end(drain, fate);
                }
                Op::Reattach { producer, consumer, .. } if index > 0 => {
                    fates = (producer, consumer);
                    break;
                }
                Op::Reattach { .. } => {}
            }
        }
        end(tx, fates.0);
        end(rx, fates.1);
        // The op that ended the round begins the next one; the op that began this one is done.
        let ended = matches!(left.get(done - 1), Some(Op::Reattach { .. })) && done > 1;
        left = &left[if ended { done - 1 } else { done }..];
    }
    drop(queue);
}

/// The same for all queues with `Push` and `Pop`, without the grants of `Mpsc`, which block when
/// they are forgotten.
fn endpoints<'q, P, C>(mint: &mut Mint, lanes: &mut [(usize, P)], rx: &mut C, ops: &[Op])
where
    P: Push<Item = Token> + 'q,
    C: Pop<Item = Token> + 'q,
{
    for (index, op) in ops.iter().enumerate() {
        let many = lanes.len();
        let (lane, tx) = &mut lanes[index % many];
        match *op {
            Op::Push | Op::Stage | Op::Grant { .. } => drop(tx.push(mint.make(*lane))),
            Op::Pop | Op::Read { .. } => {
                if let Ok(token) = rx.pop() {
                    mint.took(token);
                }
            }
            Op::Drain { .. } | Op::Reattach { .. } => {}
        }
    }
}

macro_rules! rounds {
    ($ops:expr, $queue:expr, $split:expr) => {{
        let mut mint = Mint::default();
        let mut queue = Box::new($queue);
        for round in $ops.split(|op| matches!(op, Op::Reattach { .. })) {
            let (mut lanes, mut rx) = $split(&mut *queue);
            for part in round.split_inclusive(|op| matches!(op, Op::Drain { .. })) {
                endpoints(&mut mint, &mut lanes, &mut rx, part);
                if let Some(Op::Drain { taken, fate }) = part.last() {
                    let mut drain = rx.drain();
                    drain.by_ref().take(*taken).for_each(|token| mint.took(token));
                    end(drain, *fate);
                }
            }
            // Endpoints are dropped or forgotten, in either order.
            match round.len() % 4 {
                0 => (forget(lanes), forget(rx)),
                1 => (drop(lanes), forget(rx)),
                2 => (forget(lanes), drop(rx)),
                _ => (drop(rx), drop(lanes)),
            };
        }
    }};
}

/// A forgotten grant of `Mpsc` blocks the values behind it until the queue is dropped; only the
/// grant's own values leak.
fn mpsc_grants(ops: &[Op]) {
    let mut mint = Mint::default();
    let queue = Box::new(Mpsc::<Token, 8>::new());
    let mut tx = queue.producer();
    for op in ops {
        match *op {
            Op::Grant { len, written, fate } => {
                if let Ok(mut grant) = tx.grant(len) {
                    for _ in 0..written {
                        drop(grant.push(mint.make(0)));
                    }
                    if matches!(fate, Fate::Finished) { grant.commit() } else { end(grant, fate) }
                }
            }
            Op::Push | Op::Stage => drop(tx.push(mint.make(0))),
            Op::Reattach { producer, .. } => end(core::mem::replace(&mut tx, queue.producer()), producer),
            _ => {
                let mut rx = queue.consumer().expect("the last one was dropped");
                if let Ok(token) = rx.pop() {
                    mint.took(token);
                }
            }
        }
    }
    drop(tx);
}

impl Reset for Token {
    fn reset(&mut self) {}
}

fn pool(ops: &[Op]) {
    let mut mint = Mint::default();
    let pool = Box::new(Pool::<Token, 8>::new());
    let magazine = pool.magazine::<4>();
    let mut handles = Vec::new();
    let mut numbers = HashMap::<usize, u32>::new();
    for op in ops {
        match *op {
            // A value is made if the slot has none; else the old one is reused.
            Op::Push | Op::Stage => {
                if let Some(token) = pool.acquire_with(|| mint.make(0)) {
                    handles.push(token.into_handle());
                }
            }
            Op::Grant { fate, .. } => {
                if let Some(token) = magazine.acquire_with(|| mint.make(0)) {
                    end(token, fate);
                }
            }
            Op::Pop => {
                if let Some(handle) = handles.pop() {
                    assert!(pool.release(handle).is_ok());
                    assert!(pool.release(handle).is_err(), "released twice");
                }
            }
            Op::Read { fate, released, .. } => {
                if let Some(handle) = handles.last().copied() {
                    let before = pool.get(handle).map(|shared| {
                        let number = *shared.number;
                        end(shared, fate);
                        number
                    });
                    // A forgotten guard keeps its value borrowed for ever.
                    match (fate, pool.get_mut(handle)) {
                        (Fate::Forgotten, exclusive) => assert!(exclusive.is_err()),
                        (_, Ok(exclusive)) => {
                            assert_eq!(before.ok(), Some(*exclusive.number));
                            end(exclusive, if released == 0 { Fate::Forgotten } else { Fate::Dropped });
                        }
                        (_, Err(_)) => {}
                    }
                    if matches!(fate, Fate::Forgotten) || released == 0 {
                        handles.pop();
                        assert!(pool.release(handle).is_err(), "a borrowed value is not released");
                    }
                }
            }
            Op::Drain { fate, .. } => {
                if let Some(handle) = handles.pop()
                    && let Ok(token) = pool.adopt(handle)
                {
                    *numbers.entry(*token.number).or_default() += 1;
                    end(token, fate);
                }
            }
            Op::Reattach { producer, .. } => end(pool.magazine::<2>(), producer),
        }
    }
    drop(magazine);
    drop(pool);
    assert!(mint.drops.lock().expect("no panic under the lock").iter().all(|&drops| drops <= 1));
}

/// Each frame carries its number, from which its length follows.
fn frames(ops: &[Op]) {
    let frame = |number: u32| {
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.resize(4 + number as usize % 13, number as u8);
        bytes
    };
    let check = |bytes: &[u8], next: &mut u32| {
        let number = u32::from_le_bytes(*bytes.first_chunk().expect("a number"));
        assert_eq!(bytes, frame(number));
        assert!(number >= *next, "frame {number} came twice or out of order");
        *next = number;
    };
    let mut queue = Box::new(Frames::<128>::new());
    // The next number to push, and the least that may be read: above all released ones.
    let (mut made, mut least) = (1, 0);
    for round in ops.split(|op| matches!(op, Op::Reattach { .. })) {
        let (mut tx, mut rx) = queue.split();
        for op in round {
            match *op {
                Op::Push | Op::Stage => made += u32::from(tx.push(&frame(made)).is_ok()),
                Op::Grant { written, fate, len } if len % 2 == 0 => {
                    if let Ok(mut batch) = tx.batch(64) {
                        let count = (0..written as u32).take_while(|n| batch.push(&frame(made + n)).is_ok()).count();
                        if matches!(fate, Fate::Finished) {
                            batch.commit();
                            made += count as u32;
                        } else {
                            end(batch, fate);
                        }
                    }
                }
                Op::Grant { fate, .. } => {
                    let bytes = frame(made);
                    if let Ok(mut grant) = tx.grant(bytes.len()) {
                        grant.copy_from_slice(&bytes);
                        if matches!(fate, Fate::Finished) {
                            grant.commit(bytes.len());
                            made += 1;
                        } else {
                            end(grant, fate);
                        }
                    }
                }
                Op::Pop => {
                    if let Ok(read) = rx.read() {
                        check(&read, &mut least);
                        read.release();
                        least += 1;
                    }
                }
                Op::Read { fate, .. } => {
                    if let Ok(read) = rx.read() {
                        check(&read, &mut least);
                        end(read, if matches!(fate, Fate::Finished) { Fate::Dropped } else { fate });
                    }
                }
                Op::Drain { taken, fate } => {
                    if let Ok(read) = rx.read_many() {
                        let mut next = least;
                        let mut seen = 0;
                        for (nth, bytes) in read.iter().enumerate() {
                            check(bytes, &mut next);
                            next += 1;
                            if nth < taken {
                                seen = next;
                            }
                        }
                        if matches!(fate, Fate::Finished) {
                            read.release_first(taken);
                            least = least.max(seen);
                        } else {
                            end(read, fate);
                        }
                    }
                }
                Op::Reattach { .. } => {}
            }
        }
        match round.len() % 3 {
            0 => (forget(tx), forget(rx)),
            1 => (drop(tx), forget(rx)),
            _ => (drop(rx), forget(tx)),
        };
    }
}

/// Values of `RobustMpsc` are plain; forgotten endpoints are taken over, like those of dead
/// processes.
fn robust(ops: &[Op]) {
    let queue = Box::new(RobustMpsc::<u64, 4, 2>::new());
    let (mut lanes, mut rx) = ([0, 1].map(|lane| queue.producer_of(lane)), queue.consumer());
    let (mut made, mut next) = ([0_u64; 2], [0_u64; 2]);
    for (index, op) in ops.iter().enumerate() {
        let lane = index % 2;
        let tx = lanes[lane].get_or_insert_with(|| queue.take_over_producer_of(lane).expect("a lane"));
        let rx_now = rx.get_or_insert_with(|| queue.take_over_consumer());
        let mut took = |value: u64| {
            let (of, number) = ((value % 2) as usize, value / 2);
            assert_eq!(number, next[of], "each value once, in its lane's order");
            next[of] += 1;
        };
        match *op {
            Op::Push | Op::Stage | Op::Grant { .. } => {
                made[lane] += u64::from(tx.push(made[lane] * 2 + lane as u64).is_ok());
                assert_eq!(tx.position() as u64, made[lane]);
            }
            Op::Pop | Op::Read { .. } => {
                if let Ok(value) = rx_now.pop() {
                    took(value);
                }
            }
            Op::Drain { taken, fate } => {
                let mut drain = rx_now.drain();
                drain.by_ref().take(taken).for_each(&mut took);
                end(drain, fate);
            }
            Op::Reattach { producer, consumer, .. } => {
                for (end, fate) in lanes.iter_mut().zip([producer, consumer]) {
                    match fate {
                        Fate::Finished => {}
                        Fate::Dropped => drop(end.take()),
                        Fate::Forgotten => forget(end.take()),
                    }
                }
                if !matches!(consumer, Fate::Finished) {
                    if matches!(consumer, Fate::Forgotten) { forget(rx.take()) } else { drop(rx.take()) }
                }
            }
        }
    }
}

fn slab(ops: &[Op]) {
    let mut mint = Mint::default();
    let mut slab = Box::new(Slab::<Token, 8>::new());
    let mut keys = Vec::new();
    for op in ops {
        match *op {
            Op::Push | Op::Stage => keys.extend(slab.insert(mint.make(keys.len())).ok()),
            Op::Grant { fate, .. } => {
                if let Some(vacant) = slab.vacant() {
                    if matches!(fate, Fate::Finished) {
                        keys.push(vacant.insert(mint.make(0)))
                    } else {
                        end(vacant, fate)
                    }
                }
            }
            Op::Pop => {
                if let Some(key) = keys.pop() {
                    assert!(slab.remove(key).is_some());
                    assert!(slab.remove(key).is_none(), "removed twice");
                }
            }
            Op::Read { .. } => forget(slab.iter_mut()),
            Op::Drain { taken, .. } => {
                let mut nth = 0;
                slab.retain(|_, _| {
                    nth += 1;
                    nth > taken
                });
                keys.retain(|key| slab.contains(*key));
            }
            Op::Reattach { .. } => forget(slab.iter()),
        }
        slab.check_invariants().expect("holds");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn spsc_hands_each_value_out_once(ops in ops()) {
        spsc(&ops);
    }

    #[test]
    fn sequenced_spsc_hands_each_value_out_once(ops in ops()) {
        rounds!(ops, SequencedSpsc::<Token, 4>::new(), |queue: &mut SequencedSpsc<Token, 4>| {
            // SAFETY: the queue is boxed and outlives the round; the round's endpoints are not used
            // after it.
            let queue = unsafe { &mut *core::ptr::from_mut(queue) };
            let (tx, rx) = queue.split();
            (vec![(0, tx)], rx)
        });
    }

    #[test]
    fn mpsc_hands_each_value_out_once(ops in ops()) {
        rounds!(ops, Mpsc::<Token, 4>::new(), |queue: &mut Mpsc<Token, 4>| {
            // SAFETY: as above.
            let queue = unsafe { &mut *core::ptr::from_mut(queue) };
            let (tx, rx) = queue.split();
            (vec![(1, tx.clone()), (0, tx)], rx)
        });
        mpsc_grants(&ops);
    }

    #[test]
    fn fan_in_hands_each_value_out_once(ops in ops()) {
        rounds!(ops, FanIn::<Token, 4, 3>::new(), |queue: &mut FanIn<Token, 4, 3>| {
            // SAFETY: as above.
            let queue = unsafe { &mut *core::ptr::from_mut(queue) };
            let (lanes, rx) = queue.split();
            (lanes.into_iter().enumerate().collect::<Vec<_>>(), rx)
        });
    }

    #[test]
    fn frames_hand_each_frame_out_once(ops in ops()) {
        frames(&ops);
    }

    #[test]
    fn robust_mpsc_hands_each_value_out_once(ops in ops()) {
        robust(&ops);
    }

    #[test]
    fn pool_values_have_one_owner(ops in ops()) {
        pool(&ops);
    }

    #[test]
    fn slab_values_have_one_owner(ops in ops()) {
        slab(&ops);
    }
}

/// The smallest case: two drains forgotten, and the consumer with them.
#[test]
fn spsc_drain_forgotten_twice_hands_out_nothing_twice() {
    let mut mint = Mint::default();
    let mut queue = Spsc::<Token, 8>::new();
    let (mut tx, mut rx) = queue.split();
    for _ in 0..6 {
        tx.push(mint.make(0)).expect("there is room");
    }
    // The second drain starts where the first stopped.
    for taken in [4, 1] {
        let mut drain = rx.drain();
        drain.by_ref().take(taken).for_each(|token| mint.took(token));
        forget(drain);
    }
    forget((tx, rx));
    let (_, mut rx) = queue.split();
    while let Ok(token) = rx.pop() {
        mint.took(token);
    }
}

/// A closure that panics at its first or second attempt leaves the map unchanged, with all its
/// room.
#[test]
fn concurrent_map_keeps_its_room_when_a_closure_panics() {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let map = Box::new(ConcurrentMap::<u64, u64, 64>::new());
    let most = ConcurrentMap::<u64, u64, 64>::CAPACITY as u64;
    for key in 0..most {
        map.insert(key, key).expect("within the capacity");
    }
    for round in 0..200_u64 {
        let key = round % most;
        for second in [false, true] {
            let mut attempt = 0;
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                map.update(&key, |now| {
                    attempt += 1;
                    assert!(second && attempt == 1, "on purpose");
                    // Another writer interferes, so that the first attempt fails while it holds a
                    // slot.
                    map.update(&key, |other| other).expect("there is room");
                    now
                })
            }));
            assert!(panicked.is_err());
        }
        let removing = catch_unwind(AssertUnwindSafe(|| map.remove_if(&key, |_| panic!("on purpose"))));
        assert!(removing.is_err());
        assert_eq!(map.update(&key, |now| now), Ok(Some(key)));
    }
    assert_eq!((map.len(), map.stats().refused), (most as usize, 0));
}

/// A refill of the largest magazine fits a stack of 64 KiB; the magazine itself lies on the heap.
#[test]
fn magazine_refill_needs_little_stack() {
    struct Plain;
    impl Reset for Plain {
        fn reset(&mut self) {}
    }
    static POOL: Pool<Plain, 65_536> = Pool::new();
    let made = std::thread::Builder::new().stack_size(8 << 20).spawn(|| Box::new(POOL.magazine::<65_535>()));
    let magazine = made.expect("a thread").join().expect("made");
    let small = std::thread::Builder::new().stack_size(64 << 10).spawn(move || {
        // From slots that were never used; then from released ones.
        for round in 0..2 {
            let taken = magazine.acquire_with(|| Plain);
            assert!(taken.is_some() && magazine.len() > 30_000, "round {round}: {}", magazine.len());
            drop(taken);
            magazine.flush();
            assert!(magazine.is_empty());
        }
    });
    small.expect("a thread").join().expect("no overflow");
}

#[test]
fn read_grant_and_drain_are_sync_if_values_are() {
    fn is_sync<T: Sync>() {}
    is_sync::<ReadGrant<'_, '_, u64, 4>>();
    is_sync::<Drain<'_, '_, u64, 4>>();
}
