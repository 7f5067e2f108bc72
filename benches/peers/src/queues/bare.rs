//! What the machine can do without any queue: floors for rows of the table.

use super::harness::{Runner, Value, duel, round_trip, same_thread, ticks_per_ns};
use crate::support::host;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A line of its own.
#[repr(align(128))]
struct Apart<T>(T);

/// A number on a line: there is a value when it has changed.
fn line<T: Value>() -> (impl FnMut(T) -> bool + Send + 'static, impl FnMut() -> Option<T> + Send + 'static) {
    let line: &Apart<AtomicU64> = Box::leak(Box::new(Apart(AtomicU64::new(0))));
    let mut last = 0;
    let push = move |value: T| {
        line.0.store(value.number() + 1, Ordering::Release);
        true
    };
    let pop = move || {
        let now = line.0.load(Ordering::Acquire);
        (now != last).then(|| {
            last = now;
            T::of(now - 1)
        })
    };
    (push, pop)
}

/// A line there and a line back, timed as the queues' round trips.
pub fn trip<T: Value>(trips: u64) -> Runner {
    round_trip::<T>("bare line", trips, line(), line())
}

/// Writes a value into an array and reads it again, without any check; and the same with the two
/// indices stored, which are never read.
pub fn same<T: Value + zerocopy::FromZeros>(times: u64) -> Vec<Runner> {
    const N: usize = 1024;
    let array = || {
        let slots: &'static mut [T] = Vec::leak(T::new_vec_zeroed(N).expect("memory"));
        slots.as_mut_ptr()
    };
    let (slots, mut tail, mut head) = (array(), 0_usize, 0_usize);
    let push = move |value: T| {
        // SAFETY: below N, and one thread.
        unsafe { slots.add(tail % N).write(value) };
        tail += 1;
        true
    };
    let pop = move || {
        // SAFETY: as above.
        let value = unsafe { slots.add(head % N).read() };
        head += 1;
        Some(value)
    };
    let plain = same_thread::<T>("bare array", times, push, pop);
    let (slots, mut tail, mut head) = (array(), 0_usize, 0_usize);
    let marks: &'static [Apart<AtomicUsize>; 2] =
        Box::leak(Box::new([Apart(AtomicUsize::new(0)), Apart(AtomicUsize::new(0))]));
    let push = move |value: T| {
        // SAFETY: as above.
        unsafe { slots.add(tail % N).write(value) };
        tail += 1;
        marks[0].0.store(tail, Ordering::Release);
        true
    };
    let pop = move || {
        // SAFETY: as above.
        let value = Some(unsafe { slots.add(head % N).read() });
        head += 1;
        marks[1].0.store(head, Ordering::Release);
        value
    };
    vec![plain, same_thread::<T>("bare array, 2 indices", times, push, pop)]
}

/// One core writes the lines, then the other reads them: nanoseconds a line for each.
fn phases(name: &'static str, lines: usize, ahead: Option<usize>) -> Runner {
    const LAPS: u64 = 40;
    const WORDS: usize = 8;
    #[repr(align(64))]
    struct Line([AtomicU64; WORDS]);
    let ring: &'static [Line] =
        Vec::leak((0..lines).map(|_| Line([const { AtomicU64::new(0) }; WORDS])).collect::<Vec<_>>());
    let turn: &'static Apart<AtomicU64> = Box::leak(Box::new(Apart(AtomicU64::new(0))));
    Runner::new(name, move || {
        let (mut writes, mut reads) = (vec![], vec![]);
        turn.0.store(0, Ordering::Relaxed);
        duel(
            &mut || {
                turn.0.store(0, Ordering::Relaxed);
                writes.clear();
                for lap in 0..LAPS {
                    let start = host::ticks();
                    for at in 0..lines {
                        if let Some(ahead) = ahead {
                            host::prefetch_to_write(&raw const ring[(at + ahead) % lines]);
                        }
                        ring[at].0.iter().for_each(|word| word.store(lap, Ordering::Relaxed));
                    }
                    std::sync::atomic::fence(Ordering::SeqCst);
                    writes.push(host::ticks() - start);
                    turn.0.store(2 * lap + 1, Ordering::Release);
                    while turn.0.load(Ordering::Acquire) != 2 * lap + 2 {
                        std::hint::spin_loop();
                    }
                }
            },
            &mut || {
                reads.clear();
                for lap in 0..LAPS {
                    while turn.0.load(Ordering::Acquire) != 2 * lap + 1 {
                        std::hint::spin_loop();
                    }
                    let start = host::ticks();
                    let sum: u64 = ring.iter().map(|line| line.0[0].load(Ordering::Relaxed)).sum();
                    reads.push(host::ticks() - start);
                    assert_eq!(sum, lap * lines as u64);
                    turn.0.store(2 * lap + 2, Ordering::Release);
                }
            },
        );
        let median = |ticks: &mut Vec<u64>| {
            ticks.sort_unstable();
            ticks[ticks.len() / 2] as f64 / lines as f64 / ticks_per_ns()
        };
        vec![median(&mut writes), median(&mut reads)]
    })
}

/// Lines that go from core to core and are written again, as in a ring.
pub fn lines() -> Vec<Runner> {
    vec![
        phases("16 KiB", 256, None),
        phases("64 KiB", 1024, None),
        phases("64 KiB, prefetchw 16 on", 1024, Some(16)),
        phases("4 MiB", 65_536, None),
    ]
}
