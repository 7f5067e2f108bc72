//! The contenders of a measurement.

use super::floor::{Floor, Numbered};
use super::huge::Huge;
use super::ours::{self, BenchEngine};
use super::ring::Ring;
use vvp_core::book::Command;
use vvp_core::engine::Matcher;

/// A book that applies our commands.
pub trait Contender {
    fn name(&self) -> &'static str;

    /// Clears the book and applies the commands that fill it. Not timed.
    fn start(&mut self, filling: &[Command]);

    /// Applies the timed commands.
    fn run(&mut self, commands: &[Command]);

    /// Applies a single command, to measure its latency.
    fn one(&mut self, command: &Command);

    /// Returns the number of events since the start (of a peer: the trades, cancels and
    /// acknowledgements that it reports).
    fn events(&self) -> u64;
}

/// The engine, writing events into a [`Ring`].
#[derive(Debug)]
pub struct Ours {
    engine: Huge<BenchEngine>,
    ring: Ring,
    /// Whether the commands are applied one by one, without sight of the following ones.
    one_by_one: bool,
}

impl Ours {
    /// Creates an engine that applies commands in batches.
    pub fn new() -> Self {
        Self { engine: ours::engine(), ring: Ring::new(), one_by_one: false }
    }

    /// Creates an engine that applies commands one by one.
    pub fn one_by_one() -> Self {
        Self { one_by_one: true, ..Self::new() }
    }

    #[inline(never)]
    fn run_one_by_one(&mut self, commands: &[Command]) {
        for c in commands {
            self.engine.apply(c, &mut self.ring);
        }
    }

    #[inline(never)]
    fn run_together(&mut self, commands: &[Command]) {
        self.engine.apply_all(commands, &mut self.ring);
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        if self.one_by_one { "vvp one by one" } else { "vvp" }
    }

    fn start(&mut self, filling: &[Command]) {
        self.engine.clear();
        self.ring.count = 0;
        ours::define(&mut self.engine, &mut vvp_core::book::CountSink::default());
        self.run(filling);
    }

    fn run(&mut self, commands: &[Command]) {
        if self.one_by_one { self.run_one_by_one(commands) } else { self.run_together(commands) }
    }

    #[inline(never)]
    fn one(&mut self, command: &Command) {
        self.engine.apply(command, &mut self.ring);
    }

    fn events(&self) -> u64 {
        self.ring.count as u64
    }
}

/// The floor.
#[derive(Debug)]
pub struct Bare {
    floor: Huge<Floor>,
    ring: Numbered<Ring>,
}

impl Bare {
    pub fn new() -> Self {
        Self { floor: Floor::new(), ring: Numbered::new(Ring::new()) }
    }
}

impl Contender for Bare {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn start(&mut self, filling: &[Command]) {
        Floor::reset(&mut self.floor);
        self.ring.sink.count = 0;
        self.run(filling);
    }

    #[inline(never)]
    fn run(&mut self, commands: &[Command]) {
        for c in commands {
            self.floor.apply(c, &mut self.ring);
        }
    }

    #[inline(never)]
    fn one(&mut self, command: &Command) {
        self.floor.apply(command, &mut self.ring);
    }

    fn events(&self) -> u64 {
        self.ring.sink.count as u64
    }
}
