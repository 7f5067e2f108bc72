//! The books of all stocks of a day, in one memory block of fixed size.
//!
//! ```text
//! reference --ids--> order (32 bytes) --> level (32 bytes): price, shares, orders, first and last order
//!                       |  next, prev       ^
//!                       v                   | slot
//! locate ----------> stock (256 bytes): best bid and ask, and two runs of (price, level), sorted, the best last
//! ```
//! Nothing is allocated after construction, and zeroed memory is an empty market. Freed slots are
//! reused first, so a day touches memory for its peak of live orders, not for their total.

mod anomaly;
mod apply;
mod runs;
mod slots;
mod stock;
mod view;

pub use anomaly::{Anomalies, Anomaly, PLACES};
pub use stock::{COUNTED, StockCounts, StockState};
pub use view::{OrderView, StockView};

use runs::Runs;
use slots::{Slot, Slots};
use stock::Stock;
use vvp_core::map::IdIndex;
use zerocopy::FromZeros;

/// Locates are 16 bits, and each has an entry.
pub const STOCKS: usize = 1 << 16;

/// Length of a day in ns; times count from midnight and are below it.
pub const DAY_NS: u64 = 86_400_000_000_000;

/// An order on the book.
#[derive(Debug, FromZeros)]
#[repr(C, align(32))]
struct Order {
    reference: u64,
    shares: u32,
    level: u32,
    /// The next order of its level; 0: none. Also links free slots.
    next: u32,
    prev: u32,
    locate: u16,
    /// 0 bid, 1 ask.
    side: u8,
}

/// A price with orders.
#[derive(Debug, FromZeros)]
#[repr(C, align(32))]
struct Level {
    qty: u64,
    price: u32,
    orders: u32,
    /// The order with the best priority. Also links free slots.
    first: u32,
    last: u32,
}

const _: () = assert!(size_of::<Order>() == 32 && size_of::<Level>() == 32);

impl Slot for Order {
    #[inline(always)]
    fn link(&mut self) -> &mut u32 {
        &mut self.next
    }
}

impl Slot for Level {
    #[inline(always)]
    fn link(&mut self) -> &mut u32 {
        &mut self.first
    }
}

/// Totals of a replay.
#[derive(Clone, Debug, FromZeros)]
#[repr(C)]
#[non_exhaustive]
pub struct Totals {
    /// Messages by type, of valid or invalid length.
    pub by_type: [u64; 256],
    /// All messages.
    pub messages: u64,
    /// Book messages: A, F, E, C, X, D, U.
    pub book_messages: u64,
    /// Orders on all books now.
    pub live: u64,
    /// Maximum number of live orders after any message.
    pub max_live: u64,
    /// Time of the last message, ns since midnight.
    pub time_ns: u64,
    /// The last system event: O, S, Q, M, E, C.
    pub event: u8,
    /// The market-wide circuit breaker level that was breached: 1, 2, 3, or 0.
    pub breaker: u8,
}

/// A market with room for `ORDERS` − 1 orders, `LEVELS` − 1 price levels and `WORDS` words of
/// sorted prices; `IDS` places for references (a power of two, at least 8/7 of `ORDERS`). Created
/// from zeroed memory:
///
/// ```
/// use vvp_replay::itch::market::DayMarket;
/// use vvp_std_adapter::memory::{Pages, Zeroed};
/// let market = Zeroed::<DayMarket>::new(Pages::LAZY)?;
/// assert!(size_of::<DayMarket>() < 1 << 30); // address space; pages come as they are touched
/// # Ok::<(), vvp_std_adapter::memory::MapError>(())
/// ```
#[derive(Debug, FromZeros)]
#[repr(C)]
pub struct Market<const ORDERS: usize, const IDS: usize, const LEVELS: usize, const WORDS: usize> {
    totals: Totals,
    sum: SumSwitch,
    anomalies: Anomalies,
    stocks: [Stock; STOCKS],
    orders: Slots<Order, ORDERS>,
    levels: Slots<Level, LEVELS>,
    runs: Runs<WORDS>,
    ids: IdIndex<IDS>,
}

/// The checksum over all stocks, and whether it is on: it costs about as much as the books
/// themselves.
#[derive(Debug, FromZeros)]
#[repr(C)]
struct SumSwitch {
    sum: crate::itch::checksum::BboSum,
    on: u8,
}

/// A market with room for a whole NASDAQ day: 8.3 million live orders on 4.1 million price levels,
/// 16.7 million words of sorted prices. 747 MiB of address space, of which a day touches what it
/// needs.
pub type DayMarket = Market<{ 1 << 23 }, { 1 << 24 }, { 1 << 22 }, { 1 << 24 }>;

const _: () = assert!(size_of::<DayMarket>() < 800 << 20);
