//! Threads with a processor, a priority and a prefaulted stack.

use super::scheduling::{prefault_stack, set_fifo, set_nice, set_timer_slack};
use super::{Topology, allowed_cpus, pin_to};
use crate::os::Outcome;
use crate::os::System;
use std::io;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

/// The processor of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Core {
    /// Any processor.
    #[default]
    Any,
    /// This processor.
    Cpu(usize),
    /// The next isolated processor; one whose whole core is free before a sibling.
    NextIsolated,
    /// A processor of this NUMA node; one whose whole core is free before a sibling.
    Node(usize),
}

/// A setting that a thread can request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnSetting {
    /// The processor.
    Core,
    /// `SCHED_FIFO`.
    Fifo,
    /// The nice value.
    Nice,
    /// The timer slack.
    TimerSlack,
}

/// Reason why no thread was started.
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// A required setting was not applied.
    RequirementFailed(SpawnSetting, Outcome),
    /// The system has no thread left; raise the limit (ulimit -u).
    System(io::Error),
}

impl core::fmt::Display for SpawnError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::RequirementFailed(setting, outcome) => {
                write!(f, "{setting:?} required but {outcome}: see 'vvpx doctor', or do not require it")
            }
            Self::System(error) => write!(f, "cannot start a thread ({error}): raise the limit (ulimit -u)"),
        }
    }
}

impl core::error::Error for SpawnError {}

type Outcomes = Vec<(SpawnSetting, Outcome)>;

/// A running thread, and the outcomes of its requests.
#[derive(Debug)]
pub struct Spawned<T> {
    handle: JoinHandle<Option<T>>,
    /// The processor that it is pinned to; to be passed to [`Spawn::avoid_cpus`] for the next
    /// thread.
    pub cpu: Option<usize>,
    /// The outcomes of what was requested, in the order processor, nice value, timer slack,
    /// `SCHED_FIFO`.
    pub outcomes: Vec<(SpawnSetting, Outcome)>,
}

impl<T> Spawned<T> {
    /// Waits for the thread to end.
    ///
    /// # Errors
    /// The value that the thread panicked with.
    pub fn join(self) -> std::thread::Result<T> {
        // Only a canceled thread returns no value, and `start` does not return those.
        self.handle.join().and_then(|value| value.ok_or_else(|| Box::new("canceled") as _))
    }

    /// Returns the thread, for example to unpark it.
    #[must_use]
    pub fn thread(&self) -> &std::thread::Thread {
        self.handle.thread()
    }
}

/// A running thread of a scope, and the outcomes of its requests.
#[derive(Debug)]
pub struct SpawnedScoped<'scope, T> {
    handle: ScopedJoinHandle<'scope, Option<T>>,
    /// As [`Spawned::cpu`].
    pub cpu: Option<usize>,
    /// As [`Spawned::outcomes`].
    pub outcomes: Vec<(SpawnSetting, Outcome)>,
}

impl<T> SpawnedScoped<'_, T> {
    /// Waits for the thread to end.
    ///
    /// # Errors
    /// The value that the thread panicked with.
    pub fn join(self) -> std::thread::Result<T> {
        // As in `Spawned::join`.
        self.handle.join().and_then(|value| value.ok_or_else(|| Box::new("canceled") as _))
    }
}

/// A thread to be started.
///
/// ```
/// use vvp_std_adapter::thread::{Core, Spawn};
/// let matcher = Spawn::new("matcher").on(Core::Cpu(0)).timer_slack_ns(1).start(|| 6 * 7)?;
/// for (setting, outcome) in &matcher.outcomes {
///     println!("{setting:?}: {outcome}");
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

/// Stack beyond the prefaulted part, for the thread itself.
const STACK_BYTES: usize = 2 << 20;

impl Spawn {
    /// Describes a thread of this name (the system shows 15 bytes of it).
    pub fn new(name: &str) -> Self {
        Self { name: name.replace('\0', ""), ..Self::default() }
    }

    /// Sets the processor.
    pub fn on(mut self, core: Core) -> Self {
        self.core = core;
        self
    }

    /// Sets the processors of other hot threads: they are not chosen again, and their siblings
    /// last.
    pub fn avoid_cpus(mut self, taken: &[usize]) -> Self {
        self.taken = taken.to_vec();
        self
    }

    /// Requests `SCHED_FIFO` with this priority, 1 to 99.
    pub fn fifo(mut self, priority: i32) -> Self {
        self.fifo = Some(priority);
        self
    }

    /// Requests a nice value, -20 to 19.
    pub fn nice(mut self, nice: i32) -> Self {
        self.nice = Some(nice);
        self
    }

    /// Requests a timer slack: the most that its sleeps may end late.
    pub fn timer_slack_ns(mut self, ns: u32) -> Self {
        self.slack_ns = Some(ns);
        self
    }

    /// Touches this much of its stack before the work starts.
    pub fn prefault_stack(mut self, bytes: usize) -> Self {
        self.prefault_bytes = bytes;
        self
    }

    /// Makes a requested setting required: if it is not applied, no thread is started. A setting
    /// that was not requested cannot be required.
    pub fn require(mut self, setting: SpawnSetting) -> Self {
        self.require.push(setting);
        self
    }

    /// Returns the processor to pin to; `Some(Err)` if there is none that fits.
    fn place(&self) -> Option<Result<usize, Outcome>> {
        let pick = |suits: &dyn Fn(&super::Cpu) -> bool| {
            // A thread may request an isolated processor even if the default affinity excludes it;
            // whether its control group allows it shows when the thread is pinned.
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

    /// Starts the thread; returns once the outcomes are known, before or while `work` runs.
    ///
    /// # Errors
    /// [`SpawnError`]; `work` has not run and will not.
    pub fn start<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<Spawned<T>, SpawnError> {
        let (handle, cpu, outcomes) = self.start_with(
            work,
            |builder, prepared| builder.spawn(move || prepared.run()),
            |handle| {
                let _ = handle.join();
            },
        )?;
        Ok(Spawned { handle, cpu, outcomes })
    }

    /// Does the same in a scope, so that `work` may borrow what outlives the scope.
    ///
    /// ```
    /// use vvp_std_adapter::thread::Spawn;
    /// let orders = vec![1, 2, 3];
    /// let sum = std::thread::scope(|scope| {
    ///     let matcher = Spawn::new("matcher").start_scoped(scope, || orders.iter().sum::<u64>());
    ///     matcher.ok().and_then(|thread| thread.join().ok())
    /// });
    /// assert_eq!(sum, Some(6));
    /// ```
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_scoped<'scope, T: Send + 'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
        work: impl FnOnce() -> T + Send + 'scope,
    ) -> Result<SpawnedScoped<'scope, T>, SpawnError> {
        let (handle, cpu, outcomes) = self.start_with(
            work,
            |builder, prepared| builder.spawn_scoped(scope, move || prepared.run()),
            |handle| {
                let _ = handle.join();
            },
        )?;
        Ok(SpawnedScoped { handle, cpu, outcomes })
    }

    /// Starts the thread with `spawn`, and waits for its outcomes; a thread that misses a
    /// requirement is canceled and joined.
    fn start_with<F, H>(
        self,
        work: F,
        spawn: impl FnOnce(Builder, Prepared<F>) -> io::Result<H>,
        join: impl FnOnce(H),
    ) -> Result<(H, Option<usize>, Outcomes), SpawnError> {
        let place = self.place();
        let (report, reported) = mpsc::sync_channel(1);
        let (go, wait) = mpsc::sync_channel::<()>(1);
        let Self { name, fifo, nice, slack_ns, prefault_bytes, require, .. } = self;
        let builder = Builder::new().name(name).stack_size(prefault_bytes.saturating_add(STACK_BYTES));
        let prepared = Prepared { place, fifo, nice, slack_ns, prefault_bytes, report, wait, work };
        let thread = spawn(builder, prepared).map_err(SpawnError::System)?;
        let outcomes = reported.recv().unwrap_or_default();
        let missed = outcomes.iter().find(|(setting, outcome)| require.contains(setting) && !outcome.is_applied());
        if let Some(&(setting, outcome)) = missed {
            drop(go);
            join(thread);
            return Err(SpawnError::RequirementFailed(setting, outcome));
        }
        let _ = go.send(());
        let pinned = outcomes.contains(&(SpawnSetting::Core, Outcome::Applied));
        let cpu = place.and_then(Result::ok).filter(|_| pinned);
        Ok((thread, cpu, outcomes))
    }
}

/// The body of a thread: applies the settings, reports the outcomes, waits for permission, works.
struct Prepared<F> {
    place: Option<Result<usize, Outcome>>,
    fifo: Option<i32>,
    nice: Option<i32>,
    slack_ns: Option<u32>,
    prefault_bytes: usize,
    report: mpsc::SyncSender<Outcomes>,
    wait: mpsc::Receiver<()>,
    work: F,
}

impl<T, F: FnOnce() -> T> Prepared<F> {
    /// Returns `None` if the thread was canceled.
    fn run(self) -> Option<T> {
        let outcomes = [
            (SpawnSetting::Core, self.place.map(|place| place.map_or_else(|outcome| outcome, pin_to))),
            (SpawnSetting::Nice, self.nice.map(set_nice)),
            (SpawnSetting::TimerSlack, self.slack_ns.map(set_timer_slack)),
            (SpawnSetting::Fifo, self.fifo.map(set_fifo)),
        ];
        let outcomes = outcomes.into_iter().filter_map(|(setting, outcome)| Some((setting, outcome?))).collect();
        if self.prefault_bytes > 0 {
            prefault_stack(self.prefault_bytes);
        }
        let _ = self.report.send(outcomes);
        drop(self.report);
        // Canceled if the caller drops its end instead.
        self.wait.recv().ok().map(|()| (self.work)())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn settings_are_applied_before_the_work_starts() {
        let Some(&cpu) = allowed_cpus().last() else { return };
        let spawned = Spawn::new("pinned")
            .on(Core::Cpu(cpu))
            .nice(3)
            .timer_slack_ns(1)
            .prefault_stack(256 << 10)
            .require(SpawnSetting::Core)
            .start(move || (allowed_cpus(), std::thread::current().name().map(str::to_owned)))
            .expect("an allowed processor");
        assert_eq!(spawned.cpu, Some(cpu));
        assert!(spawned.outcomes.iter().all(|(_, outcome)| outcome.is_applied()), "{:?}", spawned.outcomes);
        assert_eq!(spawned.join().expect("no panic"), (vec![cpu], Some("pinned".to_owned())));
    }

    #[test]
    fn refused_setting_is_reported_and_required_one_starts_no_thread() {
        let ran = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&ran);
        let spawn = Spawn::new("x").on(Core::Cpu(100_000)).fifo(1_000);
        let error = spawn.clone().require(SpawnSetting::Core).start(move || mark.store(true, Ordering::Relaxed));
        assert!(
            matches!(error, Err(SpawnError::RequirementFailed(SpawnSetting::Core, Outcome::Refused(libc::EINVAL)))),
            "{error:?}"
        );
        assert!(!ran.load(Ordering::Relaxed));
        let spawned = spawn.start(|| 7).expect("nothing is required");
        let refused = Outcome::Refused(libc::EINVAL);
        assert_eq!(
            (spawned.cpu, &spawned.outcomes[..]),
            (None, &[(SpawnSetting::Core, refused), (SpawnSetting::Fifo, refused)][..])
        );
        assert_eq!(spawned.join().expect("no panic"), 7);
    }

    #[test]
    fn missing_node_is_unsupported() {
        let spawned = Spawn::new("x").on(Core::Node(9_999)).start(|| ()).expect("a thread");
        assert_eq!(spawned.outcomes, [(SpawnSetting::Core, Outcome::Unsupported)]);
        spawned.join().expect("no panic");
    }
}
