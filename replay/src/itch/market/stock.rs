//! The data of a stock: its book, its best levels, its state and its counts.

use super::runs::Run;
use crate::itch::checksum::BboSum;
use zerocopy::FromZeros;

/// A copy of the best level of a side: reading it touches only the stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
#[repr(C)]
pub(super) struct Top {
    pub(super) price: u32,
    /// Slot of the level; 0: the side is empty, and so is the rest.
    pub(super) level: u32,
    pub(super) qty: u64,
}

/// Counts of a stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
#[repr(C)]
#[non_exhaustive]
pub struct StockCounts {
    /// Messages A, F, E, C, X, D, U, P.
    pub messages: [u64; 8],
    /// Shares executed against visible orders, printable or not.
    pub executed: u64,
    /// Executed shares that count in the volume.
    pub executed_printable: u64,
    /// Shares traded against hidden orders.
    pub hidden: u64,
    /// Crosses with shares.
    pub crosses: u64,
    /// Shares traded in crosses.
    pub crossed: u64,
    /// Broken trades.
    pub broken: u64,
    /// Executions, cancels, deletes and replaces of orders that are not on the book.
    pub unknown: u64,
    /// Number of times that its book became crossed: an order's price reached or passed the best of
    /// the opposite side.
    pub crossings: u64,
}

/// Letters of [`StockCounts::messages`].
pub const COUNTED: [u8; 8] = *b"AFECXDUP";

/// The state in letters of the format; zero bytes if not sent yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
#[repr(C)]
#[non_exhaustive]
pub struct StockState {
    /// The stock's name, as last sent.
    pub name: [u8; 8],
    /// H halted, P paused, Q quotation only, T trading.
    pub trading: u8,
    /// The reason, as sent.
    pub reason: [u8; 4],
    /// Short sales: 0, 1, 2.
    pub reg_sho: u8,
    /// The type of the last cross: O, C, H, …
    pub cross: u8,
    /// Operational halt at Nasdaq, BX, PSX: H or T.
    pub operational: [u8; 3],
    /// Price of the last cross, in ten-thousandths of a dollar.
    pub cross_price: u32,
    /// Price of the last printable trade.
    pub last_price: u32,
    /// Ends of the last auction collar.
    pub collar: [u32; 2],
    /// Shares in a round lot, from the directory.
    pub round_lot: u32,
}

/// A stock. Most messages need only the first 64 bytes.
#[derive(Debug, FromZeros)]
#[repr(C, align(64))]
pub(super) struct Stock {
    /// Bids, asks.
    pub(super) top: [Top; 2],
    pub(super) run: [Run; 2],
    pub(super) live: u32,
    /// Whether any message named this locate.
    pub(super) seen: u8,
    /// Whether an order has named it.
    pub(super) named: u8,
    /// Whether its book is crossed now.
    pub(super) crossed: u8,
    pub(super) counts: StockCounts,
    pub(super) sum: BboSum,
    pub(super) state: StockState,
}

const _: () = assert!(size_of::<Stock>() == 256 && core::mem::offset_of!(Stock, counts) == 64);

impl Stock {
    /// Returns bid price, bid size, ask price, ask size; zeros for an empty side.
    #[inline(always)]
    pub(super) const fn best(&self) -> [u64; 4] {
        let [bid, ask] = self.top;
        [bid.price as u64, bid.qty, ask.price as u64, ask.qty]
    }

    /// Returns whether the best bid is at or above the best ask.
    #[inline(always)]
    pub(super) const fn is_crossed(&self) -> bool {
        let [bid, ask] = self.top;
        // An empty side has the price 0; the prices are compared first, because that nearly always
        // decides.
        bid.price >= ask.price && bid.level != 0 && ask.level != 0
    }

    /// Counts that a new best crossed the book.
    #[cold]
    #[inline(never)]
    pub(super) const fn cross(&mut self) {
        if self.crossed == 0 {
            self.crossed = 1;
            self.counts.crossings += 1;
        }
    }

    /// Checks a crossed book again after its best has left.
    #[cold]
    #[inline(never)]
    pub(super) const fn uncross(&mut self) {
        self.crossed = self.is_crossed() as u8;
    }
}
