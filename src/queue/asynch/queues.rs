//! The async queues: SPSC, MPSC and fan-in.

use super::{AsyncConsumer, AsyncProducer, WakerCell};
use crate::queue::asynch::waker_slots::{Room, WakerSlot, WakerSlots};
use crate::queue::{Consumer, FanIn, FanInConsumer, Mpsc, MpscConsumer, MpscProducer, Producer, QueueStats, Spsc};
use crate::sync::const_unless_loom;
use core::fmt;
#[cfg(not(loom))]
use core::mem::offset_of;

#[cfg(not(loom))]
const _: () = {
    const CELL: usize = size_of::<WakerCell>();
    assert!(CELL == 3 * size_of::<usize>());
    assert!(offset_of!(AsyncSpsc<u64, 4>, arrivals) == size_of::<Spsc<u64, 4>>());
    assert!(offset_of!(AsyncSpsc<u64, 4>, room) == size_of::<Spsc<u64, 4>>() + CELL);
    assert!(offset_of!(AsyncMpsc<u64, 4, 2>, arrivals) == size_of::<Mpsc<u64, 4>>());
    assert!(offset_of!(AsyncMpsc<u64, 4, 2>, room) == size_of::<Mpsc<u64, 4>>() + CELL);
    assert!(offset_of!(AsyncFanIn<u64, 4, 2>, arrivals) == size_of::<FanIn<u64, 4, 2>>());
    assert!(offset_of!(AsyncFanIn<u64, 4, 2>, room) == size_of::<FanIn<u64, 4, 2>>() + CELL);
};

/// A [`Spsc`] whose endpoints can be awaited.
#[repr(C)]
pub struct AsyncSpsc<T, const N: usize> {
    queue: Spsc<T, N>,
    /// The consumer's task while it waits for a value.
    arrivals: WakerCell,
    /// The producer's task while it waits for a free slot.
    room: WakerCell,
}

/// The producer endpoint of an [`AsyncSpsc`], or of a lane of an [`AsyncFanIn`].
type SpscProducer<'q, T, const N: usize> = AsyncProducer<'q, Producer<'q, T, N>>;
type SpscConsumer<'q, T, const N: usize> = AsyncConsumer<'q, Consumer<'q, T, N>, WakerCell>;

impl<T, const N: usize> AsyncSpsc<T, N> {
    const_unless_loom! {
        /// Creates an empty queue. A `const fn`: a static queue is zeroed memory and costs no
        /// image.
        #[must_use]
        pub fn new() -> Self {
            Self { queue: Spsc::new(), arrivals: WakerCell::new(), room: WakerCell::new() }
        }
    }

    /// Returns both endpoints, for as long as the queue is borrowed; see [`Spsc::split`].
    pub fn split(&mut self) -> (SpscProducer<'_, T, N>, SpscConsumer<'_, T, N>) {
        let (tx, rx) = self.queue.split();
        let (arrivals, room) = (&self.arrivals, &self.room);
        (AsyncProducer::new(tx, WakerSlot::alone(room), arrivals), AsyncConsumer::new(rx, arrivals, room))
    }

    /// Claims the producer endpoint; `None` while it is claimed. See [`Spsc::producer`].
    #[must_use]
    pub fn producer(&self) -> Option<SpscProducer<'_, T, N>> {
        Some(AsyncProducer::new(self.queue.producer()?, WakerSlot::alone(&self.room), &self.arrivals))
    }

    /// Claims the consumer endpoint; `None` while it is claimed. See [`Spsc::consumer`].
    #[must_use]
    pub fn consumer(&self) -> Option<SpscConsumer<'_, T, N>> {
        Some(AsyncConsumer::new(self.queue.consumer()?, &self.arrivals, &self.room))
    }
}

/// An [`Mpsc`] whose endpoints can be awaited, by up to `WAITERS` producers (256 at most) and the
/// consumer.
///
/// Each producer has a waker slot, in which its task waits for a free slot of the queue. A pop
/// wakes the tasks of all waiting producers, and each tries again: so a dropped future, or a task
/// that does not continue, blocks no other.
#[repr(C)]
pub struct AsyncMpsc<T, const N: usize, const WAITERS: usize> {
    queue: Mpsc<T, N>,
    /// The consumer's task while it waits for a value.
    arrivals: WakerCell,
    /// The producers' tasks while they wait for a free slot.
    room: WakerSlots<WAITERS>,
}

type ManyProducer<'q, T, const N: usize> = AsyncProducer<'q, MpscProducer<'q, T, N>>;
type ManyConsumer<'q, T, const N: usize, const WAITERS: usize> =
    AsyncConsumer<'q, MpscConsumer<'q, T, N>, WakerSlots<WAITERS>>;

impl<T, const N: usize, const WAITERS: usize> AsyncMpsc<T, N, WAITERS> {
    const_unless_loom! {
        /// Creates an empty queue. A `const fn`: a static queue is zeroed memory and costs no
        /// image.
        #[must_use]
        pub fn new() -> Self {
            Self { queue: Mpsc::new(), arrivals: WakerCell::new(), room: WakerSlots::new() }
        }
    }

    /// Attaches a producer; `None` if all waker slots are taken. Dropping it releases its waker
    /// slot.
    #[must_use]
    pub fn producer(&self) -> Option<ManyProducer<'_, T, N>> {
        let slot = self.room.take()?;
        Some(AsyncProducer::new(self.queue.producer(), slot, &self.arrivals))
    }

    /// Claims the consumer endpoint; `None` while it is claimed. See [`Mpsc::consumer`].
    #[must_use]
    pub fn consumer(&self) -> Option<ManyConsumer<'_, T, N, WAITERS>> {
        Some(AsyncConsumer::new(self.queue.consumer()?, &self.arrivals, &self.room))
    }

    /// Releases what leaked handles (`mem::forget`) have left: their waker slots are free again,
    /// and they no longer count as producers.
    pub fn reset(&mut self) {
        self.room.clear();
        let (tx, rx) = self.queue.split();
        drop((tx, rx));
    }
}

impl<T, const N: usize, const WAITERS: usize> Room<MpscConsumer<'_, T, N>> for WakerSlots<WAITERS> {
    #[inline]
    fn made(&self, _: &MpscConsumer<'_, T, N>, _: usize) {
        self.wake_all();
    }
    fn for_all(&self) {
        self.wake_all();
    }
}

/// A [`FanIn`] whose endpoints can be awaited: the consumer, and the producer of each lane.
#[repr(C)]
pub struct AsyncFanIn<T, const N: usize, const LANES: usize> {
    lanes: FanIn<T, N, LANES>,
    /// The consumer's task while it waits for a value.
    arrivals: WakerCell,
    /// The producers' tasks while they wait for a free slot in their lanes.
    room: WakerSlots<LANES>,
}

type LanesConsumer<'q, T, const N: usize, const LANES: usize> =
    AsyncConsumer<'q, FanInConsumer<'q, T, N, LANES>, WakerSlots<LANES>>;

impl<T, const N: usize, const LANES: usize> AsyncFanIn<T, N, LANES> {
    const_unless_loom! {
        /// Creates empty lanes. A `const fn`: a static queue is zeroed memory and costs no image.
        #[must_use]
        pub fn new() -> Self {
            Self { lanes: FanIn::new(), arrivals: WakerCell::new(), room: WakerSlots::new() }
        }
    }

    /// Claims the first free lane; `None` if there is none. See [`FanIn::producer`].
    #[must_use]
    pub fn producer(&self) -> Option<SpscProducer<'_, T, N>> {
        (0..LANES).find_map(|lane| self.producer_of(lane))
    }

    /// Claims this lane; `None` while it is claimed, or if there is no such lane.
    #[must_use]
    pub fn producer_of(&self, lane: usize) -> Option<SpscProducer<'_, T, N>> {
        let end = self.lanes.producer_of(lane)?;
        Some(AsyncProducer::new(end, self.room.at(lane)?, &self.arrivals))
    }

    /// Claims the consumer endpoint; `None` while it is claimed. See [`FanIn::consumer`].
    #[must_use]
    pub fn consumer(&self) -> Option<LanesConsumer<'_, T, N, LANES>> {
        Some(AsyncConsumer::new(self.lanes.consumer()?, &self.arrivals, &self.room))
    }
}

impl<T, const N: usize, const LANES: usize> Room<FanInConsumer<'_, T, N, LANES>> for WakerSlots<LANES> {
    #[inline]
    fn made(&self, end: &FanInConsumer<'_, T, N, LANES>, slots: usize) {
        if slots == 1 { self.wake(end.last_lane()) } else { self.wake_all() }
    }
    fn for_all(&self) {
        self.wake_all();
    }
}

/// Implements what all of them have: statistics, a default, a debug form.
macro_rules! common {
    ($name:ident, $inner:ident, [$(const $P:ident),*]) => {
        impl<T, $(const $P: usize),*> $name<T, $($P),*> {
            /// Returns the statistics of the queue. `full_count` includes each time a task found no
            /// free slot before it went to sleep.
            #[must_use]
            pub fn stats(&self) -> QueueStats {
                self.$inner.stats()
            }
        }

        impl<T, $(const $P: usize),*> Default for $name<T, $($P),*> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<T, $(const $P: usize),*> fmt::Debug for $name<T, $($P),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("queue", &self.$inner).finish_non_exhaustive()
            }
        }
    };
}

common!(AsyncSpsc, queue, [const N]);
common!(AsyncMpsc, queue, [const N, const WAITERS]);
common!(AsyncFanIn, lanes, [const N, const LANES]);
