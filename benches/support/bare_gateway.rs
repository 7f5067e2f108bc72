//! The floor behind a gateway, and no book at all behind one.

use super::floor::Floor;
use super::gateway::{Answer, Ask, Message, MessageBook, Outbox, Report};
use super::huge::Huge;
use super::tape::{Fill, Quote, Tape};
use vvp_core::book::{CancelReason, Reject};

/// Tape of one message's events.
struct Reports<'a, O> {
    message: &'a Message,
    out: &'a mut O,
}

impl<O: Outbox> Reports<'_, O> {
    #[inline(always)]
    fn put(&mut self, order: Quote, answer: Answer) {
        let Quote { side, price, qty, .. } = order;
        self.out.put(Report { side, price, qty: qty.into(), ..Report::to(self.message, answer) });
    }
}

impl<O: Outbox> Tape for Reports<'_, O> {
    #[inline(always)]
    fn accepted(&mut self, order: Quote) {
        self.put(order, Answer::Accepted);
    }

    #[inline(always)]
    fn rejected(&mut self, _: u64, _: Reject) {
        self.out.put(Report::refusal(self.message));
    }

    #[inline(always)]
    fn trade(&mut self, f: Fill) {
        let report = Report::to(self.message, Answer::Traded);
        self.out.put(Report { price: f.price, qty: f.qty.into(), counterparty: f.maker, ..report });
    }

    #[inline(always)]
    fn canceled(&mut self, order: Quote, _: CancelReason) {
        self.put(order, Answer::Canceled);
    }

    #[inline(always)]
    fn replaced(&mut self, order: Quote) {
        self.put(order, Answer::Replaced);
    }
}

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
        let tape = &mut Reports { message: m, out };
        match m.ask {
            Ask::Limit | Ask::Ioc => {
                let quote = Quote { id: m.id, side: m.side, price: m.price, qty: m.qty };
                self.floor.limit(quote, m.ask == Ask::Ioc, tape);
            }
            Ask::Cancel => self.floor.cancel(m.id, tape),
            Ask::Replace => self.floor.replace(m.id, Some(m.price), Some(m.qty), tape),
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
