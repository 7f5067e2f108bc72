//! Replays both files row by row: commands to the engine, comparison, and the window's edge.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use vvp_core::book::{
    BookView, Command, Event, EventBody, EventKind, InstrumentId, InstrumentSpec, Side, Sink, Symbol, Tick,
};
use vvp_core::engine::Matcher;

use super::ledger::{Ledger, WindowCounts, rank};
use super::{BookRow, InputError, Level, Message, Source};

/// Options of a replay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Compare our book with the file after every event.
    pub verify: bool,
    /// Levels a side to write; `None`: the levels of the order-book file.
    pub levels: Option<usize>,
    /// Price step of the instrument, in the file's units (dollars ÷ 10,000). `None`: 100, a cent,
    /// if all prices of the first row are multiples of that, else 1.
    pub tick: Option<i64>,
    /// The instrument's symbol; `None`: `X`.
    pub symbol: Option<Symbol>,
    /// Polled regularly; `true` ends the replay after the current row, with the summary so far.
    pub stop: Option<fn() -> bool>,
}

/// The counts and times of a replay.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The instrument.
    pub symbol: Symbol,
    /// Rows of each file that were replayed.
    pub rows: u64,
    /// Whether the replay was stopped before the end of the files.
    pub stopped: bool,
    /// Time of the first row and of the last, in nanoseconds after midnight.
    pub time_ns: (u64, u64),
    /// Rows and shares by kind, in the order of [`MessageKind::ALL`](super::MessageKind::ALL).
    pub kinds: [(u64, u64); 7],
    /// Levels a side of the order-book file.
    pub levels: usize,
    /// Number of compared rows, all equal; `None` without comparison.
    pub matched: Option<u64>,
    /// In how many of them, bids and asks counted separately, the last level was visible before and
    /// thus compared too.
    pub matched_last: u64,
    /// Counts of levels taken from the order-book file.
    pub window: WindowCounts,
    /// Number of commands to the engine.
    pub commands: u64,
    /// Number of its events.
    pub events: u64,
    /// Orders resting at the end, anonymous ones included.
    pub resting_orders: usize,
    /// Time inside the engine, the clock readings around it included.
    pub engine_time: Duration,
    /// Whether the clock was read around batches of commands, rather than around those of each row.
    pub batched: bool,
    /// Total time.
    pub elapsed: Duration,
}

/// The first place where our book and the files disagree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Row, from 0, as LOBSTER counts; its line is one more.
    pub row: u64,
    /// The message of that row.
    pub message: Message,
    /// The problem.
    pub problem: String,
    /// The file's row and our book after the message; `None` if rows are not compared.
    pub books: Option<(BookRow, BookRow)>,
}

/// Error of a replay.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError {
    /// A file cannot be read or parsed.
    Input(InputError),
    /// The files are readable, and our book differs from them.
    Difference(Box<Difference>),
    /// Our book cannot be written.
    Output(io::Error),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(e) => e.fmt(f),
            Self::Difference(d) => d.fmt(f),
            Self::Output(e) => write!(f, "cannot write: {e}"),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<InputError> for ReplayError {
    fn from(e: InputError) -> Self {
        Self::Input(e)
    }
}

/// Commands in one batch, if rows are not processed one by one.
const BATCH: usize = 1024;
/// Rows between two polls of [`Options::stop`].
const STOP_ROWS: u64 = 256;
/// Size of the output buffer, in bytes.
const OUT_BYTES: usize = 1 << 16;

/// Sends LOBSTER `messages` through an empty `matcher`, and takes the start and the levels at the
/// window's edge from `books`; writes our book after every event to `out`, if there is one, in the
/// format of `books`.
///
/// # Errors
/// [`ReplayError::Input`] for unreadable or malformed files and when one has more rows than the
/// other, [`ReplayError::Difference`] when a message contradicts our book or (with
/// [`Options::verify`]) when the books differ, [`ReplayError::Output`] when `out` fails.
pub fn replay<'a, M: Matcher>(
    matcher: &'a mut M,
    mut messages: Source,
    mut books: Source,
    options: &Options,
    out: Option<&'a mut dyn Write>,
) -> Result<Summary, ReplayError> {
    let begin = Instant::now();
    let Some((message, mut shown)) = first_row(&mut messages, &mut books)? else {
        return Err(messages.problem("holds no rows").into());
    };
    let unit = options.tick.unwrap_or_else(|| cent_or_less(&shown));
    let symbol = options.symbol.unwrap_or(Symbol::X);
    let mut run = Run {
        matcher,
        ledger: Ledger::new(unit),
        causes: Vec::new(),
        row: 0,
        message,
        step: options.verify || out.is_some(),
        unit,
        summary: Summary {
            symbol,
            rows: 0,
            stopped: false,
            time_ns: (message.time_ns, message.time_ns),
            kinds: [(0, 0); 7],
            levels: shown.levels,
            matched: options.verify.then_some(0),
            matched_last: 0,
            window: WindowCounts::default(),
            commands: 0,
            events: 0,
            resting_orders: 0,
            engine_time: Duration::ZERO,
            batched: false,
            elapsed: Duration::ZERO,
        },
        out,
        out_levels: options.levels.unwrap_or(shown.levels),
        out_buffer: Vec::with_capacity(OUT_BYTES + 4096),
    };
    run.summary.batched = !run.step;
    run.start(&shown, &messages, &books)?;
    let mut before = BookRow::default();
    loop {
        std::mem::swap(&mut before, &mut shown);
        let message = match (next_message(&mut messages)?, next_book(&mut books, &mut shown)?) {
            (None, false) => break,
            (Some(message), true) => message,
            (None, true) => return Err(messages.problem(format!("no such row, but {} has one", books.name())).into()),
            (Some(_), false) => {
                return Err(books.problem(format!("no such row, but {} has one", messages.name())).into());
            }
        };
        if shown.levels != before.levels {
            let problem = format!("{} levels a side, but {} in the rows before", shown.levels, before.levels);
            return Err(books.problem(problem).into());
        }
        run.next(message, &before, &shown, &messages, &books)?;
        if run.row.is_multiple_of(STOP_ROWS) && options.stop.is_some_and(|stop| stop()) {
            run.summary.stopped = true;
            break;
        }
    }
    run.finish()?;
    run.summary.elapsed = begin.elapsed();
    Ok(run.summary)
}

fn first_row(messages: &mut Source, books: &mut Source) -> Result<Option<(Message, BookRow)>, ReplayError> {
    let mut row = BookRow::default();
    match (next_message(messages)?, next_book(books, &mut row)?) {
        (None, false) => Ok(None),
        (Some(message), true) => Ok(Some((message, row))),
        (None, true) => Err(messages.problem("holds no rows").into()),
        (Some(_), false) => Err(books.problem("holds no rows").into()),
    }
}

fn next_message(source: &mut Source) -> Result<Option<Message>, InputError> {
    let parsed = match source.next_line()? {
        None => return Ok(None),
        Some(line) => Message::parse(line),
    };
    parsed.map(Some).map_err(|bad| source.bad_field(bad))
}

/// Reads the next row into `row`; `false` at the end of the file.
fn next_book(source: &mut Source, row: &mut BookRow) -> Result<bool, InputError> {
    let parsed = match source.next_line()? {
        None => return Ok(false),
        Some(line) => row.parse(line),
    };
    parsed.map(|()| true).map_err(|bad| source.bad_field(bad))
}

const SIDES: [Side; 2] = [Side::Sell, Side::Buy];
const CENT: i64 = 100;

fn cent_or_less(row: &BookRow) -> i64 {
    let cents = row.asks.iter().chain(&row.bids).all(|l| l.price % CENT == 0);
    if cents { CENT } else { 1 }
}

fn off_step(unit: i64, price: i64) -> String {
    format!("price {price} is not a multiple of the price step {unit}; give --tick 1 (or the true step)")
}

struct Run<'a, M> {
    matcher: &'a mut M,
    ledger: Ledger,
    /// Row and message of each command queued in the ledger.
    causes: Vec<(u64, Message)>,
    row: u64,
    message: Message,
    /// Whether rows are processed one by one.
    step: bool,
    unit: i64,
    summary: Summary,
    out: Option<&'a mut dyn Write>,
    out_levels: usize,
    out_buffer: Vec<u8>,
}

/// Counts events and keeps the first one that must not occur in a replay.
#[derive(Default)]
struct Watch {
    events: u64,
    surprise: Option<EventBody>,
}

impl Sink for Watch {
    fn emit(&mut self, event: Event) {
        self.events += 1;
        if matches!(event.kind(), EventKind::Rejected | EventKind::Trade) && self.surprise.is_none() {
            self.surprise = Some(event.body());
        }
    }
}

impl<M: Matcher> Run<'_, M> {
    fn start(&mut self, shown: &BookRow, messages: &Source, books: &Source) -> Result<(), ReplayError> {
        let mut spec = InstrumentSpec::new(self.summary.symbol);
        spec.tick = tick_of(self.unit).ok_or_else(|| messages.problem("the price step must be 1 or more"))?;
        self.ledger.commands.push(Command::instrument(InstrumentId::default(), &spec));
        self.ledger.set_time(self.message.time_ns);
        self.check_step(&self.message, shown, messages, books)?;
        for side in SIDES {
            for &level in shown.side(side) {
                self.ledger.start(side, level);
            }
        }
        self.count();
        self.settle(shown)?;
        self.write_row()
    }

    fn next(
        &mut self,
        message: Message,
        before: &BookRow,
        shown: &BookRow,
        messages: &Source,
        books: &Source,
    ) -> Result<(), ReplayError> {
        self.row += 1;
        self.message = message;
        self.check_step(&message, shown, messages, books)?;
        self.ledger.set_time(message.time_ns);
        self.count();
        if let Err(problem) = self.ledger.message(&message) {
            self.settle(shown)?;
            return Err(self.difference(problem, shown));
        }
        if self.step {
            self.settle(shown)?;
        }
        // The row is compared first; then the levels that the messages do not tell are taken from
        // it.
        if self.summary.matched.is_some() {
            self.compare(before, shown)?;
        }
        self.take_edge(before, shown);
        self.causes.resize(self.ledger.commands.len(), (self.row, message));
        if self.step || self.ledger.commands.len() >= BATCH {
            self.settle(shown)?;
        }
        self.write_row()
    }

    fn finish(&mut self) -> Result<(), ReplayError> {
        self.settle(&BookRow::default())?;
        if let Some(out) = &mut self.out {
            out.write_all(&self.out_buffer).and_then(|()| out.flush()).map_err(ReplayError::Output)?;
        }
        self.summary.window = self.ledger.counts;
        self.summary.resting_orders = self.book().map_or(0, BookView::resting_orders);
        Ok(())
    }

    fn count(&mut self) {
        self.summary.rows += 1;
        self.summary.time_ns.1 = self.message.time_ns;
        let (rows, shares) = &mut self.summary.kinds[self.message.kind as usize - 1];
        *rows += 1;
        *shares += self.message.size;
    }

    fn check_step(
        &self,
        message: &Message,
        shown: &BookRow,
        messages: &Source,
        books: &Source,
    ) -> Result<(), InputError> {
        let unit = self.unit;
        if unit == 1 {
            return Ok(());
        }
        if message.kind.is_on_book() && message.price % unit != 0 {
            return Err(messages.problem(off_step(unit, message.price)));
        }
        match shown.asks.iter().chain(&shown.bids).find(|l| l.price % unit != 0) {
            Some(level) => Err(books.problem(off_step(unit, level.price))),
            None => Ok(()),
        }
    }

    fn book(&self) -> Option<&M::Book> {
        self.matcher.book(InstrumentId::default())
    }

    /// Sends the queued commands to the engine. A refusal or a trade is a difference.
    fn settle(&mut self, shown: &BookRow) -> Result<(), ReplayError> {
        if self.ledger.commands.is_empty() {
            return Ok(());
        }
        self.causes.resize(self.ledger.commands.len(), (self.row, self.message));
        let mut watch = Watch::default();
        let mut stopped = None;
        let begin = Instant::now();
        for (at, command) in self.ledger.commands.iter().enumerate() {
            self.matcher.apply(command, &mut watch);
            if watch.surprise.is_some() {
                stopped = Some(at);
                break;
            }
        }
        self.summary.engine_time += begin.elapsed();
        self.summary.commands += self.ledger.commands.len() as u64;
        self.summary.events += watch.events;
        if let (Some(at), Some(surprise)) = (stopped, watch.surprise) {
            let problem = surprised(&surprise, &self.ledger.commands[at]);
            let (row, message) = self.causes[at];
            let books = (self.step && row == self.row).then(|| (shown.clone(), self.ours(shown.levels)));
            return Err(ReplayError::Difference(Box::new(Difference { row, message, problem, books })));
        }
        self.ledger.commands.clear();
        self.causes.clear();
        Ok(())
    }

    /// Returns our best levels in the file's units.
    fn ours(&self, levels: usize) -> BookRow {
        let mut row = BookRow { levels, ..BookRow::default() };
        for (side, into) in [(Side::Sell, &mut row.asks), (Side::Buy, &mut row.bids)] {
            into.extend(self.depth(side).take(levels));
        }
        row
    }

    fn depth(&self, side: Side) -> impl Iterator<Item = Level> {
        let unit = self.unit;
        self.book()
            .into_iter()
            .flat_map(move |book| book.depth(side))
            .map(move |l| Level::new(l.price.ticks() * unit, l.qty.lots()))
    }

    fn difference(&self, problem: String, shown: &BookRow) -> ReplayError {
        // If rows are not processed one by one, our book may be a batch ahead of the file.
        let books = self.step.then(|| (shown.clone(), self.ours(shown.levels)));
        ReplayError::Difference(Box::new(Difference { row: self.row, message: self.message, problem, books }))
    }

    /// Compares the row with our book: all levels but the last a side, and the last if it follows
    /// from the messages.
    fn compare(&mut self, before: &BookRow, shown: &BookRow) -> Result<(), ReplayError> {
        for side in SIDES {
            let file = shown.side(side);
            let known = edge_is_known(side, before, shown);
            let count = if known { file.len() } else { file.len().min(shown.levels - 1) };
            let mut ours = self.depth(side);
            for (at, &level) in file[..count].iter().enumerate() {
                if ours.next() != Some(level) {
                    drop(ours);
                    return Err(self.difference(differs(side, at), shown));
                }
            }
            let more = known && count < shown.levels && ours.next().is_some();
            drop(ours);
            if more {
                return Err(self.difference(differs(side, count), shown));
            }
            self.summary.matched_last += u64::from(known);
        }
        self.summary.matched = self.summary.matched.map(|n| n + 1);
        Ok(())
    }

    /// Takes from the row the levels that entered at its edge, and marks those that left.
    fn take_edge(&mut self, before: &BookRow, shown: &BookRow) {
        for side in SIDES {
            let file = shown.side(side);
            if !edge_is_known(side, before, shown) {
                let (inner, edge) = match file {
                    [inner @ .., edge] if file.len() == shown.levels => (inner.last(), Some(edge)),
                    all => (all.last(), None),
                };
                self.ledger.reconcile(side, inner.copied(), edge.copied());
            }
            if let Some(&edge) = file.last().filter(|_| file.len() == shown.levels) {
                self.ledger.out_of_sight(side, edge, shown.levels);
            }
        }
    }

    fn write_row(&mut self) -> Result<(), ReplayError> {
        if self.out.is_none() {
            return Ok(());
        }
        self.ours(self.out_levels).write(self.out_levels, &mut self.out_buffer);
        if self.out_buffer.len() >= OUT_BYTES {
            if let Some(out) = &mut self.out {
                out.write_all(&self.out_buffer).map_err(ReplayError::Output)?;
            }
            self.out_buffer.clear();
        }
        Ok(())
    }
}

/// Returns whether a side of the row follows from the messages, its last level included.
///
/// The row before showed everything down to its last level, or the whole side. So levels within
/// that range were visible before or are from the message; levels beyond it have just entered the
/// window.
fn edge_is_known(side: Side, before: &BookRow, shown: &BookRow) -> bool {
    let (before_side, side_now) = (before.side(side), shown.side(side));
    match (before_side.last(), side_now.last()) {
        (Some(was), Some(is)) if before_side.len() == before.levels => {
            side_now.len() == shown.levels && rank(side, is.price) <= rank(side, was.price)
        }
        _ => before_side.len() < before.levels,
    }
}

fn differs(side: Side, at: usize) -> String {
    let side = if side == Side::Buy { "bid" } else { "ask" };
    format!("{side} level {} differs", at + 1)
}

fn surprised(surprise: &EventBody, command: &Command) -> String {
    match surprise {
        EventBody::Rejected { reason, .. } => {
            format!("our book refused \"{} {}\": {reason}", command.op(), command.id())
        }
        EventBody::Trade { maker, qty, .. } => {
            format!("the new order {} trades {qty} shares with order {maker} in our book", command.id())
        }
        _ => "our book gave an event that a replay never makes".into(),
    }
}

/// Returns the tick of `unit` ten-thousandths of a dollar.
fn tick_of(unit: i64) -> Option<Tick> {
    let (mut mantissa, mut decimals) = (unit, 4);
    while decimals > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        decimals -= 1;
    }
    Tick::new(mantissa, decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_a_tick() {
        assert_eq!(tick_of(100), Tick::new(1, 2));
        assert_eq!(tick_of(1), Tick::new(1, 4));
        assert_eq!(tick_of(500), Tick::new(5, 2));
        assert_eq!(tick_of(50_000), Tick::new(5, 0));
        assert_eq!(tick_of(0), None);
    }

    #[test]
    fn edge_within_the_last_row_follows_from_the_messages() {
        let row = |asks: &[i64]| BookRow {
            levels: 3,
            asks: asks.iter().map(|&p| Level::new(p, 1)).collect(),
            bids: Vec::new(),
        };
        let known = |before: &[i64], now: &[i64]| edge_is_known(Side::Sell, &row(before), &row(now));
        assert!(known(&[1, 2, 3], &[1, 2, 3]));
        assert!(known(&[1, 2, 4], &[1, 2, 3])); // a new level pushed 4 out
        assert!(!known(&[1, 2, 3], &[1, 3, 4])); // 4 came into sight
        assert!(!known(&[1, 2, 3], &[1, 3])); // so did the end of the side
        assert!(known(&[1, 2], &[1, 2, 3]));
        assert!(known(&[1, 2], &[1]));
        assert!(known(&[], &[]));
    }
}
