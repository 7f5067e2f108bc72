//! The engine behind a gateway, as a user of its public API would write it.

use super::gateway::{Answer, Ask, Message, MessageBook, Outbox, Report};
use super::huge::Huge;
use super::ours::{self, BenchEngine};
use vvp_core::book::{
    CancelReason, Command, CountSink, Event, EventBody, EventHead, OrderId, Price, Qty, Replacement, Sink, TimeInForce,
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

#[inline(always)]
fn command(m: &Message) -> Command {
    match m.ask {
        Ask::Limit | Ask::Ioc => new_order(m),
        Ask::Cancel => Command::cancel(OrderId::new(m.id)),
        Ask::Replace => replace(m),
    }
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

/// Sink of one message's events.
struct OneMessage<'a, O> {
    message: &'a Message,
    out: &'a mut O,
}

impl<O: Outbox> Sink for OneMessage<'_, O> {
    fn emit(&mut self, event: Event) {
        self.emit_body(&event.head(), event.body());
    }

    #[inline(always)]
    fn emit_body(&mut self, _head: &EventHead, body: EventBody) {
        report(body, self.message, self.out);
    }
}

/// Sink of a run of messages: every message here causes exactly one event that is neither a trade
/// nor the cancel of an ioc's rest, and that one comes first.
struct Run<'a, O> {
    messages: &'a [Message],
    next: usize,
    out: &'a mut O,
}

impl<O: Outbox> Sink for Run<'_, O> {
    fn emit(&mut self, event: Event) {
        self.emit_body(&event.head(), event.body());
    }

    #[inline(always)]
    fn emit_body(&mut self, _head: &EventHead, body: EventBody) {
        let follows = matches!(body, EventBody::Trade { .. } | EventBody::Canceled { reason: CancelReason::Ioc, .. });
        self.next += usize::from(!follows);
        report(body, &self.messages[self.next - 1], self.out);
    }
}

fn reset(engine: &mut BenchEngine) {
    engine.clear();
    ours::define(engine, &mut CountSink::default());
}

/// Natural use: each message becomes a command, applied alone by its kind.
#[derive(Debug)]
pub struct OneByOne(Huge<BenchEngine>);

impl OneByOne {
    pub fn new() -> Self {
        Self(ours::engine())
    }

    #[inline(never)]
    fn on_message<O: Outbox>(&mut self, message: &Message, out: &mut O) {
        let mut sink = OneMessage { message, out };
        match message.ask {
            Ask::Limit | Ask::Ioc => self.0.enter(&new_order(message), &mut sink),
            Ask::Cancel => self.0.cancel(&Command::cancel(OrderId::new(message.id)), &mut sink),
            Ask::Replace => self.0.replace(&replace(message), &mut sink),
        }
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

/// Messages in one batch of commands.
const BATCH: usize = 64;

/// Messages handed over in a slice: batches of commands, applied together.
#[derive(Debug)]
pub struct Batched {
    engine: Huge<BenchEngine>,
    commands: Vec<Command>,
}

impl Batched {
    pub fn new() -> Self {
        Self { engine: ours::engine(), commands: Vec::with_capacity(BATCH) }
    }
}

impl<O: Outbox> MessageBook<O> for Batched {
    fn name(&self) -> &'static str {
        "vvp in batches"
    }

    fn reset(&mut self) {
        reset(&mut self.engine);
    }

    #[inline(never)]
    fn run(&mut self, messages: &[Message], out: &mut O) {
        for messages in messages.chunks(BATCH) {
            self.commands.clear();
            self.commands.extend(messages.iter().map(command));
            let mut sink = Run { messages, next: 0, out };
            self.engine.apply_all(&self.commands, &mut sink);
        }
    }
}
