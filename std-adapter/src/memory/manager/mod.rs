//! A manager that allocates memory under a budget, tracks what it allocated, and monitors the
//! machine.

mod stats;
mod usage;

pub use stats::{JitterSummary, ManagerStats, ObjectStats, PressureSummary};
pub use usage::{ObjectUsage, Usage};

use super::region::{RegionError, RegionOptions, SharedRegion};
use super::{
    Hiccup, JitterMode, JitterMonitor, MapError, MemorySample, Pages, PressureChange, PressureMonitor, Zeroed,
};
use crate::os::Outcome;
use crate::os::System;
use crate::thread::allowed_cpus;
use core::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use vvp_core::pool::Pool;
use vvp_core::queue::Spsc;
use zerocopy::FromZeros;

/// Reason why a [`MemoryManager`] refused a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum ManagerError {
    /// A live object has this name: choose another, or drop that one first.
    NameTaken,
    /// More than is left of the budget: raise it, or drop an object first.
    OverBudget {
        /// Bytes requested.
        needed_bytes: u64,
        /// Bytes left.
        left_bytes: u64,
    },
    /// More than the machine, or the control group of this process, can still provide.
    NotEnoughMemory {
        /// Bytes requested.
        needed_bytes: u64,
        /// Bytes available.
        available_bytes: u64,
    },
    /// The system refused the address space.
    Map(MapError),
    /// The region was not created.
    Region(RegionError),
    /// A monitor's thread or file was refused: raise the limits (ulimit -u, ulimit -n).
    Monitor(std::io::Error),
    /// There already is a global manager: use it, or build a local one
    /// ([`MemoryManagerBuilder::build`]).
    AlreadyInstalled,
}

impl core::fmt::Display for ManagerError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NameTaken => f.write_str("a live object has this name: choose another name"),
            Self::OverBudget { needed_bytes, left_bytes } => {
                write!(
                    f,
                    "{needed_bytes} bytes requested and {left_bytes} left of the budget: raise it, or drop an object"
                )
            }
            Self::NotEnoughMemory { needed_bytes, available_bytes } => {
                write!(
                    f,
                    "{needed_bytes} bytes requested and {available_bytes} available: ask for less, or free memory"
                )
            }
            Self::Map(error) => error.fmt(f),
            Self::Region(error) => error.fmt(f),
            Self::Monitor(error) => write!(f, "no monitor ({error}): raise the limits (ulimit -u, ulimit -n)"),
            Self::AlreadyInstalled => f.write_str("a global memory manager is installed already: use that one"),
        }
    }
}

impl core::error::Error for ManagerError {}

impl From<MapError> for ManagerError {
    fn from(error: MapError) -> Self {
        Self::Map(error)
    }
}

impl From<RegionError> for ManagerError {
    fn from(error: RegionError) -> Self {
        Self::Region(error)
    }
}

type OnPressure = Box<dyn FnMut(&PressureChange) + Send>;
type OnHiccup = Box<dyn Fn(Hiccup) + Send + Sync>;

/// Configures a [`MemoryManager`].
#[must_use = "nothing is watched until the manager is built"]
pub struct MemoryManagerBuilder {
    max_hiccup_ns: Option<u64>,
    interval: Duration,
    budget_bytes: Option<u64>,
    pages: Pages,
    watch_pressure: bool,
    on_pressure: Option<OnPressure>,
    on_hiccup: Option<OnHiccup>,
}

impl core::fmt::Debug for MemoryManagerBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MemoryManagerBuilder")
            .field("max_hiccup_ns", &self.max_hiccup_ns)
            .field("interval", &self.interval)
            .field("budget_bytes", &self.budget_bytes)
            .finish_non_exhaustive()
    }
}

impl MemoryManagerBuilder {
    /// Monitors jitter on each processor that this thread may use, once per monitoring interval
    /// (every 1 ms at most). Hiccups longer than `ns` are counted by cause and passed to
    /// [`on_hiccup`](Self::on_hiccup).
    pub fn max_hiccup_ns(mut self, ns: u64) -> Self {
        self.max_hiccup_ns = Some(ns);
        self
    }

    /// Sets the interval at which pressure is sampled; 500 ms by default.
    pub fn monitoring_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the budget: the most bytes allocated at one time; unlimited by default.
    pub fn budget_bytes(mut self, bytes: u64) -> Self {
        self.budget_bytes = Some(bytes);
        self
    }

    /// Sets how the pages of placed objects are allocated; [`Pages::READY`] by default: huge and
    /// prefaulted.
    pub fn pages(mut self, pages: Pages) -> Self {
        self.pages = pages;
        self
    }

    /// Monitors memory pressure.
    pub fn watch_pressure(mut self) -> Self {
        self.watch_pressure = true;
        self
    }

    /// Monitors memory pressure, and calls `call` on the monitor's thread when the level changes.
    pub fn on_pressure(mut self, call: impl FnMut(&PressureChange) + Send + 'static) -> Self {
        self.on_pressure = Some(Box::new(call));
        self.watch_pressure()
    }

    /// Calls `call`, on a monitor's thread, for each hiccup that is too long.
    pub fn on_hiccup(mut self, call: impl Fn(Hiccup) + Send + Sync + 'static) -> Self {
        self.on_hiccup = Some(Box::new(call));
        self
    }

    /// Builds the manager and starts its monitors.
    ///
    /// # Errors
    /// [`ManagerError::Monitor`]
    pub fn build(self) -> Result<MemoryManager, ManagerError> {
        let pressure = if self.watch_pressure {
            let builder = PressureMonitor::builder().interval(self.interval);
            let builder = match self.on_pressure {
                Some(mut call) => builder.on_change(move |change| call(change)),
                None => builder,
            };
            Some(builder.start().map_err(ManagerError::Monitor)?)
        } else {
            None
        };
        let jitter = match self.max_hiccup_ns {
            Some(ns) => {
                let mode = JitterMode::Timer(self.interval.min(Duration::from_millis(1)));
                let call = self.on_hiccup.unwrap_or_else(|| Box::new(|_| ()));
                Some(JitterMonitor::start(&allowed_cpus(), mode, ns, call).map_err(ManagerError::Monitor)?)
            }
            None => None,
        };
        Ok(MemoryManager {
            budget: Arc::new(BudgetUse { in_use: AtomicU64::new(0), peak: AtomicU64::new(0) }),
            objects: Mutex::new(Vec::new()),
            budget_bytes: self.budget_bytes,
            pages: self.pages,
            pressure,
            jitter,
            started: Instant::now(),
        })
    }

    /// Builds the manager that [`MemoryManager::global`] returns, for as long as the process lives.
    ///
    /// # Errors
    /// [`ManagerError::AlreadyInstalled`], or as [`build`](Self::build).
    pub fn install(self) -> Result<&'static MemoryManager, ManagerError> {
        let manager = self.build()?;
        GLOBAL.set(manager).map_err(|_| ManagerError::AlreadyInstalled)?;
        GLOBAL.get().ok_or(ManagerError::AlreadyInstalled)
    }
}

static GLOBAL: OnceLock<MemoryManager> = OnceLock::new();

/// Places objects in zeroed, prefaulted memory of huge pages, never by way of a stack, and tracks
/// them by name. One [`stats`](Self::stats) reports their use, the state of the machine, and other
/// allocations of the process.
///
/// A process may have one or several. An allocation takes a lock and system calls, so it belongs in
/// the start-up; using the memory costs nothing.
///
/// ```
/// use vvp_std_adapter::memory::{MemoryManager, Pages};
/// let manager = MemoryManager::builder().budget_bytes(64 << 20).pages(Pages::LAZY).build()?;
/// let orders = manager.create_queue::<u64, 1024>("orders")?;
/// orders.producer().expect("free").push(7).expect("room");
/// let book = manager.place::<[u64; 4096]>("book")?;
/// assert_eq!(book[4095], 0);
/// let stats = manager.stats();
/// println!("{stats}");
/// assert_eq!(stats.objects.len(), 2);
/// assert_eq!(stats.objects[0].usage.map(|usage| usage.in_use), Some(1));
/// # Ok::<(), vvp_std_adapter::memory::ManagerError>(())
/// ```
#[derive(Debug)]
pub struct MemoryManager {
    budget: Arc<BudgetUse>,
    objects: Mutex<Vec<Registered>>,
    budget_bytes: Option<u64>,
    pages: Pages,
    pressure: Option<PressureMonitor>,
    jitter: Option<JitterMonitor>,
    started: Instant,
}

/// The bytes allocated now, and the most so far.
#[derive(Debug)]
struct BudgetUse {
    in_use: AtomicU64,
    peak: AtomicU64,
}

/// A live object. Dropping it returns its share of the budget.
#[derive(Debug)]
struct ObjectEntry {
    name: String,
    kind: &'static str,
    bytes: u64,
    /// Its address, to query its resident pages; only passed to the system.
    address: usize,
    huge_pages: Option<Outcome>,
    prefault: Option<Outcome>,
    budget: Arc<BudgetUse>,
}

impl Drop for ObjectEntry {
    fn drop(&mut self) {
        // Relaxed: a count; the budget is tested under the lock.
        self.budget.in_use.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A new object, its address, and the outcomes of its requests.
struct Made<V> {
    value: V,
    address: usize,
    huge_pages: Option<Outcome>,
    prefault: Option<Outcome>,
}

/// The registry's weak reference to an object.
struct Registered {
    entry: Weak<ObjectEntry>,
    usage: Option<Weak<dyn Usage + Send + Sync>>,
}

impl core::fmt::Debug for Registered {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Registered").field("entry", &self.entry.upgrade()).finish_non_exhaustive()
    }
}

impl MemoryManager {
    /// Returns a builder without budget and monitors.
    pub fn builder() -> MemoryManagerBuilder {
        MemoryManagerBuilder {
            max_hiccup_ns: None,
            interval: Duration::from_millis(500),
            budget_bytes: None,
            pages: Pages::READY,
            watch_pressure: false,
            on_pressure: None,
            on_hiccup: None,
        }
    }

    /// Returns the global manager, if one was [installed](MemoryManagerBuilder::install).
    #[must_use]
    pub fn global() -> Option<&'static Self> {
        GLOBAL.get()
    }

    /// Places a `T` of zero bytes: an engine, a map, a pool, or any other type for which zero is
    /// valid.
    ///
    /// # Errors
    /// [`ManagerError`]; nothing is allocated.
    pub fn place<T: FromZeros>(&self, name: &str) -> Result<Placed<T>, ManagerError> {
        self.register(name, size_of::<T>() as u64, core::any::type_name::<T>(), || {
            let value = Zeroed::<T>::new(self.pages)?;
            let (huge_pages, prefault) = (Some(value.huge_pages()), Some(value.prefaulted()));
            let address = core::ptr::from_ref(&*value).addr();
            Ok(Made { value, address, huge_pages, prefault })
        })
        .map(|(value, entry)| Placed { value, entry })
    }

    /// Places a `T` that several owners share, and whose usage [`stats`](Self::stats) reports.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub fn share<T>(&self, name: &str) -> Result<Arc<Placed<T>>, ManagerError>
    where
        T: FromZeros + Usage + Send + Sync + 'static,
    {
        let placed = Arc::new(self.place::<T>(name)?);
        let weak: Weak<Placed<T>> = Arc::downgrade(&placed);
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registered) = objects.iter_mut().find(|r| r.entry.as_ptr() == Arc::as_ptr(&placed.entry)) {
            registered.usage = Some(weak);
        }
        Ok(placed)
    }

    /// Places a pool of `N` objects.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub fn create_pool<T: Send + 'static, const N: usize>(
        &self,
        name: &str,
    ) -> Result<Arc<Placed<Pool<T, N>>>, ManagerError>
    where
        Pool<T, N>: FromZeros + Send + Sync,
    {
        self.share(name)
    }

    /// Places a queue of `N` values from one producer to one consumer.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub fn create_queue<T: Send + 'static, const N: usize>(
        &self,
        name: &str,
    ) -> Result<Arc<Placed<Spsc<T, N>>>, ManagerError>
    where
        Spsc<T, N>: FromZeros,
    {
        self.share(name)
    }

    /// Creates memory that other processes can open by this name ([`SharedRegion::create`]).
    ///
    /// # Errors
    /// [`ManagerError`]
    pub fn create_shared_region(
        &self,
        name: &str,
        size: usize,
        options: &RegionOptions,
    ) -> Result<PlacedRegion, ManagerError> {
        self.place_region(name, size, || SharedRegion::create(name, size, options))
    }

    /// Creates memory that other processes can open by its descriptor
    /// ([`SharedRegion::anonymous`]); the name is this manager's.
    ///
    /// # Errors
    /// [`ManagerError`]
    pub fn create_anonymous_region(
        &self,
        name: &str,
        size: usize,
        options: &RegionOptions,
    ) -> Result<PlacedRegion, ManagerError> {
        self.place_region(name, size, || SharedRegion::anonymous(size, options))
    }

    fn place_region(
        &self,
        name: &str,
        size: usize,
        make: impl FnOnce() -> Result<SharedRegion, RegionError>,
    ) -> Result<PlacedRegion, ManagerError> {
        self.register(name, size as u64, "SharedRegion", || {
            let region = make()?;
            let (huge_pages, prefault) = (region.outcomes().huge_pages, region.outcomes().prefault);
            let address = region.bytes().as_ptr().addr();
            Ok(Made { value: region, address, huge_pages, prefault })
        })
        .map(|(region, entry)| PlacedRegion { region, entry })
    }

    /// Registers the object that `make` creates, if name and budget allow it.
    fn register<V>(
        &self,
        name: &str,
        bytes: u64,
        kind: &'static str,
        make: impl FnOnce() -> Result<Made<V>, ManagerError>,
    ) -> Result<(V, Arc<ObjectEntry>), ManagerError> {
        // Held while the object is created, so that two callers cannot both take the rest of the
        // budget.
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.retain(|object| object.entry.strong_count() > 0);
        if objects.iter().filter_map(|o| o.entry.upgrade()).any(|entry| entry.name == name) {
            return Err(ManagerError::NameTaken);
        }
        // Relaxed: objects dropped meanwhile only increase what is left.
        let in_use = self.budget.in_use.load(Ordering::Relaxed);
        let left_bytes = self.budget_bytes.map_or(u64::MAX, |budget| budget.saturating_sub(in_use));
        if bytes > left_bytes {
            return Err(ManagerError::OverBudget { needed_bytes: bytes, left_bytes });
        }
        // Prefaulted memory must be available, or the kernel's OOM killer would free it.
        if self.pages.prefault {
            let available = MemorySample::take(&System::this()).obtainable_bytes();
            if let Some(available_bytes) = available.filter(|&available| bytes > available) {
                return Err(ManagerError::NotEnoughMemory { needed_bytes: bytes, available_bytes });
            }
        }
        let Made { value, address, huge_pages, prefault } = make()?;
        let name = name.to_owned();
        let budget = Arc::clone(&self.budget);
        let entry = Arc::new(ObjectEntry { name, kind, bytes, address, huge_pages, prefault, budget });
        let now = self.budget.in_use.fetch_add(bytes, Ordering::Relaxed) + bytes; // Relaxed: see above
        self.budget.peak.fetch_max(now, Ordering::Relaxed);
        objects.push(Registered { entry: Arc::downgrade(&entry), usage: None });
        Ok((value, entry))
    }

    /// Returns the monitor of memory pressure, if there is one.
    #[must_use]
    pub const fn pressure(&self) -> Option<&PressureMonitor> {
        self.pressure.as_ref()
    }

    /// Returns the monitor of jitter, if there is one.
    #[must_use]
    pub const fn jitter(&self) -> Option<&JitterMonitor> {
        self.jitter.as_ref()
    }

    /// Returns all statistics of this moment. Allocates and makes system calls: not for a hot
    /// thread.
    #[must_use]
    pub fn stats(&self) -> ManagerStats {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.retain(|object| object.entry.strong_count() > 0);
        let objects = objects.iter().filter_map(|object| {
            let entry = object.entry.upgrade()?;
            let usage = object.usage.as_ref().and_then(Weak::upgrade).map(|watched| watched.usage());
            Some(stats::of_object(&entry, usage))
        });
        ManagerStats {
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            budget_bytes: self.budget_bytes,
            // Relaxed, both: statistics.
            in_use_bytes: self.budget.in_use.load(Ordering::Relaxed),
            peak_bytes: self.budget.peak.load(Ordering::Relaxed),
            objects: objects.collect(),
            pressure: self.pressure.as_ref().map(|monitor| PressureSummary::of(&monitor.stats())),
            jitter: self.jitter.iter().flat_map(JitterMonitor::cores).map(|core| JitterSummary::of(&core)).collect(),
            allocation_calls: super::allocations().calls as u64,
            allocation_bytes: super::allocations().bytes as u64,
        }
    }
}

/// A `T` that a [`MemoryManager`] placed. Dropping it frees the memory.
#[derive(Debug)]
pub struct Placed<T> {
    // Before the entry: the memory is freed before its share of the budget is returned.
    value: Zeroed<T>,
    entry: Arc<ObjectEntry>,
}

impl<T> Placed<T> {
    /// Returns the name that it was placed under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Returns the outcome of the request for huge pages.
    #[must_use]
    pub const fn huge_pages(&self) -> Outcome {
        self.value.huge_pages()
    }

    /// Returns whether the system touched all pages in advance.
    #[must_use]
    pub const fn prefaulted(&self) -> Outcome {
        self.value.prefaulted()
    }
}

impl<T> Deref for Placed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Placed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Usage> Usage for Placed<T> {
    fn usage(&self) -> ObjectUsage {
        (**self).usage()
    }
}

/// A region that a [`MemoryManager`] created. Dropping it unmaps the region here; other processes
/// can still open its name.
#[derive(Debug)]
pub struct PlacedRegion {
    region: SharedRegion,
    entry: Arc<ObjectEntry>,
}

impl PlacedRegion {
    /// Returns the name that it was created under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }
}

impl Deref for PlacedRegion {
    type Target = SharedRegion;

    fn deref(&self) -> &SharedRegion {
        &self.region
    }
}
