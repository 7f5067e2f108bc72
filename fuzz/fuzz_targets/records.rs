//! Arbitrary bytes as records of commands and events: none panics, and what is read is its own
//! record, whole and in parts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vvp_core::book::{Command, Event};
use zerocopy::IntoBytes;

fuzz_target!(|bytes: &[u8]| {
    for record in bytes.as_chunks::<64>().0 {
        if let Ok(command) = Command::from_record(record) {
            assert!(command.is_well_formed());
            assert_eq!(command.as_bytes(), record);
        }
        let (event, old) = (Event::from_record(record), Event::from_record_v1(record));
        if let Ok(event) = event {
            assert_eq!(event.as_bytes(), record);
        }
        if let Ok(old) = old {
            assert!(old.is_version_1());
            let again: &[u8; 64] = old.as_bytes().try_into().expect("64 bytes");
            assert_eq!(Event::from_record(again), Ok(old));
        }
        for event in [event, old].into_iter().flatten() {
            assert_eq!(Event::from_parts(&event.head(), event.body()), event);
        }
    }
});
