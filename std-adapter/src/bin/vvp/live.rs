//! The live view of `vvp top`, on a terminal.

use super::cli::grouped;
use super::top::{EVERY, Shown, Watch, queues, stages, stalls, there};
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};
use std::io;
use std::time::Instant;

/// Draws until somebody ends it, or the pipeline has ended.
pub(crate) fn run(watch: &mut Watch, dir: &str, book: usize) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let mut book = book;
    let result = (|| {
        loop {
            let shown = watch.look().ok();
            terminal.draw(|frame| match &shown {
                Some(shown) => draw(frame, shown, dir, book),
                None => frame.render_widget(Paragraph::new("nothing was written yet"), frame.area()),
            })?;
            if shown.as_ref().is_some_and(|shown| shown.now.is_final == 1) || wait(&mut book)? {
                return Ok(());
            }
        }
    })();
    ratatui::restore();
    result
}

/// Waits for the next look; whether it is the end. A key that chooses a book shows it at once.
fn wait(book: &mut usize) -> io::Result<bool> {
    let until = Instant::now() + EVERY;
    while event::poll(until.saturating_duration_since(Instant::now()))? {
        let Event::Key(key) = event::read()? else { return Ok(false) };
        if key.kind != KeyEventKind::Press {
            continue;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Ok(true),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(true),
            KeyCode::Char('0') => *book = 0,
            KeyCode::Char('1') => *book = 1,
            _ => continue,
        }
        return Ok(false);
    }
    Ok(false)
}

/// All panels; what does not fit is cut off at the bottom, where the ladder is.
fn draw(frame: &mut Frame<'_>, shown: &Shown, dir: &str, book: usize) {
    let (queues, stages) = (queues(&shown.now), stages(&shown.now));
    let rows = |n: usize| Constraint::Length(u16::try_from(n).unwrap_or(u16::MAX).saturating_add(3));
    let machine = Constraint::Length(u16::try_from(shown.seen.cores.len().min(16)).unwrap_or(16) + 6);
    let heights = [Constraint::Length(4), rows(queues.len()), rows(stages.len()), machine, Constraint::Min(5)];
    let [head, queue_area, latency_area, machine_area, ladder_area] = Layout::vertical(heights).areas(frame.area());
    rates(frame, head, shown, dir);

    let names = ["queue", "depth", "at most", "times full", "passed"];
    let cells = queues
        .iter()
        .map(|(name, q)| (name.replace('_', " "), [q.depth, q.high_water, q.refused, q.passed].map(grouped).to_vec()));
    table(frame, queue_area, "queues", &names, cells.collect());
    let names = ["ns", "p50", "p99", "p99.9", "longest"];
    let cells = stages
        .iter()
        .map(|(name, l)| (name.replace('_', " "), [l.p50_ns, l.p99_ns, l.p999_ns, l.max_ns].map(grouped).to_vec()));
    table(frame, latency_area, "latency", &names, cells.collect());
    surroundings(frame, machine_area, shown);
    ladder(frame, ladder_area, shown, book);
}

fn rates(frame: &mut Frame<'_>, area: Rect, shown: &Shown, dir: &str) {
    let [commands, events, _] = shown.rates;
    let title = format!(" {dir}, matcher {}: {} ", shown.now.pid, shown.state);
    let line = |name: &str, all: u64, rate: u64| {
        Line::from(format!("{:>16} {name:<10}{:>14} a second", grouped(all), grouped(rate)))
    };
    let text = vec![line("commands", shown.now.commands, commands), line("events", shown.now.events, events)];
    frame.render_widget(Paragraph::new(text).block(Block::bordered().title(title.bold())), area);
}

/// A column of names and columns of numbers.
fn table(frame: &mut Frame<'_>, area: Rect, title: &str, names: &[&str], rows: Vec<(String, Vec<String>)>) {
    let widths = core::iter::once(Constraint::Length(18)).chain(names.iter().skip(1).map(|_| Constraint::Length(14)));
    let header = names.iter().enumerate().map(|(i, name)| right(i, (*name).to_owned()));
    let body = rows
        .into_iter()
        .map(|(name, cells)| Row::new(core::iter::once(name).chain(cells).enumerate().map(|(i, text)| right(i, text))));
    let table = Table::new(body, widths)
        .header(Row::new(header).style(Style::new().dim()))
        .block(Block::bordered().title(format!(" {title} ")));
    frame.render_widget(table, area);
}

/// The first column goes to the left, the others to the right.
fn right(column: usize, text: String) -> Cell<'static> {
    let line = Line::from(text);
    Cell::from(if column == 0 { line } else { line.right_aligned() })
}

/// Pressure, pauses, allocations.
fn surroundings(frame: &mut Frame<'_>, area: Rect, shown: &Shown) {
    let Shown { now, seen, rates, .. } = shown;
    let percent = |n: Option<u64>| n.map_or("?".to_owned(), |n| format!("{}.{:02} %", n / 100, n % 100));
    let mib = |n: Option<u64>| n.map_or("?".to_owned(), |n| format!("{} MiB", grouped(n >> 20)));
    let (some, full) = stalls(seen);
    let (free, has) = (mib(seen.memory.available_bytes), mib(seen.rss_bytes));
    let waited = seen.waited_ns.map_or("?".to_owned(), |ns| grouped(ns / 1_000));
    let mut lines = vec![
        Line::from(format!(
            "pressure     {}; waiting for memory: some {}, all {}; {free} to be had, matcher has {has}",
            seen.level,
            percent(some),
            percent(full)
        )),
        Line::from(format!("pauses       preempted {} times, {waited} us without a processor", grouped(now.preempted))),
        Line::from(format!("faults       {} major, {} minor", grouped(now.major_faults), grouped(now.minor_faults))),
        Line::from(format!(
            "allocations  {} since it was ready, {} bytes, {} a second",
            grouped(now.allocations),
            grouped(now.allocated_bytes),
            grouped(rates[2])
        )),
    ];
    for core in seen.cores.iter().take(16) {
        let [p99, max] = [core.stalls.per_mille(990), core.stalls.max()].map(|ns| grouped(ns / 1_000));
        let long = core.too_long();
        lines.push(Line::from(format!("core {:<8}p99 {p99} us, longest {max} us, {long} over 1 ms", core.cpu)));
    }
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" the machine ")), area);
}

fn ladder(frame: &mut Frame<'_>, area: Rect, shown: &Shown, book: usize) {
    let Some(ladder) = shown.now.books.get(book) else { return };
    let most = there(&ladder.bids).chain(there(&ladder.asks)).map(|level| level.qty).max().unwrap_or(1).max(1);
    let bar = |qty: u64| {
        let cells = u128::from(qty) * 30 / u128::from(most);
        "█".repeat(usize::try_from(cells).unwrap_or(0).max(1))
    };
    let row = |side: &'static str, colour: Color, level: &vvp_std_adapter::pipeline::processes::LadderLevel| {
        let cells = [side.to_owned(), level.price.to_string(), grouped(level.qty), grouped(level.orders)];
        let cells = cells.into_iter().enumerate().map(|(i, text)| right(i, text));
        Row::new(cells.chain([Cell::from(bar(level.qty)).style(Style::new().fg(colour))]))
    };
    // The best levels meet in the middle; where there is little room, they are what stays.
    let room = usize::from(area.height.saturating_sub(3)) / 2;
    let asks: Vec<_> = there(&ladder.asks).take(room).collect();
    let mut rows: Vec<Row<'_>> = asks.iter().rev().map(|level| row("ask", Color::Red, level)).collect();
    rows.extend(there(&ladder.bids).take(room).map(|level| row("bid", Color::Green, level)));
    let widths = [6, 12, 14, 10, 32].map(Constraint::Length);
    let header = ["", "price", "qty", "orders", ""].into_iter().enumerate().map(|(i, name)| right(i, name.to_owned()));
    let table = Table::new(rows, widths)
        .header(Row::new(header).style(Style::new().dim()))
        .block(Block::bordered().title(format!(" book {book}: {} resting orders ", grouped(ladder.resting))));
    frame.render_widget(table, area);
}

#[cfg(test)]
mod tests {
    use super::super::outside::Outside;
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use vvp_std_adapter::pipeline::processes::{LadderLevel, Snapshot};

    fn screen(width: u16, height: u16) -> String {
        let mut now =
            Snapshot { commands: 1_234_567, publishers: 2, allocations: 7, preempted: 3, ..Snapshot::default() };
        (now.orders_queue.depth, now.events_queue[1].refused, now.matching.p99_ns) = (41, 99, 2_345);
        now.books[1].bids[0] = LadderLevel { price: 998, qty: 40, orders: 2 };
        now.books[1].asks[0] = LadderLevel { price: 1_003, qty: 20, orders: 1 };
        let shown = Shown { state: "running", now, rates: [5_000, 6_000, 1], seen: Outside::new().look(None) };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("no terminal is needed");
        terminal.draw(|frame| draw(frame, &shown, "/dev/shm/x", 1)).expect("no terminal is needed");
        let buffer = terminal.backend().buffer();
        let lines = buffer.content().chunks(usize::from(width));
        lines.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
    }

    #[test]
    fn all_panels_are_there() {
        let screen = screen(110, 60);
        for word in [
            "running",
            "1,234,567",
            "5,000",
            "41",
            "99",
            "2,345",
            "pressure",
            "pauses",
            "allocations  7",
            "998",
            "1003",
        ] {
            assert!(screen.contains(word), "{word}:\n{screen}");
        }
        let line = |word: &str| screen.lines().position(|line| line.contains(word));
        assert!(line(" 1003 ") < line(" 998 "), "asks above bids:\n{screen}");
    }

    #[test]
    fn a_small_screen_is_no_error() {
        for (width, height) in [(1, 1), (20, 5), (80, 24), (300, 10)] {
            screen(width, height);
        }
    }
}
