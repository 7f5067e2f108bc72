//! The panels of the live view of `vvpx top`, as lines of text for a column of any width.

use crate::commands::top::{Shown, core_stalls, or_dash, percentiles, queues, stages, stalls, there};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use vvp_replay::digits::grouped;
use vvp_std_adapter::pipeline::processes::LevelSummary;

/// Maximum number of cores shown.
const CORES_MAX: usize = 16;
/// Width of a table's first column.
const NAME: usize = 14;
/// Minimum and maximum width of a column of numbers.
const NUMBER: (usize, usize) = (8, 15);

/// Returns the first line of the screen: the state, the matcher, the directory and the keys.
pub(crate) fn title(shown: &Shown, dir: &str, width: usize, scrolls: bool) -> Line<'static> {
    let state = format!(" {}", shown.state);
    let about = format!("  matcher {}  {dir}", shown.now.pid);
    let keys = match (width, scrolls) {
        (0..60, true) => "↑↓ q ",
        (0..60, false) => "q end ",
        (_, true) => "0 1 book  ↑↓ more  q end ",
        (_, false) => "0 1 book  q end ",
    };
    let room = width.saturating_sub(state.chars().count() + keys.chars().count() + 1);
    let about: String = about.chars().take(room).collect();
    let style = if shown.state == "running" { Style::new().green() } else { Style::new().red() };
    let gap = " ".repeat((room + 1).saturating_sub(about.chars().count()));
    Line::from(vec![Span::styled(state, style.bold()), Span::from(about), Span::from(gap), Span::from(keys)]).reversed()
}

/// Returns rates, queues, latencies, memory pressure, pauses and allocations.
pub(crate) fn counters(shown: &Shown, width: usize) -> Vec<Line<'static>> {
    let Shown { now, rates, .. } = shown;
    let mut lines = Vec::new();
    let names = ["throughput", "a second", "in all"];
    table(
        &mut lines,
        width,
        names,
        [("commands", [rates[0], Some(now.commands)]), ("events", [rates[1], Some(now.events)])],
    );
    let rows = queues(now).into_iter().map(|(name, q)| (name, [q.depth, q.high_water, q.refused, q.passed].map(Some)));
    table(&mut lines, width, ["queue", "depth", "at most", "times full", "passed"], rows);
    let rows = stages(now).into_iter().map(|(name, l)| (name, percentiles(&l)));
    table(&mut lines, width, ["latency in ns", "p50", "p99", "p99.9", "longest"], rows);
    surroundings(&mut lines, shown, width);
    lines
}

/// Adds a table: a line of column names, and rows of a name and numbers.
fn table<const ALL: usize, const NUMBERS: usize>(
    lines: &mut Vec<Line<'static>>,
    width: usize,
    names: [&str; ALL],
    rows: impl IntoIterator<Item = (&'static str, [Option<u64>; NUMBERS])>,
) {
    // Columns shrink with the width; below their minimum the last ones are left out.
    let room = width.saturating_sub(NAME);
    let columns = (room / NUMBER.0).clamp(1, NUMBERS);
    let column = (room / columns).clamp(NUMBER.0, NUMBER.1);
    let mut header = format!("{:<NAME$}", names[0]);
    for name in &names[1..=columns] {
        header.push_str(&format!("{:>column$}", last(name, column)));
    }
    lines.push(heading(header, width));
    for (name, numbers) in rows {
        let numbers = numbers
            .iter()
            .take(columns)
            .map(|&n| format!("{:>column$}", n.map_or("–".to_owned(), |n| fitting(n, column))));
        let numbers: String = numbers.collect();
        lines.push(Line::from(format!("{:<NAME$}{numbers}", name.replace('_', " "))));
    }
}

/// Returns the name, or its last word if it does not fit with a blank before it.
fn last(name: &str, column: usize) -> &str {
    if name.len() < column { name } else { name.rsplit(' ').next().unwrap_or(name) }
}

/// Returns a number in at most one character less than its column: with grouped digits, else
/// without groups, else rounded down to three digits.
fn fitting(n: u64, column: usize) -> String {
    let (groups, digits) = (grouped(n), n.to_string());
    for text in [groups, digits] {
        if text.len() < column {
            return text;
        }
    }
    let (mut unit, mut index) = (1, 0);
    while n / unit >= 1_000 && index < 6 {
        (unit, index) = (unit * 1_000, index + 1);
    }
    let (whole, name) = (n / unit, ["", "k", "M", "G", "T", "P", "E"][index]);
    let tenths = (n % unit) / (unit / 10).max(1);
    if whole < 100 { format!("{whole}.{tenths}{name}") } else { format!("{whole}{name}") }
}

fn heading(text: String, width: usize) -> Line<'static> {
    Line::from(format!("{text:<width$}")).style(Style::new().fg(Color::Cyan).underlined())
}

/// Adds memory pressure, pauses and allocations.
fn surroundings(lines: &mut Vec<Line<'static>>, shown: &Shown, width: usize) {
    let Shown { now, seen, rates, .. } = shown;
    let percent = |n: Option<u64>| n.map_or("–".to_owned(), |n| format!("{}.{:02} %", n / 100, n % 100));
    let mib = |n: Option<u64>| n.map_or("–".to_owned(), |n| format!("{} MiB", grouped(n >> 20)));
    let us = |ns: Option<u64>| or_dash(ns.map(|ns| ns / 1_000));
    let (some, full) = stalls(seen);
    let waited = us(seen.waited_ns);
    lines.push(heading("matcher and machine".to_owned(), width));
    let waits = format!("memory waits some {}, all {}", percent(some), percent(full));
    words(lines, width, "pressure", [seen.level.to_string(), waits]);
    let memory =
        [format!("{} available", mib(seen.memory.available_bytes)), format!("matcher {}", mib(seen.rss_bytes))];
    words(lines, width, "memory", memory);
    let pauses = [format!("preempted {}", grouped(now.preempted)), format!("no processor {waited} us")];
    words(lines, width, "pauses", pauses);
    for core in seen.cores.iter().take(CORES_MAX) {
        let [p99, max] = core_stalls(core).map(us);
        let pauses =
            [format!("p99 {p99} us"), format!("max {max} us"), format!("{} over 1 ms", grouped(core.too_long()))];
        words(lines, width, &format!("  core {}", core.cpu), pauses);
    }
    let faults = [format!("major {}", grouped(now.major_faults)), format!("minor {}", grouped(now.minor_faults))];
    words(lines, width, "faults", faults);
    let bytes = format!("{} bytes", grouped(now.allocated_bytes));
    let allocations =
        [format!("{} since ready", grouped(now.allocations)), bytes, format!("{} a second", or_dash(rates[2]))];
    words(lines, width, "allocations", allocations);
}

/// Adds a name and some words; words that do not fit get lines of their own.
fn words<const N: usize>(lines: &mut Vec<Line<'static>>, width: usize, name: &str, words: [String; N]) {
    let mut line = format!("{name:<NAME$}");
    let mut is_first = true;
    for word in words {
        let gap = if is_first { "" } else { "   " };
        if !is_first && line.chars().count() + gap.len() + word.chars().count() > width {
            lines.push(Line::from(core::mem::replace(&mut line, " ".repeat(NAME))));
            line.push_str(&word);
        } else {
            line.push_str(gap);
            line.push_str(&word);
        }
        is_first = false;
    }
    lines.push(Line::from(line));
}

/// Returns the best levels of a book that fit `rows` lines, asks above bids.
pub(crate) fn ladder(shown: &Shown, book: usize, width: usize, rows: usize) -> Vec<Line<'static>> {
    let Some(ladder) = shown.now.books.get(book) else { return Vec::new() };
    let about = format!("book {book}: {} resting", grouped(ladder.resting));
    let most = there(&ladder.bids).chain(there(&ladder.asks)).map(|level| level.qty).max().unwrap_or(1).max(1);
    let mut lines = vec![heading(format!("{about:<20}{:>8}{:>8}", "qty", "orders"), width)];
    let room = width.saturating_sub(38).min(40);
    let row = |side: &str, colour: Color, level: &LevelSummary| {
        let cells = u128::from(level.qty) * room as u128 / u128::from(most);
        let bar = if room == 0 { String::new() } else { "█".repeat(usize::try_from(cells).unwrap_or(0).max(1)) };
        let (qty, orders) = (fitting(level.qty, 8), fitting(level.orders, 8));
        let text = format!("{side} {:>16}{qty:>8}{orders:>8}  ", level.price);
        Line::from(vec![Span::from(text), Span::styled(bar, Style::new().fg(colour))])
    };
    // Both sides get half; the other side may use what is left.
    let (bids, asks) = (there(&ladder.bids).count(), there(&ladder.asks).count());
    let rows = rows.saturating_sub(1);
    let asks_shown = asks.min((rows / 2).max(rows.saturating_sub(bids)));
    let asks: Vec<_> = there(&ladder.asks).take(asks_shown).collect();
    lines.extend(asks.iter().rev().map(|level| row("ask", Color::Red, level)));
    lines.extend(there(&ladder.bids).take(rows - asks_shown).map(|level| row("bid", Color::Green, level)));
    lines
}
