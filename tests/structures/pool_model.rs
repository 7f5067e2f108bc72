//! `Pool` and `Magazine` against a plain model: random scripts of all their operations, on one
//! thread.
//!
//! The values count themselves, so that the test sees one that is dropped twice or never. Each
//! owner writes a number into its value, so that the test sees one that is handed out twice.

use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use vvp_core::pool::{Handle, HandleError, Magazine, MagazineBox, Pool, PoolBox, Reset};

/// A value that counts how many of its kind live, and how often they were reset.
#[derive(Debug)]
struct Counted {
    n: u64,
    tally: Rc<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    alive: Cell<i64>,
    resets: Cell<u64>,
}

impl Counted {
    fn make(tally: &Rc<Tally>) -> Self {
        tally.alive.set(tally.alive.get() + 1);
        Self { n: 0, tally: Rc::clone(tally) }
    }
}

impl Reset for Counted {
    fn reset(&mut self) {
        self.n = 0;
        self.tally.resets.set(self.tally.resets.get() + 1);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.alive.set(self.tally.alive.get() - 1);
    }
}

/// One step of a script. Numbers choose among the boxes or handles that exist.
#[derive(Clone, Debug)]
enum Op {
    Acquire,
    AcquireHandle,
    AcquireFromMagazine,
    DropBox(usize),
    IntoHandle(usize),
    Keep(usize),
    Leave(usize),
    Adopt(usize),
    AdoptToMagazine(usize),
    Release(usize),
    Write(usize),
    Read(usize),
    Flush,
    Forge(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let i = 0_usize..100;
    prop::collection::vec(
        prop_oneof![
            4 => Just(Op::Acquire),
            4 => Just(Op::AcquireHandle),
            4 => Just(Op::AcquireFromMagazine),
            3 => i.clone().prop_map(Op::DropBox),
            2 => i.clone().prop_map(Op::IntoHandle),
            2 => i.clone().prop_map(Op::Keep),
            3 => i.clone().prop_map(Op::Leave),
            2 => i.clone().prop_map(Op::Adopt),
            1 => i.clone().prop_map(Op::AdoptToMagazine),
            3 => i.clone().prop_map(Op::Release),
            2 => i.clone().prop_map(Op::Write),
            2 => i.prop_map(Op::Read),
            1 => Just(Op::Flush),
            1 => any::<u64>().prop_map(Op::Forge),
        ],
        0..150,
    )
}

/// The values in use: boxes and handles with their numbers; and stale handles.
struct Model<'m, 'p, const K: usize> {
    boxes: Vec<(PoolBox<'p, Counted>, u64)>,
    own: Vec<(MagazineBox<'m, 'p, Counted, K>, u64)>,
    handles: Vec<(Handle, u64)>,
    stale: Vec<Handle>,
    next: u64,
    acquired: usize,
    released: usize,
}

impl<const K: usize> Model<'_, '_, K> {
    fn in_use(&self) -> usize {
        self.boxes.len() + self.own.len() + self.handles.len()
    }
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.acquired += 1;
        self.next
    }
}

fn pick<T>(of: &mut Vec<T>, i: usize) -> Option<T> {
    if of.is_empty() { None } else { Some(of.swap_remove(i % of.len())) }
}

fn run<const N: usize, const K: usize>(script: &[Op], tally: &Rc<Tally>) {
    let mut pool = Pool::<Counted, N>::new();
    let highest;
    {
        let magazine: Magazine<'_, Counted, K> = pool.magazine();
        let mut model =
            Model { boxes: vec![], own: vec![], handles: vec![], stale: vec![], next: 0, acquired: 0, released: 0 };
        for op in script {
            step(op, &mut model, &pool, &magazine, tally);
            // Every value in use has the number that its owner wrote.
            assert!(model.boxes.iter().all(|(value, n)| value.n == *n));
            assert!(model.own.iter().all(|(value, n)| value.n == *n));
            assert!(model.handles.iter().all(|(handle, n)| pool.get_mut(*handle).unwrap().n == *n));
            assert!(model.stale.iter().all(|handle| pool.get_mut(*handle).err() == Some(HandleError::Stale)));
            assert!(tally.alive.get() <= N as i64);
        }
        let Model { boxes, own, handles, acquired, mut released, .. } = model;
        released += boxes.len() + own.len() + handles.len();
        drop((boxes, own));
        handles.iter().for_each(|(handle, _)| pool.release(*handle).unwrap());
        magazine.flush();
        let stats = pool.stats();
        assert_eq!((stats.acquired, stats.released), (acquired, released));
        assert_eq!((stats.capacity, stats.in_use, stats.in_magazines), (N, 0, 0));
        assert_eq!(tally.resets.get(), released as u64);
        assert!(stats.magazine_hits <= stats.acquired && stats.high_water <= N);
        highest = stats.high_water;
    }
    // Values are made for slots that were used, and none is dropped; slots that a magazine took and
    // never handed out hold none.
    assert!(tally.alive.get() <= highest as i64);
    pool.check_invariants().unwrap();
    let all: Vec<_> = core::iter::from_fn(|| pool.acquire_with(|| Counted::make(tally))).collect();
    assert_eq!((all.len(), tally.alive.get()), (N, N as i64));
}

fn step<'m, 'p, const N: usize, const K: usize>(
    op: &Op,
    model: &mut Model<'m, 'p, K>,
    pool: &'p Pool<Counted, N>,
    magazine: &'m Magazine<'p, Counted, K>,
    tally: &Rc<Tally>,
) {
    let out = model.in_use();
    match *op {
        Op::Acquire | Op::AcquireHandle => match pool.acquire_with(|| Counted::make(tally)) {
            None => assert_eq!(out + magazine.len(), N),
            Some(mut value) => {
                assert!(out + magazine.len() < N);
                assert_eq!(value.n, 0, "not reset");
                value.n = model.number();
                let n = value.n;
                if matches!(op, Op::Acquire) {
                    model.boxes.push((value, n));
                } else {
                    model.handles.push((value.into_handle(), n));
                }
            }
        },
        Op::AcquireFromMagazine => match magazine.acquire_with(|| Counted::make(tally)) {
            None => assert_eq!((out, magazine.len()), (N, 0)),
            Some(mut value) => {
                assert!(out < N && magazine.len() <= K);
                assert_eq!(value.n, 0, "not reset");
                value.n = model.number();
                let n = value.n;
                model.own.push((value, n));
            }
        },
        Op::DropBox(i) => {
            if i % 2 == 0 {
                model.released += usize::from(pick(&mut model.boxes, i / 2).is_some());
            } else {
                model.released += usize::from(pick(&mut model.own, i / 2).is_some());
            }
        }
        Op::IntoHandle(i) => {
            if let Some((value, n)) = pick(&mut model.boxes, i) {
                model.handles.push((value.into_handle(), n));
            }
        }
        Op::Keep(i) => {
            if let Some((value, _)) = pick(&mut model.boxes, i) {
                magazine.keep(value);
                assert!((1..=K).contains(&magazine.len()));
                model.released += 1;
            }
        }
        Op::Leave(i) => {
            if let Some((value, n)) = pick(&mut model.own, i) {
                model.boxes.push((value.into_pool_box(), n));
            }
        }
        Op::Adopt(i) => {
            if let Some((handle, n)) = pick(&mut model.handles, i) {
                model.boxes.push((pool.adopt(handle).unwrap(), n));
                model.stale.push(handle);
            }
        }
        Op::AdoptToMagazine(i) => {
            if let Some((handle, n)) = pick(&mut model.handles, i) {
                model.own.push((magazine.adopt(handle).unwrap(), n));
                model.stale.push(handle);
            }
        }
        Op::Release(i) => {
            if let Some((handle, _)) = pick(&mut model.handles, i) {
                pool.release(handle).unwrap();
                assert_eq!(pool.release(handle), Err(HandleError::Stale));
                assert_eq!(pool.adopt(handle).err(), Some(HandleError::Stale));
                model.stale.push(handle);
                model.released += 1;
            }
        }
        Op::Write(i) => {
            if let Some((handle, _)) = pick(&mut model.handles, i) {
                let mut value = pool.get_mut(handle).unwrap();
                model.next += 1;
                value.n = model.next;
                // While it is borrowed, every other access is refused.
                assert_eq!(pool.get_mut(handle).err(), Some(HandleError::Busy));
                assert_eq!(pool.adopt(handle).err(), Some(HandleError::Busy));
                assert_eq!(pool.release(handle).err(), Some(HandleError::Busy));
                drop(value);
                model.handles.push((handle, model.next));
            }
        }
        Op::Read(i) => {
            if let Some(&(handle, n)) = model.handles.get(i % model.handles.len().max(1)) {
                assert_eq!(pool.get_mut(handle).unwrap().n, n);
                let as_bits = Handle::from_bits(handle.to_bits());
                assert_eq!(pool.get_mut(as_bits).unwrap().n, n);
            }
        }
        Op::Flush => {
            magazine.flush();
            assert_eq!(magazine.len(), 0);
            let stats = pool.stats();
            assert_eq!((stats.in_use, stats.in_magazines), (out, 0));
            assert_eq!((stats.acquired, stats.released), (model.acquired, model.released));
        }
        Op::Forge(bits) => {
            let handle = Handle::from_bits(bits);
            let good = model.handles.iter().any(|(known, _)| *known == handle);
            assert_eq!(pool.get_mut(handle).is_ok(), good);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn behaves_like_the_model(script in ops()) {
        let tally = Rc::new(Tally::default());
        run::<8, 3>(&script, &tally);
        prop_assert_eq!(tally.alive.get(), 0);
        tally.resets.set(0);
        run::<1, 1>(&script, &tally);
        prop_assert_eq!(tally.alive.get(), 0);
        tally.resets.set(0);
        run::<16, 4>(&script, &tally);
        prop_assert_eq!(tally.alive.get(), 0);
    }

    /// A pool refuses the handles of other pools, and stale ones of its own.
    #[test]
    fn handles_of_other_pools_are_foreign(takes in prop::collection::vec((0_usize..3, any::<bool>()), 1..60)) {
        let pools = [Pool::<u64, 8>::new(), Pool::new(), Pool::new()];
        let mut good: HashMap<Handle, usize> = HashMap::new();
        for (at, give_back) in takes {
            if let Some(handle) = pools[at].acquire_handle() {
                prop_assert_eq!(good.insert(handle, at), None, "the same handle twice");
                if give_back {
                    pools[at].release(handle).unwrap();
                    good.remove(&handle);
                }
            }
            for (handle, home) in &good {
                for (i, pool) in pools.iter().enumerate() {
                    match pool.get(*handle) {
                        Ok(_) => prop_assert_eq!(i, *home),
                        Err(e) => prop_assert!(i != *home && e == HandleError::Foreign),
                    }
                }
            }
        }
    }
}

#[test]
fn twelve_readers_exclude_a_writer() {
    let pool = Pool::<u64, 2>::new();
    let handle = pool.acquire_handle().unwrap();
    let mut loans: Vec<_> = (0..12).map(|_| pool.get(handle).unwrap()).collect();
    assert_eq!(pool.get(handle).err(), Some(HandleError::Busy));
    loans.pop();
    assert_eq!(*pool.get(handle).unwrap(), 0);
    assert_eq!(pool.get_mut(handle).err(), Some(HandleError::Busy));
    assert_eq!(pool.release(handle), Err(HandleError::Busy));
    drop(loans);
    *pool.get_mut(handle).unwrap() = 1;
    assert_eq!(*pool.get(handle).unwrap(), 1);
    pool.release(handle).unwrap();
    assert_eq!(pool.get(handle).err(), Some(HandleError::Stale));
}

#[test]
fn exhausted_pool_recovers() {
    let pool = Pool::<u64, 4>::new();
    for round in 1..=3_usize {
        let all: Vec<_> = core::iter::from_fn(|| pool.acquire()).collect();
        assert_eq!((all.len(), pool.acquire().is_none()), (4, true));
        let stats = pool.stats();
        assert_eq!((stats.in_use, stats.high_water, stats.exhausted), (4, 4, 2 * round));
        assert_eq!(stats.hit_rate_per_mille(), 666);
    }
    assert_eq!(pool.stats().in_use, 0);
}

#[test]
fn used_slots_are_reused_before_new_ones() {
    let pool = Pool::<u64, 64>::new();
    for _ in 0..1000 {
        let two = (pool.acquire().unwrap(), pool.acquire().unwrap());
        drop(two);
    }
    assert_eq!(pool.stats().high_water, 2);
}

#[test]
fn make_all_fills_every_slot() {
    let tally = Rc::new(Tally::default());
    let pool = Pool::<Counted, 8>::new();
    let one = pool.acquire_with(|| Counted::make(&tally)).unwrap();
    assert_eq!((pool.make_all(|| Counted::make(&tally)), tally.alive.get()), (7, 8));
    assert_eq!(pool.make_all(|| Counted::make(&tally)), 0);
    let rest: Vec<_> = core::iter::from_fn(|| pool.acquire_with(|| panic!("all were made"))).collect();
    assert_eq!((rest.len(), pool.stats().in_use), (7, 8));
    drop((one, rest));
    drop(pool);
    assert_eq!(tally.alive.get(), 0);
}

#[test]
fn magazine_rarely_touches_the_pool() {
    let pool = Pool::<u64, 64>::new();
    let magazine = pool.magazine::<16>();
    for _ in 0..1000 {
        let some: Vec<_> = (0..8).map(|_| magazine.acquire().unwrap()).collect();
        drop(some);
    }
    magazine.flush();
    let stats = pool.stats();
    assert_eq!((stats.acquired, stats.released, stats.magazine_hits), (8000, 8000, 7999));
    assert_eq!((stats.magazine_hits_per_mille(), stats.hit_rate_per_mille()), (999, 1000));
}

#[test]
fn kept_box_of_another_pool_returns_to_its_pool() {
    let (here, there) = (Pool::<u64, 2>::new(), Pool::<u64, 2>::new());
    let magazine = here.magazine::<2>();
    magazine.keep(there.acquire().unwrap());
    assert_eq!((magazine.len(), there.stats().in_use), (0, 0));
}

/// A forgotten box keeps its slot; its value is dropped with the pool.
#[test]
fn forgotten_boxes_leak_slots_only() {
    let tally = Rc::new(Tally::default());
    let pool = Pool::<Counted, 2>::new();
    core::mem::forget(pool.acquire_with(|| Counted::make(&tally)));
    let handle = pool.acquire_with(|| Counted::make(&tally)).unwrap().into_handle();
    core::mem::forget(pool.get_mut(handle).unwrap());
    assert_eq!(pool.release(handle), Err(HandleError::Busy));
    assert!(pool.acquire_with(|| Counted::make(&tally)).is_none());
    assert_eq!(tally.alive.get(), 2);
    drop(pool);
    assert_eq!(tally.alive.get(), 0);
}

/// A panic while a value is made takes no slot; one in its reset takes that slot out of use.
#[test]
fn panics_lose_no_value() {
    #[derive(Debug)]
    struct Touchy<'a>(&'a RefCell<Vec<&'static str>>, bool);
    impl Reset for Touchy<'_> {
        fn reset(&mut self) {
            assert!(!self.1, "touchy");
        }
    }
    impl Drop for Touchy<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().push("dropped");
        }
    }
    let log = RefCell::new(vec![]);
    let pool = Pool::<Touchy<'_>, 2>::new();
    let attempt = |f: &mut dyn FnMut()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err();
    assert!(attempt(&mut || drop(pool.acquire_with(|| panic!("no value")))));
    assert_eq!(pool.stats().in_use, 0);
    {
        let [mut bad, good] = [(); 2].map(|()| pool.acquire_with(|| Touchy(&log, false)).unwrap());
        bad.1 = true;
        let mut bad = Some(bad);
        assert!(attempt(&mut || drop(bad.take())));
        drop(good);
    }
    assert!(pool.acquire_with(|| Touchy(&log, false)).is_some());
    assert_eq!(pool.stats().in_use, 1, "the slot whose value was not reset");
    drop(pool);
    assert_eq!(*log.borrow(), ["dropped"; 2]);
}

/// Large pools are made of zeroed memory.
#[test]
fn zero_bytes_are_an_unused_pool() {
    use zerocopy::FromZeros;
    // SAFETY: `Pool` implements `FromZeros`: zero bytes are a valid value.
    let zeroed: Pool<u64, 64> = unsafe { core::mem::zeroed() };
    fn promised<T: FromZeros>(_: &T) {}
    promised(&zeroed);
    assert_eq!(zeroed.stats(), Pool::<u64, 64>::new().stats());
    let all: Vec<_> = core::iter::from_fn(|| zeroed.acquire()).collect();
    assert_eq!(all.len(), 64);
}

#[test]
fn pools_of_one_name_share_handles() {
    let mut pools = [Pool::<u64, 4>::new(), Pool::new(), Pool::new()];
    pools[0].set_name(7);
    pools[1].set_name(7);
    pools[2].set_name(8);
    let handle = pools[0].acquire_handle().unwrap();
    assert_eq!(pools[1].acquire_handle(), Some(handle), "as in another process");
    assert_eq!(pools[2].get(handle).err(), Some(HandleError::Foreign));
}
