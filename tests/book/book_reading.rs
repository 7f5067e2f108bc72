//! The book's queries that `book_model` does not compare, against the reference model: best levels,
//! the first levels of a side, the level at any price, orders by id, an owner's stops.

use crate::engines::{self, Normal};
use vvp_core::book::{
    BookView, DepthLevel, InstrumentId, OrderId, OrderType, OwnerId, Price, Qty, RestingOrder, Side, WaitingStop,
};
use vvp_core::engine::Matcher;
use vvp_testkit::Model;
use vvp_testkit::flavours::flavours;
use vvp_testkit::sinks::events_of;
use vvp_testkit::streams::Stream;

type Real = <Normal as Matcher>::Book;

/// Counts of what was compared, to show that the streams contain it.
#[derive(Default, Debug)]
struct Met {
    best: u32,
    /// Levels with hidden orders only.
    hidden_levels: u32,
    orders: u32,
    stops: u32,
}

fn compare(book: &Real, model: &vvp_testkit::book::Book, met: &mut Met) {
    for side in [Side::Buy, Side::Sell] {
        let level = |(price, qty, orders)| DepthLevel { price, qty, orders };
        let depth: Vec<DepthLevel> = model.depth(side).into_iter().map(level).collect();
        assert_eq!(book.best(side), depth.first().copied());
        assert_eq!(book.next_level(side, None), depth.first().copied());
        met.best += u32::from(!depth.is_empty());
        for n in [0, 1, 3, usize::MAX] {
            assert!(book.depth(side).take(n).eq(depth.iter().copied().take(n)));
        }
        let mut prices = model.prices(side);
        let near: Vec<i64> = prices.iter().flat_map(|p| [p.saturating_sub(1), p.saturating_add(1)]).collect();
        prices.extend(near.into_iter().chain([i64::MIN, 0, i64::MAX]));
        for price in prices {
            let there = depth.iter().copied().find(|level| level.price == Price::new(price));
            assert_eq!(book.level_at(side, Price::new(price)), there);
            met.hidden_levels += u32::from(there.is_none() && model.levels(side).contains_key(&price));
            // The next level after any price, occupied or not.
            let worse =
                |l: &&DepthLevel| if side == Side::Buy { l.price.ticks() < price } else { l.price.ticks() > price };
            assert_eq!(book.next_level(side, Some(Price::new(price))), depth.iter().find(worse).copied());
        }
    }
    for order in model.orders.values() {
        let there = RestingOrder {
            id: order.order_id(),
            owner: OwnerId::new(order.owner),
            side: order.side,
            price: Price::new(order.price.expect("it rests")),
            open: Qty::new(order.open),
            visible: Qty::new(if order.hidden { 0 } else { order.slice }),
        };
        assert_eq!(book.order(order.order_id()), Some(there));
        met.orders += 1;
    }
    for id in (0..20).map(OrderId::new).chain(model.stops.iter().map(vvp_testkit::order::Order::order_id)) {
        assert_eq!(book.order(id).is_some(), model.orders.contains_key(&id.get()));
    }
    for owner in [0, 7, u32::MAX, 1] {
        let there: Vec<WaitingStop> = model
            .stops
            .iter()
            .filter(|stop| stop.owner == owner)
            .map(|stop| WaitingStop {
                id: stop.order_id(),
                owner: OwnerId::new(owner),
                side: stop.side,
                order_type: stop.kind,
                stop: match (stop.kind, stop.trail, stop.anchor) {
                    (OrderType::TrailingStop, Some(trail), anchor) => anchor
                        .map(|anchor| Price::new(vvp_testkit::order::moved(anchor, trail, stop.side == Side::Buy).0)),
                    _ => stop.stop.map(Price::new),
                },
                limit: stop.price.map(Price::new),
                open: Qty::new(stop.open),
            })
            .collect();
        met.stops += there.len() as u32;
        assert!(book.stops_of(OwnerId::new(owner)).eq(there));
    }
}

#[test]
fn queries_agree_with_the_model() {
    let mut met = Met::default();
    for (i, flavour) in flavours().iter().enumerate().filter(|(_, f)| f.room == (1000, 200)) {
        let mut engine = engines::new::<Normal>();
        let mut model = Model::new(1000, 200);
        for (at, c) in Stream::new(flavour, 271 + i as u64).commands(flavour.len.min(800)).iter().enumerate() {
            events_of(&mut *engine, c);
            model.apply(c);
            if at % 7 == 0 {
                for book in &model.books {
                    compare(engine.book(InstrumentId::new(book.index)).expect("defined"), book, &mut met);
                }
            }
        }
    }
    println!("{met:?}");
    assert!(met.best > 1_000 && met.hidden_levels > 100 && met.orders > 1_000 && met.stops > 1_000, "{met:?}");
}
