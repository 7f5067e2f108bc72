//! The bookkeeping of `Frames` under loom: a ring of a few bytes, each in a loom cell. `bbqueue`
//! itself, which hands out the bytes that the bookkeeping grants, cannot be built with loom's
//! atomics; `tests/threads/frames.rs` runs it under the sanitizers.
#![cfg(loom)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use vvp_core::queue::marks::Marks;

/// A ring of `N` bytes.
struct Ring<const N: usize> {
    marks: Marks,
    bytes: [UnsafeCell<u8>; N],
}

// SAFETY: loom checks every access to the cells.
unsafe impl<const N: usize> Sync for Ring<N> {}

impl<const N: usize> Ring<N> {
    fn new() -> Arc<Self> {
        Arc::new(Self { marks: Marks::new(), bytes: core::array::from_fn(|_| UnsafeCell::new(0)) })
    }

    /// Writes pieces of these lengths, whose bytes count up from 1.
    fn write(&self, lengths: &[usize]) {
        let mut next = 0;
        for &len in lengths {
            let start = loop {
                match self.marks.grant(N, len) {
                    Some(start) => break start,
                    None => thread::yield_now(),
                }
            };
            for cell in &self.bytes[start..start + len] {
                next += 1;
                // SAFETY: granted; loom checks it.
                cell.with_mut(|byte| unsafe { *byte = next });
            }
            self.marks.commit(len);
        }
    }

    /// Reads `all` bytes and checks their order.
    fn read(&self, all: u8) {
        let mut next = 0;
        while next < all {
            let Some((start, len)) = self.marks.readable() else {
                thread::yield_now();
                continue;
            };
            for cell in &self.bytes[start..start + len] {
                next += 1;
                // SAFETY: readable; loom checks it.
                cell.with(|byte| assert_eq!(unsafe { *byte }, next));
            }
            self.marks.release(len);
        }
    }
}

fn check_pieces<const N: usize>(lengths: &'static [usize]) {
    loom::model(move || {
        let ring = Ring::<N>::new();
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || ring.write(lengths))
        };
        ring.read(lengths.iter().sum::<usize>() as u8);
        writer.join().unwrap();
        assert_eq!(ring.marks.readable(), None);
    });
}

#[test]
fn pieces_arrive_in_order() {
    check_pieces::<4>(&[1, 2, 1]);
}

#[test]
fn pieces_that_do_not_fit_at_the_end_go_to_the_front() {
    check_pieces::<4>(&[2, 1, 2]);
}

#[test]
fn ring_wraps_twice() {
    check_pieces::<4>(&[2, 2, 2, 2]);
}

#[test]
fn unused_bytes_are_granted_again() {
    loom::model(|| {
        let ring = Ring::<4>::new();
        assert_eq!(ring.marks.grant(4, 2), Some(0));
        ring.marks.commit(0); // aborted
        let writer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || ring.write(&[1, 2]))
        };
        ring.read(3);
        writer.join().unwrap();
    });
}
