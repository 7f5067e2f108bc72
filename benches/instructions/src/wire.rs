//! ITCH: frames, messages, and a market of one stock. One repetition is eight messages.

use super::Workload;
use std::hint::black_box;
use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::frame::{self, Frames};
use vvp_core::wire::itch::{
    AddOrder, BuySell, Message, OrderCancel, OrderChange, OrderDelete, OrderExecuted, OrderReplace, Stamp,
};
use vvp_replay::itch::market::Market;
use zerocopy::{FromZeros, IntoBytes};

pub(crate) const WORKLOADS: &[Workload] = &[
    ("itch_frames_8", |times| each_frame(times, |_, bytes| _ = black_box(bytes.len()))),
    ("itch_decode_8", |times| {
        each_frame(times, |_, bytes| {
            let Ok(message) = Message::decode(bytes) else { return };
            // The fields that a book needs.
            black_box(match message {
                Message::AddOrder(m) => m.reference() + u64::from(m.shares()) + u64::from(m.price().raw()),
                Message::OrderExecuted(m) => m.reference() + u64::from(m.shares()),
                Message::OrderCancel(m) => m.reference() + u64::from(m.shares()),
                Message::OrderReplace(m) => m.old_reference() + m.new_reference() + u64::from(m.shares()),
                Message::OrderDelete(m) => m.reference(),
                _ => 0,
            });
        });
    }),
    ("itch_changes_8", |times| {
        each_frame(times, |_, bytes| {
            let Ok(Some(c)) = OrderChange::read(bytes) else { return };
            black_box(c.reference + c.new_reference + u64::from(c.shares) + u64::from(c.price.raw()));
        });
    }),
    ("itch_book_8", |times| book(times, false)),
    ("itch_book_checksum_8", |times| book(times, true)),
];

/// Two orders at two prices and one behind another; executed, canceled and replaced; all gone at
/// the end.
fn session() -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |message: &[u8]| {
        let mut bytes = [0; 64];
        let n = frame::write(message, &mut bytes).expect("room");
        file.extend_from_slice(&bytes[..n]);
    };
    let stamp = Stamp { locate: 7, tracking: 0, time: Nanos48::default() };
    let add = |reference, price| {
        let m = AddOrder::new(stamp).with_reference(reference).with_side(BuySell::Buy).with_shares(100);
        m.with_stock(Text::new(b"ABC").expect("short")).with_price(Price4::new(price))
    };
    put(add(1, 10_000).as_bytes());
    put(add(2, 10_100).as_bytes());
    put(add(3, 10_000).as_bytes());
    put(OrderExecuted::new(stamp).with_reference(2).with_shares(100).as_bytes());
    put(OrderCancel::new(stamp).with_reference(1).with_shares(40).as_bytes());
    let replace = OrderReplace::new(stamp).with_old_reference(3).with_new_reference(4);
    put(replace.with_shares(50).with_price(Price4::new(9_900)).as_bytes());
    put(OrderDelete::new(stamp).with_reference(1).as_bytes());
    put(OrderDelete::new(stamp).with_reference(4).as_bytes());
    file
}

fn each_frame(times: u64, mut with: impl FnMut(u64, &[u8])) {
    let file = session();
    for _ in 0..times {
        for (offset, bytes) in Frames::new(black_box(&file)) {
            with(offset, bytes);
        }
    }
}

fn book(times: u64, checksum: bool) {
    let mut market = Market::<256, 512, 64, 1024>::new_box_zeroed().expect("memory for a market");
    market.set_checksum(checksum);
    each_frame(times, |offset, bytes| {
        if let Ok(message) = Message::decode(bytes) {
            black_box(market.apply(offset, &message));
        }
    });
    assert!(market.totals().live == 0 && market.anomalies().total() == 0, "every order leaves");
}
