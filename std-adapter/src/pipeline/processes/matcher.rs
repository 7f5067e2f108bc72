//! Journals commands, applies them, publishes their events.

use super::journal::{Entry, words};
use super::snapshot::Snapshot;
use super::{Events, GATEWAYS_MAX, Meeting, Orders, Record, StageError, patience};
use crate::clock::Clock;
use crate::ipc::{SendError, Sender};
use crate::memory::{Pages, Zeroed};
use std::sync::atomic::Ordering;
use vvp_core::book::{Book, Command, Event, FnSink, InstrumentId, InstrumentSpec, Price, Symbol, Tracked};
use vvp_core::engine::{Engine, Matcher};
use vvp_core::queue::{PopError, Wait};
use zerocopy::IntoBytes;

/// A [`JobEngine`](crate::engine::JobEngine) with a state hash.
pub type TrackedJobEngine = Engine<Book<8192, 64, 512, 1024, 16_384, Tracked>, 8, 256>;

/// The commands that every run begins with, before the first of any gateway: two instruments.
#[must_use]
pub fn define() -> [Command; 2] {
    let one = |index: u16, name: &[u8]| {
        let mut spec = InstrumentSpec::new(Symbol::new(name).unwrap_or(Symbol::X));
        spec.reference = Some(Price::new(1_000));
        Command::instrument(InstrumentId::new(index), &spec)
    };
    [one(0, b"ALPHA"), one(1, b"OMEGA")]
}

/// The events' way to the publisher, which leaves out those that were published before.
struct Publishing {
    tx: Sender<Record, { super::EVENTS_WAITING_MAX }>,
    clock: Clock,
    /// Published by those before us.
    known: u64,
    made: u64,
}

impl Publishing {
    fn event(&mut self, event: &Event) {
        self.made += 1;
        if self.made <= self.known {
            return;
        }
        let mut record: Record = [0; 9];
        record[..8].copy_from_slice(&words(event.as_bytes()));
        record[8] = self.clock.now();
        // Ends when the publisher, started again, has made room, or this process is killed.
        while let Err(SendError::PeerDied(..) | SendError::Closed(_)) = self.tx.send(record, &mut patience()) {
            std::thread::sleep(super::RESTART);
        }
    }
}

/// Matches until all gateways have closed and all their commands are done.
///
/// # Errors
/// [`StageError`]
pub fn matcher(meeting: &Meeting) -> Result<(), StageError> {
    let (orders, events): (Orders, Events) = (meeting.orders()?, meeting.events()?);
    let (mut rx, tx) = (orders.receiver()?, events.sender()?);
    let (mut board, figures) = (meeting.board()?.writer()?, meeting.figures()?);
    let mut journal = meeting.journal()?;
    // Relaxed: said before any stage was started.
    let expected = usize::try_from(figures.gateways.load(Ordering::Relaxed)).unwrap_or(usize::MAX).min(GATEWAYS_MAX);
    let mut engine = Zeroed::<TrackedJobEngine>::new(Pages::READY)?;
    let clock = Clock::kernel();
    let known = tx.position() as u64;
    let mut publishing = Publishing { tx, clock, known, made: 0 };
    let apply = |engine: &mut TrackedJobEngine, publishing: &mut Publishing, command: &Command| {
        engine.apply(command, &mut FnSink(|event: Event| publishing.event(&event)));
    };
    for command in define() {
        apply(&mut engine, &mut publishing, &command);
    }
    // What our forerunners have written down.
    let mut next = [0_u64; GATEWAYS_MAX];
    for at in 0..journal.len() {
        let Some(entry) = journal.get(at)? else { break };
        if let Some(command) = entry.decoded() {
            apply(&mut engine, &mut publishing, &command);
        }
        next[entry.lane % GATEWAYS_MAX] = entry.number + 1;
    }
    let allocated_before = crate::memory::allocations().calls as u64;
    let (mut attempt, mut shown, mut failed) = (0_u32, 0_u64, None);
    loop {
        let handled = rx.handle(|record, lane, number| {
            let number = number as u64;
            if number < next[lane] {
                return; // in the journal already
            }
            let start = clock.now();
            figures.to_matcher.record(clock.ns_between(record[8], start));
            let mut entry = Entry { lane, number, command: [0; 8] };
            entry.command.copy_from_slice(&record[..8]);
            if let Err(error) = journal.append(&entry) {
                failed = Some(error);
                return;
            }
            next[lane] = number + 1;
            if let Some(command) = entry.decoded() {
                apply(&mut engine, &mut publishing, &command);
            }
            figures.matching.record(clock.ns_between(start, clock.now()));
        });
        if let Some(error) = failed.take() {
            return Err(error);
        }
        // A gateway may be done before another has come: that is not the end.
        let closed = handled == Err(PopError::Closed)
            && (0..expected).all(|lane| orders.lane_stats(lane).is_some_and(|stats| stats.pushed > 0));
        let now = clock.now();
        if closed || clock.ns_between(shown, now) > 20_000_000 {
            shown = now;
            let commands = journal.len() as u64;
            let allocations = crate::memory::allocations().calls as u64 - allocated_before;
            let mut snapshot = Snapshot::of(&*engine, &figures, orders.stats(), events.stats());
            (snapshot.taken_ns, snapshot.commands, snapshot.events) = (now, commands, publishing.made);
            (snapshot.allocations, snapshot.is_final) = (allocations, u64::from(closed));
            snapshot.state_hash = if closed { engine.state_hash() } else { 0 };
            board.write(snapshot);
        }
        match handled {
            Ok(()) => attempt = 0,
            Err(_) if closed => {
                publishing.tx.close();
                return Ok(());
            }
            Err(_) => {
                patience().wait(attempt);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}
