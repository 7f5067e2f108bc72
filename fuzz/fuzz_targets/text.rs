//! Any bytes at all as an order file in each format: nothing may panic, every command that comes out is well formed,
//! and the input ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vvp_core::book::Command;
use vvp_std_adapter::text::{Format, Input, InputFormat, Step};
use zerocopy::IntoBytes;

fuzz_target!(|bytes: &[u8]| {
    let Some((format, bytes)) = bytes.split_first() else { return };
    let format = match format % 3 {
        0 => InputFormat::Text(Format::Jsonl),
        1 => InputFormat::Text(Format::Csv),
        _ => InputFormat::Records,
    };
    let mut input = Input::new(bytes, format, 4);
    let most_steps = bytes.len() + 2; // every step but the last takes a byte at least
    let mut bad = 0;
    for _ in 0..most_steps {
        let mut commands = 0;
        let step = input.step(|command| {
            commands += 1;
            let record: [u8; Command::SIZE] = command.as_bytes().try_into().expect("64 bytes");
            assert_eq!(Command::from_record(&record), Ok(command), "a command is not its own record");
        });
        assert!(commands <= 2, "a line gave {commands} commands");
        match step {
            Ok(Step::End) | Err(_) => return,
            Ok(Step::Bad(line)) => {
                bad += 1;
                assert!(!line.to_string().contains('\n'), "an error of more than one line: {line}");
            }
            Ok(_) => {}
        }
        assert!(input.bad() >= bad);
    }
    panic!("the input does not end");
});
