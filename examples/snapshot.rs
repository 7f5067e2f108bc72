//! Saves an engine in the middle of its work, restores it into a bigger one, and lets both go on:
//! they give the same events and have the same state hash after every command.
//!
//! ```text
//! cargo run --example snapshot
//! ```

use vvp_core::book::{
    Command, Event, FnSink, InstrumentId, InstrumentSpec, OrderId, Price, Qty, Side, Symbol, WithStateHash,
};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher, SliceWriter};
use zerocopy::FromZeros;

type Small =
    Engine<book_type!(orders: 256, ticks_per_side: 64, far_levels: 64, stops: 16, state_hash: WithStateHash), 1, 4>;
type Big = Engine<
    book_type!(orders: 4096, ticks_per_side: 1024, far_levels: 256, stops: 256, state_hash: WithStateHash),
    8,
    64,
>;

/// The n-th command: orders around 1,000 that rest, meet and go.
fn command(n: u64) -> Command {
    let (id, side) = (OrderId::new(n), if n.is_multiple_of(2) { Side::Buy } else { Side::Sell });
    let price = Price::new(1000 + (n * 7 % 13) as i64 - 6);
    let order = Command::limit(id, side, price, Qty::new(10 + n % 5));
    match n % 9 {
        3 => order.with_display_qty(Qty::new(3)),
        5 => Command::cancel(OrderId::new(n - 4)),
        8 => Command::trailing_stop(id, side, 4, Qty::new(5)),
        _ => order,
    }
}

fn events(engine: &mut impl Matcher, command: &Command) -> Vec<Event> {
    let mut events = Vec::new();
    engine.apply(command, &mut FnSink(|event| events.push(event)));
    events
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut small = Small::new();
    events(&mut small, &Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)));
    for n in 0..150 {
        events(&mut small, &command(n));
    }

    // Any memory will do; a file, a network or a flash chip is a `SnapshotWriter` of a few lines,
    // or an `FnWriter`.
    let mut memory = [0; 32 * 1024];
    let mut writer = SliceWriter::new(&mut memory);
    small.save(&mut writer)?;
    let snapshot = writer.written();

    // A damaged byte is noticed, and the engine stays as it was.
    let mut big = Big::new_box_zeroed().map_err(|_| "no memory")?; // too big for a stack
    let mut damaged = snapshot.to_vec();
    damaged[100] ^= 1;
    if let Err(error) = big.restore(&damaged) {
        println!("one bit flipped: {error}");
    }
    big.restore(snapshot)?;
    println!("{} bytes, {} events so far, state {:016x}", snapshot.len(), big.seq(), big.state_hash());

    for n in 150..300 {
        assert_eq!(events(&mut small, &command(n)), events(&mut *big, &command(n)));
        assert_eq!(small.state_hash(), big.state_hash());
    }
    println!("150 commands later: {} events in both, state {:016x}", big.seq(), big.state_hash());
    Ok(())
}
