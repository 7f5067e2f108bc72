//! The statistics against the reference model, over random command streams of every flavour.

use crate::engines::{self, INSTRUMENTS, Normal};
use std::collections::BTreeMap;
use vvp_core::book::{CancelReason, CountSink, EventBody, EventKind, InstrumentId, Op, Reject, Side};
use vvp_core::engine::{Matcher, Meter};
use vvp_testkit::Model;
use vvp_testkit::flavours::{Flavour, flavours};
use vvp_testkit::sinks::DynSink;
use vvp_testkit::streams::Stream;

/// The model's events, counted without optimisation.
#[derive(Default)]
struct Counted {
    commands: BTreeMap<Op, u64>,
    events: BTreeMap<EventKind, u64>,
    rejected: BTreeMap<Reject, u64>,
    canceled: BTreeMap<CancelReason, u64>,
    lots: u128,
    notional: u128,
    latencies: Vec<u64>,
    /// By instrument: the most orders, levels and stops between commands.
    most: [[usize; 3]; INSTRUMENTS],
}

fn check(flavour: &Flavour, seed: u64, len: usize) {
    let commands = Stream::new(flavour, seed).commands(len);
    let mut engine = engines::new::<Normal>();
    let mut model = Model::new(1000, 200);
    let mut meter = Box::new(Meter::new());
    let mut there = Counted::default();
    let mut clock_ns = 0;
    for (at, c) in commands.iter().enumerate() {
        // A clock that sometimes goes backwards, as those of two processors can.
        let took = (at as u64 * 7919) % 5000;
        let end_ns = if at % 50 == 0 { clock_ns - clock_ns.min(3) } else { clock_ns + took };
        there.latencies.push(end_ns.saturating_sub(clock_ns));
        meter.apply(&mut DynSink(&mut *engine), c, &mut CountSink::default(), clock_ns, || end_ns);
        clock_ns += took;
        *there.commands.entry(c.op()).or_default() += 1;
        for event in model.apply(c) {
            *there.events.entry(event.kind()).or_default() += 1;
            match event.body() {
                EventBody::Trade { price, qty, .. } => {
                    there.lots += u128::from(qty.lots());
                    let notional = u128::from(price.ticks().unsigned_abs()) * u128::from(qty.lots());
                    there.notional = there.notional.saturating_add(notional);
                }
                EventBody::Rejected { reason, .. } => *there.rejected.entry(reason).or_default() += 1,
                EventBody::Canceled { reason, .. } => *there.canceled.entry(reason).or_default() += 1,
                _ => {}
            }
        }
        for book in &model.books {
            let counts = engine.book(InstrumentId::new(book.index)).expect("defined").counts();
            let levels = [Side::Buy, Side::Sell].map(|side| book.levels(side).len());
            assert_eq!(
                (counts.resting_orders, counts.levels, counts.stops),
                (book.orders.len(), levels, book.stops.len())
            );
            let most = &mut there.most[usize::from(book.index)];
            for (most, now) in most.iter_mut().zip([book.orders.len(), levels[0] + levels[1], book.stops.len()]) {
                *most = now.max(*most);
            }
            // The high-water marks include stop orders that rest within a command; without stops
            // both must be equal.
            let high = [counts.resting_orders_max, counts.levels_max, counts.stops_max];
            let stops = flavour.stop + flavour.stop_limit + flavour.trailing > 0;
            assert!(high == *most || (stops && high.iter().zip(*most).all(|(h, m)| *h >= m)), "{high:?} {most:?}");
        }
    }
    let of = |n: Option<&u64>| n.copied().unwrap_or(0);
    let stats = &meter.stats;
    for &op in Op::ALL {
        assert_eq!(stats.commands_of(op), of(there.commands.get(&op)), "{op}");
    }
    for &kind in EventKind::ALL {
        assert_eq!(stats.events_of(kind), of(there.events.get(&kind)), "{kind}");
    }
    for &reason in Reject::ALL {
        assert_eq!(stats.rejected_for(reason), of(there.rejected.get(&reason)), "{reason}");
    }
    for &reason in CancelReason::ALL {
        assert_eq!(stats.canceled_for(reason), of(there.canceled.get(&reason)), "{reason}");
    }
    assert_eq!(stats.commands(), commands.len() as u64);
    assert_eq!(stats.events(), model.seq);
    assert_eq!((stats.traded_qty, stats.traded_notional), (there.lots, there.notional));
    let latency = &meter.latency;
    there.latencies.sort_unstable();
    let (least, most) = (there.latencies[0], *there.latencies.last().expect("some"));
    assert_eq!((latency.count(), latency.min(), latency.max()), (commands.len() as u64, least, most));
    for per_mille in [1, 500, 990, 1000] {
        let rank = (there.latencies.len() * per_mille).div_ceil(1000).max(1);
        let exact = there.latencies[rank - 1];
        let reported = latency.per_mille(per_mille as u32);
        assert!(reported >= exact && reported - exact <= exact / 128, "{per_mille}: {reported}, exactly {exact}");
    }
}

#[test]
fn statistics_agree_with_the_model() {
    for (i, flavour) in flavours().iter().enumerate().filter(|(_, f)| f.room == (1000, 200)) {
        check(flavour, 31 + i as u64, flavour.len.min(1_500));
    }
}
