//! `Latest` under loom, which tries every interleaving and every stale read that the orderings
//! allow.
//!
//! `.ci/loom` runs this, and then its mutants, which must fail.
#![cfg(loom)]

use loom::sync::Arc;
use loom::thread;
use vvp_core::cell::Latest;
use vvp_core::cell::{ReadError, Reader, Writer};
use vvp_core::sync::Plain;

/// Runs `test` with the endpoints of a `Latest`, which may move to threads.
///
/// The endpoints are made before the threads start: loom remembers only the last access to an
/// atomic. A writer that loads the version itself would make it forget a reader's access, and loom
/// would try almost no interleavings.
fn with_split<T: Plain>(test: impl FnOnce(Writer<'static, T>, Reader<'static, T>)) {
    let latest = Box::into_raw(Box::new(Latest::<T>::new()));
    // SAFETY: it lives until below, where every test has joined its threads and so dropped the
    // handles.
    let (writer, reader) = unsafe { &mut *latest }.split();
    test(writer, reader);
    // SAFETY: from `into_raw`; all handles are gone.
    drop(unsafe { Box::from_raw(latest) });
}

/// Two words that belong together: any pair that `value` does not make is torn.
type Pair = [usize; 2];

fn value(n: usize) -> Pair {
    [n, !n]
}

/// Checks that a value is whole and returns its number.
fn number(pair: Pair) -> usize {
    assert_eq!(pair[1], !pair[0], "torn");
    pair[0]
}

#[test]
fn values_are_whole_and_never_older() {
    loom::model(|| {
        with_split::<Pair>(|mut writer, mut reader| {
            // The third overwrites the first.
            let writing = thread::spawn(move || (1..=3).for_each(|n| writer.write(value(n))));
            let mut newest = 0;
            for _ in 0..2 {
                match reader.try_read() {
                    Ok(pair) => {
                        let n = number(pair);
                        assert!(n >= newest && reader.seen() == n, "an older value");
                        newest = n;
                    }
                    Err(e) => assert!(e == ReadError::Overtaken || newest == 0, "the value is gone again"),
                }
            }
            writing.join().unwrap();
            assert_eq!(reader.read().map(number), Ok(3));
        });
    });
}

#[test]
fn single_words_are_never_older() {
    loom::model(|| {
        with_split::<usize>(|mut writer, mut reader| {
            let writing = thread::spawn(move || (1..=3).for_each(|n| writer.write(n)));
            let mut newest = 0;
            for _ in 0..3 {
                match reader.try_read() {
                    Ok(n) => {
                        assert!(n >= newest && n >= reader.seen(), "older than `seen`, or than before");
                        newest = n;
                    }
                    Err(e) => assert!(e == ReadError::Nothing && newest == 0),
                }
            }
            writing.join().unwrap();
            assert_eq!((reader.read(), reader.read_if_newer(), reader.seen()), (Ok(3), None, 3));
        });
    });
}

#[test]
fn readers_do_not_disturb_each_other() {
    loom::model(|| {
        with_split::<Pair>(|mut writer, mut reader| {
            let mut second = reader.clone();
            let other = thread::spawn(move || second.try_read().map(number));
            let writing = thread::spawn(move || writer.write(value(1)));
            for read in [reader.try_read().map(number), other.join().unwrap()] {
                assert!(matches!(read, Ok(1) | Err(ReadError::Nothing)), "{read:?}");
            }
            writing.join().unwrap();
        });
    });
}

#[test]
fn last_value_before_a_close_is_not_missed() {
    loom::model(|| {
        with_split::<Pair>(|mut writer, mut reader| {
            let writing = thread::spawn(move || {
                writer.write(value(1));
                writer.write(value(2));
                writer.close();
            });
            // Not in a loop that yields: loom would forget the stale values that this test is
            // about.
            let closed = reader.is_closed();
            let last = reader.read_if_newer().map(number);
            assert!(!closed || last == Some(2), "closed, but {last:?} was the last");
            writing.join().unwrap();
        });
    });
}

#[test]
fn only_one_writer_exists_and_the_next_resumes() {
    loom::model(|| {
        let latest = Arc::new(Latest::<Pair>::new());
        let write = |latest: &Latest<Pair>| match latest.writer() {
            Some(mut writer) => {
                let next = writer.version() + 1;
                writer.write(value(next));
                1
            }
            None => 0,
        };
        let rival = {
            let latest = Arc::clone(&latest);
            thread::spawn(move || write(&latest))
        };
        let written = write(&latest) + rival.join().unwrap();
        assert!(written > 0);
        assert_eq!((latest.version(), latest.reader().read().map(number)), (written, Ok(written)));
    });
}
