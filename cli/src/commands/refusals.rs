//! Notes on standard error after a run: refused commands, the reasons, and remedies.

use crate::commands::size::{Limit, Room};
use crate::diagnostic::Diagnostic;
use crate::io::source::CommandFile;
use vvp_core::book::{CancelReason, Price, Reject};
use vvp_core::engine::{EngineStats, Matcher};
use vvp_replay::digits::grouped;
use vvp_replay::price_text;
use vvp_std_adapter::pipeline::Report;
use vvpx::text::EdgeRefusals;

/// Returns the reasons that occurred and how often, the most frequent first.
pub(crate) fn by_reason(stats: &EngineStats) -> Vec<(Reject, u64)> {
    let mut counts: Vec<_> = Reject::ALL.iter().map(|&reason| (reason, stats.rejected_for(reason))).collect();
    counts.retain(|&(_, count)| count > 0);
    counts.sort_by_key(|&(_, count)| core::cmp::Reverse(count)); // stable: equal counts in the order of the reasons
    counts
}

/// The refusals of a run.
#[derive(Debug)]
pub(crate) struct Refusals<'a> {
    pub(crate) commands: u64,
    pub(crate) stats: &'a EngineStats,
    pub(crate) edge: EdgeRefusals,
    /// Instruments for which there was no room.
    pub(crate) without_room: u64,
    /// The size of the engine; `None` where no option sets it.
    pub(crate) room: Option<Room>,
}

impl<'a> Refusals<'a> {
    /// Returns the refusals of a run.
    pub(crate) fn of<E>(report: &'a Report<E>, input: &CommandFile<'_>, room: Option<Room>) -> Self {
        let Report { commands, stats, .. } = report;
        Self { commands: *commands, stats, edge: input.refused(), without_room: input.without_room(), room }
    }

    /// Writes the notes of subcommand `sub` to standard error; nothing if nothing was refused.
    pub(crate) fn tell(&self, sub: &'static str, engine: &impl Matcher) {
        for note in self.notes(engine) {
            note.of(sub).tell();
        }
    }

    fn notes(&self, engine: &impl Matcher) -> Vec<Diagnostic> {
        let counts = by_reason(self.stats);
        let mut notes = Vec::new();
        let refused: u64 = counts.iter().map(|&(_, count)| count).sum();
        if refused > 0 {
            let list: Vec<_> = counts.iter().map(|&(reason, count)| format!("{} {reason}", grouped(count))).collect();
            let (refused, commands) = (grouped(refused), grouped(self.commands));
            notes.push(Diagnostic::note(format!("{refused} of {commands} commands refused: {}", list.join(", "))));
        }
        for &(reason, _) in &counts {
            match reason {
                Reject::OffTick => notes.push(self.off_tick(engine)),
                Reject::UnknownInstrument => notes.push(self.unknown_instrument()),
                Reject::TimeReversed => {
                    let what = "time_reversed: a command whose ts is before that of an earlier one is refused";
                    notes.push(Diagnostic::note(what).remedy("sort the commands by ts, or leave ts out"));
                }
                _ => {}
            }
        }
        self.limits(&mut notes);
        notes
    }

    fn off_tick(&self, engine: &impl Matcher) -> Diagnostic {
        let example = self.edge.off_tick();
        let spec = example.and_then(|example| Some((example, engine.spec(example.instrument)?)));
        let Some((example, spec)) = spec else {
            return Diagnostic::note("off_tick: a price is no multiple of its instrument's tick").remedy(
                "define the instrument with a finer tick before its first order, as in \
                 {\"op\":\"instrument\",\"symbol\":\"X\",\"tick\":\"0.01\"}",
            );
        };
        let (symbol, now, needed) = (spec.symbol, price_text(Price::new(1), spec.tick), power_of_ten(example.decimals));
        let price = match example.price() {
            "" => "a price",
            price => price,
        };
        Diagnostic::note(format!("off_tick: the tick of {symbol} is {now}")).remedy(format!(
            "prices like {price} need {{\"op\":\"instrument\",\"symbol\":\"{symbol}\",\"tick\":\"{needed}\"}} as the \
             first line"
        ))
    }

    fn unknown_instrument(&self) -> Diagnostic {
        let (symbol, what) = match &self.edge.unknown_instrument() {
            Some(symbol) => (symbol.as_str().to_owned(), format!("{symbol} is not defined where it is first named")),
            None => ("X".to_owned(), "a command names an instrument that is not defined before it".to_owned()),
        };
        Diagnostic::note(what).context("unknown_instrument").remedy(format!(
            "put {{\"op\":\"instrument\",\"symbol\":\"{symbol}\",\"tick\":\"0.01\"}} before its first order"
        ))
    }

    /// Adds the limits of the engine that were met.
    fn limits(&self, notes: &mut Vec<Diagnostic>) {
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
        notes.extend(
            limits.into_iter().filter(|limit| limit.1 > 0).map(|(name, _, limit)| room.met(limit).context(name)),
        );
    }
}

/// Returns 10 to the power of minus `decimals`.
fn power_of_ten(decimals: u8) -> String {
    match usize::from(decimals) {
        0 => "1".to_owned(),
        decimals => format!("0.{:0>decimals$}", 1),
    }
}
