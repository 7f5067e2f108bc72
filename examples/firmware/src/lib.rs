//! A matching node for any target: one command record in, its event records out.
//!
//! Nothing here knows a board. The functions are not generic, so that building this library for a
//! target compiles the whole matching engine for it.
#![no_std]

pub mod line;
pub mod maps;
pub mod pools;
pub mod queues;
#[cfg(all(target_os = "none", any(target_arch = "arm", target_arch = "riscv32", target_arch = "aarch64")))]
pub mod semihosting;
pub mod trial;

use vvp_core::book::{
    Command, Event, FnSink, InstrumentId, InstrumentSpec, Op, Refusal, Reject, Symbol, WithStateHash,
};
use vvp_core::book_type;
use vvp_core::engine::{Engine, FnWriter, Matcher, RestoreError};
use zerocopy::IntoBytes;

/// 1,024 orders, 1,024 ticks in the window, 64 levels a side beyond it, 64 stops, ids in 2,048
/// places; with a state hash.
pub type SmallBook =
    book_type!(orders: 1024, ticks_per_side: 1024, far_levels: 64, stops: 64, state_hash: WithStateHash);

/// Four instruments, 32 owners with limits.
pub type Node = Engine<SmallBook, 4, 32>;

/// Bytes in a record, command and event alike.
pub const RECORD: usize = Command::SIZE;

/// The first record of a file of commands.
pub const COMMANDS_HEADER: [u8; RECORD] = header(b"VVPCMD1\n");

/// The first record of a file of events.
pub const EVENTS_HEADER: [u8; RECORD] = header(b"VVPEVT2\n");

/// Eight bytes that name the kind and the version, then zeros.
const fn header(magic: &[u8; 8]) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record.split_at_mut(8).0.copy_from_slice(magic);
    record
}

/// Applies the record with number `line` (from 1) and hands every event's bytes to `out`.
///
/// Bytes that are no command are answered with a refusal that names the line, and `false`. An
/// instrument that was not defined is `X`, as in the text format.
pub fn step(node: &mut Node, record: &[u8; RECORD], line: u64, out: &mut dyn FnMut(&[u8])) -> bool {
    let mut sink = FnSink(|event: Event| out(event.as_bytes()));
    let Ok(command) = Command::from_record(record) else {
        let refusal = Refusal { reason: Reject::BadField, id: None, edge_ref: Some(line), instrument: None, ts: None };
        node.apply(&Command::refused(&refusal), &mut sink);
        return false;
    };
    let needs_instrument = !matches!(command.op(), Op::Time | Op::Limits | Op::Instrument | Op::Refused);
    if needs_instrument && node.instruments() == 0 {
        let spec = InstrumentSpec::new(Symbol::X);
        node.apply(&Command::instrument(InstrumentId::new(0), &spec), &mut sink);
    }
    node.apply(&command, &mut sink);
    true
}

/// Hands the bytes of a snapshot to `out`, piece by piece, until it answers `false`; whether all
/// are out.
pub fn save(node: &Node, out: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    node.save(&mut FnWriter(|piece: &[u8]| if out(piece) { Ok(()) } else { Err(()) })).is_ok()
}

/// Makes the node what it was when the snapshot was saved.
///
/// # Errors
/// What is wrong with the snapshot.
pub fn restore(node: &mut Node, snapshot: &[u8]) -> Result<(), RestoreError> {
    node.restore(snapshot)
}

/// The hash of the node's state.
pub fn state_hash(node: &Node) -> u64 {
    node.state_hash()
}
