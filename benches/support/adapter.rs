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
    out.put(match body {
        EventBody::Accepted { .. } => Report::to(m, Answer::Accepted),
        EventBody::Trade { maker, price, qty, .. } => {
            Report { price: price.ticks(), qty: qty.lots(), counterparty: maker.get(), ..Report::to(m, Answer::Traded) }
        }
        EventBody::Canceled { side, price, qty, .. } => {
            let price = price.map_or(0, Price::ticks);
            Report { side, price, qty: qty.lots(), ..Report::to(m, Answer::Canceled) }
        }
        EventBody::Replaced { .. } => Report::to(m, Answer::Replaced),
        EventBody::Rejected { .. } => Report::refusal(m),
        _ => return,
    });
}

/// Sink of one message's events. `WAY` gives each way of use its own copy of the engine's
/// functions, as in a program that has only one.
struct OneMessage<'a, O, const WAY: u8> {
    message: &'a Message,
    out: &'a mut O,
}

impl<O: Outbox, const WAY: u8> Sink for OneMessage<'_, O, WAY> {
    fn emit(&mut self, event: Event) {
        self.emit_body(&event.head(), event.body());
    }

    #[inline(always)]
    fn emit_body(&mut self, _head: &EventHead, body: EventBody) {
        report(body, self.message, self.out);
    }
}

/// Turns a message into a command and applies it by its kind.
#[inline(always)]
fn handle<O: Outbox, const WAY: u8>(engine: &mut BenchEngine, message: &Message, out: &mut O) {
    let mut sink = OneMessage::<O, WAY> { message, out };
    match message.ask {
        Ask::Limit | Ask::Ioc => engine.enter(&new_order(message), &mut sink),
        Ask::Cancel => engine.cancel(&Command::cancel(OrderId::new(message.id)), &mut sink),
        Ask::Replace => engine.replace(&replace(message), &mut sink),
    }
}

fn reset(engine: &mut BenchEngine) {
    engine.clear();
    ours::define(engine, &mut CountSink::default());
}

/// Natural use: one message at a time.
#[derive(Debug)]
pub struct OneByOne(Huge<BenchEngine>);

impl OneByOne {
    pub fn new() -> Self {
        Self(ours::engine())
    }

    #[inline(never)]
    fn on_message<O: Outbox>(&mut self, message: &Message, out: &mut O) {
        handle::<O, 1>(&mut self.0, message, out);
    }
}

impl<O: Outbox> MessageBook<O> for OneByOne {
    fn name(&self) -> &'static str {
        "vvp one by one"
    }

    fn reset(&mut self) {
        reset(&mut self.0);
    }

    #[inline(never)]
    fn run(&mut self, messages: &[Message], out: &mut O) {
        for message in messages {
            self.on_message(message, out);
        }
    }
}

/// Messages handed over in a slice: no call for each.
#[derive(Debug)]
pub struct Batched(Huge<BenchEngine>);

impl Batched {
    pub fn new() -> Self {
        Self(ours::engine())
    }
}

impl<O: Outbox> MessageBook<O> for Batched {
    fn name(&self) -> &'static str {
        "vvp in batches"
    }

    fn reset(&mut self) {
        reset(&mut self.0);
    }

    #[inline(never)]
    fn run(&mut self, messages: &[Message], out: &mut O) {
        for message in messages {
            handle::<O, 2>(&mut self.0, message, out);
        }
    }
}
