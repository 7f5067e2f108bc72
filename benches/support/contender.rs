//! The contenders of a measurement.

use super::floor::Floor;
use super::huge::Huge;
use super::ours::{self, BenchEngine};
use super::ring::Ring;
use vvp_core::book::Command;
use vvp_core::engine::Matcher;

/// A book that takes our commands.
pub trait Contender {
    fn name(&self) -> &'static str;

    /// Becomes empty, then takes the commands that fill the book. Not timed.
    fn start(&mut self, filling: &[Command]);

    /// Takes the commands that are timed.
    fn run(&mut self, commands: &[Command]);

    /// One command alone, for latencies.
    fn one(&mut self, command: &Command);

    /// Events (of a peer: trades, cancels and acknowledgements, as far as it gives any) since the
    /// beginning.
    fn events(&self) -> u64;
}

/// The engine, writing events into a [`Ring`].
#[derive(Debug)]
pub struct Ours {
    engine: Huge<BenchEngine>,
    ring: Ring,
    /// Whether it gets the commands one by one, not knowing what comes next.
    one_by_one: bool,
}

impl Ours {
    /// The one that gets all commands that are there together.
    pub fn new() -> Self {
        Self { engine: ours::engine(), ring: Ring::new(), one_by_one: false }
    }

    /// The one that gets them one by one.
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
}

impl Bare {
    pub fn new() -> Self {
        Self { floor: Huge::new() }
    }
}

impl Contender for Bare {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn start(&mut self, filling: &[Command]) {
        self.floor.clear();
        self.run(filling);
    }

    #[inline(never)]
    fn run(&mut self, commands: &[Command]) {
        for c in commands {
            self.floor.apply(c);
        }
    }

    #[inline(never)]
    fn one(&mut self, command: &Command) {
        self.floor.apply(command);
    }

    fn events(&self) -> u64 {
        self.floor.count
    }
}
