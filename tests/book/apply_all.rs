//! A batch of commands has the same events as the single commands, however the stream is cut into
//! batches; and so has a command whose caller says what it is, even wrongly.

use crate::engines::{self, Normal};
use vvp_core::book::{Command, Event, Op};
use vvp_core::engine::Matcher;
use vvp_testkit::flavours::flavours;
use vvp_testkit::sinks::VecSink;
use vvp_testkit::streams::{Rng, Stream};

/// Returns the events of a stream, applied in batches of up to `most` commands; 0: one by one.
fn events(commands: &[Command], most: u64, rng: &mut Rng) -> Vec<Event> {
    let mut engine = engines::new::<Normal>();
    let mut sink = VecSink::default();
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
    sink.events
}

#[test]
fn batches_have_the_events_of_single_commands() {
    let mut rng = Rng::new(7);
    for (i, flavour) in flavours().iter().enumerate() {
        let commands = Stream::new(flavour, 1 + i as u64).commands(flavour.len);
        let alone = events(&commands, 0, &mut rng);
        for most in [1, 3, 40, 4000] {
            assert!(alone == events(&commands, most, &mut rng), "flavour {:?}, batches of up to {most}", flavour.name);
        }
    }
}

/// Returns the events of a stream whose commands go through the entry points at random: `wrong` in
/// 100 through one that is not theirs.
fn events_by_operation(commands: &[Command], wrong: u64, rng: &mut Rng) -> Vec<Event> {
    let mut engine = engines::new::<Normal>();
    let mut sink = VecSink::default();
    for command in commands {
        let own = match command.op() {
            Op::New => 0,
            Op::Cancel => 1,
            Op::Replace => 2,
            _ => 3,
        };
        match if rng.below(100) < wrong { rng.below(4) } else { own } {
            0 => engine.enter(command, &mut sink),
            1 => engine.cancel(command, &mut sink),
            2 => engine.replace(command, &mut sink),
            _ => engine.apply(command, &mut sink),
        }
    }
    engine.check_invariants().expect("a sound book");
    sink.events
}

#[test]
fn commands_of_a_known_operation_have_the_same_events() {
    let mut rng = Rng::new(8);
    for (i, flavour) in flavours().iter().enumerate() {
        let commands = Stream::new(flavour, 1 + i as u64).commands(flavour.len);
        let alone = events(&commands, 0, &mut rng);
        for wrong in [0, 50] {
            assert!(alone == events_by_operation(&commands, wrong, &mut rng), "flavour {:?}, {wrong}", flavour.name);
        }
    }
}
