//! All messages decoded and encoded, wrong lengths, and no panic on any input.

#[cfg(test)]
mod both_ways {
    extern crate std;

    use super::super::*;
    use crate::wire::field::{Price4, Price8, Text};
    use crate::wire::frame::{self, Cause, Frames, NotWritten, WireError};
    use proptest::prelude::*;
    use std::vec::Vec;

    /// Generates bytes of the right length for a type of the catalogue.
    fn message() -> impl Strategy<Value = Vec<u8>> {
        (0..Message::CATALOGUE.len(), prop::collection::vec(any::<u8>(), 50)).prop_map(|(which, mut bytes)| {
            let (kind, size) = Message::CATALOGUE[which];
            bytes.truncate(size);
            bytes[0] = kind;
            bytes
        })
    }

    proptest! {
        /// Bytes → view → every field read → every field written → the same bytes.
        #[test]
        fn every_field_of_every_message_is_read_and_written(bytes in message()) {
            let message = Message::decode(&bytes).unwrap();
            prop_assert_eq!(message.kind(), bytes[0]);
            prop_assert_eq!(message.as_bytes(), &bytes[..]);
            let same = message.again(|again| again == bytes);
            prop_assert_eq!(same, Some(true));
            let head = message.head().unwrap();
            prop_assert_eq!(head.locate().to_be_bytes(), [bytes[1], bytes[2]]);
            prop_assert_eq!(&head.time_ns().to_be_bytes()[2..], &bytes[5..11]);
            let _ = std::format!("{message:?}");
        }

        #[test]
        fn wrong_length_is_an_error_with_both_lengths(bytes in message(), cut in 0usize..50, more in 1usize..20) {
            let size = bytes.len();
            let short = &bytes[..cut % size];
            let expect = match short {
                [] => BadMessage::Empty,
                _ => BadMessage::Short { kind: bytes[0], have: short.len() as u16, want: size as u16 },
            };
            prop_assert_eq!(Message::decode(short), Err(expect));
            let mut long = bytes.clone();
            long.resize(size + more, 7);
            let expect = BadMessage::Long { kind: bytes[0], have: (size + more) as u16, want: size as u16 };
            prop_assert_eq!(Message::decode(&long), Err(expect));
        }

        /// `OrderChange` decodes what the views do for types that change an order, and nothing for
        /// others.
        #[test]
        fn order_changes_agree_with_the_views(bytes in message(), cut in 0usize..50) {
            let read = OrderChange::read(&bytes).unwrap();
            let head = Message::decode(&bytes).unwrap().head().unwrap();
            let of = |reference, new_reference, shares, price, buys| {
                let (kind, locate, time) = (head.kind(), head.locate(), head.stamp().time);
                Some(OrderChange { kind, locate, time, reference, new_reference, shares, price, buys })
            };
            let none = Price4::new(0);
            let buys = |side| side == BuySell::Buy;
            prop_assert_eq!(read, match Message::decode(&bytes).unwrap() {
                Message::AddOrder(m) => of(m.reference(), 0, m.shares(), m.price(), buys(m.side())),
                Message::AddOrderMpid(m) => of(m.reference(), 0, m.shares(), m.price(), buys(m.side())),
                Message::OrderExecuted(m) => of(m.reference(), 0, m.shares(), none, false),
                Message::OrderExecutedWithPrice(m) => of(m.reference(), 0, m.shares(), m.price(), false),
                Message::OrderCancel(m) => of(m.reference(), 0, m.shares(), none, false),
                Message::OrderDelete(m) => of(m.reference(), 0, 0, none, false),
                Message::OrderReplace(m) => of(m.old_reference(), m.new_reference(), m.shares(), m.price(), false),
                _ => None,
            });
            let short = &bytes[..cut % bytes.len()];
            prop_assert_eq!(OrderChange::read(short).err(), Message::decode(short).err());
        }

        #[test]
        fn unknown_types_are_passed_through(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
            prop_assume!(Message::CATALOGUE.iter().all(|&(kind, _)| kind != bytes[0]));
            let message = Message::decode(&bytes);
            prop_assert_eq!(message, Ok(Message::Unknown(&bytes)));
            prop_assert_eq!(message.unwrap().head().is_some(), bytes.len() >= 11);
            prop_assert_eq!(OrderChange::read(&bytes), Ok(None));
        }

        /// Frames of any messages are read with their offsets; a cut is detected wherever it is.
        #[test]
        fn frames_are_read_as_written(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..70), 0..20), cut: u16) {
            let mut file = std::vec![0; 20 * 72];
            let (mut at, mut places) = (0, Vec::new());
            for message in &messages {
                places.push(at as u64);
                at += frame::write(message, &mut file[at..]).unwrap();
            }
            file.truncate(at);
            let mut frames = Frames::new(&file);
            let found: Vec<(u64, &[u8])> = frames.by_ref().collect();
            let expect: Vec<(u64, &[u8])> = places.iter().copied().zip(messages.iter().map(|m| &m[..])).collect();
            prop_assert_eq!(found, &expect[..]);
            prop_assert_eq!(frames.finish(), Ok(()));

            let cut = usize::from(cut) % (file.len() + 1);
            let mut frames = Frames::at(&file[..cut], 1000);
            let whole = frames.by_ref().count();
            prop_assert_eq!(whole, expect.iter().filter(|(at, m)| *at as usize + 2 + m.len() <= cut).count());
            let clean = cut == file.len() || places.contains(&(cut as u64));
            prop_assert_eq!(frames.finish().is_ok(), clean);
            if !clean {
                prop_assert_eq!(frames.finish().unwrap_err().offset, 1000 + places[whole]);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut messages = Frames::new(&bytes).messages();
            let all: Vec<_> = messages.by_ref().collect();
            prop_assert!(all.len() <= bytes.len());
            prop_assert_eq!(messages.next(), None);
        }
    }

    #[test]
    fn fields_have_the_offsets_of_the_specification() {
        let stamp = Stamp { locate: 0x0102, tracking: 0x0304, time: Nanos48::new(0x0506_0708_090a).unwrap() };
        let replace = OrderReplace::new(stamp)
            .with_old_reference(0x1112_1314_1516_1718)
            .with_new_reference(0x2122_2324_2526_2728)
            .with_shares(0x3132_3334)
            .with_price(Price4::new(0x4142_4344));
        let expect =
        b"U\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x11\x12\x13\x14\x15\x16\x17\x18\x21\x22\x23\x24\x25\x26\x27\x28\
        1234ABCD";
        assert_eq!(replace.as_bytes(), expect);
        let cross = CrossTrade::new(stamp).with_shares(u64::MAX).with_stock(Text::new(b"A").unwrap());
        assert_eq!(
            &cross.with_cross(CrossType::Closing).as_bytes()[11..],
            b"\xff\xff\xff\xff\xff\xff\xff\xffA       \0\0\0\0\0\0\0\0\0\0\0\0C"
        );
        let levels = BreakerLevels::new(stamp).with_level3(Price8::new(1));
        assert_eq!(levels.as_bytes()[34], 1);
    }

    #[test]
    fn catalogue_equals_the_specification() {
        let mut sizes: Vec<(char, usize)> = Message::CATALOGUE.iter().map(|&(k, n)| (char::from(k), n)).collect();
        sizes.sort_unstable();
        let expect = [
            ('A', 36),
            ('B', 19),
            ('C', 36),
            ('D', 19),
            ('E', 31),
            ('F', 40),
            ('H', 25),
            ('I', 50),
            ('J', 35),
            ('K', 28),
            ('L', 26),
            ('N', 20),
            ('O', 48),
            ('P', 44),
            ('Q', 40),
            ('R', 39),
            ('S', 12),
            ('U', 35),
            ('V', 35),
            ('W', 12),
            ('X', 23),
            ('Y', 20),
            ('h', 21),
        ];
        assert_eq!(sizes, expect);
    }

    #[test]
    fn errors_name_position_and_remedy() {
        let file = b"\0\x03S12\0\x0cS1234567890O\0\0rest";
        let mut messages = Frames::new(file).messages();
        let short = BadMessage::Short { kind: b'S', have: 3, want: 12 };
        let error = WireError { offset: 0, cause: Cause::Message(short) };
        assert_eq!(messages.next(), Some(Err(error)));
        assert_eq!(std::format!("{error}"), "at byte 0: message 'S' has 3 of its 12 bytes; is this ITCH 5.0?");
        assert!(
            matches!(messages.next(), Some(Ok((5, Message::SystemEvent(m)))) if m.event() == SystemEventCode::StartOfMessages)
        );
        assert_eq!(messages.next(), None);
        assert!(messages.frames().is_ended());

        let mut messages = Frames::new(b"\0\x0cS1").messages();
        let error = WireError { offset: 0, cause: Cause::Truncated { need: 14, have: 4 } };
        assert_eq!(messages.next(), Some(Err(error)));
        assert_eq!(messages.next(), None);
        assert_eq!(
            std::format!("{error}"),
            "at byte 0: the stream ends after 4 of a frame's 14 bytes; get the whole file"
        );

        assert_eq!(frame::write(b"", &mut [0; 4]), Err(NotWritten::Length));
        assert_eq!(frame::write(&[0; 65_536], &mut []), Err(NotWritten::Length));
        assert_eq!(frame::write(b"abc", &mut [0; 4]), Err(NotWritten::NoRoom));
    }

    /// The genuine messages of the sample day, if the file is present: all of them decode, and
    /// encode to the same bytes.
    #[test]
    fn genuine_messages_encode_to_the_same_bytes() {
        let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
        let folder = std::env::var_os("VVP_DATA").map_or(beside, std::path::PathBuf::from);
        let Ok(file) = std::fs::read(folder.join("12302019_SNIPPET.NASDAQ_ITCH50")) else {
            use std::io::Write;
            // Written directly to the stream: the test harness captures what a passing test prints.
            let loud = std::format!("SKIPPED: no ITCH snippet in {}; set VVP_DATA\n", folder.display());
            let _ = std::io::stderr().write_all(loud.as_bytes());
            return;
        };
        let (mut out, mut count) = (Vec::new(), 0);
        for message in Frames::new(&file).messages() {
            let (offset, message) = message.unwrap();
            assert_eq!(offset as usize, out.len());
            let mut bytes = [0; 64];
            let n = message.again(|again| frame::write(again, &mut bytes).unwrap()).expect("every type is known");
            out.extend_from_slice(&bytes[..n]);
            count += 1;
        }
        assert_eq!(count, 1000);
        assert_eq!(out, file);
    }
}
