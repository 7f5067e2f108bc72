//! A small day of ITCH.

use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::frame;
use vvp_core::wire::itch::{AddOrder, BuySell, OrderDelete, OrderExecuted, Stamp, Trade, TradingAction, TradingState};
use zerocopy::IntoBytes;

/// A small session: two stocks, a halt, an execution, a hidden trade.
pub(crate) fn session() -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |message: &[u8]| {
        let mut bytes = [0; 64];
        let n = frame::write(message, &mut bytes).unwrap();
        file.extend_from_slice(&bytes[..n]);
    };
    let at = |s: u64, locate| Stamp { locate, tracking: 0, time: Nanos48::new(s * 1_000_000_000).unwrap() };
    let (abc, xyz) = (Text::new(b"ABC").unwrap(), Text::new(b"XYZ").unwrap());
    put(TradingAction::new(at(36_000, 1)).with_stock(abc).with_state(TradingState::Trading).as_bytes());
    let add = |s, locate, stock, reference, side, shares, price| {
        let m = AddOrder::new(at(s, locate)).with_reference(reference).with_stock(stock).with_side(side);
        m.with_shares(shares).with_price(Price4::new(price))
    };
    put(add(36_001, 1, abc, 1, BuySell::Buy, 100, 1_000_000).as_bytes());
    put(add(36_002, 1, abc, 2, BuySell::Sell, 50, 1_000_100).as_bytes());
    put(add(36_003, 2, xyz, 3, BuySell::Buy, 7, 50_000).as_bytes());
    put(OrderExecuted::new(at(36_010, 1)).with_reference(1).with_shares(40).as_bytes());
    put(Trade::new(at(36_011, 1)).with_stock(abc).with_shares(5).with_price(Price4::new(1_000_050)).as_bytes());
    put(OrderDelete::new(at(36_012, 1)).with_reference(99).as_bytes());
    put(OrderDelete::new(at(36_013, 1)).with_reference(2).as_bytes());
    file
}
