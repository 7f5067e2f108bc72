//! The engine as the benches build it: one size for all streams.

use super::huge::Huge;
use super::ring::Ring;
use vvp_core::book::{Book, Command, InstrumentId, InstrumentSpec, Sink, Symbol};
use vvp_core::engine::{Engine, Matcher};

/// 131,072 orders; 262,144 near levels a side; 4,096 far levels.
pub type BenchBook = Book<131_072, 4096, 4096, 1024, 1_048_576>;
/// One instrument.
pub type BenchEngine = Engine<BenchBook, 1, 16>;

/// An engine with instrument `X` defined.
pub fn engine() -> Huge<BenchEngine> {
    let mut engine = Huge::new();
    define(&mut engine, &mut Ring::new());
    engine
}

/// Defines instrument `X` in an empty engine.
pub fn define(engine: &mut BenchEngine, sink: &mut impl Sink) {
    engine.apply(&Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)), sink);
}
