//! Any bytes as ITCH frames for a small market: messages come back byte for byte, the market stays
//! consistent, nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vvp_core::wire::frame::{self, Frames};
use vvp_core::wire::itch::Message;
use vvp_replay::itch::market::Market;
use zerocopy::FromZeros;

fuzz_target!(|bytes: &[u8]| {
    let mut market = Market::<32, 64, 16, 256>::new_box_zeroed().expect("memory");
    market.set_checksum(true);
    let mut out = vec![0; bytes.len()];
    let mut at = 0;
    let mut frames = Frames::new(bytes);
    for (offset, message) in frames.by_ref() {
        assert_eq!(offset as usize, at);
        at += frame::write(message, &mut out[at..]).expect("as long as what was read");
        match Message::decode(message) {
            Ok(decoded) => {
                assert_eq!(decoded.as_bytes(), message);
                let _ = format!("{decoded:?}");
                market.apply(offset, &decoded);
            }
            Err(bad) => market.bad(offset, &bad),
        }
    }
    assert_eq!(out[..at], bytes[..at]);
    let _ = frames.finish();
    market.check_invariants();
});
