//! `vvpx stress`: runs a pipeline of processes under load, kills its stages at random, and at the
//! end proves that nothing was lost or duplicated.

use crate::args::Stress;
use crate::commands::host;
use crate::commands::leftover::{Place, remove_left};
use crate::commands::squeeze::{Squeezed, squeeze};
use crate::diagnostic::{self, Diagnostic, Outcome};
use crate::io::output;
use serde::Serialize;
use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vvp_core::book::{Event, FnSink};
use vvp_core::engine::Matcher;
use vvp_replay::digits::grouped;
use vvp_replay::json;
use vvp_std_adapter::memory::{Pages, Zeroed};
use vvp_std_adapter::pipeline::Stop;
use vvp_std_adapter::pipeline::processes::{
    EventSum, GATEWAYS_MAX, HashedSmallEngine, PipelineDirectory, PipelineStatus, StageError, define, order,
};
use vvp_std_adapter::random::Random;
use zerocopy::{FromBytes, IntoBytes};

#[derive(Clone, Copy)]
struct Request {
    commands: u64,
    gateways: usize,
    publishers: usize,
    pressure_mib: u64,
    seed: u64,
    pause_ms: u64,
    limit: Duration,
    json: bool,
}

pub(crate) fn main(asked: &Stress) -> Outcome {
    let request = Request {
        commands: asked.commands,
        gateways: asked.gateways,
        publishers: asked.publishers,
        pressure_mib: asked.pressure,
        seed: asked.seed,
        pause_ms: asked.pause_ms,
        limit: Duration::from_secs(asked.limit_s),
        json: asked.json,
    };
    for left in remove_left() {
        let left = left.display().to_string();
        Diagnostic::note("removed what a killed 'vvpx stress' had left").in_file(left).of("stress").tell();
    }
    let at_shm = |e: io::Error| Diagnostic::io(diagnostic::Place::Host("a directory in /dev/shm".into()), &e);
    let place = Place::make().map_err(at_shm)?;
    let fault = |e: &dyn core::fmt::Display| Diagnostic::from_adapter(e).in_file(place.path.display().to_string());
    let entries = usize::try_from(request.commands).unwrap_or(usize::MAX).saturating_mul(request.gateways);
    let directory = PipelineDirectory::create(&place.path, entries).map_err(|e| fault(&e))?;
    directory.expect_gateways(request.gateways).map_err(|e| fault(&e))?;
    directory.expect_publishers(request.publishers).map_err(|e| fault(&e))?;
    if !request.json {
        let dir = place.path.display();
        Diagnostic::note(format!("the pipeline is at {dir}"))
            .remedy(format!("watch it with 'vvpx top {dir}'"))
            .of("stress")
            .tell();
    }
    let stop = host::stop_on_signals()?;
    let (start, over) = (Instant::now(), AtomicBool::new(false));
    let done = std::thread::scope(|scope| {
        let squeezing = (request.pressure_mib > 0).then(|| scope.spawn(|| squeeze(request.pressure_mib, &over)));
        let done = disturb(&request, &place, &directory, &stop);
        over.store(true, Ordering::Relaxed); // Relaxed: see `squeeze`
        let squeezed = squeezing.map_or(Ok(Squeezed::default()), |thread| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let squeezed = squeezed.map_err(|e| Diagnostic::io(diagnostic::Place::Argument("--pressure".into()), &e))?;
        done.map(|done| Done { squeezed, ..done })
    })?;
    let elapsed = start.elapsed();
    let seen = directory.view().map_err(|e| fault(&e))?.read().map_err(|e| fault(&e))?;
    let sent = if done.drained { directory.commands_sent().map_err(|e| fault(&e))? } else { entries as u64 };
    let proof = prove(&request, &directory, &seen, sent).map_err(|e| fault(&e))?;
    let mut out = Vec::new();
    report(&mut out, &request, &done, &seen, &proof, elapsed).map_err(|e| output::stdout_failed(&e))?;
    output::print(&out)?;
    Ok(ExitCode::from(u8::from(!proof.holds())))
}

/// A stage's process. It never outlives this process.
struct Stage {
    words: Vec<String>,
    child: Child,
    finished: bool,
}

impl Stage {
    fn start(words: Vec<String>) -> io::Result<Self> {
        let child = Self::spawn(&words)?;
        Ok(Self { words, child, finished: false })
    }

    fn spawn(words: &[String]) -> io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("stage").args(words).stdin(Stdio::null()).stdout(Stdio::null());
        // SAFETY: prctl may be called between fork and exec; it changes the child only.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
        command.spawn()
    }

    /// Kills the process, waits for it, and starts it again.
    fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = Self::spawn(&self.words)?;
        Ok(())
    }

    /// Sends the process a signal. It must not have been waited for, so that the number is still
    /// its own.
    fn signal(&self, signal: i32) {
        if let Ok(pid) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: takes no pointer.
            unsafe { libc::kill(pid, signal) };
        }
    }

    /// Stops the process with SIGSTOP for a while.
    fn stop_for(&mut self, pause: Duration) {
        for signal in [libc::SIGSTOP, libc::SIGCONT] {
            self.signal(signal);
            if signal == libc::SIGSTOP {
                std::thread::sleep(pause);
            }
        }
    }

    /// Returns whether the process has ended; a failed process is an error.
    fn has_ended(&mut self) -> Result<bool, Diagnostic> {
        if !self.finished {
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) if status.success() => self.finished = true,
                Ok(Some(status)) => {
                    return Err(Diagnostic::error(format!("a stage ended with {status}"))
                        .at(diagnostic::Place::Host(format!("stage '{}'", self.words.join(" ")))));
                }
                Err(e) => return Err(stage_failed(&e)),
            }
        }
        Ok(self.finished)
    }
}

/// Returns the error for a stage's process that cannot be started or waited for.
fn stage_failed(error: &io::Error) -> Diagnostic {
    Diagnostic::io(diagnostic::Place::Host("a stage".into()), error)
}

/// Returns the error for a pipeline that is not done in time.
fn too_late(request: &Request, after: &str) -> Diagnostic {
    Diagnostic::error(format!("no end {after}"))
        .argument(format!("--limit-s {}", request.limit.as_secs()))
        .remedy("raise it")
}

impl Drop for Stage {
    fn drop(&mut self) {
        // std sends no signal once the child was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts of the disturbances of the pipeline.
#[derive(Default)]
struct Done {
    /// The gateways were asked to stop before they had sent everything.
    drained: bool,
    squeezed: Squeezed,
    gateways_killed: u64,
    matchers_killed: u64,
    publishers_killed: u64,
    stopped: u64,
}

/// Runs the pipeline to its end.
fn disturb(request: &Request, place: &Place, directory: &PipelineDirectory, stop: &Stop) -> Result<Done, Diagnostic> {
    let fault = |e: io::Error| stage_failed(&e);
    let dir = place.path.display().to_string();
    let word = |name: &str| vec![name.to_owned(), dir.clone()];
    let mut stages = vec![Stage::start(word("matcher")).map_err(fault)?];
    for publisher in 0..request.publishers {
        let mut words = word("publisher");
        words.push(publisher.to_string());
        stages.push(Stage::start(words).map_err(fault)?);
    }
    let first_gateway = stages.len();
    for lane in 0..request.gateways {
        let mut words = word("gateway");
        words.extend([lane as u64, request.seed, request.commands].map(|n| n.to_string()));
        stages.push(Stage::start(words).map_err(fault)?);
    }
    let mut view = directory.view().map_err(|e| Diagnostic::from_adapter(&e).in_file(&dir))?;
    let (mut done, mut random, deadline) = (Done::default(), Random::new(request.seed), Instant::now() + request.limit);
    let mut commands_at_kill = 0;
    loop {
        let mut all = true;
        for stage in &mut stages {
            all &= stage.has_ended()?;
        }
        if all {
            return Ok(done);
        }
        if Instant::now() > deadline {
            return Err(too_late(request, &format!("after {} s", request.limit.as_secs())));
        }
        let pause = Duration::from_micros(random.below(request.pause_ms * 1_000));
        for _ in 0..=pause.as_millis() / 10 {
            if !stop.is_asked() {
                std::thread::sleep(pause.min(Duration::from_millis(10)));
            }
        }
        if stop.is_asked() {
            done.drained = true;
            drain(request, &mut stages, first_gateway, directory, deadline)?;
            return Ok(done);
        }
        let which = usize::try_from(random.below(stages.len() as u64)).unwrap_or(0);
        let Some(stage) = stages.get_mut(which) else { continue };
        if stage.has_ended()? {
            continue;
        }
        if random.below(4) == 0 {
            stage.stop_for(Duration::from_micros(random.below(30_000)));
            done.stopped += 1;
            continue;
        }
        if which == 0 {
            // A new matcher first replays the journal. It is not killed before it has processed
            // new commands.
            let commands = view.read().map_or(0, |snapshot| snapshot.commands);
            if commands <= commands_at_kill {
                continue;
            }
            commands_at_kill = commands;
        }
        stage.kill().map_err(fault)?;
        match which {
            0 => done.matchers_killed += 1,
            n if n < first_gateway => done.publishers_killed += 1,
            _ => done.gateways_killed += 1,
        }
    }
}

/// Asks the gateways to stop, and waits until everything they have sent is processed.
fn drain(
    request: &Request,
    stages: &mut [Stage],
    first_gateway: usize,
    directory: &PipelineDirectory,
    deadline: Instant,
) -> Result<(), Diagnostic> {
    // Gateways that have sent nothing will not connect any more.
    directory.expect_gateways(0).map_err(|e| Diagnostic::from_adapter(&e))?;
    // Each process is asked once; one that was just started may have no handler yet, and is killed.
    let mut asked = vec![0; stages.len()];
    loop {
        let mut all = true;
        for (which, (stage, asked)) in stages.iter_mut().zip(&mut asked).enumerate() {
            if !stage.finished {
                match stage.child.try_wait() {
                    Ok(Some(status)) if status.success() => stage.finished = true,
                    Ok(Some(status))
                        if status.signal() == Some(libc::SIGTERM) || status.signal() == Some(libc::SIGINT) =>
                    {
                        stage.child = Stage::spawn(&stage.words).map_err(|e| stage_failed(&e))?;
                        std::thread::sleep(Duration::from_millis(100));
                    }
                    Ok(None) => {}
                    Ok(Some(_)) | Err(_) => {
                        stage.has_ended()?;
                    }
                }
            }
            if !stage.finished && which >= first_gateway && *asked != stage.child.id() {
                *asked = stage.child.id();
                stage.signal(libc::SIGTERM);
            }
            all &= stage.finished;
        }
        if all {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(too_late(request, "after the gateways were asked to stop"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The result of applying the journal to an undisturbed engine.
struct Proof {
    /// Commands that are in the journal once, in order and unchanged.
    commands: u64,
    /// Entries of the journal that are not such commands.
    wrong: u64,
    /// Commands expected.
    expected: u64,
    state_hash: u64,
    same_state: bool,
    events: EventSum,
    /// Events that each publisher received.
    published: Vec<EventSum>,
}

impl Proof {
    fn holds(&self) -> bool {
        self.commands == self.expected && self.wrong == 0 && self.same_state && self.same_events()
    }

    fn same_events(&self) -> bool {
        self.published.iter().all(|sum| *sum == self.events)
    }
}

fn prove(
    request: &Request,
    directory: &PipelineDirectory,
    seen: &PipelineStatus,
    expected: u64,
) -> Result<Proof, StageError> {
    let journal = directory.journal()?;
    let mut engine = Zeroed::<HashedSmallEngine>::new(Pages::READY)?;
    let mut events = EventSum::NONE;
    let mut sink = FnSink(|event: Event| {
        events = events.and(&<[u64; 8]>::read_from_bytes(event.as_bytes()).unwrap_or_default());
    });
    for command in define() {
        engine.apply(&command, &mut sink);
    }
    let (mut next, mut commands, mut wrong) = ([0_u64; GATEWAYS_MAX], 0, 0);
    for at in 0..journal.len() {
        let Some(entry) = journal.get(at)? else { break };
        let number = next.get_mut(entry.lane);
        let command = entry.decoded();
        let right = command == Some(order(request.seed, entry.lane, entry.number));
        match number {
            Some(number) if right && *number == entry.number => {
                *number += 1;
                commands += 1;
            }
            _ => wrong += 1,
        }
        if let Some(command) = command {
            engine.apply(&command, &mut sink);
        }
    }
    let state_hash = engine.state_hash();
    Ok(Proof {
        commands,
        wrong,
        expected,
        state_hash,
        same_state: seen.is_final == 1 && seen.state_hash == state_hash,
        events,
        published: (0..request.publishers).map(|n| EventSum::of(directory, n)).collect::<Result<_, _>>()?,
    })
}

/// The result as JSON.
#[derive(Serialize)]
struct Json {
    holds: bool,
    elapsed_ms: u128,
    gateways_killed: u64,
    matchers_killed: u64,
    publishers_killed: u64,
    stopped: u64,
    orders_full: u64,
    events_full: u64,
    commands: u64,
    commands_expected: u64,
    commands_wrong: u64,
    events: u64,
    events_published: u64,
    publishers: usize,
    drained: bool,
    pressure_phases: u64,
    stalled_us: u64,
    pressure_changes: u64,
    same_events: bool,
    same_state: bool,
    #[serde(serialize_with = "json::hash")]
    state_hash: Option<u64>,
}

fn report(
    out: &mut Vec<u8>,
    request: &Request,
    done: &Done,
    seen: &PipelineStatus,
    proof: &Proof,
    elapsed: Duration,
) -> io::Result<()> {
    let Done { drained, squeezed, gateways_killed, matchers_killed, publishers_killed, stopped } = done;
    let events_full: u64 = seen.events_queue.iter().map(|queue| queue.refused).sum();
    let orders_full = seen.orders_queue.refused;
    let Proof { commands, wrong, expected, state_hash, same_state, events, published } = proof;
    let same_events = proof.same_events();
    // The publisher with the fewest.
    let published = published.iter().map(|sum| sum.count).min().unwrap_or(0);
    let Squeezed { phases, stalled_us, changes } = squeezed;
    let (holds, elapsed_ms) = (proof.holds(), elapsed.as_millis());
    if request.json {
        let json = Json {
            holds,
            elapsed_ms,
            gateways_killed: *gateways_killed,
            matchers_killed: *matchers_killed,
            publishers_killed: *publishers_killed,
            stopped: *stopped,
            orders_full,
            events_full,
            commands: *commands,
            commands_expected: *expected,
            commands_wrong: *wrong,
            events: events.count,
            events_published: published,
            publishers: request.publishers,
            drained: *drained,
            pressure_phases: *phases,
            stalled_us: *stalled_us,
            pressure_changes: *changes,
            same_events,
            same_state: *same_state,
            state_hash: Some(*state_hash),
        };
        return out.write_all(json::line(&json).as_bytes());
    }
    writeln!(
        out,
        "{} commands of {} gateways in {}.{:01} s",
        grouped(*commands),
        request.gateways,
        elapsed.as_secs(),
        elapsed.subsec_millis() / 100
    )?;
    writeln!(
        out,
        "  killed: {gateways_killed} gateways, {matchers_killed} matchers, {publishers_killed} publishers; stopped for a moment: {stopped}"
    )?;
    writeln!(
        out,
        "  queues full: {} times before the matcher, {} before the publishers",
        grouped(orders_full),
        grouped(events_full)
    )?;
    if *phases > 0 {
        writeln!(
            out,
            "  pressure on memory: {phases} phases, {} us of stalls in the machine, {changes} changes of level",
            grouped(*stalled_us)
        )?;
    }
    if *drained {
        writeln!(out, "  asked to stop: what was sent until then is all")?;
    }
    let says = |right: bool| if right { "ok" } else { "WRONG" };
    let journal = *commands == *expected && *wrong == 0;
    writeln!(
        out,
        "  {:<6}each command once, in order: {} of {}",
        says(journal),
        grouped(*commands),
        grouped(*expected)
    )?;
    writeln!(out, "  {:<6}state hash {state_hash:016x}, as of an undisturbed engine", says(*same_state))?;
    writeln!(
        out,
        "  {:<6}each event once, in order, to each of {} publishers: {} of {}",
        says(same_events),
        request.publishers,
        grouped(published),
        grouped(events.count)
    )
}
