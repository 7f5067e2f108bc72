//! Threads with a place and a priority.

use super::scheduling::{prefault_stack, set_fifo, set_nice, set_timer_slack};
use super::{Topology, allowed_cpus, pin_to};
use crate::os::Outcome;
use crate::os::System;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Where a thread goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Core {
    /// Anywhere.
    #[default]
    Any,
    /// This processor.
    Cpu(usize),
    /// The next isolated processor; one with a core of its own before a sibling.
    NextIsolated,
    /// A processor of this memory node; one with a core of its own before a sibling.
    Node(usize),
}

/// What a thread asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnSetting {
    /// Its place.
    Core,
    /// `SCHED_FIFO`.
    Fifo,
    /// Nice.
    Nice,
    /// Timer slack.
    TimerSlack,
}

/// Why there is no thread.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// The caller insists on something that was not done.
    RequirementFailed(SpawnSetting, Outcome),
    /// The system has no thread left; raise the limit (ulimit -u).
    System(io::Error),
}

impl core::fmt::Display for SpawnError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::RequirementFailed(setting, answer) => {
                write!(f, "{setting:?}: {answer}; see 'vvpx doctor', or do not require")
            }
            Self::System(error) => write!(f, "no thread: {error}; raise the limit (ulimit -u)"),
        }
    }
}

impl core::error::Error for SpawnError {}

/// A running thread, and what became of its wishes.
#[derive(Debug)]
pub struct Spawned<T> {
    handle: JoinHandle<Option<T>>,
    /// The processor that was chosen for it; to be given as taken for the next thread.
    pub cpu: Option<usize>,
    /// The outcomes, in the order of [`SpawnSetting`]; only what was asked for.
    pub outcomes: Vec<(SpawnSetting, Outcome)>,
}

impl<T> Spawned<T> {
    /// Waits for its end.
    ///
    /// # Errors
    /// What the thread panicked with.
    pub fn join(self) -> std::thread::Result<T> {
        // Only a thread that was called off brings nothing, and `start` keeps those to itself.
        self.handle.join().and_then(|value| value.ok_or_else(|| Box::new("called off") as _))
    }

    /// The thread, to unpark it.
    #[must_use]
    pub fn thread(&self) -> &std::thread::Thread {
        self.handle.thread()
    }
}

/// A thread to be.
///
/// ```
/// use vvp_std_adapter::thread::{Core, Spawn};
/// let matcher = Spawn::new("matcher").on(Core::Cpu(0)).timer_slack_ns(1).start(|| 6 * 7)?;
/// for (setting, answer) in &matcher.outcomes {
///     println!("{setting:?}: {answer}");
/// }
/// assert_eq!(matcher.join().ok(), Some(42));
/// # Ok::<(), vvp_std_adapter::thread::SpawnError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "no thread runs until it is started"]
pub struct Spawn {
    name: String,
    core: Core,
    taken: Vec<usize>,
    fifo: Option<i32>,
    nice: Option<i32>,
    slack_ns: Option<u32>,
    prefault_bytes: usize,
    require: Vec<SpawnSetting>,
}

/// Added to the stack that is prefaulted, for what the thread itself needs.
const STACK_BYTES: usize = 2 << 20;

impl Spawn {
    /// A thread of this name (the system shows 15 bytes of it).
    pub fn new(name: &str) -> Self {
        Self { name: name.replace('\0', ""), ..Self::default() }
    }

    /// Where it goes.
    pub fn on(mut self, core: Core) -> Self {
        self.core = core;
        self
    }

    /// Processors that other hot threads have: they are not chosen again, and their siblings last.
    pub fn avoid_cpus(mut self, taken: &[usize]) -> Self {
        self.taken = taken.to_vec();
        self
    }

    /// `SCHED_FIFO` with this priority, 1 to 99.
    pub fn fifo(mut self, priority: i32) -> Self {
        self.fifo = Some(priority);
        self
    }

    /// How much it steps back for others, -20 to 19.
    pub fn nice(mut self, nice: i32) -> Self {
        self.nice = Some(nice);
        self
    }

    /// How late its sleeps may end.
    pub fn timer_slack_ns(mut self, ns: u32) -> Self {
        self.slack_ns = Some(ns);
        self
    }

    /// So much of its stack is there before it starts.
    pub fn prefault_stack(mut self, bytes: usize) -> Self {
        self.prefault_bytes = bytes;
        self
    }

    /// No thread rather than one without this. Only what was asked for can be insisted on.
    pub fn require(mut self, setting: SpawnSetting) -> Self {
        self.require.push(setting);
        self
    }

    /// The processor to pin to; `Some(Err)` if the wish cannot be met.
    fn place(&self) -> Option<Result<usize, Outcome>> {
        let pick = |suits: &dyn Fn(&super::Cpu) -> bool| {
            // Isolated processors are allowed to threads that ask for them, even where the scheduler's default leaves them
            // out; a control group's limits show when the thread is pinned.
            Topology::of(&System::this()).pick(&self.taken, suits).ok_or(Outcome::Unsupported)
        };
        match self.core {
            Core::Any => None,
            Core::Cpu(cpu) => Some(Ok(cpu)),
            Core::NextIsolated => Some(pick(&|cpu| cpu.isolated)),
            Core::Node(node) => {
                let allowed = allowed_cpus();
                Some(pick(&|cpu| cpu.node == node && (cpu.isolated || allowed.contains(&cpu.number))))
            }
        }
    }

    /// Starts it; returns when its wishes are answered, before or while `work` runs.
    ///
    /// # Errors
    /// [`SpawnError`]; `work` has not run and will not.
    pub fn start<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<Spawned<T>, SpawnError> {
        let place = self.place();
        let (tell, told) = mpsc::sync_channel(1);
        let (go, wait) = mpsc::sync_channel::<()>(1);
        let Self { name, fifo, nice, slack_ns, prefault_bytes, require, .. } = self;
        let builder = std::thread::Builder::new().name(name).stack_size(prefault_bytes.saturating_add(STACK_BYTES));
        let thread = builder.spawn(move || {
            let outcomes = [
                (SpawnSetting::Core, place.map(|place| place.map_or_else(|answer| answer, pin_to))),
                (SpawnSetting::Nice, nice.map(set_nice)),
                (SpawnSetting::TimerSlack, slack_ns.map(set_timer_slack)),
                (SpawnSetting::Fifo, fifo.map(set_fifo)),
            ];
            let outcomes: Vec<_> =
                outcomes.into_iter().filter_map(|(setting, answer)| Some((setting, answer?))).collect();
            if prefault_bytes > 0 {
                prefault_stack(prefault_bytes);
            }
            let _ = tell.send(outcomes);
            drop(tell);
            // Called off: the caller drops its end instead.
            wait.recv().ok().map(|()| work())
        });
        let thread = thread.map_err(SpawnError::System)?;
        let outcomes = told.recv().unwrap_or_default();
        let missed = outcomes.iter().find(|(setting, answer)| require.contains(setting) && !answer.is_applied());
        if let Some(&(setting, answer)) = missed {
            drop(go);
            let _ = thread.join();
            return Err(SpawnError::RequirementFailed(setting, answer));
        }
        let _ = go.send(());
        let pinned = outcomes.contains(&(SpawnSetting::Core, Outcome::Applied));
        let cpu = place.and_then(Result::ok).filter(|_| pinned);
        Ok(Spawned { handle: thread, cpu, outcomes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn wishes_are_granted_before_the_work_starts() {
        let Some(&cpu) = allowed_cpus().last() else { return };
        let spawned = Spawn::new("placed")
            .on(Core::Cpu(cpu))
            .nice(3)
            .timer_slack_ns(1)
            .prefault_stack(256 << 10)
            .require(SpawnSetting::Core)
            .start(move || (allowed_cpus(), std::thread::current().name().map(str::to_owned)))
            .expect("an allowed processor");
        assert_eq!(spawned.cpu, Some(cpu));
        assert!(spawned.outcomes.iter().all(|(_, answer)| answer.is_applied()), "{:?}", spawned.outcomes);
        assert_eq!(spawned.join().expect("no panic"), (vec![cpu], Some("placed".to_owned())));
    }

    #[test]
    fn a_refusal_is_told_and_who_insists_gets_no_thread() {
        let ran = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&ran);
        let wish = Spawn::new("x").on(Core::Cpu(100_000)).fifo(1_000);
        let error = wish.clone().require(SpawnSetting::Core).start(move || mark.store(true, Ordering::Relaxed));
        assert!(
            matches!(error, Err(SpawnError::RequirementFailed(SpawnSetting::Core, Outcome::Refused(libc::EINVAL)))),
            "{error:?}"
        );
        assert!(!ran.load(Ordering::Relaxed));
        let spawned = wish.start(|| 7).expect("nobody insists");
        let refused = Outcome::Refused(libc::EINVAL);
        assert_eq!(
            (spawned.cpu, &spawned.outcomes[..]),
            (None, &[(SpawnSetting::Core, refused), (SpawnSetting::Fifo, refused)][..])
        );
        assert_eq!(spawned.join().expect("no panic"), 7);
    }

    #[test]
    fn what_the_machine_lacks_is_unsupported() {
        let spawned = Spawn::new("x").on(Core::Node(9_999)).start(|| ()).expect("a thread");
        assert_eq!(spawned.outcomes, [(SpawnSetting::Core, Outcome::Unsupported)]);
        spawned.join().expect("no panic");
    }
}
