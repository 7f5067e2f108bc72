//! A book drawn as a ladder: asks above, bids below, bars for the quantities.

use std::io::{self, Write};
use vvp_core::book::{BookView, DepthLevel, InstrumentSpec, Price, Side, Tick};
use vvp_replay::digits::grouped;
use vvp_replay::price_text;

const BAR_CELLS: u64 = 40;

/// The appearance of a ladder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Levels a side.
    pub(crate) levels: usize,
    /// Escape sequences for a terminal, and bars of block characters.
    pub(crate) colour: bool,
}

/// Draws the best levels of a book.
pub(crate) fn draw(out: &mut impl Write, book: &impl BookView, spec: &InstrumentSpec, style: Style) -> io::Result<()> {
    let price = |p: Price| price_text(p, spec.tick);
    let side = |side| book.depth(side).take(style.levels).collect::<Vec<_>>();
    let (bids, asks) = (side(Side::Buy), side(Side::Sell));
    let levels = |s| book.depth(s).count();
    write!(out, "  {}", spec.symbol)?;
    match book.last() {
        Some(last) => write!(out, "  last {}", price(last))?,
        None => write!(out, "  no trade yet")?,
    }
    writeln!(
        out,
        "  {}  {} resting orders on {} bid and {} ask levels",
        book.phase(),
        grouped(book.resting_orders() as u64),
        levels(Side::Buy),
        levels(Side::Sell)
    )?;
    self::levels(out, &bids, &asks, spec.tick, style)
}

/// Draws these levels, each side's best first.
pub(crate) fn levels(
    out: &mut impl Write,
    bids: &[DepthLevel],
    asks: &[DepthLevel],
    tick: Tick,
    style: Style,
) -> io::Result<()> {
    let price = |p: Price| price_text(p, tick);
    if bids.is_empty() && asks.is_empty() {
        return writeln!(out, "  the book is empty");
    }
    writeln!(out)?;
    let most = bids.iter().chain(asks).map(|l| l.qty.lots()).max().unwrap_or(1).max(1);
    let width = bids.iter().chain(asks).map(|l| price(l.price).as_str().len()).max().unwrap_or(0).max(5);
    writeln!(out, "        {:>width$}  {:>12}  {:>6}", "price", "qty", "orders")?;
    let line = |out: &mut dyn Write, name: &str, l: &DepthLevel, escape: &str| {
        let (on, off) = if style.colour { (escape, "\x1b[0m") } else { ("", "") };
        let cells =
            u64::try_from(u128::from(l.qty.lots()) * u128::from(BAR_CELLS) / u128::from(most)).unwrap_or(0).max(1);
        let bar = if style.colour { "█" } else { "#" }.repeat(cells as usize);
        let (price, qty, orders) = (price(l.price), grouped(l.qty.lots()), grouped(l.orders));
        writeln!(out, "  {name:<4}  {on}{price:>width$}{off}  {qty:>12}  {orders:>6}  {on}{bar}{off}")
    };
    for l in asks.iter().rev() {
        line(out, "ask", l, "\x1b[31m")?;
    }
    let spread = match (bids.first(), asks.first()) {
        (Some(b), Some(a)) => a.price.ticks().checked_sub(b.price.ticks()).filter(|&s| s > 0),
        _ => None,
    };
    match spread {
        Some(ticks) => writeln!(out, "  ----  {:>width$}  {:>12}", price(Price::new(ticks)), "spread")?,
        None => writeln!(out, "  ----")?,
    }
    for l in bids {
        line(out, "bid", l, "\x1b[32m")?;
    }
    Ok(())
}
