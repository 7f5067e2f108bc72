//! The market allocates nothing after start-up: under the counting allocator, over more messages
//! than one piece of a file has, with every kind of message of the book and with anomalies.

use std::io::Cursor;

use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::frame;
use vvp_core::wire::itch::{AddOrder, BuySell, OrderCancel, OrderDelete, OrderExecuted, OrderReplace, Stamp};
use vvp_replay::itch::market::DayMarket;
use vvp_replay::itch::{End, FrameReader, NoWatch, Options, Spent, replay};
use vvp_std_adapter::memory::{CountingAllocator, Pages, Zeroed, allocations};
use zerocopy::IntoBytes;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn day(messages: u64) -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |message: &[u8]| {
        let mut bytes = [0; 64];
        let n = frame::write(message, &mut bytes).expect("room");
        file.extend_from_slice(&bytes[..n]);
    };
    for n in 1..=messages {
        let locate = (n % 1000) as u16 + 1;
        let stamp = Stamp { locate, tracking: 0, time: Nanos48::new(n).expect("48 bits") };
        // Wide books, so that the runs of prices grow.
        let price = Price4::new(10_000 + (n / 1000) as u32 % 500 * 100);
        let side = if n % 2 == 0 { BuySell::Buy } else { BuySell::Sell };
        let add = AddOrder::new(stamp).with_reference(n).with_side(side).with_shares(100).with_price(price);
        match n % 10 {
            5 => put(OrderDelete::new(Stamp { locate: (n / 2 % 1000) as u16 + 1, ..stamp })
                .with_reference(n / 2)
                .as_bytes()),
            6 => put(OrderExecuted::new(stamp).with_reference(n / 3).with_shares(40).as_bytes()),
            7 => put(OrderCancel::new(stamp).with_reference(n / 4).with_shares(10).as_bytes()),
            8 => {
                let m = OrderReplace::new(stamp).with_old_reference(n / 5).with_new_reference(1_000_000_000 + n);
                put(m.with_shares(5).with_price(price).as_bytes());
            }
            9 => put(b"?"),
            _ => put(add.with_stock(Text::new(b"ABC").expect("short")).as_bytes()),
        }
    }
    file
}

#[test]
fn a_market_allocates_nothing_after_start_up() {
    let file = day(300_000);
    let mut market = Zeroed::<DayMarket>::new(Pages::LAZY).expect("memory");
    market.set_checksum(true);
    let mut reader = FrameReader::new(Cursor::new(&file)).expect("a reader");
    let mut spent = Spent::default();
    let before = allocations();
    let end = replay(&mut reader, 0, &mut market, Options::default(), &mut NoWatch, &mut spent);
    let allocated = allocations().since(before);
    assert_eq!(end.expect("no error"), End::File);
    assert_eq!(allocated.calls, 0, "{} bytes", allocated.bytes);
    assert_eq!(market.totals().messages, 300_000);
    assert!(market.totals().live > 50_000 && market.anomalies().total() > 1000, "it was a busy day");
    // The test would notice.
    let before = allocations();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(allocations().since(before).calls, 1);
}
