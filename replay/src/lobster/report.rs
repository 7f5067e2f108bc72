//! What a replay prints: its summary, and the first difference with both books side by side.

use std::fmt::{self, Write as _};

use vvp_core::book::Side;

use crate::digits::grouped;

use super::{BookRow, Difference, Level, MessageKind, Summary};

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
        writeln!(f, "{}: {} rows, {} to {}{stopped}", self.symbol, grouped(self.rows), Clock(first), Clock(last))?;
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

impl Summary {
    /// All numbers as one JSON object with a line feed. `compared` is the number of rows that were
    /// compared (absent without [`Options::verify`](super::Options::verify)), `compared_sides`
    /// twice that; times are in nanoseconds, of the day for `first_ns` and `last_ns`.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = format!(
            "{{\"symbol\":{},\"rows\":{},\"stopped\":{},\"first_ns\":{},\"last_ns\":{},\"levels\":{},\"kinds\":{{",
            quoted(&self.symbol),
            self.rows,
            self.stopped,
            self.time_ns.0,
            self.time_ns.1,
            self.levels
        );
        for (n, (kind, (rows, shares))) in MessageKind::ALL.into_iter().zip(self.kinds).enumerate() {
            let comma = if n > 0 { "," } else { "" };
            let name = kind.name().replace(' ', "_");
            // Writing to a string does not fail.
            let _ = write!(out, "{comma}\"{name}\":{{\"rows\":{rows},\"shares\":{shares}}}");
        }
        let w = &self.window;
        let _ = write!(
            out,
            "}},\"window\":{{\"start\":{},\"seeded\":{},\"unchanged\":{},\"grown\":{},\"rewritten\":{},\"dropped\":{},\
             \"merged\":{}}}",
            w.start, w.seeded, w.unchanged, w.grown, w.rewritten, w.dropped, w.merged
        );
        if let Some(matched) = self.matched {
            let compared = self.rows.saturating_sub(1);
            let _ = write!(
                out,
                ",\"matched\":{matched},\"compared\":{compared},\"matched_last\":{},\"compared_sides\":{}",
                self.matched_last,
                2 * compared
            );
        }
        let _ = writeln!(
            out,
            ",\"commands\":{},\"events\":{},\"resting_orders\":{},\"engine_ns\":{},\"batched\":{},\"elapsed_ns\":{}}}",
            self.commands,
            self.events,
            self.resting_orders,
            self.engine_time.as_nanos(),
            self.batched,
            self.elapsed.as_nanos()
        );
        out
    }
}

impl Difference {
    /// Where and what it is, as one JSON object with a line feed.
    #[must_use]
    pub fn json(&self) -> String {
        let (row, line) = (self.row, self.row + 1);
        let (problem, message) = (quoted(&self.problem), quoted(&self.message));
        format!("{{\"difference\":{{\"row\":{row},\"line\":{line},\"problem\":{problem},\"message\":{message}}}}}\n")
    }
}

/// A JSON string.
fn quoted(value: &impl ToString) -> serde_json::Value {
    value.to_string().into()
}

/// Nanoseconds after midnight as a time of day.
pub(crate) struct Clock(pub(crate) u64);

impl fmt::Display for Clock {
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
        assert_eq!(Clock(34_200_015_105_074).to_string(), "09:30:00.015105074");
    }
}
