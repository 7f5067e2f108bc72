//! Frames of bytes: what the firmware's receiver does, at every instruction.

use crate::queues::{New, Place, Values};
use crate::sweep::{Scene, When};
use vvp_core::queue::{FrameConsumer, FrameProducer, Frames};

/// Room for five frames or six, with their lengths.
const RING: usize = 64;

/// Where both sides work.
pub static FRAMES: Place<Frames<RING>> = Place::new();

impl New for Frames<RING> {
    const NEW: Self = Self::new();
}

/// Bytes of frame `number`, which are all that number.
const fn bytes(number: u8) -> usize {
    5 + number as usize % 3
}

fn push(tx: &mut FrameProducer<'static, RING>, number: u8) -> bool {
    tx.push(&[number; 8][..bytes(number)]).is_ok()
}

/// The number of the next frame; 0 for one that is not as it was pushed.
fn read(rx: &mut FrameConsumer<'static, RING>) -> Option<u64> {
    let frame = rx.read().ok()?;
    let number = frame.first().copied().unwrap_or_default();
    let whole = frame.len() == bytes(number) && frame.iter().all(|byte| *byte == number);
    frame.release();
    Some(if whole { number.into() } else { 0 })
}

type Ends = (FrameProducer<'static, RING>, FrameConsumer<'static, RING>);

/// How far the marks are, how many frames there are, how many are for or from the handler.
const STATES: usize = 6 * 4 * 3;

fn prepare(place: &'static Place<Frames<RING>>, state: usize) -> Option<(Ends, u8, usize)> {
    // SAFETY: `check` has dropped both sides of the run before, and the timer is off.
    let frames = unsafe { place.renew() };
    let (before, fill, count) = (state % 6, (state / 6 % 4) as u8, [1, 2, 7][state / 24]);
    let (mut tx, mut rx) = (frames.producer()?, frames.consumer()?);
    for _ in 0..before {
        push(&mut tx, 255).then_some(())?;
        read(&mut rx)?;
    }
    for number in 1..=fill {
        push(&mut tx, number).then_some(())?;
    }
    Some(((tx, rx), fill, count))
}

/// Whether the frames taken and those still there are number 1 to `last`.
fn right(mut taken: Values, rx: &mut FrameConsumer<'static, RING>, last: u8) -> Result<(), &'static str> {
    while let Some(number) = read(rx) {
        taken.add(number);
    }
    if taken.iter().eq(1..=last.into()) { Ok(()) } else { Err("frames are missing, wrong, or out of order") }
}

/// The main loop reads a frame, the handler pushes some.
pub struct Reading;

impl Scene for Reading {
    type Place = Place<Frames<RING>>;
    type Main = (FrameConsumer<'static, RING>, Values);
    /// The number of the last frame that went in, those to push, those that went in.
    type Handler = (FrameProducer<'static, RING>, u8, usize, usize);
    const STATES: usize = STATES;

    fn prepare(place: &'static Self::Place, state: usize) -> Option<(Self::Main, Self::Handler)> {
        let ((tx, rx), fill, count) = prepare(place, state)?;
        Some(((rx, Values::NONE), (tx, fill, count, 0)))
    }

    #[inline(always)]
    fn act((rx, taken): &mut Self::Main) {
        if let Some(number) = read(rx) {
            taken.add(number);
        }
    }

    fn interrupt((tx, last, count, given): &mut Self::Handler) {
        while *given < *count && push(tx, *last + 1) {
            *last += 1;
            *given += 1;
        }
    }

    fn check((mut rx, taken): Self::Main, handler: Self::Handler, when: When) -> Result<(), &'static str> {
        let (tx, last, count, given) = handler;
        let fill = usize::from(last) - given;
        // Three frames leave room for one more, at every position.
        if given < count.min(4_usize.saturating_sub(fill).min(1)) {
            return Err("refused, and there was room");
        }
        if taken.len() == 0 && (fill > 0 || when == When::Before) || taken.len() > fill && when == When::After {
            return Err("nothing was taken, or too early");
        }
        drop(tx);
        right(taken, &mut rx, last)
    }
}

/// The main loop pushes a frame, the handler reads some.
pub struct Writing;

impl Scene for Writing {
    type Place = Place<Frames<RING>>;
    /// The number of the last frame, and whether one more went in.
    type Main = (FrameProducer<'static, RING>, u8, bool);
    /// Those to read, and those read.
    type Handler = (FrameConsumer<'static, RING>, usize, Values);
    const STATES: usize = STATES;

    fn prepare(place: &'static Self::Place, state: usize) -> Option<(Self::Main, Self::Handler)> {
        let ((tx, rx), fill, count) = prepare(place, state)?;
        Some(((tx, fill, false), (rx, count, Values::NONE)))
    }

    #[inline(always)]
    fn act((tx, last, given): &mut Self::Main) {
        *given = push(tx, *last + 1);
    }

    fn interrupt((rx, count, taken): &mut Self::Handler) {
        for _ in 0..*count {
            let Some(number) = read(rx) else { break };
            taken.add(number);
        }
    }

    fn check((tx, last, given): Self::Main, handler: Self::Handler, when: When) -> Result<(), &'static str> {
        let (mut rx, count, taken) = handler;
        if !given {
            return Err("refused, and there was room");
        }
        let (least, most) = (count.min(last.into()), count.min(usize::from(last) + 1));
        if taken.len() < if when == When::After { most } else { least } || taken.len() > most {
            return Err("more taken than there was, or less");
        }
        drop(tx);
        right(taken, &mut rx, last + 1)
    }
}
