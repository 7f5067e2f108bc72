//! What is no queue with two ends: producers that interrupt each other, the newest value, and the
//! pool.

use crate::queues::{New, Place, Values};
use crate::sweep::{Scene, When};
use core::hint::black_box;
use vvp_core::cell::Latest;
use vvp_core::cell::{Reader, Writer};
use vvp_core::pool::{Pool, PoolBox};
use vvp_core::queue::{Mpsc, MpscConsumer, MpscProducer};

/// Three words, which must be of one value.
type Word3 = [u32; 3];

/// The newest value.
pub static LATEST: Place<Latest<Word3>> = Place::new();

/// Four objects.
pub static POOL: Place<Pool<u64, 4>> = Place::new();

impl New for Latest<Word3> {
    const NEW: Self = Self::new();
}

impl New for Pool<u64, 4> {
    const NEW: Self = Self::new();
}

/// A producer interrupts another of the same queue within its push.
pub struct Nested;

/// The producer in the main loop, and the consumer.
pub struct Lower {
    tx: MpscProducer<'static, u64, 4>,
    rx: MpscConsumer<'static, u64, 4>,
    fill: usize,
    given: bool,
}

/// The producer in the handler.
pub struct Upper {
    tx: MpscProducer<'static, u64, 4>,
    count: usize,
    given: usize,
}

impl Scene for Nested {
    type Place = Place<Mpsc<u64, 4>>;
    type Main = Lower;
    type Handler = Upper;
    /// Where the indices stand, values in the queue, values of the handler.
    const STATES: usize = 4 * 5 * 3;

    fn prepare(place: &'static Self::Place, state: usize) -> Option<(Lower, Upper)> {
        // SAFETY: `check` has dropped both sides of the run before, and the timer is off.
        let queue = unsafe { place.renew() };
        let (before, fill, count) = (state % 4, state / 4 % 5, [1, 2, 5][state / 20]);
        let (mut tx, mut rx) = (queue.producer(), queue.consumer()?);
        for _ in 0..before {
            tx.push(0).ok()?;
            rx.pop().ok()?;
        }
        for number in 1..=fill {
            tx.push(number as u64).ok()?;
        }
        Some((Lower { tx, rx, fill, given: false }, Upper { tx: queue.producer(), count, given: 0 }))
    }

    #[inline(always)]
    fn act(main: &mut Lower) {
        main.given = main.tx.push(main.fill as u64 + 1).is_ok();
    }

    fn interrupt(handler: &mut Upper) {
        while handler.given < handler.count && handler.tx.push(101 + handler.given as u64).is_ok() {
            handler.given += 1;
        }
    }

    fn check(main: Lower, handler: Upper, _: When) -> Result<(), &'static str> {
        let (Lower { tx, mut rx, fill, given }, Upper { tx: other, count, given: by_handler }) = (main, handler);
        let by_main = fill + usize::from(given);
        if by_main + by_handler < 4 && (!given || by_handler < count) {
            return Err("refused, and there was room");
        }
        let mut taken = Values::NONE;
        while let Ok(value) = rx.pop() {
            taken.add(value);
        }
        drop((tx, other, rx));
        let lower = taken.iter().filter(|value| *value < 100).eq(1..=by_main as u64);
        let upper = taken.iter().filter(|value| *value > 100).eq(101..101 + by_handler as u64);
        if lower && upper { Ok(()) } else { Err("values are missing, wrong, or out of order") }
    }
}

/// The value that is written as number `n`.
const fn whole(n: u32) -> Word3 {
    [n, n + 1000, n + 2000]
}

/// The main loop reads the newest value, the handler writes newer ones.
pub struct Reading;

impl Scene for Reading {
    type Place = Place<Latest<Word3>>;
    /// The number of the newest value, and what was read.
    type Main = (Reader<'static, Word3>, u32, Option<Word3>);
    /// The next number, and how many to write.
    type Handler = (Writer<'static, Word3>, u32, u32);
    const STATES: usize = 6 * 6;

    fn prepare(place: &'static Self::Place, state: usize) -> Option<(Self::Main, Self::Handler)> {
        // SAFETY: `check` has dropped both sides of the run before, and the timer is off.
        let latest = unsafe { place.renew() };
        let (mut writer, newest, count) = (latest.writer()?, state as u32 % 6, state as u32 / 6 + 1);
        (1..=newest).for_each(|n| writer.write(whole(n)));
        Some(((latest.reader(), newest, None), (writer, newest + 1, count)))
    }

    #[inline(always)]
    fn act((reader, _, read): &mut Self::Main) {
        *read = reader.read().ok();
    }

    fn interrupt((writer, next, count): &mut Self::Handler) {
        (*next..*next + *count).for_each(|n| writer.write(whole(n)));
    }

    fn check((_, newest, read): Self::Main, (_, _, count): Self::Handler, when: When) -> Result<(), &'static str> {
        let may = match when {
            When::Before => newest + count..=newest + count,
            When::Within => newest..=newest + count,
            When::After => newest..=newest,
        };
        let right = match read {
            Some(value) => value[0] > 0 && may.contains(&value[0]) && value == whole(value[0]),
            None => may.contains(&0),
        };
        if right { Ok(()) } else { Err("the value is torn, too old or too new") }
    }
}

/// The main loop writes the newest value, the handler reads.
pub struct Writing;

impl Scene for Writing {
    type Place = Place<Latest<Word3>>;
    /// The number of the next value.
    type Main = (Writer<'static, Word3>, u32);
    /// What was read.
    type Handler = (Reader<'static, Word3>, Option<Word3>);
    const STATES: usize = 6;

    fn prepare(place: &'static Self::Place, state: usize) -> Option<(Self::Main, Self::Handler)> {
        // SAFETY: `check` has dropped both sides of the run before, and the timer is off.
        let latest = unsafe { place.renew() };
        let (mut writer, next) = (latest.writer()?, state as u32 + 1);
        (1..next).for_each(|n| writer.write(whole(n)));
        Some(((writer, next), (latest.reader(), None)))
    }

    #[inline(always)]
    fn act((writer, next): &mut Self::Main) {
        writer.write(whole(*next));
    }

    fn interrupt((reader, read): &mut Self::Handler) {
        *read = reader.read().ok();
    }

    fn check((_, next): Self::Main, (_, read): Self::Handler, when: When) -> Result<(), &'static str> {
        let number = read.map_or(0, |value| value[0]);
        let whole = read.is_none_or(|value| value == whole(number));
        let right = match when {
            When::Before => number == next - 1,
            When::Within => number == next - 1 || number == next,
            When::After => number == next,
        };
        if whole && right { Ok(()) } else { Err("the value is torn, too old or too new") }
    }
}

/// The main loop takes an object and gives it back; the handler takes some and keeps them.
pub struct Borrowing;

/// The main loop's.
pub struct Borrower {
    pool: &'static Pool<u64, 4>,
    held: [Option<PoolBox<'static, u64>>; 4],
    got: bool,
    /// Another owner wrote to the object.
    disturbed: bool,
}

/// The handler's.
pub struct Keeper {
    pool: &'static Pool<u64, 4>,
    kept: [Option<PoolBox<'static, u64>>; 4],
    count: usize,
}

impl Scene for Borrowing {
    type Place = Place<Pool<u64, 4>>;
    type Main = Borrower;
    type Handler = Keeper;
    /// Objects used before, objects held, objects for the handler.
    const STATES: usize = 5 * 5 * 3;

    fn prepare(place: &'static Self::Place, state: usize) -> Option<(Borrower, Keeper)> {
        // SAFETY: `check` has dropped both sides of the run before, and the timer is off.
        let pool = unsafe { place.renew() };
        let (before, holds, count) = (state % 5, state / 5 % 5, [1, 2, 4][state / 25]);
        let used: [_; 4] = core::array::from_fn(|n| if n < before { pool.acquire() } else { None });
        drop(used);
        let held = core::array::from_fn(|n| if n < holds { pool.acquire() } else { None });
        let kept = [const { None }; 4];
        Some((Borrower { pool, held, got: false, disturbed: false }, Keeper { pool, kept, count }))
    }

    #[inline(always)]
    fn act(main: &mut Borrower) {
        if let Some(mut object) = main.pool.acquire() {
            main.got = true;
            main.disturbed = *object != 0;
            *black_box(&mut *object) = 1;
            main.disturbed |= *black_box(&*object) != 1;
        }
    }

    fn interrupt(handler: &mut Keeper) {
        for place in handler.kept.iter_mut().take(handler.count) {
            *place = handler.pool.acquire();
            if let Some(object) = place {
                **object += 2;
            }
        }
    }

    fn check(main: Borrower, handler: Keeper, when: When) -> Result<(), &'static str> {
        let (Borrower { pool, held, got, disturbed }, Keeper { kept, count, .. }) = (main, handler);
        let free = 4 - held.iter().flatten().count();
        let taken = kept.iter().flatten().count();
        if disturbed || kept.iter().flatten().any(|object| **object != 2) {
            return Err("an object had two owners");
        }
        if !got && free > if when == When::After { 0 } else { taken } {
            return Err("refused, and there was an object");
        }
        let least = count.min(if when == When::Within { free.saturating_sub(1) } else { free });
        if taken > count.min(free) || taken < least {
            return Err("the handler got more objects than there were, or fewer");
        }
        drop((held, kept));
        let all: [_; 5] = core::array::from_fn(|_| pool.acquire());
        let right = all.iter().flatten().count() == 4;
        if right { Ok(()) } else { Err("an object was lost, or is there twice") }
    }
}
