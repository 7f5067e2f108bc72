//! The tops of books, read by other threads while the engine's thread writes them. `.ci/tsan` runs
//! this under ThreadSanitizer.

use std::collections::HashSet;
use std::thread;
use vvp_core::book::{Command, CountSink, InstrumentId};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvp_core::market_data::{self, Feed, Record, Tops};
use vvp_testkit::flavours::flavours;
use vvp_testkit::sinks::DynSink;
use vvp_testkit::streams::Stream;
use zerocopy::{FromZeros, IntoBytes};

const INSTRUMENTS: usize = vvp_testkit::engine::MAX_INSTRUMENTS;
type Normal = Engine<book_type!(orders: 1000, ticks_per_side: 256, far_levels: 1024, stops: 200), INSTRUMENTS, 16>;
type Feeds = Feed<INSTRUMENTS, { <Normal as Matcher>::LEVELS_TOUCHED_MAX }>;

fn play(commands: &[Command], out: &mut impl market_data::FeedSink) {
    let mut engine = Normal::new_box_zeroed().expect("memory for an engine");
    let mut feeds = Feeds::new_box_zeroed().expect("memory for a feed");
    let mut events = CountSink::default();
    for command in commands {
        feeds.apply(&mut DynSink(&mut *engine), command, &mut events, out);
    }
}

fn bytes(record: &Record) -> [u8; 64] {
    record.as_bytes().try_into().expect("64 bytes")
}

/// Every top that a reader sees was published; it sees them in order, and in the end the last one.
#[test]
fn readers_see_tops_that_were_published() {
    for (i, flavour) in flavours().iter().enumerate() {
        let commands = Stream::new(flavour, 100 + i as u64).commands(flavour.len);
        // First without readers, to know what will be published.
        let mut published: Vec<Vec<Record>> = vec![vec![]; INSTRUMENTS];
        play(
            &commands,
            &mut market_data::top(|record: Record| published[usize::from(record.instrument().get())].push(record)),
        );
        let known: HashSet<[u8; 64]> = published.iter().flatten().map(bytes).collect();

        let tops = Tops::<INSTRUMENTS>::new_box_zeroed().expect("memory for the tops");
        let mut writer = tops.writer().expect("not claimed");
        assert!(tops.writer().is_none(), "there is one writer");
        assert!(tops.reader(InstrumentId::new(INSTRUMENTS as u16)).is_none());
        thread::scope(|scope| {
            let mut readers = Vec::new();
            for (instrument, published) in published.iter().enumerate() {
                let (tops, known) = (&tops, &known);
                readers.push(scope.spawn(move || {
                    let mut reader = tops.reader(InstrumentId::new(instrument as u16)).expect("there is one");
                    let mut seq = 0;
                    // Until the last one.
                    while let Some(last) = published.last()
                        && seq < last.seq()
                    {
                        let Some(record) = reader.read_if_newer() else {
                            thread::yield_now();
                            continue;
                        };
                        assert!(known.contains(&bytes(&record)), "{record:?} was never published");
                        assert!(record.seq() >= seq, "an older top after a newer one");
                        seq = record.seq();
                    }
                }));
            }
            play(&commands, &mut writer);
            // One by one: the thread sanitizer sees that a thread ended by its join, not by the end
            // of a scope.
            for reader in readers {
                reader.join().expect("the reader did not panic");
            }
        });
        for (instrument, published) in published.iter().enumerate() {
            let newest = tops.reader(InstrumentId::new(instrument as u16)).and_then(|mut r| r.read().ok());
            assert_eq!(newest.as_ref().map(bytes), published.last().map(bytes), "instrument {instrument}");
        }
    }
}
