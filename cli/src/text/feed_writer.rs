//! Writes market data as text (`docs/market-data.md`).

use vvp_core::book::{DepthLevel, InstrumentSpec, Price, Side, Visible};
use vvp_core::market_data::{MarketData, Record};
use vvp_replay::digits::{Cursor, PRICE_MAX};

/// Maximum bytes of one record as text, its line feed included.
pub const FEED_LINE_MAX: usize = 512;

// The longest is an execution: its field names, 6 numbers, two prices, a symbol.
const _: () = assert!(192 + 6 * 20 + 2 * PRICE_MAX + 16 < FEED_LINE_MAX);

/// Writes a record of market data as a line of JSON with its line feed to the start of `out`;
/// returns the length. `number` is the record's sequence number, of which the record carries the
/// low half; `spec` is the definition of its instrument.
///
/// # Panics
/// If `out` has fewer than [`FEED_LINE_MAX`] bytes.
pub fn feed_line(number: u64, record: &Record, spec: &InstrumentSpec, out: &mut [u8]) -> usize {
    let mut c = Cursor::new(&mut out[..FEED_LINE_MAX]);
    let n = |c: &mut Cursor<'_>, key: &str, n: u64| {
        c.str(key);
        c.u64(n);
    };
    let price = |c: &mut Cursor<'_>, key: &str, at: Price| {
        c.str(key);
        c.byte(b'"');
        c.price(at.ticks(), spec.tick);
        c.byte(b'"');
    };
    let best = |c: &mut Cursor<'_>, key: &str, level: Option<DepthLevel>| match level {
        Some(level) => {
            price(c, key, level.price);
            n(c, ",", level.qty.lots());
            n(c, ",", u64::from(level.orders));
            c.byte(b']');
        }
        None => {
            // The key ends in the bracket of a level.
            c.str(key.trim_end_matches('['));
            c.str("null");
        }
    };
    n(&mut c, "{\"number\":", number);
    c.str(",\"symbol\":\"");
    c.str(spec.symbol.as_str());
    n(&mut c, "\",\"clock\":", record.clock());
    n(&mut c, ",\"event_seq\":", record.seq());
    match record.data() {
        MarketData::Top { bid, ask } => {
            best(&mut c, ",\"bid\":[", bid);
            best(&mut c, ",\"ask\":[", ask);
        }
        MarketData::Level { side, level } => {
            the_side(&mut c, side);
            price(&mut c, ",\"price\":", level.price);
            n(&mut c, ",\"qty\":", level.qty.lots());
            n(&mut c, ",\"orders\":", u64::from(level.orders));
        }
        MarketData::Order { side, price: level, what } => {
            c.str(match what {
                Visible::Added { .. } => ",\"l3\":\"added\"",
                Visible::Reduced { .. } => ",\"l3\":\"reduced\"",
                Visible::Deleted { .. } => ",\"l3\":\"deleted\"",
                Visible::Executed { .. } => ",\"l3\":\"executed\"",
                Visible::HiddenTrade { .. } => ",\"l3\":\"hidden_trade\"",
            });
            the_side(&mut c, side);
            price(&mut c, ",\"level\":", level);
            let (id, at, qty, left, again) = match what {
                Visible::Added { id, qty } | Visible::Deleted { id, qty } => (Some(id), None, qty, None, None),
                Visible::Reduced { id, by, left } => (Some(id), None, by, Some(left), None),
                Visible::Executed { id, at, qty, left, again } => (Some(id), Some(at), qty, Some(left), Some(again)),
                Visible::HiddenTrade { at, qty, again } => (None, Some(at), qty, None, Some(again)),
            };
            if let Some(id) = id {
                n(&mut c, ",\"id\":", id.get());
            }
            if let Some(at) = at {
                price(&mut c, ",\"at\":", at);
            }
            n(&mut c, ",\"qty\":", qty.lots());
            if let Some(left) = left {
                n(&mut c, ",\"left\":", left.lots());
            }
            if let Some(again) = again {
                c.str(if again { ",\"again\":true" } else { ",\"again\":false" });
            }
        }
        _ => {}
    }
    c.str("}\n");
    c.len()
}

fn the_side(c: &mut Cursor<'_>, side: Side) {
    c.str(",\"side\":\"");
    c.str(side.word());
    c.byte(b'"');
}
