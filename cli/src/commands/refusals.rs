//! What was refused in a run, why, and what to do about it: the last words on standard error.

use crate::commands::size::{Limit, Room};
use crate::failure::grouped;
use crate::io::source::CommandFile;
use std::fmt::Write;
use vvp_core::book::{CancelReason, Price, Reject};
use vvp_core::engine::{EngineStats, Matcher};
use vvp_replay::price_text;
use vvp_std_adapter::pipeline::Report;
use vvpx::text::EdgeRefusals;

/// The reasons that occurred and how often, the most frequent first.
pub(crate) fn by_reason(stats: &EngineStats) -> Vec<(Reject, u64)> {
    let mut counts: Vec<_> = Reject::ALL.iter().map(|&reason| (reason, stats.rejected_for(reason))).collect();
    counts.retain(|&(_, count)| count > 0);
    counts.sort_by_key(|&(_, count)| core::cmp::Reverse(count)); // stable: equal counts in the order of the reasons
    counts
}

/// All that is known of a run's refusals.
#[derive(Debug)]
pub(crate) struct Refusals<'a> {
    pub(crate) commands: u64,
    pub(crate) stats: &'a EngineStats,
    pub(crate) edge: EdgeRefusals,
    /// Instruments that found no room.
    pub(crate) without_room: u64,
    /// The size of the engine; `None` where no option sets it.
    pub(crate) room: Option<Room>,
}

impl<'a> Refusals<'a> {
    /// The refusals of the run that `report` tells of.
    pub(crate) fn of<E>(report: &'a Report<E>, input: &CommandFile<'_>, room: Option<Room>) -> Self {
        let Report { commands, stats, .. } = report;
        Self { commands: *commands, stats, edge: input.refused(), without_room: input.without_room(), room }
    }

    /// Lines for standard error; empty if nothing was refused.
    pub(crate) fn summary(&self, engine: &impl Matcher) -> String {
        let counts = by_reason(self.stats);
        let mut text = String::new();
        let refused: u64 = counts.iter().map(|&(_, count)| count).sum();
        if refused > 0 {
            let (refused, commands) = (grouped(refused), grouped(self.commands));
            let _ = write!(text, "vvpx: {refused} of {commands} commands refused: ");
            for (i, &(reason, count)) in counts.iter().enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                let _ = write!(text, "{comma}{} {reason}", grouped(count));
            }
            text.push('\n');
        }
        for &(reason, _) in &counts {
            match reason {
                Reject::OffTick => self.off_tick(&mut text, engine),
                Reject::UnknownInstrument => self.unknown_instrument(&mut text),
                Reject::TimeReversed => text.push_str(
                    "vvpx: time_reversed: a command whose ts is before that of an earlier one is refused; \
                     sort the commands by ts, or leave ts out\n",
                ),
                _ => {}
            }
        }
        self.limits(&mut text);
        text
    }

    fn off_tick(&self, text: &mut String, engine: &impl Matcher) {
        let example = self.edge.off_tick();
        let spec = example.and_then(|example| Some((example, engine.spec(example.instrument)?)));
        let Some((example, spec)) = spec else {
            text.push_str(
                "vvpx: off_tick: a price is no multiple of its instrument's tick; define the instrument with a finer \
                 tick before its first order, as in {\"op\":\"instrument\",\"symbol\":\"X\",\"tick\":\"0.01\"}\n",
            );
            return;
        };
        let (symbol, now, needed) = (spec.symbol, price_text(Price::new(1), spec.tick), power_of_ten(example.decimals));
        let price = match example.price() {
            "" => "a price",
            price => price,
        };
        let _ = writeln!(
            text,
            "vvpx: off_tick: the tick of {symbol} is {now}; prices like {price} need \
             {{\"op\":\"instrument\",\"symbol\":\"{symbol}\",\"tick\":\"{needed}\"}} as the first line"
        );
    }

    fn unknown_instrument(&self, text: &mut String) {
        let (symbol, what) = match &self.edge.unknown_instrument() {
            Some(symbol) => (symbol.as_str().to_owned(), format!("{symbol} is not defined where it is first named")),
            None => ("X".to_owned(), "a command names an instrument that is not defined before it".to_owned()),
        };
        let _ = writeln!(
            text,
            "vvpx: unknown_instrument: {what}; put \
             {{\"op\":\"instrument\",\"symbol\":\"{symbol}\",\"tick\":\"0.01\"}} before its first order"
        );
    }

    /// The limits of the engine that were met.
    fn limits(&self, text: &mut String) {
        let Some(room) = self.room else { return };
        let met = |reject, cancel: Option<CancelReason>| {
            self.stats.rejected_for(reject) + cancel.map_or(0, |reason| self.stats.canceled_for(reason))
        };
        let limits = [
            ("book_full", met(Reject::BookFull, Some(CancelReason::BookFull)), Limit::Orders),
            ("levels_full", met(Reject::LevelsFull, Some(CancelReason::LevelsFull)), Limit::Levels),
            ("stops_full", met(Reject::StopsFull, None), Limit::Stops),
            ("instruments", self.without_room, Limit::Instruments),
        ];
        for (name, times, limit) in limits {
            if times > 0 {
                let _ = writeln!(text, "vvpx: {name}: {}", room.met(limit));
            }
        }
    }
}

/// 10 to the power of minus `decimals`.
fn power_of_ten(decimals: u8) -> String {
    match usize::from(decimals) {
        0 => "1".to_owned(),
        decimals => format!("0.{:0>decimals$}", 1),
    }
}
