//! One writer of `Latest` and several readers, at full speed. `.ci/tsan` runs this under
//! ThreadSanitizer, and then its mutants, which must be caught.

use crate::values::nth;
use std::thread;
use vvp_core::cell::{Latest, ReadError};

/// Values written: enough for all interleavings to be likely, few enough for the sanitizer.
const ROUNDS: u64 = 100_000;

/// Long enough that the writer overtakes a reader that copies it.
type Long = [u64; 64];

fn long(n: u64) -> Long {
    core::array::from_fn(|i| nth(n ^ (i as u64) << 48))
}

#[test]
fn long_values_are_whole() {
    static LATEST: Latest<Long> = Latest::new();
    let mut writer = LATEST.writer().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            for n in 1..=ROUNDS {
                writer.write(long(n));
            }
            writer.close();
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut reader = LATEST.reader();
                let mut newest = 0;
                while !(reader.is_closed() && newest == ROUNDS) {
                    match reader.read() {
                        Ok(value) => {
                            let n = reader.seen() as u64;
                            assert!(n >= newest, "an older value: {n} after {newest}");
                            assert!(value == long(n), "torn at {n}");
                            newest = n;
                        }
                        Err(ReadError::Nothing) => assert_eq!(newest, 0),
                        Err(_) => thread::yield_now(),
                    }
                }
            });
        }
    });
    assert_eq!(LATEST.stats().pushed as u64, ROUNDS);
}

#[test]
fn small_values_are_one_atomic() {
    static LATEST: Latest<u64> = Latest::new();
    let mut writer = LATEST.writer().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            (1..=ROUNDS).for_each(|n| writer.write(nth(n)));
            writer.close();
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut reader = LATEST.reader();
                let mut newest = 0;
                while newest < ROUNDS {
                    match reader.read() {
                        Ok(value) => {
                            // At least as new as `seen`; the value itself shows how much newer.
                            let n = (reader.seen() as u64..).find(|n| nth(*n) == value).unwrap();
                            assert!((newest..=ROUNDS).contains(&n), "{n} after {newest}");
                            newest = n;
                        }
                        Err(e) => assert_eq!((e, newest), (ReadError::Nothing, 0)),
                    }
                }
            });
        }
    });
}

/// The writer changes hands all the time; each resumes at the last one's version.
#[test]
fn writers_change_hands_without_loss() {
    static LATEST: Latest<[u64; 3]> = Latest::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while (LATEST.version() as u64) < ROUNDS / 10 {
                    if let Some(mut writer) = LATEST.writer() {
                        for _ in 0..7 {
                            let next = writer.version() as u64 + 1;
                            writer.write([next, nth(next), !next]);
                        }
                    }
                    thread::yield_now();
                }
            });
        }
        let mut reader = LATEST.reader();
        let mut newest = 0;
        while newest < ROUNDS / 10 {
            if let Some([n, mixed, inverse]) = reader.read_if_newer() {
                assert!(n > newest && reader.seen() as u64 == n, "{n} after {newest}");
                assert_eq!((mixed, inverse), (nth(n), !n), "torn");
                newest = n;
            }
        }
    });
}
