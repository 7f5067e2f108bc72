//! The output of a replay: its summary, and the first difference with both books side by side.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use vvp_core::book::Side;

use crate::digits::grouped;
use crate::json;

use super::{BookRow, Difference, Level, MessageKind, Summary, WindowCounts};

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "row {} (line {}): {}", self.row, self.row + 1, self.problem)?;
        write!(f, "message: {}", self.message)?;
        if let Some((file, ours)) = &self.books {
            write!(f, "\n{:8}  {:>24}   {:>24}", "", "file: price × size", "ours: price × size")?;
            let levels = file.levels;
            for at in (0..levels).rev() {
                self.level(f, Side::Sell, at, file, ours)?;
            }
            write!(f, "\n{:8}  {:->24}   {:->24}", "", "", "")?;
            for at in 0..levels {
                self.level(f, Side::Buy, at, file, ours)?;
            }
        }
        Ok(())
    }
}

impl Difference {
    fn level(&self, f: &mut fmt::Formatter<'_>, side: Side, at: usize, file: &BookRow, ours: &BookRow) -> fmt::Result {
        let (file, ours) = (file.side(side).get(at), ours.side(side).get(at));
        if file.is_none() && ours.is_none() {
            return Ok(());
        }
        let text = |l: Option<&Level>| l.map_or("-".into(), |l| format!("{} × {}", l.price, l.size));
        let name = if side == Side::Buy { "bid" } else { "ask" };
        let mark = if file == ours { "" } else { "  <" };
        write!(f, "\n{name} {:4}  {:>24}   {:>24}{mark}", at + 1, text(file), text(ours))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.time_ns;
        let stopped = if self.stopped { " (stopped before the end)" } else { "" };
        writeln!(
            f,
            "{}: {} rows, {} to {}{stopped}",
            self.symbol,
            grouped(self.rows),
            TimeOfDay(first),
            TimeOfDay(last)
        )?;
        writeln!(f, "  {:<20} {:>12} {:>14}", "message", "rows", "shares")?;
        for (kind, (rows, shares)) in MessageKind::ALL.into_iter().zip(self.kinds) {
            if rows > 0 {
                let name = format!("{} {}", kind as u8, kind.name());
                writeln!(f, "  {name:<20} {:>12} {:>14}", grouped(rows), grouped(shares))?;
            }
        }
        let w = &self.window;
        writeln!(f, "from the order-book file: {} levels at the start; of levels that came into sight", w.start)?;
        writeln!(
            f,
            "  {} new, {} as they left, {} grown, {} smaller; {} gone, {} merged later",
            grouped(w.seeded),
            grouped(w.unchanged),
            grouped(w.grown),
            grouped(w.rewritten),
            grouped(w.dropped),
            grouped(w.merged)
        )?;
        let how = if self.batched { "timed in batches" } else { "timed row by row, clock readings included" };
        writeln!(
            f,
            "engine: {} commands, {} events, {} orders at the end, {} ns a command ({how})",
            grouped(self.commands),
            grouped(self.events),
            grouped(self.resting_orders as u64),
            self.engine_time.as_nanos() / u128::from(self.commands.max(1))
        )?;
        let rows_per_s = u128::from(self.rows) * 1_000_000_000 / self.elapsed.as_nanos().max(1);
        write!(
            f,
            "all: {} ms, {} rows/s, files and decompression included",
            self.elapsed.as_millis(),
            grouped(u64::try_from(rows_per_s).unwrap_or(u64::MAX))
        )?;
        if let Some(matched) = self.matched {
            let compared = self.rows.saturating_sub(1);
            write!(f, "\n{matched}/{compared} rows match (")?;
            match self.levels {
                0 | 1 => write!(f, "one level; compared")?,
                2 => write!(f, "best level; the last one too")?,
                n => write!(f, "best {} levels; the last one too", n - 1)?,
            }
            write!(f, " on {}/{} sides)", self.matched_last, 2 * compared)?;
        }
        Ok(())
    }
}

/// [`Summary`] as JSON.
#[derive(Serialize)]
struct SummaryJson<'a> {
    symbol: &'a str,
    rows: u64,
    stopped: bool,
    first_ns: u64,
    last_ns: u64,
    levels: usize,
    #[serde(serialize_with = "json::object")]
    kinds: Vec<(String, KindJson)>,
    window: WindowCounts,
    #[serde(flatten)]
    compared: Option<ComparedJson>,
    commands: u64,
    events: u64,
    resting_orders: usize,
    engine_ns: u128,
    batched: bool,
    elapsed_ns: u128,
}

#[derive(Serialize)]
struct KindJson {
    rows: u64,
    shares: u64,
}

#[derive(Serialize)]
struct ComparedJson {
    matched: u64,
    compared: u64,
    matched_last: u64,
    compared_sides: u64,
}

impl Summary {
    /// Returns all numbers as one JSON object with a line feed. `compared` is the number of rows
    /// that were compared (absent without [`Options::verify`](super::Options::verify)),
    /// `compared_sides` twice that; times are in nanoseconds, of the day for `first_ns` and
    /// `last_ns`.
    #[must_use]
    pub fn json(&self) -> String {
        let kinds = MessageKind::ALL.into_iter().zip(self.kinds);
        let compared = self.rows.saturating_sub(1);
        json::line(&SummaryJson {
            symbol: self.symbol.as_str(),
            rows: self.rows,
            stopped: self.stopped,
            first_ns: self.time_ns.0,
            last_ns: self.time_ns.1,
            levels: self.levels,
            kinds: kinds
                .map(|(kind, (rows, shares))| (kind.name().replace(' ', "_"), KindJson { rows, shares }))
                .collect(),
            window: self.window,
            compared: self.matched.map(|matched| ComparedJson {
                matched,
                compared,
                matched_last: self.matched_last,
                compared_sides: 2 * compared,
            }),
            commands: self.commands,
            events: self.events,
            resting_orders: self.resting_orders,
            engine_ns: self.engine_time.as_nanos(),
            batched: self.batched,
            elapsed_ns: self.elapsed.as_nanos(),
        })
    }
}

/// [`Difference`] as JSON.
#[derive(Serialize)]
struct DifferenceJson<'a> {
    row: u64,
    line: u64,
    problem: &'a str,
    message: String,
}

impl Difference {
    /// Returns where and what it is, as one JSON object with a line feed.
    #[must_use]
    pub fn json(&self) -> String {
        let (problem, message) = (self.problem.as_str(), self.message.to_string());
        let difference = DifferenceJson { row: self.row, line: self.row + 1, problem, message };
        json::line(&BTreeMap::from([("difference", difference)]))
    }
}

/// Nanoseconds after midnight as a time of day.
pub(crate) struct TimeOfDay(pub(crate) u64);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ns) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        write!(f, "{:02}:{:02}:{:02}.{ns:09}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        assert_eq!(TimeOfDay(34_200_015_105_074).to_string(), "09:30:00.015105074");
    }
}
