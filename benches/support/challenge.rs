//! The shape of a published order-book challenge: what happens is drawn in continuous time, then
//! put in order.
//!
//! Given: a geometric-Brownian mid that swings by 0 to 60 %; depths with a power-law tail (α 2.23)
//! and a hump 8 ticks out; of the new orders 15 % ioc, 20 % modified (+1 lot, 80 % of them one tick
//! away), 95 % canceled after an exponential life with a median of 0.43 ms; 2 % of the cancels sent
//! twice. Chosen here, because it is not given: the mid starts at 10,000 ticks, a new order comes
//! every 10 µs on average, lots are 1 to 100, depths end at 2,000 ticks, ioc orders reach 2 ticks
//! beyond the touch, modifications come anywhere in the order's life, the second cancel 20 µs after
//! the first.

use super::rng::Rng;
use super::workloads::{Market, Workload, side};
use core::cmp::Reverse;
use std::collections::BinaryHeap;
use vvp_core::book::{Command, OrderId, Price, Qty, Replacement, TimeInForce};

const MID: f64 = 10_000.0;
const GAP_NS: f64 = 10_000.0;
const MEDIAN_LIFE_NS: f64 = 430_000.0;
const ALPHA: f64 = 2.23;
const HUMP: i64 = 8;
const DEEPEST: usize = 2_000;

/// Later fate of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    Modify(u64),
    Cancel(u64),
    CancelAgain(u64),
}

/// The mid at each new order: a geometric Brownian path whose highest and lowest differ by `swing`
/// of the start.
fn path(rng: &mut Rng, swing: f64, n: usize) -> Vec<f64> {
    let mut at = 0.0;
    let walk: Vec<f64> = (0..n)
        .map(|_| {
            at += rng.normal();
            at
        })
        .collect();
    let (low, high) = walk.iter().fold((0.0f64, 0.0f64), |(l, h), &w| (l.min(w), h.max(w)));
    let spread = |scale: f64| (scale * high).exp() - (scale * low).exp();
    let (mut small, mut large) = (0.0, 1.0);
    for _ in 0..100 {
        let middle = (small + large) / 2.0;
        if spread(middle) < swing {
            small = middle;
        } else {
            large = middle;
        }
    }
    walk.iter().map(|w| MID * (small * w).exp()).collect()
}

/// Cumulated shares of the depths 1, 2, 3, …: rising to the hump, then the power law.
fn depths() -> Vec<f64> {
    let mut sum = 0.0;
    let mut shares: Vec<f64> = (1..=DEEPEST as i64)
        .map(|d| {
            let x = d as f64 / HUMP as f64;
            sum += if d < HUMP { x } else { x.powf(-ALPHA) };
            sum
        })
        .collect();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

/// The stream of `n` new orders and what follows from them, for a swing from 0 to 0.6.
pub fn stream(name: &'static str, swing: f64, n: usize) -> Workload {
    let mut m = Market::new(0xc4a1 ^ (swing * 100.0) as u64, n * 5 / 2);
    let mids = path(&mut m.rng, swing, n);
    let depths = depths();
    let mut later: BinaryHeap<Reverse<(u64, Later)>> = BinaryHeap::new();
    let mut now = 0.0;
    for mid in mids {
        now += m.rng.exponential(GAP_NS);
        while let Some(&Reverse((at, what))) = later.peek() {
            if at as f64 > now {
                break;
            }
            later.pop();
            happen(&mut m, what, at, &mut later);
        }
        let mid = mid.round() as i64;
        let buy = m.rng.percent(50);
        let qty = 1 + m.rng.below(100);
        if m.rng.percent(15) {
            let touch = m.floor.best_price(side(!buy)).unwrap_or(mid);
            m.limit(side(buy), if buy { touch + 2 } else { touch - 2 }, qty, TimeInForce::Ioc);
            continue;
        }
        let u = m.rng.unit();
        let depth = 1 + depths.partition_point(|&share| share < u) as i64;
        let id = m.limit(side(buy), if buy { mid - depth } else { mid + depth }, qty, TimeInForce::Gtc);
        let life = m.rng.exponential(MEDIAN_LIFE_NS / core::f64::consts::LN_2);
        if m.rng.percent(20) {
            let at = now + life * m.rng.unit();
            later.push(Reverse((at as u64, Later::Modify(id))));
        }
        if m.rng.percent(95) {
            later.push(Reverse(((now + life) as u64, Later::Cancel(id))));
        }
    }
    while let Some(Reverse((at, what))) = later.pop() {
        happen(&mut m, what, at, &mut later);
    }
    Workload { name, commands: m.commands, warm: 0 }
}

fn happen(m: &mut Market, what: Later, at: u64, later: &mut BinaryHeap<Reverse<(u64, Later)>>) {
    match what {
        Later::CancelAgain(id) => m.cancel(id),
        Later::Modify(id) | Later::Cancel(id) if m.floor.open(id) == 0 => {} // it has traded
        Later::Cancel(id) => {
            m.cancel(id);
            if m.rng.percent(2) {
                later.push(Reverse((at + 20_000, Later::CancelAgain(id))));
            }
        }
        Later::Modify(id) => {
            let (open, price) = (m.floor.open(id), m.floor.price(id));
            let step = match m.rng.below(10) {
                0..4 => 1,
                4..8 => -1,
                _ => 0,
            };
            let with = Replacement {
                price: Some(Price::new(price + step)),
                qty: Some(Qty::new(open + 1)),
                ..Replacement::default()
            };
            m.push(Command::replace(OrderId::new(id), with));
        }
    }
}
