//! The engine behind a gateway, as a user of its public API would write it.

use super::gateway::{Answer, Ask, Message, MessageBook, Outbox, Report};
use super::huge::Huge;
use super::ours::{self, BenchEngine};
use vvp_core::book::{
    Command, CountSink, Event, EventBody, EventHead, OrderId, Price, Qty, Replacement, Sink, TimeInForce,
};
use vvp_core::engine::Matcher;

#[inline(always)]
fn new_order(m: &Message) -> Command {
    let order = Command::limit(OrderId::new(m.id), m.side, Price::new(m.price), Qty::new(m.qty.into()));
    order.with_tif(if m.ask == Ask::Ioc { TimeInForce::Ioc } else { TimeInForce::Gtc })
}

#[inline(always)]
fn replace(m: &Message) -> Command {
    let (price, qty) = (Some(Price::new(m.price)), Some(Qty::new(m.qty.into())));
    Command::replace(OrderId::new(m.id), Replacement { price, qty, ..Replacement::default() })
}

/// Sends the report of an event that the message caused.
#[inline(always)]
fn report<O: Outbox>(body: EventBody, m: &Message, out: &mut O) {
    let of_order = |answer, side, price: Option<Price>, qty: Qty| {
        let price = price.map_or(0, Price::ticks);
        Report { side, price, qty: qty.lots(), ..Report::to(m, answer) }
    };
    out.put(match body {
        EventBody::Accepted { side, price, qty, .. } => of_order(Answer::Accepted, side, price, qty),
        EventBody::Canceled { side, price, qty, .. } => of_order(Answer::Canceled, side, price, qty),
        EventBody::Replaced { side, price, qty, .. } => of_order(Answer::Replaced, side, price, qty),
        EventBody::Trade { maker, price, qty, .. } => {
            Report { price: price.ticks(), qty: qty.lots(), counterparty: maker.get(), ..Report::to(m, Answer::Traded) }
        }
        EventBody::Rejected { .. } => Report::refusal(m),
        _ => return,
    });
}

/// Sink of one message's events. `IN_SLICES` gives each way of use its own copy of the engine's
/// functions, as in a program that has only one.
pub struct OneMessage<'a, O, const IN_SLICES: bool> {
    pub message: &'a Message,
    pub out: &'a mut O,
}

impl<O: Outbox, const IN_SLICES: bool> Sink for OneMessage<'_, O, IN_SLICES> {
    fn emit(&mut self, event: Event) {
        self.emit_body(&event.head(), event.body());
    }

    #[inline(always)]
    fn emit_body(&mut self, _head: &EventHead, body: EventBody) {
        report(body, self.message, self.out);
    }
}

/// The engine behind a gateway: one message at a time, the natural use; or, `IN_SLICES`, without a
/// call for each.
#[derive(Debug)]
pub struct Gateway<const IN_SLICES: bool>(Huge<BenchEngine>);

impl<const IN_SLICES: bool> Gateway<IN_SLICES> {
    pub fn new() -> Self {
        Self(ours::engine())
    }

    #[inline(never)]
    fn on_message<O: Outbox>(&mut self, message: &Message, out: &mut O) {
        self.handle(message, out);
    }

    /// Turns a message into a command and applies it by its kind.
    #[inline(always)]
    fn handle<O: Outbox>(&mut self, message: &Message, out: &mut O) {
        let engine = &mut *self.0;
        let mut sink = OneMessage::<O, IN_SLICES> { message, out };
        match message.ask {
            Ask::Limit | Ask::Ioc => engine.enter(&new_order(message), &mut sink),
            Ask::Cancel => engine.cancel(&Command::cancel(OrderId::new(message.id)), &mut sink),
            Ask::Replace => engine.replace(&replace(message), &mut sink),
        }
    }
}

impl<O: Outbox, const IN_SLICES: bool> MessageBook<O> for Gateway<IN_SLICES> {
    fn name(&self) -> &'static str {
        if IN_SLICES { "vvp in slices" } else { "vvp one by one" }
    }

    fn reset(&mut self) {
        self.0.clear();
        ours::define(&mut self.0, &mut CountSink::default());
    }

    #[inline(never)]
    fn run(&mut self, messages: &[Message], out: &mut O) {
        for message in messages {
            if IN_SLICES {
                self.handle(message, out);
            } else {
                self.on_message(message, out);
            }
        }
    }
}
