//! The queues between an interrupt handler and the main loop, each with one type, so that building this library for a
//! target compiles them for it.

use vvp_core::queue::{Frames, PopError, Spsc, TurnSpsc};

/// Readings of a sensor, in runs.
pub static READINGS: Spsc<u32, 64> = Spsc::new();

/// Key presses, one by one.
pub static KEYS: TurnSpsc<u8, 16> = TurnSpsc::new();

/// Packets of a serial line.
pub static PACKETS: Frames<512> = Frames::new();

/// What the interrupt handler does; whether there was room for all of it, and nobody else at that end.
pub fn interrupt(readings: &[u32], key: u8, packet: &[u8]) -> bool {
    let taken = READINGS.producer().is_some_and(|mut end| end.push_slice(readings) == readings.len());
    let pressed = KEYS.producer().is_some_and(|mut end| end.push(key).is_ok());
    let sent = PACKETS.producer().is_some_and(|mut end| end.push(packet).is_ok());
    taken && pressed && sent
}

/// What the main loop does: a sum of all that has come.
pub fn take_all() -> u32 {
    let mut sum = 0_u32;
    if let Some(mut end) = READINGS.consumer() {
        sum = end.drain().fold(sum, u32::wrapping_add);
    }
    if let Some(mut end) = KEYS.consumer() {
        sum = end.drain().fold(sum, |sum, key| sum.wrapping_add(u32::from(key)));
    }
    if let Some(mut end) = PACKETS.consumer() {
        while let Ok(packets) = end.read_many() {
            sum = packets.iter().flatten().fold(sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
            packets.release();
        }
    }
    sum
}

/// Whether there is anything to take.
pub fn idle() -> bool {
    READINGS.is_empty() && KEYS.is_empty() && PACKETS.stats().depth == 0
}

/// Whether the handler has said that nothing more will come.
pub fn ended() -> bool {
    PACKETS.consumer().is_some_and(|mut end| matches!(end.read(), Err(PopError::Closed)))
}
