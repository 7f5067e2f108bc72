//! A book as one line of JSON.

use std::io::{self, Write};
use vvp_core::book::{BookView, DepthLevel, InstrumentSpec, Side};
use vvp_replay::digits::{Cursor, PRICE_MAX};

/// Writes the line of `--book`: every visible level of both sides, best first, and a line feed.
///
/// # Errors
/// Errors of the writer.
pub fn write_book(out: &mut impl Write, spec: &InstrumentSpec, book: &impl BookView) -> io::Result<()> {
    write!(out, "{{\"symbol\":\"{}\",\"phase\":\"{}\",\"last\":", spec.symbol, book.phase())?;
    let mut text = [0; PRICE_MAX + 48];
    match book.last() {
        None => out.write_all(b"null")?,
        Some(last) => {
            let mut c = Cursor::new(&mut text);
            c.byte(b'"');
            c.price(last.ticks(), spec.tick);
            c.byte(b'"');
            let len = c.len();
            out.write_all(&text[..len])?;
        }
    }
    for (side, name) in [(Side::Buy, ",\"bids\":["), (Side::Sell, ",\"asks\":[")] {
        out.write_all(name.as_bytes())?;
        for (i, DepthLevel { price, qty, orders }) in book.depth(side).enumerate() {
            let mut c = Cursor::new(&mut text);
            c.str(if i > 0 { ",[\"" } else { "[\"" });
            c.price(price.ticks(), spec.tick);
            c.str("\",");
            c.u64(qty.lots());
            c.byte(b',');
            c.u64(u64::from(orders));
            c.byte(b']');
            let len = c.len();
            out.write_all(&text[..len])?;
        }
        out.write_all(b"]")?;
    }
    out.write_all(b"}\n")
}
