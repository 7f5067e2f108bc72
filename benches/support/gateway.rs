//! Messages as an exchange's gateway has them, and the reports that it sends back.

use vvp_core::book::{Command, Op, Price, Side, TimeInForce};

/// Kind of a [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ask {
    Limit,
    Ioc,
    Cancel,
    /// New price and new open quantity.
    Replace,
}

/// A message to the engine, 32 bytes. A cancel has neither side, price nor quantity.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Message {
    pub seq: u64,
    pub id: u64,
    pub price: i64,
    pub qty: u32,
    pub ask: Ask,
    pub side: Side,
}

/// Kind of a [`Report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Answer {
    Accepted = 1,
    Traded,
    Canceled,
    Replaced,
    /// A new order that was refused.
    Rejected,
    CancelRejected,
    ReplaceRejected,
}

/// A report, one cache line. `side` and `price` are the order's; of a trade, the taker's side and
/// the maker's price; of a refusal, what the message says. `counterparty` is the maker of a trade.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Report {
    /// The message that caused it.
    pub seq: u64,
    pub id: u64,
    pub price: i64,
    pub qty: u64,
    pub counterparty: u64,
    pub answer: Answer,
    pub side: Side,
}

impl Report {
    /// Returns a report of this kind about the order of the message, as the message has it.
    #[inline(always)]
    pub const fn to(m: &Message, answer: Answer) -> Self {
        Self { seq: m.seq, id: m.id, price: m.price, qty: m.qty as u64, counterparty: 0, answer, side: m.side }
    }

    /// Returns the refusal of the message: only the message knows which kind it is.
    #[inline(always)]
    pub const fn refusal(m: &Message) -> Self {
        let answer = match m.ask {
            Ask::Limit | Ask::Ioc => Answer::Rejected,
            Ask::Cancel => Answer::CancelRejected,
            Ask::Replace => Answer::ReplaceRejected,
        };
        Self::to(m, answer)
    }

    /// Folds every field into a checksum that depends on the order of the reports.
    #[inline(always)]
    pub const fn fold(&self, sum: u64) -> u64 {
        let word = self.seq.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ self.id.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
            ^ (self.price as u64).wrapping_mul(0x1656_67b1_9e37_79f9)
            ^ self.qty.wrapping_mul(0xd6e8_feb8_6659_fd93)
            ^ self.counterparty.wrapping_mul(0xa076_1d64_78bd_642f)
            ^ (self.answer as u64) << 8
            ^ self.side as u64;
        sum.rotate_left(7).wrapping_add(word)
    }
}

/// Takes reports.
pub trait Outbox {
    fn put(&mut self, report: Report);
}

/// 64 reports, written over and over: a ring that stays in the first cache.
#[derive(Debug)]
pub struct ReportRing {
    slots: [Report; 64],
    count: usize,
}

impl ReportRing {
    pub fn new() -> Self {
        let none = Message { seq: 0, id: 0, price: 0, qty: 0, ask: Ask::Limit, side: Side::Buy };
        Self { slots: [Report::to(&none, Answer::Accepted); 64], count: 0 }
    }
}

impl Outbox for ReportRing {
    #[inline(always)]
    fn put(&mut self, report: Report) {
        self.slots[self.count & 63] = report;
        self.count += 1;
    }
}

/// A book behind a gateway: messages in, reports out.
pub trait MessageBook<O: Outbox> {
    fn name(&self) -> &'static str;

    /// Empties the book. Not timed.
    fn reset(&mut self);

    /// Takes all messages.
    fn run(&mut self, messages: &[Message], out: &mut O);
}

/// Returns a stream of commands as messages.
pub fn messages(commands: &[Command]) -> Vec<Message> {
    let mut sides = std::collections::HashMap::new();
    let message = |(seq, c): (usize, &Command)| {
        let id = c.id().get();
        let (ask, price, qty) = match c.op() {
            Op::New if c.tif() == TimeInForce::Ioc => (Ask::Ioc, c.limit_price(), c.qty().lots()),
            Op::New => (Ask::Limit, c.limit_price(), c.qty().lots()),
            Op::Replace => {
                let with = c.replacement();
                (Ask::Replace, with.price, with.qty.expect("these streams replace both").lots())
            }
            _ => (Ask::Cancel, None, 0),
        };
        let side = match ask {
            Ask::Limit | Ask::Ioc => *sides.entry(id).insert_entry(c.side()).get(),
            Ask::Replace => sides.get(&id).copied().unwrap_or(Side::Buy),
            Ask::Cancel => Side::Buy,
        };
        Message {
            seq: seq as u64,
            id,
            price: price.map_or(0, Price::ticks),
            qty: u32::try_from(qty).expect("lots of these streams"),
            ask,
            side,
        }
    };
    commands.iter().enumerate().map(message).collect()
}
