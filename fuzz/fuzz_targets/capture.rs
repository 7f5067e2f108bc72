//! Any bytes as a capture file, compressed or not: only whole frames come out, blocks never lead
//! beyond the file, nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vvp_core::wire::capture::{CaptureFile, Datagram, Step};
use vvp_core::wire::frame::Frames;
use vvp_replay::itch::Lines;

fuzz_target!(|bytes: &[u8]| {
    let (mut file, mut rest) = (CaptureFile::new(), bytes);
    while let Ok(step) = file.next(rest) {
        let used = match step {
            Step::More { bytes } => {
                assert!(bytes > rest.len());
                break;
            }
            Step::Other { bytes } => bytes,
            Step::Packet { bytes, packet } => {
                let _ = Datagram::of(packet.link, packet.bytes);
                bytes
            }
        };
        let Some(behind) = rest.get(used..) else { break };
        assert!(used > 0);
        rest = behind;
    }
    let mut messages = Vec::new();
    let Ok(mut reader) = Lines::new([std::io::Cursor::new(bytes.to_vec())]) else { return };
    if std::io::Read::read_to_end(&mut std::io::Read::take(&mut reader, 1 << 20), &mut messages).is_ok() {
        let mut frames = Frames::new(&messages);
        while frames.next().is_some() {}
        assert!(frames.finish().is_ok() || messages.len() == 1 << 20, "only whole frames");
    }
});
