//! ITCH codecs in turn: `vvp-peers codec [FILE] [--sorted] [--rounds N]`.
//!
//! Every contender walks the same bytes in memory, frame by frame, checks what it checks, and sums
//! up all fields of the messages of the book; sums must agree. FILE is an ITCH file (the first 64
//! MiB are taken); without one, a million messages are made up, in the proportions of a real day.
//! `--sorted`: the same messages, each type together.

use crate::rows::{Row, compare};
use std::cell::Cell;
use std::ops::ControlFlow;
use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::frame::{self, Frames};
use vvp_core::wire::itch::{
    AddOrder, BuySell, Message, OrderCancel, OrderChange, OrderDelete, OrderExecuted, OrderReplace, Stamp, Trade,
};
use zerocopy::IntoBytes;

const BYTES_MAX: usize = 64 << 20;

pub fn main(args: &[String]) {
    let (mut rounds, mut file, mut sorted) = (9, None, false);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--sorted" => sorted = true,
            "--rounds" => rounds = args.next().and_then(|n| n.parse().ok()).filter(|&n| n > 0).unwrap_or(9),
            name => file = Some(name.to_owned()),
        }
    }
    crate::support::host::pin(crate::CORE);
    crate::support::host::real_time();
    let bytes = match file {
        Some(name) => beginning(&name),
        None => made_up(1_000_000),
    };
    run(&if sorted { by_type(&bytes) } else { bytes }, rounds);
}

/// Returns the same messages sorted by type: the cost without branch mispredictions.
fn by_type(bytes: &[u8]) -> Vec<u8> {
    let mut all: Vec<&[u8]> = Frames::new(bytes).map(|(_, message)| message).collect();
    all.sort_by_key(|message| message[0]);
    let mut out = Vec::with_capacity(bytes.len());
    for message in all {
        out.extend_from_slice(&(message.len() as u16).to_be_bytes());
        out.extend_from_slice(message);
    }
    out
}

/// The whole frames among the first bytes of a file.
fn beginning(name: &str) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(name).and_then(|file| file.take(BYTES_MAX as u64).read_to_end(&mut bytes));
    if let Err(e) = read {
        eprintln!("{name}: {e}; give an ITCH file, or none");
        std::process::exit(1);
    }
    let mut frames = Frames::new(&bytes);
    while frames.next().is_some() {}
    let whole = frames.offset() as usize;
    bytes.truncate(whole);
    bytes
}

fn made_up(messages: u64) -> Vec<u8> {
    let (mut bytes, mut random) = (Vec::new(), 0x9e37_79b9_7f4a_7c15u64);
    for n in 1..=messages {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let stamp =
            Stamp { locate: (random >> 40) as u16, tracking: 0, time: Nanos48::new(n * 1000).expect("within a day") };
        let (reference, shares, price) = (random >> 20, (random >> 8) as u32 % 1000, Price4::new(random as u32 >> 4));
        let stock = Text::new(b"ABC").expect("short");
        let mut out = [0; 64];
        let length = match random % 100 {
            0..44 => {
                let m = AddOrder::new(stamp).with_reference(reference).with_side(BuySell::Buy).with_shares(shares);
                frame::write(m.with_stock(stock).with_price(price).as_bytes(), &mut out)
            }
            44..85 => frame::write(OrderDelete::new(stamp).with_reference(reference).as_bytes(), &mut out),
            85..93 => {
                let m = OrderReplace::new(stamp).with_old_reference(reference).with_new_reference(reference + 1);
                frame::write(m.with_shares(shares).with_price(price).as_bytes(), &mut out)
            }
            93..97 => {
                let m = OrderExecuted::new(stamp).with_reference(reference).with_shares(shares).with_match_number(n);
                frame::write(m.as_bytes(), &mut out)
            }
            97..99 => {
                frame::write(OrderCancel::new(stamp).with_reference(reference).with_shares(shares).as_bytes(), &mut out)
            }
            _ => {
                let m = Trade::new(stamp)
                    .with_side(BuySell::Buy)
                    .with_shares(shares)
                    .with_stock(stock)
                    .with_price(price)
                    .with_match_number(n);
                frame::write(m.as_bytes(), &mut out)
            }
        };
        bytes.extend_from_slice(&out[..length.expect("room")]);
    }
    bytes
}

/// Returns the sum of the fields of a message that a book needs.
#[inline(always)]
fn fields(locate: u16, time: u64, reference: u64, shares: u64, price: u64) -> u64 {
    u64::from(locate) + time + reference + shares + price
}

fn ours(bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    for message in Frames::new(bytes).messages() {
        let Ok((_, message)) = message else { panic!("a whole file") };
        let (head, [reference, shares, price]) = match message {
            Message::AddOrder(m) => (m.head(), [m.reference(), m.shares().into(), m.price().raw().into()]),
            Message::OrderDelete(m) => (m.head(), [m.reference(), 0, 0]),
            Message::OrderReplace(m) => {
                (m.head(), [m.old_reference() + m.new_reference(), m.shares().into(), m.price().raw().into()])
            }
            Message::OrderExecuted(m) => (m.head(), [m.reference(), m.shares().into(), 0]),
            Message::OrderCancel(m) => (m.head(), [m.reference(), m.shares().into(), 0]),
            _ => continue,
        };
        sum = sum.wrapping_add(fields(head.locate(), head.time_ns(), reference, shares, price));
    }
    sum
}

/// The same without a branch on the message type.
fn changes(bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    for (_, message) in Frames::new(bytes) {
        let Ok(change) = OrderChange::read(message) else { panic!("a whole file") };
        let Some(c) = change else { continue };
        let reference = c.reference + c.new_reference;
        sum = sum.wrapping_add(fields(c.locate, c.time.ns(), reference, c.shares.into(), c.price.raw().into()));
    }
    sum
}

fn itchy(bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    for message in itchy::MessageStream::from_reader(bytes) {
        let m = message.expect("a whole file");
        let [reference, shares, price] = match &m.body {
            itchy::Body::AddOrder(add) => [add.reference, add.shares.into(), add.price.raw().into()],
            itchy::Body::DeleteOrder { reference } => [*reference, 0, 0],
            itchy::Body::ReplaceOrder(r) => [r.old_reference + r.new_reference, r.shares.into(), r.price.raw().into()],
            itchy::Body::OrderExecuted { reference, executed, .. } => [*reference, (*executed).into(), 0],
            itchy::Body::OrderCancelled { reference, cancelled } => [*reference, (*cancelled).into(), 0],
            _ => continue,
        };
        sum = sum.wrapping_add(fields(m.stock_locate, m.timestamp, reference, shares, price));
    }
    sum
}

struct Sum(u64);

macro_rules! on {
    ($($name:ident($message:ident: $type:ident) => [$reference:expr, $shares:expr, $price:expr];)+) => {
        impl itch5::MessageHandler for Sum {
            $(
                fn $name(&mut self, $message: &itch5::messages::$type) -> ControlFlow<()> {
                    let time = $message.timestamp().to_u64();
                    let all = fields($message.stock_locate(), time, $reference, $shares, $price);
                    self.0 = self.0.wrapping_add(all);
                    ControlFlow::Continue(())
                }
            )+
        }
    };
}

on! {
    on_add_order_no_mpid_attribution(m: AddOrderNoMPIDAttribution) =>
        [m.order_reference_number(), m.shares().into(), u64::from(m.price().into_u32())];
    on_order_delete(m: OrderDelete) => [m.order_reference_number(), 0, 0];
    on_order_replace(m: OrderReplace) => [
        m.original_order_reference_number() + m.new_order_reference_number(), m.shares().into(), u64::from(m.price().into_u32())
    ];
    on_order_executed(m: OrderExecuted) => [m.order_reference_number(), m.executed_shares().into(), 0];
    on_order_cancel(m: OrderCancel) => [m.order_reference_number(), m.cancelled_shares().into(), 0];
}

fn itch5(bytes: &[u8]) -> u64 {
    let mut sum = Sum(0);
    itch5::Parser::new(bytes).parse_stream(&mut sum).expect("a whole file");
    sum.0
}

/// It gives the bytes behind the head; where the fields are, and that they are there, is left to
/// the caller.
fn lunary(bytes: &[u8]) -> u64 {
    let mut sum = 0u64;
    let mut parser = lunary::zerocopy::ZeroCopyParser::new(bytes);
    while let Some(m) = parser.parse_next() {
        let [reference, shares, price] = match m.msg_type() {
            b'A' => [m.read_u64(0), m.read_u32(9).into(), m.read_u32(21).into()],
            b'D' => [m.read_u64(0), 0, 0],
            b'U' => [m.read_u64(0) + m.read_u64(8), m.read_u32(16).into(), m.read_u32(20).into()],
            b'E' | b'X' => [m.read_u64(0), m.read_u32(8).into(), 0],
            _ => continue,
        };
        sum = sum.wrapping_add(fields(m.stock_locate(), m.timestamp(), reference, shares, price));
    }
    sum
}

fn run(bytes: &[u8], rounds: usize) {
    let messages = Frames::new(bytes).count() as u64;
    let want = ours(bytes);
    for (name, sum) in
        [("changes", changes(bytes)), ("itchy", itchy(bytes)), ("itch5", itch5(bytes)), ("lunary", lunary(bytes))]
    {
        assert_eq!(sum, want, "{name} reads other fields");
    }
    println!("{messages} messages, {} bytes", bytes.len());
    // Not known to the compiler, and not the same twice.
    let sum = Cell::new(0u64);
    let row = |name, decode: fn(&[u8]) -> u64| {
        let sum = &sum;
        Row::new(name, move |_| sum.set(sum.get() ^ decode(std::hint::black_box(bytes))))
    };
    let mut rows = [
        row("vvp wire::itch", ours),
        row("vvp OrderChange", changes),
        row("itchy 0.3", itchy),
        row("itch5 0.1", itch5),
        row("lunary 0.2", lunary),
    ];
    compare("decode, per message", "vvp wire::itch", rounds, 2, messages, &mut rows);
}
