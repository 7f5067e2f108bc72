//! The floor behind a gateway, and no book at all behind one.

use super::adapter::OneMessage;
use super::floor::{Floor, Quote};
use super::gateway::{Answer, Ask, Message, MessageBook, Outbox, Report};
use super::huge::Huge;

/// The floor, one message at a time.
#[derive(Debug)]
pub struct BareLadder {
    floor: Huge<Floor>,
}

impl BareLadder {
    pub fn new() -> Self {
        Self { floor: Floor::new() }
    }

    #[inline(never)]
    fn on_message<O: Outbox>(&mut self, m: &Message, out: &mut O) {
        let sink = &mut OneMessage::<O, false> { message: m, out };
        match m.ask {
            Ask::Limit | Ask::Ioc => {
                let quote = Quote { id: m.id, side: m.side, price: m.price, qty: m.qty };
                self.floor.limit(quote, m.ask == Ask::Ioc, sink);
            }
            Ask::Cancel => self.floor.cancel(m.id, sink),
            Ask::Replace => self.floor.replace(m.id, Some(m.price), Some(m.qty), sink),
        }
    }
}

impl<O: Outbox> MessageBook<O> for BareLadder {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn reset(&mut self) {
        Floor::reset(&mut self.floor);
    }

    #[inline(never)]
    fn run(&mut self, messages: &[Message], out: &mut O) {
        for message in messages {
            self.on_message(message, out);
        }
    }
}

/// No book: one report for each message.
#[derive(Clone, Copy, Debug)]
pub struct NoBook;

impl NoBook {
    #[inline(never)]
    fn on_message<O: Outbox>(self, m: &Message, out: &mut O) {
        out.put(Report::to(m, Answer::Accepted));
    }
}

impl<O: Outbox> MessageBook<O> for NoBook {
    fn name(&self) -> &'static str {
        "hand-off alone"
    }

    fn reset(&mut self) {}

    #[inline(never)]
    fn run(&mut self, messages: &[Message], out: &mut O) {
        for message in messages {
            self.on_message(message, out);
        }
    }
}
