//! Object pools: preallocated objects that are acquired, reset and reused, without an allocator.
//!
//! ```
//! use vvp_core::pool::{HandleError, Pool, Reset};
//!
//! #[derive(Default)]
//! struct Order {
//!     id: u64,
//!     qty: u64,
//! }
//! impl Reset for Order {
//!     fn reset(&mut self) {
//!         *self = Self::default();
//!     }
//! }
//!
//! static ORDERS: Pool<Order, 1024> = Pool::new(); // zeroed memory: costs no image
//!
//! let mut order = ORDERS.acquire().expect("all are free");
//! order.id = 7;
//! // Eight bytes that go through any queue. The first to adopt them owns the order.
//! let handle = order.into_handle();
//! let mut order = ORDERS.adopt(handle)?;
//! order.qty = 100;
//! assert_eq!(ORDERS.adopt(handle).err(), Some(HandleError::Stale));
//! drop(order); // reset and released
//! assert_eq!(ORDERS.stats().in_use, 0);
//! # Ok::<(), HandleError>(())
//! ```
//!
//! | | shared by | acquire returns | release |
//! |---|---|---|---|
//! | [`Pool`] | threads | [`PoolBox`], or a [`Handle`] that can be copied into queues and shared memory | resets the object |
//! | [`Magazine`] | no one: a thread's own few slots of a pool | [`MagazineBox`], which can become a [`PoolBox`] | the same, at the cost of a local list |
//! | [`Slab`] | no one: one owner | a [`Key`] | returns the value |
//!
//! [docs/pools.md](crate::guide::pools) has structure and cost.
//!
//! # Access to a value
//! Handles can be copied, so a handle alone never gives a `&mut`: [`Pool::get`] and
//! [`Pool::get_mut`] first claim the slot in its state word, by compare-and-swap, and return a
//! guard that ends the claim. While the guard lives, any other copy of the handle gets
//! [`HandleError::Busy`]. To hand an object from thread to thread without a cost for each access,
//! [`Pool::adopt`] the handle: from then on it is a box, and the handle is stale.
//!
//! # Progress
//! Acquire and release are lock-free, and so is the start of a read claim; all else is wait-free.
//! No thread waits for another: one that stops or dies in an operation keeps at most the one slot
//! that it is handling (the owner of a magazine: those in its magazine).

mod free_list;
mod handle;
mod magazine;
mod object_box;
mod slab;
mod slot;
mod stats;

pub use handle::{Exclusive, Handle, HandleError, Shared};
pub use magazine::{Magazine, MagazineBox};
pub use object_box::PoolBox;
pub use slab::{Key, Slab, Vacant};
pub use stats::PoolStats;

pub use crate::full::Full;

use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::sync::AtomicUsize;
use core::fmt;
use free_list::FreeList;
use slot::Slot;

/// Resets an object between two users.
pub trait Reset {
    /// Restores the initial state. Called on release, in the releasing thread.
    fn reset(&mut self);
}

macro_rules! reset_to_default {
    ($($t:ty),*) => { $(impl Reset for $t {
        #[inline(always)]
        fn reset(&mut self) {
            *self = <$t>::default();
        }
    })* };
}
reset_to_default!((), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl<T> Reset for Option<T> {
    /// Drops the content.
    #[inline(always)]
    fn reset(&mut self) {
        *self = None;
    }
}

impl<T: Reset, const N: usize> Reset for [T; N] {
    #[inline(always)]
    fn reset(&mut self) {
        self.iter_mut().for_each(T::reset);
    }
}

/// A pool of `N` objects, shared by threads. `N` is a power of two, at most 2^24 (checked at
/// compile time).
///
/// An object is created when its slot is first acquired, reset at each release, and dropped with
/// the pool. Used slots are preferred, so memory is touched only up to [`PoolStats::high_water`].
///
/// ```text
///   offset 0          128        256                          384           384 + N words, rounded up to 128
///   +-----------------+----------+----------------------------+-------------+---------+---- - -
///   | head            | tail     | tag   hits                 | ring of     | slot 0  | slot 1
///   | fresh exhausted |          | moved in, moved out        | N words     |         |
///   +-----------------+----------+----------------------------+-------------+---------+---- - -
///     acquire           release    first use, magazines         both          the owner of the slot
/// ```
/// There are no pointers, so the same bytes work at any address; all-zero bytes are an unused pool.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Pool<T, const N: usize> {
    free_list: FreeList<[AtomicUsize; N]>,
    slots: [Slot<T>; N],
    checked: Checked<Self>,
}

impl<T, const N: usize> Layout for Pool<T, N> {
    const FIELDS: &'static [Field] = &[
        field!("acquire.head", Self, free_list.acquire.0.head),
        field!("acquire.fresh", Self, free_list.acquire.0.fresh),
        field!("acquire.exhausted", Self, free_list.acquire.0.exhausted),
        field!("release.tail", Self, free_list.release.0.tail),
        field!("info.tag", Self, free_list.info.0.tag),
        field!("info.hits", Self, free_list.info.0.hits),
        field!("info.moved_in", Self, free_list.info.0.moved_in),
        field!("info.moved_out", Self, free_list.info.0.moved_out),
        Field::new(
            "entries[i]",
            core::mem::offset_of!(Self, free_list.entries),
            size_of::<AtomicUsize>(),
            size_of::<AtomicUsize>(),
        ),
        field!("slots[i].state", Self, slots, Slot<T>, state),
        field!("slots[i].value", Self, slots, Slot<T>, value),
    ];
}

// SAFETY: an object goes through the pool from one thread to another, so it must be Send. The free
// list and the slot's state decide the owner of a slot; `get`, which lends one object to several
// threads, requires `T: Sync`.
unsafe impl<T: Send, const N: usize> Sync for Pool<T, N> {}

// The objects of a pool are reset before the next acquire, so a panic elsewhere breaks none of its
// invariants.
impl<T, const N: usize> core::panic::RefUnwindSafe for Pool<T, N> {}
impl<T, const N: usize> core::panic::UnwindSafe for Pool<T, N> {}

impl<T, const N: usize> CheckedCapacity for Pool<T, N> {
    const CHECK: () =
        assert!(N.is_power_of_two() && N <= free_list::MOST, "Pool: N must be a power of two, at most 2^24");
}

impl<T, const N: usize> Pool<T, N> {
    /// Creates an unused pool. All-zero bytes, so that a static costs no image.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self { free_list: FreeList::new(), slots: [const { Slot::new() }; N], checked: Checked::new() }
    }

    /// Creates an unused pool.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self { free_list: FreeList::new(), slots: core::array::from_fn(|_| Slot::new()), checked: Checked::new() }
    }

    /// Sets the pool's tag in its handles, so that handles of pools with another name are refused.
    /// By default a pool takes the next number of its process at first use (0, 1, 2, …); set a name
    /// if processes share several pools. Names count modulo 2^(32 - log2 N) - 1.
    ///
    /// ```
    /// use vvp_core::pool::{HandleError, Pool};
    ///
    /// let (mut a, mut b) = (Pool::<u64, 16>::new(), Pool::<u64, 16>::new());
    /// a.set_name(1);
    /// b.set_name(2);
    /// assert_eq!(a.name(), Some(1));
    /// let handle = a.acquire_handle().expect("all are free");
    /// assert_eq!(b.release(handle), Err(HandleError::Foreign));
    /// assert_eq!(a.release(handle), Ok(()));
    /// ```
    pub fn set_name(&mut self, name: u32) {
        checked!(Self);
        let list: &mut FreeList = &mut self.free_list;
        list.name_it(name);
    }

    /// Returns the pool's name, modulo the number of names: what [`set_name`](Self::set_name) has
    /// set, or the pool has taken at its first use; `None` before either.
    #[must_use]
    pub fn name(&self) -> Option<u32> {
        // A tag is one more than the name.
        ((self.free_list().tag() >> N.trailing_zeros()) as u32).checked_sub(1)
    }

    /// Returns the number of objects.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        checked!(Self);
        N
    }

    /// Returns the statistics of the pool.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats::new(N, &self.free_list().counts())
    }

    #[inline(always)]
    fn free_list(&self) -> &FreeList {
        checked!(Self);
        &self.free_list
    }

    /// Checks the invariants of the pool.
    ///
    /// # Errors
    /// Names the first invariant that does not hold.
    pub fn check_invariants(&mut self) -> Result<(), &'static str> {
        let counts = self.free_list().counts();
        let (mut free, mut bad) = (0, false);
        let list: &mut FreeList = &mut self.free_list;
        list.each_free(|number| {
            free += 1;
            bad |= number as usize >= counts.fresh;
        });
        if bad {
            return Err("a slot in the ring was never taken");
        }
        if counts.fresh > N || free > counts.fresh {
            return Err("more free slots than were ever taken");
        }
        if counts.put.wrapping_add(counts.fresh).wrapping_sub(counts.taken) != free {
            return Err("the number of slots in the ring differs from the counts");
        }
        Ok(())
    }
}

impl<T: Reset, const N: usize> Pool<T, N> {
    /// Acquires a free object, new or reset; `None` if there is none. If its slot was never used,
    /// it is created by `T::default`. Lock-free.
    ///
    /// `None` means that at some moment during the call every slot was in use or in a magazine.
    ///
    /// ```
    /// use vvp_core::pool::Pool;
    ///
    /// static POOL: Pool<u64, 2> = Pool::new();
    /// let (mut a, _b) = (POOL.acquire().expect("free"), POOL.acquire().expect("free"));
    /// *a += 1;
    /// assert!(POOL.acquire().is_none());
    /// drop(a); // released
    /// assert_eq!(POOL.acquire().map(|value| *value), Some(0)); // reset
    /// ```
    #[inline]
    pub fn acquire(&self) -> Option<PoolBox<'_, T>>
    where
        T: Default,
    {
        self.acquire_with(T::default)
    }

    /// As [`acquire`](Self::acquire); an object whose slot was never used is created by `init`.
    #[inline]
    pub fn acquire_with(&self, init: impl FnOnce() -> T) -> Option<PoolBox<'_, T>> {
        let number = self.free_list().take()?;
        // SAFETY: numbers come from the free list, and so are below N.
        let slot = unsafe { self.slots.get_unchecked(number as usize) };
        // SAFETY: the number is ours.
        Some(unsafe { PoolBox::open(slot, &self.free_list, number, init) })
    }

    /// Acquires a free object by a handle; `None` if there is none. It is not released by a drop:
    /// call [`release`](Self::release), or [`adopt`](Self::adopt) it and drop the box. Lock-free.
    ///
    /// ```
    /// use vvp_core::pool::Pool;
    ///
    /// static POOL: Pool<u64, 16> = Pool::new();
    /// let handle = POOL.acquire_handle().expect("free");
    /// *POOL.get_mut(handle)? += 5;
    /// assert_eq!(*POOL.get(handle)?, 5);
    /// POOL.release(handle)?;
    /// assert!(POOL.get(handle).is_err()); // stale
    /// # Ok::<(), vvp_core::pool::HandleError>(())
    /// ```
    #[inline]
    pub fn acquire_handle(&self) -> Option<Handle>
    where
        T: Default,
    {
        Some(self.acquire()?.into_handle())
    }

    /// Borrows a handle's object for reading, by up to 12 readers at a time. Lock-free.
    ///
    /// # Errors
    /// See [`HandleError`].
    #[inline]
    pub fn get(&self, handle: Handle) -> Result<Shared<'_, T>, HandleError>
    where
        T: Sync,
    {
        let (slot, _) = find(&self.slots, self.free_list(), handle)?;
        slot.begin_reading(handle.generation)?;
        Ok(Shared { slot })
    }

    /// Borrows a handle's object for writing, exclusively. Wait-free.
    ///
    /// ```
    /// use vvp_core::pool::{HandleError, Pool};
    ///
    /// static POOL: Pool<u64, 16> = Pool::new();
    /// let handle = POOL.acquire_handle().expect("free");
    /// let mut value = POOL.get_mut(handle)?;
    /// *value = 5;
    /// assert_eq!(POOL.get(handle).err(), Some(HandleError::Busy));
    /// drop(value);
    /// assert_eq!(*POOL.get(handle)?, 5);
    /// # Ok::<(), HandleError>(())
    /// ```
    ///
    /// # Errors
    /// See [`HandleError`].
    #[inline]
    pub fn get_mut(&self, handle: Handle) -> Result<Exclusive<'_, T>, HandleError> {
        let (slot, _) = find(&self.slots, self.free_list(), handle)?;
        slot.begin_writing(handle.generation)?;
        Ok(Exclusive { slot })
    }

    /// Takes ownership of a handle's object: all copies of the handle become stale. Wait-free. The
    /// example is at the [module](self).
    ///
    /// # Errors
    /// See [`HandleError`]. Of several concurrent calls with the same handle one succeeds.
    #[inline]
    pub fn adopt(&self, handle: Handle) -> Result<PoolBox<'_, T>, HandleError> {
        let (slot, number) = find(&self.slots, self.free_list(), handle)?;
        slot.take_by_handle(handle.generation)?;
        Ok(PoolBox { slot, home: &self.free_list, number })
    }

    /// Resets and releases a handle's object: all copies of the handle become stale. Lock-free.
    ///
    /// # Errors
    /// See [`HandleError`]. Of several concurrent calls with the same handle one succeeds.
    #[inline]
    pub fn release(&self, handle: Handle) -> Result<(), HandleError> {
        self.adopt(handle).map(drop)
    }

    /// Creates all objects now by `init`, so that none is created later on a hot path, and puts all
    /// slots into circulation; [`PoolStats::high_water`] is `N` from then on. Best for a thread
    /// that acquires and another one that releases: the next slot was released long ago, so its
    /// cache line is not in transfer between the cores. Returns how many objects it created: the
    /// slots never used before.
    ///
    /// ```
    /// use vvp_core::pool::Pool;
    ///
    /// static POOL: Pool<u64, 16> = Pool::new();
    /// assert_eq!(POOL.make_all(|| 0), 16);
    /// assert_eq!(POOL.stats().high_water, 16);
    /// ```
    pub fn make_all(&self, mut init: impl FnMut() -> T) -> usize {
        let mut made = 0;
        while let Some(number) = self.free_list().take_fresh() {
            // SAFETY: numbers come from the free list, and so are below N.
            let slot = unsafe { self.slots.get_unchecked(number as usize) };
            // SAFETY: the number is ours.
            drop(unsafe { PoolBox::open(slot, &self.free_list, number, &mut init) });
            made += 1;
        }
        made
    }

    /// Creates a thread-local [`Magazine`] of up to `K` slots, empty at first.
    ///
    /// ```
    /// use vvp_core::pool::Pool;
    ///
    /// static POOL: Pool<u64, 16> = Pool::new();
    /// let magazine = POOL.magazine::<4>();
    /// let value = magazine.acquire().expect("free"); // refills from the pool
    /// drop(value); // back to the magazine
    /// assert!(magazine.acquire().is_some()); // no atomic operation
    /// ```
    #[inline]
    pub fn magazine<const K: usize>(&self) -> Magazine<'_, T, K> {
        checked!(Self);
        Magazine::new(&self.slots, &self.free_list)
    }
}

/// Returns the slot of a handle, if it is one of this pool.
#[inline(always)]
fn find<'p, T>(slots: &'p [Slot<T>], home: &FreeList, handle: Handle) -> Result<(&'p Slot<T>, u32), HandleError> {
    // Another pool's tag leaves bits above any slot's number.
    let number = handle.place ^ home.tag() as u32;
    match slots.get(number as usize) {
        Some(slot) => Ok((slot, number)),
        None => Err(HandleError::Foreign),
    }
}

impl<T, const N: usize> Drop for Pool<T, N> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() {
            let used = self.free_list().used();
            self.slots.iter_mut().take(used).for_each(Slot::clear);
        }
    }
}

impl<T, const N: usize> Default for Pool<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> fmt::Debug for Pool<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
