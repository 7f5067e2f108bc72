//! By hand: one command for each thing that can use up a line of the bound's sum.

use super::{Bounded, Small};
use vvp_core::book::{
    BoundedSink, Command, Event, InstrumentId, InstrumentSpec, OrderId, OwnerId, Phase, Price, Qty, QueueSink,
    Replacement, SelfTradePrevention, Side, Symbol, TimeInForce,
};
use vvp_core::engine::WouldBlock;
use vvp_core::queue::{Spin, Spsc};
use zerocopy::FromZeros;

/// Returns an engine with one instrument.
fn started() -> Box<Small> {
    let mut engine = Small::new_box_zeroed().expect("memory for an engine");
    engine.events_of(&Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)));
    engine
}

fn limit(id: u64, side: Side, price: i64, qty: u64) -> Command {
    Command::limit(OrderId::new(id), side, Price::new(price), Qty::new(qty))
}

fn stop(id: u64, side: Side, price: i64, qty: u64) -> Command {
    Command::stop(OrderId::new(id), side, Price::new(price), Qty::new(qty))
}

/// Returns the bound of the last of these commands, and how many events it causes.
fn bound_and_events(commands: &[Command]) -> (u64, u64) {
    let mut engine = started();
    let mut last = (0, 0);
    for c in commands {
        last = (engine.bound(c), engine.events_of(c).len() as u64);
    }
    last
}

/// Sell 7 at 97; sell stop 98 for 11; buy 14 at 102 showing 1.
fn iceberg_that_triggers_a_stop() -> [Command; 3] {
    [
        limit(27, Side::Sell, 97, 7),
        stop(8, Side::Sell, 98, 11),
        limit(40, Side::Buy, 102, 14).with_display_qty(Qty::new(1)),
    ]
}

#[test]
fn slices_hit_by_a_stop_that_the_iceberg_triggered_are_counted() {
    assert_eq!(bound_and_events(&iceberg_that_triggers_a_stop()), (11, 11));
}

#[test]
fn try_apply_into_a_queue_of_8_refuses_a_command_of_11_events() {
    let queue = Spsc::<Event, 8>::new();
    let mut sink = QueueSink::new(queue.producer().expect("free"), Spin);
    let mut engine = started();
    let [ask, stop, iceberg] = iceberg_that_triggers_a_stop();
    for c in [ask, stop] {
        engine.events_of(&c);
    }
    let before = engine.hash();
    assert_eq!(engine.attempt(&iceberg, &mut sink), Err(WouldBlock::new(11)));
    assert_eq!((engine.hash(), sink.room()), (before, 8));
}

#[test]
fn slices_of_a_replaced_iceberg_hit_by_a_stop_are_counted() {
    let to = Replacement { price: Some(Price::new(102)), ..Replacement::default() };
    let (bound, events) = bound_and_events(&[
        limit(27, Side::Sell, 97, 7),
        limit(40, Side::Buy, 90, 14).with_display_qty(Qty::new(1)),
        stop(8, Side::Sell, 98, 11),
        Command::replace(OrderId::new(40), to),
    ]);
    assert_eq!((bound, events), (11, 11));
}

#[test]
fn resting_stop_limit_hit_by_the_next_stop_is_counted() {
    let (bound, events) = bound_and_events(&[
        limit(1, Side::Sell, 100, 1),
        Command::stop_limit(OrderId::new(2), Side::Buy, Price::new(100), Price::new(99), Qty::new(3)),
        stop(3, Side::Sell, 100, 5),
        limit(4, Side::Buy, 100, 1),
    ]);
    // Accepted, trade; triggered and rests; triggered, trade, the rest is canceled. The bound also
    // counts a trade with the ask and a cancel of the stop_limit, which it cannot rule out.
    assert_eq!((bound, events), (8, 6));
}

#[test]
fn decrements_of_stops_count_two_events_each() {
    let (one, decrement) = (OwnerId::new(1), SelfTradePrevention::Decrement);
    let (bound, events) = bound_and_events(&[
        limit(1, Side::Sell, 100, 1),
        limit(2, Side::Sell, 101, 1).with_owner(one),
        limit(3, Side::Sell, 102, 1).with_owner(one),
        limit(4, Side::Sell, 103, 5).with_owner(one),
        stop(5, Side::Buy, 100, 3).with_owner(one).with_self_trade(decrement),
        limit(6, Side::Buy, 100, 1),
    ]);
    // Accepted, trade; triggered; two makers that end and two decrements of the stop; a decrement
    // of the third maker, and the end of the stop.
    assert_eq!((bound, events), (9, 9));
}

#[test]
fn uncross_has_one_trade_less_than_slices() {
    let auction = Command::phase(Phase::Auction);
    let (bound, events) = bound_and_events(&[
        auction,
        limit(1, Side::Buy, 101, 4).with_display_qty(Qty::new(1)),
        limit(2, Side::Sell, 100, 4).with_display_qty(Qty::new(2)),
        limit(3, Side::Buy, 90, 9).with_display_qty(Qty::new(1)), // does not cross
        Command::phase(Phase::Continuous),
    ]);
    // Phase, uncross, 4 trades of the 5 that six slices allow.
    assert_eq!((bound, events), (7, 6));
}

#[test]
fn expired_orders_give_way_to_those_behind() {
    let (bound, events) = bound_and_events(&[
        limit(1, Side::Sell, 100, 5).with_expiry(10),
        limit(2, Side::Sell, 101, 1),
        limit(3, Side::Sell, 102, 1),
        limit(4, Side::Buy, 102, 2).with_tif(TimeInForce::Ioc).with_ts(10),
    ]);
    assert_eq!((bound, events), (4, 4)); // expired, accepted, two trades
}

#[test]
fn trailing_stop_at_the_least_price_triggers_at_its_anchor() {
    let (bound, events) = bound_and_events(&[
        Command::trailing_stop(OrderId::new(1), Side::Sell, u64::MAX, Qty::new(1)),
        limit(2, Side::Sell, i64::MIN, 1),
        limit(3, Side::Buy, i64::MIN, 1),
    ]);
    assert_eq!((bound, events), (4, 4)); // accepted, trade; triggered, no buyers
}

#[test]
fn failed_fok_or_min_qty_has_two_events_whatever_stops_wait() {
    let (bound, events) = bound_and_events(&[
        limit(1, Side::Sell, 100, 5),
        stop(2, Side::Buy, 100, 9),
        limit(3, Side::Buy, 100, 6).with_tif(TimeInForce::Fok),
    ]);
    assert_eq!((bound, events), (2, 2));
    let few = limit(3, Side::Buy, 100, 9).with_tif(TimeInForce::Ioc).with_min_qty(Qty::new(6));
    assert_eq!(bound_and_events(&[limit(1, Side::Sell, 100, 5), few]), (2, 2));
}

#[test]
fn refused_iceberg_has_one_event() {
    let thin = limit(2, Side::Buy, 100, 1001).with_display_qty(Qty::new(1));
    assert_eq!(bound_and_events(&[limit(1, Side::Sell, 100, 5), thin]), (1, 1));
}
