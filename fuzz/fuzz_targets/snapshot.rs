//! Any bytes as a snapshot: refused, or an engine that is whole, saves what it is, and can go on.
//!
//! The input is everything between length and checksum, which are put right here, or hardly any
//! input would get beyond them; the first byte says what follows: such a body, raw bytes, or
//! commands whose snapshot is then changed here and there.
#![no_main]

#[path = "script.rs"]
mod script;

use libfuzzer_sys::fuzz_target;
use script::Script;
use vvp_core::book::{Book, CountSink, WithStateHash};
use vvp_core::book_type;
use vvp_core::engine::{Engine, FnWriter, Matcher};

/// 24 orders, a window of 128 ticks, 4 far levels a side, 4 stops; 3 instruments, 4 owners with
/// limits.
type Tiny =
    Engine<book_type!(orders: 24, ticks_per_side: 128, far_levels: 4, stops: 4, state_hash: WithStateHash), 3, 4>;
/// As much room in another shape.
type Other =
    Engine<book_type!(orders: 30, ticks_per_side: 64, far_levels: 24, stops: 5, state_hash: WithStateHash), 4, 5>;

fuzz_target!(|bytes: &[u8]| {
    let Some((&how, bytes)) = bytes.split_first() else { return };
    match how % 3 {
        0 => {
            let mut whole = b"VVPSNAP\n\x01\0\0\0\0\0\0\0".to_vec();
            whole.extend([0; 8]);
            whole.extend(bytes);
            whole.extend([0; 8]);
            seal(&mut whole);
            take_in(&whole);
        }
        1 => take_in(bytes),
        _ => {
            let (changes, commands) = bytes.split_at(bytes.len().min(12));
            let mut engine = Box::new(Tiny::new());
            for command in Script::new(commands) {
                engine.apply(&command, &mut CountSink::default());
            }
            let mut whole = saved(&engine);
            for change in changes.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % whole.len();
                whole[at] ^= change[2];
            }
            seal(&mut whole);
            take_in(&whole);
        }
    }
});

fn take_in(bytes: &[u8]) {
    let mut engine = Box::new(Tiny::new());
    let restored = engine.restore(bytes);
    engine.check_invariants().expect("whole");
    if restored.is_err() {
        assert_eq!((engine.seq(), engine.clock(), engine.instruments()), (0, 0, 0));
        return;
    }
    let again = saved(&engine);
    let mut other = Box::new(Other::new());
    other.restore(&again).expect("there is room");
    assert_eq!(other.state_hash(), engine.state_hash());
    let mut twin = Box::new(Tiny::new());
    twin.restore(&again).expect("its own bytes");
    assert_eq!(saved(&twin), again);
    // All of them go on alike.
    for command in Script::new(bytes) {
        let mut counts = [CountSink::default(); 3];
        engine.apply(&command, &mut counts[0]);
        twin.apply(&command, &mut counts[1]);
        assert_eq!(counts[0], counts[1]);
        assert_eq!(engine.state_hash(), twin.state_hash());
        other.apply(&command, &mut counts[2]);
        engine.check_invariants().expect("whole");
        other.check_invariants().expect("whole");
    }
    assert_eq!(saved(&twin), saved(&engine));
}

fn saved<
    const O: usize,
    const B: usize,
    const F: usize,
    const S: usize,
    const I: usize,
    const N: usize,
    const W: usize,
>(
    engine: &Engine<Book<O, B, F, S, I, WithStateHash>, N, W>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let all = engine.save(&mut FnWriter(|piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), ()>(())
    }));
    all.expect("memory");
    bytes
}

/// Writes the length and the checksum that belong to these bytes.
fn seal(bytes: &mut [u8]) {
    let (len, end) = (bytes.len(), bytes.len() - 8);
    bytes[16..24].copy_from_slice(&(len as u64).to_le_bytes());
    let sum = !bytes[..end].iter().fold(u64::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u64::from(byte), |crc, _| (crc >> 1) ^ (0xc96c_5795_d787_0f42 & (crc & 1).wrapping_neg()))
    });
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
}
