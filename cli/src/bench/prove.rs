//! Counts what must never happen: sends ten million orders through two threads, and counts
//! allocations, and the page faults, waits and system calls of the matcher's thread.

use super::flow::{FlowEngine, stream};
use super::harness::{Harness, usage, wait_for};
use super::path::{Events, Lanes, Outgoing, first, limits, matching};
use super::syscalls::{NotCounted, SyscallWatch};
use std::sync::atomic::{AtomicBool, Ordering};
use vvp_core::book::{Command, CountSink, OwnerId};
use vvp_core::engine::Matcher;
use vvp_std_adapter::memory::{MapError, Pages, Zeroed, allocations, populate};
use zerocopy::IntoBytes;

/// Commands of a pass; then the book is emptied, and the same commands follow with new ids.
const PASS: usize = 500_000;
/// Maximum size of the mappings that are populated before the start.
const POPULATE_MAX: usize = 512 << 20;

/// The counts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Orders that were sent after start-up.
    pub orders: u64,
    /// Events received.
    pub events: u64,
    /// Orders a second.
    pub per_second: u64,
    /// Allocations of the whole process, if the counting allocator is installed.
    pub allocations: u64,
    /// Page faults of the matcher's thread.
    pub page_faults: u64,
    /// Voluntary context switches of the matcher's thread: it slept, waited or yielded.
    pub waits: u64,
    /// Stretches between two batches in which the matcher's thread called the kernel.
    pub syscalls: Result<u64, NotCounted>,
}

impl Proof {
    /// Returns whether everything that must be zero was counted and is zero.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.allocations == 0 && self.page_faults == 0 && self.waits == 0 && self.syscalls == Ok(0)
    }
}

/// The counts of the matcher's thread.
struct Found {
    page_faults: u64,
    waits: u64,
    syscalls: Result<u64, NotCounted>,
}

/// Sends this many orders at full speed. A warm-up pass precedes them and touches all memory.
///
/// # Errors
/// No memory.
pub fn prove(harness: &Harness, orders: u64) -> Result<Proof, MapError> {
    let mut engine = Zeroed::<FlowEngine>::new(Pages::READY)?;
    let mut lanes = Zeroed::<Lanes>::new(Pages::READY)?;
    let mut event_queue = Zeroed::<Events>::new(Pages::READY)?;
    let (mut commands, _) = stream(&mut engine, PASS);
    for command in commands.iter().take(1).copied().chain(limits()) {
        engine.apply(&command, &mut CountSink::default());
    }
    // The instrument is defined once; its book is emptied after each pass.
    commands.remove(0);
    commands.extend((1..=8).map(|owner| Command::mass_cancel(OwnerId::new(owner), None)));
    let wire: Vec<u8> = commands.iter().flat_map(|c| c.as_bytes()).copied().collect();
    let in_a_pass = commands.len() as u64;
    drop(commands);
    let passes = orders.div_ceil(in_a_pass);

    let clock = harness.clock();
    let mut out = Outgoing::new();
    let (lane_ends, matcher_end) = lanes.split();
    let (events_in, mut events) = event_queue.split();
    let lane = first(lane_ends);
    // The matcher's thread counts from the moment at which it sees `started`.
    let (ready, started) = (AtomicBool::new(false), AtomicBool::new(false));
    let engine = &mut *engine;
    let proof = std::thread::scope(|scope| {
        let (ready, started) = (&ready, &started);
        let matcher = scope.spawn(move || {
            harness.settle_here();
            let watch = SyscallWatch::start();
            let before = usage();
            let mut counting: Option<libc::rusage> = None;
            // Release: pairs with the Acquire below.
            ready.store(true, Ordering::Release);
            matching(engine, matcher_end, events_in, || match (&watch, &counting) {
                (Ok(Some(watch)), Some(_)) => watch.arm(),
                (_, Some(_)) => {}
                // Acquire: pairs with the Release below.
                (_, None) if started.load(Ordering::Acquire) => counting = Some(usage()),
                (_, None) => {}
            });
            if let Ok(Some(watch)) = &watch {
                watch.disarm();
            }
            let (after, from) = (usage(), counting.unwrap_or(before));
            let faults = |u: &libc::rusage| u.ru_minflt + u.ru_majflt;
            Found {
                page_faults: u64::try_from(faults(&after) - faults(&from)).unwrap_or(0),
                waits: u64::try_from(after.ru_nvcsw - from.ru_nvcsw).unwrap_or(0),
                syscalls: watch.map(|watch| watch.map_or(0, |watch| watch.calls())),
            }
        });
        harness.settle_there();
        wait_for(|| ready.load(Ordering::Acquire));
        let _ = populate(POPULATE_MAX);

        let mut lane = Some(lane);
        let mut come = 0u64;
        let mut take = || {
            let batch = events.read_up_to(16);
            let n = batch.len() as u64;
            for event in &batch {
                out.encode(event);
            }
            batch.release();
            come += n;
            n
        };
        let (mut from, mut start, mut before) = (0, 0, 0);
        for pass in 0..=passes {
            if pass == 1 {
                // All events of the first pass have arrived.
                while take() > 0 {}
                from = pass;
                before = allocations().calls;
                // Release: pairs with the Acquire of the matcher.
                started.store(true, Ordering::Release);
                start = clock.now();
            }
            for (i, record) in wire.as_chunks::<{ Command::SIZE }>().0.iter().enumerate() {
                let Some(mut command) = again(record, pass, in_a_pass) else { continue };
                while let Some(Err(full)) = lane.as_mut().map(|lane| lane.push(command)) {
                    command = full.0;
                    take();
                }
                if i % 16 == 0 {
                    take();
                }
            }
            if pass == 0 {
                // Waits until the matcher has finished the first pass, before the count begins.
                let mut quiet = 0;
                while quiet < 1_000_000 {
                    quiet = if take() > 0 { 0 } else { quiet + 1 };
                }
            }
        }
        if let Some(lane) = lane.take() {
            lane.close();
        }
        // When the thread has ended, all orders are answered, and the queue holds the remaining
        // events.
        while !matcher.is_finished() {
            take();
        }
        while take() > 0 {}
        let ns = clock.ns_between(start, clock.now()).max(1);
        let allocated = allocations().calls.saturating_sub(before) as u64;
        let found = matcher.join().ok();
        let orders = (passes + 1 - from) * in_a_pass;
        Proof {
            orders,
            events: come,
            per_second: u64::try_from(u128::from(orders) * 1_000_000_000 / u128::from(ns)).unwrap_or(0),
            allocations: allocated,
            page_faults: found.as_ref().map_or(u64::MAX, |f| f.page_faults),
            waits: found.as_ref().map_or(u64::MAX, |f| f.waits),
            syscalls: found.map_or(Ok(u64::MAX), |f| f.syscalls),
        }
    });
    Ok(proof)
}

/// Returns the command of a record in a later pass: its id and its time are increased by the number
/// of earlier commands.
fn again(record: &[u8; Command::SIZE], pass: u64, in_a_pass: u64) -> Option<Command> {
    // `docs/records.md`: the time is at byte 16, the id at byte 24; a mass cancel has neither.
    let mut bytes = *record;
    for at in [16, 24] {
        let place = bytes.get_mut(at..)?.first_chunk_mut::<8>()?;
        let value = u64::from_le_bytes(*place);
        if value != 0 {
            *place = (value + pass * in_a_pass).to_le_bytes();
        }
    }
    Command::from_record(&bytes).ok()
}
