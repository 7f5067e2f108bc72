//! Translates events into messages of one's own, without a table of prices and sides.
//!
//! Run: `cargo run --example own_events`.

use vvp_core::book::*;
use vvp_core::engine::{Engine, Matcher};

/// A message of this program: what clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Opened { owner: u32, id: u64, side: Side, price: Option<i64>, qty: u64 },
    Closed { owner: u32, id: u64, side: Side, price: Option<i64>, qty: u64 },
    Changed { owner: u32, id: u64, side: Side, price: Option<i64>, qty: u64 },
    Filled { maker: u64, taker: u64, taker_side: Side, price: i64, qty: u64 },
    Refused { id: Option<u64>, reason: &'static str },
}

/// Calls `send` with a message for each event that has one.
struct Translator<F>(F);

impl<F: FnMut(Message)> Sink for Translator<F> {
    fn emit(&mut self, event: Event) {
        self.emit_body(&event.head(), event.body());
    }

    // Inlined where the engine emits: only the arm of that event is left of the `match`.
    #[inline(always)]
    fn emit_body(&mut self, _head: &EventHead, body: EventBody) {
        match body {
            EventBody::Accepted { id, side, owner, price, qty } => {
                let (price, qty) = (price.map(Price::ticks), qty.lots());
                (self.0)(Message::Opened { owner: owner.get(), id: id.get(), side, price, qty });
            }
            EventBody::Canceled { id, side, owner, price, qty, .. } => {
                let (price, qty) = (price.map(Price::ticks), qty.lots());
                (self.0)(Message::Closed { owner: owner.get(), id: id.get(), side, price, qty });
            }
            EventBody::Reduced { id, side, owner, price, qty }
            | EventBody::Replaced { id, side, owner, price, qty } => {
                let (price, qty) = (price.map(Price::ticks), qty.lots());
                (self.0)(Message::Changed { owner: owner.get(), id: id.get(), side, price, qty });
            }
            EventBody::Trade { maker, taker, taker_side, price, qty, .. } => {
                let (maker, taker, price, qty) = (maker.get(), taker.get(), price.ticks(), qty.lots());
                (self.0)(Message::Filled { maker, taker, taker_side, price, qty });
            }
            EventBody::Rejected { id, reason, .. } => {
                (self.0)(Message::Refused { id: id.map(OrderId::get), reason: reason.word() });
            }
            _ => {}
        }
    }
}

type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);

fn main() {
    let mut engine = Engine::<OneBook, 1, 4>::new();
    let mut messages = Vec::new();
    let mut sink = Translator(|message| messages.push(message));
    let (id, price, qty) = (OrderId::new, Price::new, Qty::new);
    for command in [
        Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)),
        Command::limit(id(1), Side::Sell, price(101), qty(10)).with_owner(OwnerId::new(7)),
        Command::limit(id(2), Side::Buy, price(101), qty(4)).with_owner(OwnerId::new(8)),
        Command::reduce(id(1), qty(1)),
        Command::cancel(id(1)),
        Command::cancel(id(1)),
    ] {
        engine.apply(&command, &mut sink);
    }
    for message in &messages {
        println!("{message:?}");
    }
    // The client's cancel has only an id; the message has the rest.
    let closed = Message::Closed { owner: 7, id: 1, side: Side::Sell, price: Some(101), qty: 5 };
    assert_eq!(messages.get(4), Some(&closed));
}
