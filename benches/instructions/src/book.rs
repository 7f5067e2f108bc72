//! The matching engine, whole commands, with a sink that only counts events.

use super::Workload;
use std::hint::black_box;
use vvp_core::book::{
    Book, Command, CountSink, InstrumentId, InstrumentSpec, NoStateHash, OrderId, Price, Qty, Replacement, Side,
    StateHash, Symbol, TimeInForce, WithStateHash,
};
use vvp_core::engine::{Engine, Matcher};
use zerocopy::FromZeros;

/// 4,096 orders, 1,024 near levels a side, 256 far levels a side, 256 stops.
type BenchOf<T> = Engine<Book<4096, 16, 256, 256, 8192, T>, 1, 64>;
pub(crate) type Bench = BenchOf<NoStateHash>;

pub(crate) const WORKLOADS: &[Workload] = &[
    ("book_add_cancel_touch", add_cancel_touch::<NoStateHash>),
    ("book_add_cancel_deep", add_cancel_deep),
    ("book_add_cancel_far", add_cancel_far),
    ("book_add_cancel_far_of_64", add_cancel_far_of_64),
    ("book_add_fill", add_fill::<NoStateHash>),
    ("book_sweep_8_levels", sweep_8_levels),
    ("book_sweep_8_far_levels", sweep_8_far_levels),
    ("book_replace_same_price", replace_same_price::<NoStateHash>),
    ("book_replace_other_price", replace_other_price),
    ("book_reduce", reduce),
    ("book_cancel_unknown", cancel_unknown),
    ("book_iceberg_8_slices", iceberg_8_slices),
    ("book_stop_triggered", stop_triggered),
    ("book_flow", flow::<NoStateHash>),
    ("far_100k_add_ascending", far_add_ascending),
    ("far_100k_add_descending", far_add_descending),
    ("far_100k_add_scattered", far_add_scattered),
    ("far_100k_cancel_lowest", far_cancel_lowest),
    ("far_100k_cancel_highest", far_cancel_highest),
    ("far_100k_cancel_scattered", far_cancel_scattered),
    ("far_100k_window_passes_64", far_window_passes_64),
    ("tracked_add_cancel_touch", add_cancel_touch::<WithStateHash>),
    ("tracked_add_fill", add_fill::<WithStateHash>),
    ("tracked_replace_same_price", replace_same_price::<WithStateHash>),
    ("tracked_flow", flow::<WithStateHash>),
    ("command_from_record", command_from_record),
];

const TOUCH_BID: i64 = 9_999;
const TOUCH_ASK: i64 = 10_001;

pub(crate) fn limit(id: u64, side: Side, price: i64, qty: u64) -> Command {
    Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(qty))
}

fn cancel(id: u64) -> Command {
    Command::cancel(OrderId::new(id))
}

/// An engine with one instrument and a book of 16 orders on each of 64 levels a side.
pub(crate) struct Setting<T: StateHash = NoStateHash> {
    pub(crate) engine: Box<BenchOf<T>>,
    sink: CountSink,
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self::make()
    }

    pub(crate) fn empty() -> Self {
        Self::make_empty()
    }
}

impl<T: StateHash> Setting<T>
where
    BenchOf<T>: FromZeros,
{
    fn make() -> Self {
        let mut setting = Self::make_empty();
        let mut id = 1 << 40;
        for level in 0..64 {
            for _ in 0..16 {
                setting.apply(&limit(id, Side::Buy, TOUCH_BID - level, 100));
                setting.apply(&limit(id + 1, Side::Sell, TOUCH_ASK + level, 100));
                id += 2;
            }
        }
        setting
    }

    fn make_empty() -> Self {
        let engine = BenchOf::<T>::new_box_zeroed().expect("memory for an engine");
        let mut setting = Self { engine, sink: CountSink::default() };
        setting.apply(&Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)));
        setting
    }

    #[inline(always)]
    fn apply(&mut self, command: &Command) {
        self.engine.apply(black_box(command), &mut self.sink);
    }
}

fn add_cancel_touch<T: StateHash>(times: u64)
where
    BenchOf<T>: FromZeros,
{
    let mut s = Setting::<T>::make();
    for id in 0..times {
        s.apply(&limit(id, Side::Buy, TOUCH_BID, 10));
        s.apply(&cancel(id));
    }
}

/// Alone on levels within the window, which come and go.
fn add_cancel_deep(times: u64) {
    let mut s = Setting::new();
    for id in 0..times {
        s.apply(&limit(id, Side::Buy, TOUCH_BID - 100 - (id % 300) as i64, 10));
        s.apply(&cancel(id));
    }
}

/// Beyond the window.
fn add_cancel_far(times: u64) {
    let mut s = Setting::new();
    for id in 0..times {
        s.apply(&limit(id, Side::Buy, TOUCH_BID - 5_000 - (id % 64) as i64, 10));
        s.apply(&cancel(id));
    }
}

/// Beyond the window, among 64 other levels there.
fn add_cancel_far_of_64(times: u64) {
    let mut s = Setting::new();
    for level in 0..64 {
        s.apply(&limit(1 << 41 | level, Side::Buy, TOUCH_BID - 5_000 - 3 * level as i64, 10));
    }
    for id in 0..times {
        s.apply(&limit(id, Side::Buy, TOUCH_BID - 5_001 - 3 * (id * 27 % 64) as i64, 10));
        s.apply(&cancel(id));
    }
}

/// A new best bid, and a sell order that fills it.
fn add_fill<T: StateHash>(times: u64)
where
    BenchOf<T>: FromZeros,
{
    let mut s = Setting::<T>::make();
    for i in 0..times {
        s.apply(&limit(2 * i, Side::Buy, TOUCH_BID + 1, 10));
        s.apply(&limit(2 * i + 1, Side::Sell, TOUCH_BID + 1, 10).with_tif(TimeInForce::Ioc));
    }
}

fn sweep_8_levels(times: u64) {
    let mut s = Setting::empty();
    sweep_step(times, |c| s.apply(c));
}

#[inline(always)]
pub(crate) fn sweep_step(times: u64, mut apply: impl FnMut(&Command)) {
    for i in 0..times {
        for level in 0..8 {
            apply(&limit(9 * i + level, Side::Sell, TOUCH_ASK + level as i64, 10));
        }
        apply(&limit(9 * i + 8, Side::Buy, TOUCH_ASK + 7, 80).with_tif(TimeInForce::Ioc));
    }
}

/// Levels so far apart that all but one lie outside the window when they are taken.
fn sweep_8_far_levels(times: u64) {
    let mut s = Setting::empty();
    for i in 0..times {
        for level in 0..8 {
            s.apply(&limit(9 * i + level, Side::Sell, TOUCH_ASK + 5_000 * level as i64, 10));
        }
        s.apply(&limit(9 * i + 8, Side::Buy, TOUCH_ASK + 35_000, 80).with_tif(TimeInForce::Ioc));
    }
}

/// Room for 131,071 far levels a side.
type Wide = Engine<Book<{ 1 << 17 }, 16, { (1 << 17) - 1 }, 16, { 1 << 18 }>, 1, 1>;

/// Levels outside the window before anything is counted.
const MANY: u64 = 100_000;

/// An order of prices, all of them far below the market: by how many ticks the bid of each number
/// lies below it.
type Depth = fn(u64) -> i64;

fn ascending(i: u64) -> i64 {
    10_000_000 - 7 * i as i64
}

fn descending(i: u64) -> i64 {
    10_000 + 7 * i as i64
}

/// An odd multiplier visits each of the 2^17 places once.
fn scattered(i: u64) -> i64 {
    10_000 + 7 * (i.wrapping_mul(0x9e37_79b9) % (1 << 17)) as i64
}

/// A book with one bid at the market, and `MANY` bids of one level each outside the window.
struct Adversary {
    engine: Box<Wide>,
    sink: CountSink,
}

impl Adversary {
    fn new(depth: Depth) -> Self {
        let engine = Wide::new_box_zeroed().expect("memory for an engine");
        let mut adversary = Self { engine, sink: CountSink::default() };
        adversary.apply(&Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)));
        adversary.apply(&limit(1 << 40, Side::Buy, TOUCH_BID, 10));
        (0..MANY).for_each(|i| adversary.apply(&Self::bid(i, depth)));
        adversary
    }

    fn bid(i: u64, depth: Depth) -> Command {
        limit(i, Side::Buy, TOUCH_BID - depth(i), 10)
    }

    #[inline(never)]
    fn apply(&mut self, command: &Command) {
        self.engine.apply(black_box(command), &mut self.sink);
    }

    /// Each repetition uses another level, in the same order of prices.
    fn add(depth: Depth, times: u64) {
        let mut s = Self::new(depth);
        (MANY..MANY + times).for_each(|i| s.apply(&Self::bid(i, depth)));
    }

    /// Removes the levels in the order of their creation.
    fn cancel(depth: Depth, times: u64) {
        let mut s = Self::new(depth);
        (0..times).for_each(|i| s.apply(&cancel(i)));
    }
}

fn far_add_ascending(times: u64) {
    Adversary::add(ascending, times);
}

fn far_add_descending(times: u64) {
    Adversary::add(descending, times);
}

fn far_add_scattered(times: u64) {
    Adversary::add(scattered, times);
}

fn far_cancel_lowest(times: u64) {
    Adversary::cancel(ascending, times);
}

fn far_cancel_highest(times: u64) {
    Adversary::cancel(descending, times);
}

fn far_cancel_scattered(times: u64) {
    Adversary::cancel(scattered, times);
}

/// The best bid rises by half a window and is removed: 64 levels become far levels and return to
/// the window.
fn far_window_passes_64(times: u64) {
    let mut s = Adversary::new(descending);
    for level in 1..256 {
        s.apply(&limit(1 << 41 | level, Side::Buy, TOUCH_BID - level as i64, 10));
    }
    for i in 0..times {
        s.apply(&limit(1 << 42 | i, Side::Buy, TOUCH_BID + 800, 10));
        s.apply(&cancel(1 << 42 | i));
    }
}

/// Replace with a smaller quantity at the same price: the order keeps its priority.
fn replace_same_price<T: StateHash>(times: u64)
where
    BenchOf<T>: FromZeros,
{
    let mut s = Setting::<T>::make();
    s.apply(&limit(0, Side::Buy, TOUCH_BID - 10, 1 << 40));
    for i in 0..times {
        let qty = Qty::new((1 << 40) - 1 - i);
        s.apply(&Command::replace(OrderId::new(0), Replacement { qty: Some(qty), ..Replacement::default() }));
    }
}

fn replace_other_price(times: u64) {
    let mut s = Setting::new();
    s.apply(&limit(0, Side::Buy, TOUCH_BID - 10, 10));
    for i in 0..times {
        let price = Price::new(TOUCH_BID - (i % 32) as i64);
        s.apply(&Command::replace(OrderId::new(0), Replacement { price: Some(price), ..Replacement::default() }));
    }
}

fn reduce(times: u64) {
    let mut s = Setting::new();
    s.apply(&limit(0, Side::Buy, TOUCH_BID, 1 << 40));
    for _ in 0..times {
        s.apply(&Command::reduce(OrderId::new(0), Qty::new(1)));
    }
}

fn cancel_unknown(times: u64) {
    let mut s = Setting::new();
    for id in 0..times {
        s.apply(&cancel(id));
    }
}

/// An iceberg of eight slices, filled by one order.
fn iceberg_8_slices(times: u64) {
    let mut s = Setting::new();
    for i in 0..times {
        s.apply(&limit(2 * i, Side::Buy, TOUCH_BID + 1, 80).with_display_qty(Qty::new(10)));
        s.apply(&limit(2 * i + 1, Side::Sell, TOUCH_BID + 1, 80).with_tif(TimeInForce::Ioc));
    }
}

/// A trade at the touch triggers a stop, which trades against the next order.
fn stop_triggered(times: u64) {
    let mut s = Setting::empty();
    for i in 0..times {
        let id = 4 * i;
        let price = TOUCH_BID - (i % 2) as i64;
        s.apply(&Command::stop(OrderId::new(id), Side::Sell, Price::new(price - 2), Qty::new(10)));
        s.apply(&limit(id + 1, Side::Buy, price - 2, 20));
        s.apply(&Command::market(OrderId::new(id + 2), Side::Sell, Qty::new(10)));
    }
}

/// A mix as markets have it: 46 % new orders that rest, 46 % cancels of recent ones, 8 % that
/// trade.
fn flow<T: StateHash>(times: u64)
where
    BenchOf<T>: FromZeros,
{
    let mut s = Setting::<T>::make();
    flow_step(times, |c| s.apply(c));
}

#[inline(always)]
pub(crate) fn flow_step(times: u64, mut apply: impl FnMut(&Command)) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for id in 0..times {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let side = if random & 1 == 0 { Side::Buy } else { Side::Sell };
        let depth = ((random >> 8) % 24) as i64;
        let price = |depth: i64| if side == Side::Buy { TOUCH_BID - depth } else { TOUCH_ASK + depth };
        let qty = 1 + (random >> 20) % 50;
        match (random >> 32) % 100 {
            0..46 => apply(&limit(id, side, price(depth), qty)),
            46..92 => apply(&cancel(id.saturating_sub(1 + (random >> 40) % 64))),
            _ => apply(&limit(id, side, price(-3), qty).with_tif(TimeInForce::Ioc)),
        }
    }
}

fn command_from_record(times: u64) {
    let command = limit(1, Side::Buy, TOUCH_BID, 10).with_ts(1_000);
    let record: [u8; Command::SIZE] = zerocopy::IntoBytes::as_bytes(&command).try_into().expect("64 bytes");
    for _ in 0..times {
        black_box(Command::from_record(black_box(&record)).is_ok());
    }
}
