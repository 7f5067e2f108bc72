//! Commands applied together are answered as if they came one by one, whatever they are and however they are cut.

use vvp_core::book::{Book, Command, Event, FnSink};
use vvp_core::engine::{Engine, Matcher};
use vvp_testkit::flavours::flavours;
use vvp_testkit::streams::{Rng, Stream};
use zerocopy::FromZeros;

type Normal = Engine<Book<1000, 4, 1024, 200, 2048>, { vvp_testkit::engine::MAX_INSTRUMENTS }, 16>;

/// The events of a stream, cut into runs of up to `most` commands; 0: one by one.
fn events(commands: &[Command], most: u64, rng: &mut Rng) -> Vec<Event> {
    let mut engine = Normal::new_box_zeroed().expect("memory for an engine");
    let mut events = Vec::new();
    let mut sink = FnSink(|e| events.push(e));
    let mut left = commands;
    while !left.is_empty() {
        if most == 0 {
            engine.apply(&left[0], &mut sink);
            left = &left[1..];
        } else {
            let (run, rest) = left.split_at((1 + rng.below(most) as usize).min(left.len()));
            engine.apply_all(run, &mut sink);
            left = rest;
        }
    }
    engine.apply_all(&[], &mut sink);
    engine.check_invariants().expect("a sound book");
    events
}

#[test]
fn together_is_as_one_by_one() {
    let mut rng = Rng::new(7);
    for (i, flavour) in flavours().iter().enumerate() {
        let commands = Stream::new(flavour, 1 + i as u64).commands(flavour.len);
        let alone = events(&commands, 0, &mut rng);
        for most in [1, 3, 40, 4000] {
            assert!(alone == events(&commands, most, &mut rng), "flavour {:?}, runs of up to {most}", flavour.name);
        }
    }
}
