//! What is kept of each stock: where its book lies, its best, its state, and what happened to it.

use super::runs::Run;
use crate::itch::checksum::BboSum;
use zerocopy::FromZeros;

/// The best level of a side, as a copy: reading it touches nothing but the stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
#[repr(C)]
pub(super) struct Top {
    pub(super) price: u32,
    /// Slot of the level; 0: the side is empty, and so is the rest.
    pub(super) level: u32,
    pub(super) qty: u64,
}

/// What happened to a stock, in counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
#[repr(C)]
#[non_exhaustive]
pub struct StockCounts {
    /// Messages A, F, E, C, X, D, U, P.
    pub messages: [u64; 8],
    /// Shares executed against visible orders, printable or not.
    pub executed: u64,
    /// Those of them that count in the volume.
    pub executed_printable: u64,
    /// Shares traded against orders that were not shown.
    pub hidden: u64,
    /// Crosses with shares.
    pub crosses: u64,
    /// Shares that traded in them.
    pub crossed: u64,
    /// Trades undone.
    pub broken: u64,
    /// Executions, cancels, deletes and replaces of orders that are not on the book.
    pub unknown: u64,
    /// How often its book became crossed: an order's price met or passed the best of the other
    /// side.
    pub crossings: u64,
}

/// Letters of [`StockCounts::messages`].
pub const COUNTED: [u8; 8] = *b"AFECXDUP";

/// A state in letters of the format; zero bytes where nothing was said yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
#[repr(C)]
#[non_exhaustive]
pub struct StockState {
    /// The stock's name, as sent last.
    pub name: [u8; 8],
    /// H halted, P paused, Q quotation only, T trading.
    pub trading: u8,
    /// Why, as sent.
    pub reason: [u8; 4],
    /// Short sales: 0, 1, 2.
    pub reg_sho: u8,
    /// What the last cross was: O, C, H, …
    pub cross: u8,
    /// Whether an operational halt is on at Nasdaq, BX, PSX: H or T.
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

/// A stock. The first 64 bytes are all that most messages need.
#[derive(Debug, FromZeros)]
#[repr(C, align(64))]
pub(super) struct Stock {
    /// Bids, asks.
    pub(super) top: [Top; 2],
    pub(super) run: [Run; 2],
    pub(super) live: u32,
    /// Whether any message named this locate.
    pub(super) seen: u8,
    /// Whether an order said its name.
    pub(super) named: u8,
    /// Whether its book is crossed now.
    pub(super) crossed: u8,
    pub(super) counts: StockCounts,
    pub(super) sum: BboSum,
    pub(super) state: StockState,
}

const _: () = assert!(size_of::<Stock>() == 256 && core::mem::offset_of!(Stock, counts) == 64);

impl Stock {
    /// Bid price, bid size, ask price, ask size; zeros where a side is empty.
    #[inline(always)]
    pub(super) const fn best(&self) -> [u64; 4] {
        let [bid, ask] = self.top;
        [bid.price as u64, bid.qty, ask.price as u64, ask.qty]
    }

    /// Whether the best bid is at or above the best ask: orders that would have traded.
    #[inline(always)]
    pub(super) const fn is_crossed(&self) -> bool {
        let [bid, ask] = self.top;
        // An empty side has the price 0; the prices are compared first, since they differ nearly
        // always.
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

    /// Looks again at a crossed book whose best has left.
    #[cold]
    #[inline(never)]
    pub(super) const fn uncross(&mut self) {
        self.crossed = self.is_crossed() as u8;
    }
}
