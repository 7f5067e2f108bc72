//! Arbitrary commands, on an engine so small that everything in it fills up: nothing may panic,
//! every invariant holds after each command, no command causes more events than `events_max` said,
//! every event is a readable record, and the same commands give the same events again.
#![no_main]

#[path = "script.rs"]
mod script;

use libfuzzer_sys::fuzz_target;
use script::Script;
use vvp_core::book::{Command, Event, EventKind, FnSink, WithStateHash};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use zerocopy::IntoBytes;

/// 24 orders, a window of 128 ticks, 4 far levels a side, 4 stops; 3 instruments, 4 owners with
/// limits.
type Tiny =
    Engine<book_type!(orders: 24, ticks_per_side: 128, far_levels: 4, stops: 4, state_hash: WithStateHash), 3, 4>;

fuzz_target!(|bytes: &[u8]| {
    let first = run(bytes, true);
    let again = run(bytes, false);
    assert_eq!(first, again, "the same commands gave other events");
});

/// Number of events and a hash of all their bytes.
fn run(bytes: &[u8], check: bool) -> (u64, u64) {
    let mut engine = Box::new(Tiny::new());
    let (mut numbered, mut hash) = (0u64, 0xcbf2_9ce4_8422_2325_u64);
    for command in Script::new(bytes) {
        assert!(command.is_well_formed());
        let record: [u8; Command::SIZE] = command.as_bytes().try_into().expect("64 bytes");
        assert_eq!(Command::from_record(&record), Ok(command), "a command is not its own record");
        let said = engine.events_max(&command);
        let mut caused = 0;
        engine.apply(
            &command,
            &mut FnSink(|event: Event| {
                caused += 1;
                let record: [u8; Event::SIZE] = event.as_bytes().try_into().expect("64 bytes");
                assert_eq!(Event::from_record(&record), Ok(event), "an event is not its own record");
                if event.kind() != EventKind::Defined {
                    numbered += 1;
                    assert_eq!(event.seq_low(), numbered as u32);
                }
                for byte in record {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
                }
            }),
        );
        assert!(caused <= said, "a command causes {caused} events, and `events_max` said {said}");
        assert_eq!(engine.seq(), numbered);
        if check {
            engine.check_invariants().expect("whole, and its state hash that of its state");
        }
    }
    (numbered, hash)
}
