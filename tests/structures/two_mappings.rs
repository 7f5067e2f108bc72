//! Queues hold no addresses: their bytes are mapped twice, and each endpoint works through a
//! mapping of its own, as in two processes.
#![cfg(all(target_os = "linux", not(loom)))]

use std::thread;
use vvp_core::cell::Latest;
use vvp_core::queue::robust_mpsc::{RobustMpsc, Stage};
use vvp_core::queue::{FanIn, Frames, Mpsc, Pop, PopError, Push, SequencedSpsc, Spsc};

const COUNT: u64 = 5_000;

/// Zeroed memory, mapped at two addresses.
struct Twice {
    places: [*mut libc::c_void; 2],
    len: usize,
}

impl Twice {
    fn new(len: usize) -> Self {
        // SAFETY: the only pointer is to a string that ends with zero; the file is ours, and as
        // long as its mappings.
        let places = unsafe {
            let file = libc::memfd_create(c"queue".as_ptr(), 0);
            assert!(file >= 0 && libc::ftruncate(file, len as libc::off_t) == 0, "no memory to map");
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let places = [(); 2].map(|()| libc::mmap(core::ptr::null_mut(), len, access, libc::MAP_SHARED, file, 0));
            libc::close(file);
            places
        };
        assert!(places.iter().all(|place| *place != libc::MAP_FAILED) && places[0] != places[1]);
        Self { places, len }
    }
}

impl Drop for Twice {
    fn drop(&mut self) {
        for place in self.places {
            // SAFETY: mapped with this length; every user has borrowed `self`.
            unsafe { libc::munmap(place, self.len) };
        }
    }
}

/// Runs a test with a queue of zero bytes, once through each mapping. `Q` must be fit for shared
/// memory: every queue here consists of atomics and of cells that they guard, and zero bytes are an
/// empty one.
fn twice<Q: Sync>(test: impl FnOnce(&Q, &Q)) {
    let memory = Twice::new(size_of::<Q>());
    let [here, there] = memory.places.map(|place| {
        assert!(place.cast::<Q>().is_aligned());
        // SAFETY: as long as a `Q`, aligned, zero (a valid `Q`), and mapped until the test is over.
        unsafe { &*place.cast::<Q>() }
    });
    test(here, there);
}

/// Checks that all numbers arrive, in order, and then the end.
fn stream(mut tx: impl Push<Item = u64> + Send, mut rx: impl Pop<Item = u64>) {
    thread::scope(|scope| {
        scope.spawn(move || {
            for n in 0..COUNT {
                while tx.push(n).is_err() {
                    thread::yield_now();
                }
            }
            tx.close();
        });
        let mut next = 0;
        loop {
            match rx.pop() {
                Ok(n) => {
                    assert_eq!(n, next);
                    next += 1;
                }
                Err(PopError::Closed) => break,
                Err(_) => thread::yield_now(),
            }
        }
        assert_eq!(next, COUNT);
    });
}

#[test]
fn spsc_works_through_two_mappings() {
    twice(|here: &Spsc<u64, 64>, there: &Spsc<u64, 64>| {
        let tx = here.producer().unwrap();
        assert!(there.producer().is_none(), "one producer for both mappings");
        stream(tx, there.consumer().unwrap());
        // The next endpoints are claimed through the other mapping.
        stream(there.producer().unwrap(), here.consumer().unwrap());
        assert_eq!((here.stats(), here.stats().popped as u64), (there.stats(), 2 * COUNT));
    });
}

#[test]
fn sequenced_spsc_works_through_two_mappings() {
    twice(|here: &SequencedSpsc<u64, 64>, there: &SequencedSpsc<u64, 64>| {
        stream(here.producer().unwrap(), there.consumer().unwrap());
        stream(there.producer().unwrap(), here.consumer().unwrap());
        assert_eq!((here.stats(), here.stats().popped as u64), (there.stats(), 2 * COUNT));
    });
}

#[test]
fn mpsc_works_through_two_mappings() {
    twice(|here: &Mpsc<u64, 64>, there: &Mpsc<u64, 64>| {
        stream(here.producer(), there.consumer().unwrap());
        stream(there.producer(), here.consumer().unwrap());
        let (mut a, mut b) = (here.producer(), there.producer());
        assert_eq!((a.push_slice(&[1, 2]), b.push(3)), (2, Ok(())));
        assert!(there.consumer().unwrap().drain().eq([1, 2, 3]));
        assert_eq!((here.stats(), here.stats().popped as u64), (there.stats(), 2 * COUNT + 3));
    });
}

#[test]
fn robust_mpsc_works_through_two_mappings() {
    twice(|here: &RobustMpsc<u64, 64, 3>, there: &RobustMpsc<u64, 64, 3>| {
        stream(here.producer().unwrap(), there.consumer().unwrap());
        stream(there.producer().unwrap(), here.consumer().unwrap());
        here.producer_of(2).unwrap().die(7, Stage::Reserved);
        let mut rx = there.consumer().unwrap();
        assert!(rx.pass_over(|lane| lane != 2));
        let mut tx = there.take_over_producer_of(2).unwrap();
        assert_eq!((tx.position(), tx.push(8), rx.pop_with_lane()), (0, Ok(()), Ok((2, 8))));
        assert_eq!((here.stats(), here.stats().popped as u64), (there.stats(), 2 * COUNT + 1));
    });
}

#[test]
fn fan_in_works_through_two_mappings() {
    twice(|here: &FanIn<u64, 64, 3>, there: &FanIn<u64, 64, 3>| {
        stream(here.producer_of(2).unwrap(), there.consumer().unwrap());
        stream(there.producer_of(2).unwrap(), here.consumer().unwrap());
        let (mut a, mut b) = (here.producer().unwrap(), there.producer().unwrap());
        assert_eq!((a.push(1), b.push(2)), (Ok(()), Ok(())));
        let mut rx = here.consumer().unwrap();
        assert_eq!([rx.pop_with_lane(), rx.pop_with_lane()], [Ok((0, 1)), Ok((1, 2))]);
        assert_eq!((here.stats(), here.stats().popped as u64), (there.stats(), 2 * COUNT + 2));
    });
}

/// `Frames` is no `FromZeros`, but zero bytes are an empty ring.
#[test]
fn frames_work_through_two_mappings() {
    twice(|here: &Frames<256>, there: &Frames<256>| {
        let (mut tx, mut rx) = (here.producer().unwrap(), there.consumer().unwrap());
        for n in 0..COUNT {
            tx.push(&n.to_le_bytes()[..1 + n as usize % 8]).unwrap();
            if n % 4 == 3 {
                let frames = rx.read_many().unwrap();
                assert!(frames.iter().all(|frame| frame.len() <= 8));
                frames.release();
            }
            while n % 4 == 3 && here.stats().depth > 0 {
                rx.read_many().unwrap().release();
            }
        }
        tx.close();
        assert!(rx.read().is_err() && here.stats() == there.stats());
    });
}

#[test]
fn latest_works_through_two_mappings() {
    twice(|here: &Latest<[u64; 5]>, there: &Latest<[u64; 5]>| {
        let (mut writer, mut reader) = (here.writer().unwrap(), there.reader());
        assert!(there.writer().is_none());
        for n in 1..COUNT {
            writer.write([n; 5]);
            assert_eq!(reader.read_if_newer(), Some([n; 5]));
        }
        writer.close();
        assert!(there.is_closed() && reader.read() == here.reader().read());
    });
}
