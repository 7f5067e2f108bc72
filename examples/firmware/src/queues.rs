//! The queues between an interrupt handler and the main loop, each with one type, so that building
//! this library for a target compiles them for it.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll};
use vvp_core::cell::Latest;
use vvp_core::queue::asynch::AsyncMpsc;
use vvp_core::queue::{FanIn, Frames, Mpsc, PopError, SequencedSpsc, Spsc};

/// Readings of a sensor, pushed in batches.
pub static READINGS: Spsc<u32, 64> = Spsc::new();

/// Key presses, one by one.
pub static KEYS: SequencedSpsc<u8, 16> = SequencedSpsc::new();

/// Packets of a serial line.
pub static PACKETS: Frames<512> = Frames::new();

/// Alarms of several handlers, in one global order. Reserving a slot is a compare-and-swap.
pub static ALARMS: Mpsc<u16, 16> = Mpsc::new();

/// Counts of several handlers, a lane each. Claiming a lane is a compare-and-swap; pushing is not.
pub static COUNTS: FanIn<u32, 8, 3> = FanIn::new();

/// The latest position of an axis.
pub static PLACE: Latest<[u32; 3]> = Latest::new();

/// Calls of several handlers, for a task that sleeps until one arrives.
pub static CALLS: AsyncMpsc<u16, 8, 3> = AsyncMpsc::new();

/// Pushes a call from a handler and wakes the task. Returns whether there was room.
pub fn call(number: u16) -> bool {
    CALLS.producer().is_some_and(|mut end| end.try_push(number).is_ok())
}

/// Polls for the next call: returns it, or registers the task's waker if there is none.
pub fn next_call(context: &mut Context<'_>) -> Poll<Option<u16>> {
    CALLS.consumer().map_or(Poll::Ready(None), |mut end| pin!(end.pop()).poll(context))
}

/// The work of a handler that another one may interrupt. Returns whether there was room for all.
pub fn nested_interrupt(alarm: u16, count: u32, place: [u32; 3]) -> bool {
    let alarmed = ALARMS.producer().push(alarm).is_ok();
    let counted = COUNTS.producer().is_some_and(|mut lane| lane.push(count).is_ok());
    let placed = PLACE.writer().map(|mut writer| writer.write(place)).is_some();
    alarmed && counted && placed
}

/// The work of the interrupt handler. Returns whether there was room for all of it, and its
/// endpoints were not claimed.
pub fn interrupt(readings: &[u32], key: u8, packet: &[u8]) -> bool {
    let taken = READINGS.producer().is_some_and(|mut end| end.push_slice(readings) == readings.len());
    let pressed = KEYS.producer().is_some_and(|mut end| end.push(key).is_ok());
    let sent = PACKETS.producer().is_some_and(|mut end| end.push(packet).is_ok());
    taken && pressed && sent
}

/// The work of the main loop: returns the sum of all values received.
pub fn take_all() -> u32 {
    let mut sum = 0_u32;
    if let Some(mut end) = READINGS.consumer() {
        sum = end.drain().fold(sum, u32::wrapping_add);
    }
    if let Some(mut end) = KEYS.consumer() {
        sum = end.drain().fold(sum, |sum, key| sum.wrapping_add(u32::from(key)));
    }
    if let Some(mut end) = ALARMS.consumer() {
        sum = end.drain().fold(sum, |sum, alarm| sum.wrapping_add(u32::from(alarm)));
    }
    if let Some(mut end) = COUNTS.consumer() {
        sum = end.drain().fold(sum, u32::wrapping_add);
    }
    if let Ok(place) = PLACE.reader().read() {
        sum = place.into_iter().fold(sum, u32::wrapping_add);
    }
    if let Some(mut end) = PACKETS.consumer() {
        while let Ok(packets) = end.read_many() {
            sum = packets.iter().flatten().fold(sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
            packets.release();
        }
    }
    sum
}

/// Returns whether all queues are empty.
pub fn idle() -> bool {
    READINGS.is_empty() && KEYS.is_empty() && ALARMS.is_empty() && COUNTS.is_empty() && PACKETS.stats().depth == 0
}

/// Returns whether the handler has closed its endpoint.
pub fn ended() -> bool {
    PACKETS.consumer().is_some_and(|mut end| matches!(end.read(), Err(PopError::Closed)))
}
