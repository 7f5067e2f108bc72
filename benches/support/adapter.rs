//! The engine behind a gateway, as a user of its public API would write it.

use super::gateway::{Answer, Ask, Message, MessageBook, Outbox, Report};
use super::huge::Huge;
use super::ours::{self, BenchEngine};
use super::shadow::Shadow;
use vvp_core::book::{
    CancelReason, Command, CountSink, Event, EventBody, OrderId, Price, Qty, Replacement, Sink, TimeInForce,
};
use vvp_core::engine::Matcher;

#[inline(always)]
fn command(m: &Message) -> Command {
    let (id, price, qty) = (OrderId::new(m.id), Price::new(m.price), Qty::new(m.qty.into()));
    match m.ask {
        Ask::Limit => Command::limit(id, m.side, price, qty),
        Ask::Ioc => Command::limit(id, m.side, price, qty).with_tif(TimeInForce::Ioc),
        Ask::Cancel => Command::cancel(id),
        Ask::Replace => {
            Command::replace(id, Replacement { price: Some(price), qty: Some(qty), ..Replacement::default() })
        }
    }
}

/// Returns the report of an event that the message caused.
#[inline(always)]
fn report(event: &Event, m: &Message, shadow: &mut Shadow) -> Option<Report> {
    Some(match event.body() {
        EventBody::Accepted { id } => {
            shadow.set(id.get(), m.side, m.price);
            Report::to(m, Answer::Accepted)
        }
        EventBody::Trade { maker, price, qty, .. } => {
            Report { price: price.ticks(), qty: qty.lots(), counterparty: maker.get(), ..Report::to(m, Answer::Traded) }
        }
        EventBody::Canceled { id, qty, .. } => {
            let (side, price) = shadow.get(id.get());
            Report { side, price, qty: qty.lots(), ..Report::to(m, Answer::Canceled) }
        }
        EventBody::Replaced { id, .. } => {
            shadow.set(id.get(), m.side, m.price);
            Report::to(m, Answer::Replaced)
        }
        EventBody::Rejected { .. } => Report::refusal(m),
        _ => return None,
    })
}

/// Sink of one message's events.
struct OneMessage<'a, O> {
    message: &'a Message,
    shadow: &'a mut Shadow,
    out: &'a mut O,
}

impl<O: Outbox> Sink for OneMessage<'_, O> {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        if let Some(report) = report(&event, self.message, self.shadow) {
            self.out.put(report);
        }
    }
}

/// Sink of a run of messages: every message here causes exactly one event that is neither a trade
/// nor the cancel of an ioc's rest, and that one comes first.
struct Run<'a, O> {
    messages: &'a [Message],
    next: usize,
    shadow: &'a mut Shadow,
    out: &'a mut O,
}

impl<O: Outbox> Sink for Run<'_, O> {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        let follows =
            matches!(event.body(), EventBody::Trade { .. } | EventBody::Canceled { reason: CancelReason::Ioc, .. });
        self.next += usize::from(!follows);
        let message = &self.messages[self.next - 1];
        if let Some(report) = report(&event, message, self.shadow) {
            self.out.put(report);
        }
    }
}

/// The engine with the adapter's state.
#[derive(Debug)]
struct Behind {
    engine: Huge<BenchEngine>,
    shadow: Shadow,
}

impl Behind {
    fn new() -> Self {
        Self { engine: ours::engine(), shadow: Shadow::new() }
    }

    fn reset(&mut self) {
        self.engine.clear();
        ours::define(&mut self.engine, &mut CountSink::default());
    }
}

/// Natural use: each message becomes a command, applied alone.
#[derive(Debug)]
pub struct OneByOne(Behind);

impl OneByOne {
    pub fn new() -> Self {
        Self(Behind::new())
    }

    #[inline(never)]
    fn on_message<O: Outbox>(&mut self, message: &Message, out: &mut O) {
        let mut sink = OneMessage { message, shadow: &mut self.0.shadow, out };
        self.0.engine.apply(&command(message), &mut sink);
    }
}

impl<O: Outbox> MessageBook<O> for OneByOne {
    fn name(&self) -> &'static str {
        "vvp one by one"
    }

    fn reset(&mut self) {
        self.0.reset();
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
    behind: Behind,
    commands: Vec<Command>,
}

impl Batched {
    pub fn new() -> Self {
        Self { behind: Behind::new(), commands: Vec::with_capacity(BATCH) }
    }
}

impl<O: Outbox> MessageBook<O> for Batched {
    fn name(&self) -> &'static str {
        "vvp in batches"
    }

    fn reset(&mut self) {
        self.behind.reset();
    }

    #[inline(never)]
    fn run(&mut self, messages: &[Message], out: &mut O) {
        for messages in messages.chunks(BATCH) {
            self.commands.clear();
            self.commands.extend(messages.iter().map(command));
            let mut sink = Run { messages, next: 0, shadow: &mut self.behind.shadow, out };
            self.behind.engine.apply_all(&self.commands, &mut sink);
        }
    }
}
