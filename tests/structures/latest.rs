//! `Latest` on one thread: values of every size, restarts, zero bytes, and random scripts against a
//! deque of one.

use proptest::prelude::*;
use std::collections::VecDeque;
use vvp_core::cell::Latest;
use vvp_core::cell::ReadError;
use zerocopy::FromZeros;

/// Checks that a reader sees each value once, and none before the first write.
fn check_size<const SIZE: usize>() {
    let latest = Latest::<[u8; SIZE]>::new();
    let (mut writer, mut reader) = (latest.writer().unwrap(), latest.reader());
    assert_eq!((reader.read(), reader.read_if_newer(), reader.has_news()), (Err(ReadError::Nothing), None, false));
    for n in 1..20 {
        let value: [u8; SIZE] = core::array::from_fn(|i| (n * 31 + i) as u8);
        writer.write(value);
        assert!(reader.has_news());
        assert_eq!((reader.read_if_newer(), reader.read_if_newer()), (Some(value), None));
        assert_eq!((reader.read(), reader.seen()), (Ok(value), n));
    }
}

#[test]
fn values_of_every_size_are_read_once() {
    check_size::<0>();
    check_size::<1>();
    check_size::<2>();
    check_size::<3>();
    check_size::<4>();
    check_size::<7>();
    check_size::<8>();
    check_size::<9>();
    check_size::<12>();
    check_size::<31>();
    check_size::<64>();
    check_size::<1000>();
}

#[test]
fn values_of_one_atomic_are_read() {
    let (a, b, c, d) = (Latest::<u8>::new(), Latest::<i16>::new(), Latest::<u32>::new(), Latest::<i64>::new());
    a.writer().unwrap().write(200);
    b.writer().unwrap().write(-2);
    c.writer().unwrap().write(70_000);
    d.writer().unwrap().write(i64::MIN);
    assert_eq!((a.reader().read(), b.reader().try_read()), (Ok(200), Ok(-2)));
    assert_eq!((c.reader().read_if_newer(), d.reader().read()), (Some(70_000), Ok(i64::MIN)));
}

#[test]
fn only_one_writer_exists_and_it_can_be_restarted() {
    let mut latest = Latest::<[u64; 4]>::new();
    {
        let mut writer = latest.writer().unwrap();
        assert!(latest.writer().is_none());
        writer.write([1; 4]);
        writer.close();
    }
    let mut reader = latest.reader();
    assert!(reader.is_closed());
    assert_eq!(reader.read(), Ok([1; 4]));
    let mut writer = latest.writer().unwrap();
    assert!(!latest.is_closed());
    writer.write([2; 4]);
    assert_eq!((writer.version(), reader.clone().read_if_newer()), (2, Some([2; 4])));
    core::mem::forget(writer);
    assert!(latest.writer().is_none());
    let (mut writer, mut reader) = latest.split();
    writer.write([3; 4]);
    assert_eq!((reader.read(), reader.seen()), (Ok([3; 4]), 3));
    drop(writer);
    let stats = latest.stats();
    assert_eq!((stats.pushed, stats.popped, stats.depth, stats.high_water), (3, 0, 1, 1));
}

#[test]
fn zero_bytes_are_an_empty_latest() {
    let zeroed: Latest<[u64; 4]> = FromZeros::new_zeroed();
    assert_eq!(zeroed.reader().read(), Err(ReadError::Nothing));
    zeroed.writer().unwrap().write([7; 4]);
    assert_eq!(zeroed.reader().read(), Ok([7; 4]));
}

#[test]
fn value_survives_a_move() {
    let latest = Latest::<[u8; 13]>::new();
    latest.writer().unwrap().write([9; 13]);
    let moved = Box::new(latest);
    assert_eq!(moved.reader().read(), Ok([9; 13]));
}

/// Runs a script of operations and the index of the reader that does each. The model is a deque
/// that keeps only its newest value.
fn run<const WORDS: usize>(script: &[(u8, usize)]) {
    let latest = Latest::<[u64; WORDS]>::new();
    let mut model = VecDeque::new();
    let (mut written, mut closed) = (0_usize, false);
    let mut readers = [latest.reader(), latest.reader()];
    let mut seen = [0; 2];
    let mut writer = latest.writer();
    for &(op, i) in script {
        let reader = &mut readers[i];
        match op {
            0..3 => {
                written += 1;
                model.truncate(0);
                model.push_back([written as u64; WORDS]);
                writer.as_mut().unwrap().write([written as u64; WORDS]);
            }
            3 => {
                assert_eq!(reader.read().ok(), model.back().copied());
                seen[i] = written;
            }
            4..6 => {
                let newer = if seen[i] < written { model.back().copied() } else { None };
                assert_eq!((reader.has_news(), reader.read_if_newer()), (newer.is_some(), newer));
                seen[i] = written;
            }
            6 => {
                assert!(latest.writer().is_none());
                drop(writer.take());
                writer = latest.writer();
                closed = false;
            }
            7 => {
                writer.take().unwrap().close();
                closed = true;
                assert!(latest.is_closed());
                writer = latest.writer();
                closed &= latest.is_closed();
            }
            _ => readers[i] = readers[1 - i].clone(),
        }
        if op > 7 {
            seen[i] = seen[1 - i];
        }
        assert_eq!((readers[i].seen(), latest.version()), (seen[i], written));
        assert_eq!((latest.is_closed(), latest.stats().pushed), (closed, written));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn behaves_like_a_deque_of_one(script in prop::collection::vec((0_u8..9, 0_usize..2), 0..120)) {
        run::<1>(&script); // one atomic
        run::<5>(&script);
    }
}
