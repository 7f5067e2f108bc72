//! Checks a rule of one's own on random command streams: no order rests beyond its limit, and in
//! continuous trading the best bid stays below the best ask.
//!
//! ```text
//! cargo run -p vvp-testkit --example own_rule
//! ```
//!
//! Change [`keeps_its_limit`] to the rule that matters to you. As a property test that shrinks: see
//! `vvp_testkit::strategies` (feature `proptest`).

use std::collections::HashMap;
use vvp_core::book::{BookView, Command, Event, EventBody, FnSink, InstrumentId, OrderId, Phase, Price, Side};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvp_testkit::flavours::{Flavour, flavours};
use vvp_testkit::streams::Stream;

/// The engine under test: 64 resting orders and 8 stops a book.
type MyEngine = Engine<book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8), 4, 8>;

/// The limit that each order was last given, by instrument and id.
type Limits = HashMap<(Option<InstrumentId>, OrderId), Price>;

/// Checks the rule for all resting orders and books of an engine; returns the number of orders.
fn keeps_its_limit(engine: &MyEngine, limits: &Limits) -> Result<usize, String> {
    let mut resting = 0;
    for (&(instrument, id), &limit) in limits {
        let Some(order) = instrument.and_then(|i| engine.book(i)).and_then(|book| book.order(id)) else { continue };
        let beyond = if order.side == Side::Buy { order.price > limit } else { order.price < limit };
        if beyond {
            return Err(format!("order {id} rests at {}, its limit is {limit}", order.price));
        }
        resting += 1;
    }
    for book in (0..engine.instruments()).filter_map(|i| engine.book(InstrumentId::new(i as u16))) {
        if let (Phase::Continuous, Some(bid), Some(ask)) = (book.phase(), book.best(Side::Buy), book.best(Side::Sell))
            && bid.price >= ask.price
        {
            return Err(format!("the book is crossed: bid {}, ask {}", bid.price, ask.price));
        }
    }
    Ok(resting)
}

/// Runs the commands and checks the rule after each; returns the sum of all checked orders.
fn run(commands: &[Command]) -> Result<usize, String> {
    let (mut engine, mut limits, mut checked) = (MyEngine::new(), Limits::new(), 0);
    for (at, command) in commands.iter().enumerate() {
        let mut note = |event: Event| match event.body() {
            EventBody::Accepted { id, price: Some(price), .. } | EventBody::Replaced { id, price: Some(price), .. } => {
                limits.insert((event.instrument(), id), price);
            }
            _ => {}
        };
        engine.apply(command, &mut FnSink(&mut note));
        checked += keeps_its_limit(&engine, &limits).map_err(|text| format!("command {at}, {command:?}: {text}"))?;
    }
    Ok(checked)
}

fn main() -> Result<(), String> {
    let (mut streams, mut commands, mut checked) = (0, 0, 0);
    for flavour in flavours() {
        let flavour = Flavour { room: (64, 8), ..flavour };
        for seed in 0..4 {
            let stream = Stream::new(&flavour, seed).commands(250);
            checked += run(&stream).map_err(|text| format!("flavour {:?}, seed {seed}, {text}", flavour.name))?;
            (streams, commands) = (streams + 1, commands + stream.len());
        }
    }
    println!("{streams} streams, {commands} commands, {checked} resting orders checked: none beyond its limit");
    Ok(())
}
