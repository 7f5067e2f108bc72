//! Arbitrary bytes as an order file in each format: nothing may panic, every command that comes
//! out is well formed, the input ends; and the commands of a text, written as text, read back as
//! the same commands.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vvp_core::book::Command;
use vvpx::text::{CommandWriter, Format, Input, InputError, InputFormat, Step};
use zerocopy::IntoBytes;

const MAX_INSTRUMENTS: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    let Some((format, bytes)) = bytes.split_first() else { return };
    let format = match format % 3 {
        0 => InputFormat::Text(Format::Jsonl),
        1 => InputFormat::Text(Format::Csv),
        _ => InputFormat::Records,
    };
    let Ok(commands) = read(bytes, format) else { return };
    // A record can claim to be the refusal of any line; a text that says the same would be as long
    // as that.
    if matches!(format, InputFormat::Text(_)) {
        let text = write(&commands);
        let again = read(text.as_bytes(), InputFormat::Text(Format::Jsonl)).expect("JSON Lines has no header to miss");
        assert_eq!(again, commands, "written as\n{text}");
    }
});

fn read(bytes: &[u8], format: InputFormat) -> Result<Vec<Command>, InputError> {
    let mut input = Input::new(bytes, format, MAX_INSTRUMENTS);
    let mut commands = Vec::new();
    let mut bad = 0;
    // Every step but the last takes a byte at least.
    for _ in 0..bytes.len() + 2 {
        let before = commands.len();
        let step = input.step(|command| {
            let record: [u8; Command::SIZE] = command.as_bytes().try_into().expect("64 bytes");
            assert_eq!(Command::from_record(&record), Ok(command), "a command is not its own record");
            commands.push(command);
        })?;
        assert!(commands.len() - before <= 2, "a line gave {} commands", commands.len() - before);
        match step {
            Step::End => return Ok(commands),
            Step::Bad(line) => {
                bad += 1;
                assert!(!line.to_string().contains('\n'), "an error of more than one line: {line}");
            }
            _ => {}
        }
        assert!(input.bad() >= bad);
    }
    panic!("the input does not end");
}

fn write(commands: &[Command]) -> String {
    let mut writer = CommandWriter::new(Format::Jsonl, MAX_INSTRUMENTS);
    let mut text = Vec::new();
    writer.start(&mut text).expect("memory takes all");
    for command in commands {
        writer.write(command, &mut text).expect("memory takes all");
    }
    writer.finish(&mut text).expect("memory takes all");
    String::from_utf8(text).expect("text")
}
