//! Two threads and an `Spsc` between them, at full speed, with checksums. `.ci/tsan` runs this
//! under ThreadSanitizer, and then its mutants, where it must report a race.

use crate::one_to_one::{Check, ROUNDS};
use crate::values::nth;
use std::thread;
use vvp_core::queue::{PopError, Spsc};

one_to_one!(Spsc);

#[test]
fn large_values_are_written_in_place() {
    let mut queue = Spsc::<[u64; 8], 16>::new();
    let (mut tx, mut rx) = queue.split();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut n = 0;
            while n < ROUNDS {
                let mut grant = tx.grant_up_to(1 + (n as usize % 7).min((ROUNDS - n) as usize - 1));
                if grant.is_empty() {
                    thread::yield_now();
                }
                while grant.push([nth(n); 8]).is_ok() {
                    n += 1;
                }
                grant.commit();
            }
        });
        let mut check = Check::default();
        while check.count < ROUNDS {
            let lent = rx.read_up_to(5);
            if lent.is_empty() {
                thread::yield_now();
            }
            for value in &lent {
                assert!(value.iter().all(|word| *word == value[0]), "torn: {value:x?}");
                check.take(value[0]);
            }
            lent.release();
        }
    });
    assert_eq!((rx.available(), rx.stats().depth), (0, 0));
}
