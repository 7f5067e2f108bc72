//! matchcore 0.4 behind a gateway. It assigns its own ids (the sequence number of the command), so
//! a table maps ours to its ids.

use crate::support::floor::IDS;
use crate::support::gateway::{Answer, Ask, Message, MessageBook, Outbox, Report};
use matchcore as m;
use vvp_core::book::Side;

pub struct Matchcore {
    book: m::OrderBook,
    ids: Vec<u64>,
    /// The message of each of its ids: its order's id in ours.
    ours: Vec<u64>,
    /// Starts at 0 and must have no gap.
    seq: u64,
}

impl Matchcore {
    pub fn new() -> Self {
        Self { book: m::OrderBook::new("X"), ids: vec![0; IDS], ours: vec![0; IDS], seq: 0 }
    }

    #[inline(never)]
    fn on_message<O: Outbox>(&mut self, message: &Message, out: &mut O) {
        let (seq, id) = (self.seq, message.id as usize & (IDS - 1));
        self.seq += 1;
        let (price, quantity) = (m::Price(message.price as u64), m::Quantity(message.qty.into()));
        let quantity_policy = m::QuantityPolicy::Standard { quantity };
        let kind = match message.ask {
            Ask::Limit | Ask::Ioc => {
                self.ids[id] = seq;
                self.ours[seq as usize & (IDS - 1)] = message.id;
                let side = if message.side == Side::Buy { m::Side::Buy } else { m::Side::Sell };
                let tif = if message.ask == Ask::Ioc { m::TimeInForce::Ioc } else { m::TimeInForce::Gtc };
                m::CommandKind::Submit(m::SubmitCmd {
                    order: m::NewOrder::Limit(m::LimitOrder::new(
                        price,
                        quantity_policy,
                        m::OrderFlags::new(side, false, tif),
                    )),
                })
            }
            Ask::Cancel => m::CommandKind::Cancel(m::CancelCmd {
                order_id: m::OrderId(self.ids[id]),
                order_kind: m::OrderKind::Limit,
            }),
            Ask::Replace => {
                let patch = m::LimitOrderPatch::new().with_price(price).with_quantity_policy(quantity_policy);
                m::CommandKind::Amend(m::AmendCmd {
                    order_id: m::OrderId(self.ids[id]),
                    patch: m::AmendPatch::Limit(patch),
                })
            }
        };
        let outcome = self.book.execute(&m::Command {
            meta: m::CommandMeta { sequence_number: m::SequenceNumber(seq), timestamp: m::Timestamp(seq) },
            kind,
        });
        let effects = match &outcome {
            m::CommandOutcome::Rejected(_) => return out.put(Report::refusal(message)),
            m::CommandOutcome::Applied(m::CommandReport::Cancel) => {
                return out.put(Report::to(message, Answer::Canceled));
            }
            m::CommandOutcome::Applied(m::CommandReport::Submit(e) | m::CommandReport::Amend(e)) => e.target_order(),
        };
        let answer = if message.ask == Ask::Replace { Answer::Replaced } else { Answer::Accepted };
        out.put(Report::to(message, answer));
        for trade in effects.match_result().map_or(&[][..], |result| result.trades()) {
            out.put(Report {
                price: trade.price().0 as i64,
                qty: trade.quantity().0,
                counterparty: self.ours[trade.maker_order_id().0 as usize & (IDS - 1)],
                ..Report::to(message, Answer::Traded)
            });
        }
        if effects.cancel_reason().is_some() {
            out.put(Report::to(message, Answer::Canceled));
        }
    }
}

impl<O: Outbox> MessageBook<O> for Matchcore {
    fn name(&self) -> &'static str {
        "matchcore 0.4"
    }

    fn reset(&mut self) {
        *self = Self::new();
    }

    #[inline(never)]
    fn run(&mut self, messages: &[Message], out: &mut O) {
        for message in messages {
            self.on_message(message, out);
        }
    }
}
