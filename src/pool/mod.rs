//! Object pools: objects made once and used again and again, without an allocator.
//!
//! | | shared by | hands out | gives back |
//! |---|---|---|---|
//! | [`Pool`] | threads | [`PoolBox`], or a [`Handle`] that can be copied into queues and shared memory | reset, for the next one |
//! | [`Magazine`] | one thread's own few slots of a pool | [`MagazineBox`], which can become a [`PoolBox`] | the same, at the cost of a local list |
//! | [`Slab`] | nobody: one owner | a [`Key`] | the value itself |
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
//! static ORDERS: Pool<Order, 1024> = Pool::new(); // lies in zeroed memory, costs the image nothing
//!
//! let mut order = ORDERS.acquire().expect("none is out yet");
//! order.id = 7;
//! // Eight bytes that go through any queue. Whoever adopts them first owns the order; nobody else can.
//! let handle = order.into_handle();
//! let mut order = ORDERS.adopt(handle)?;
//! order.qty = 100;
//! assert_eq!(ORDERS.adopt(handle).err(), Some(HandleError::Stale));
//! drop(order); // reset, and free for the next one
//! assert_eq!(ORDERS.stats().in_use, 0);
//! # Ok::<(), HandleError>(())
//! ```
//!
//! # Who may touch a value
//! Handles can be copied, so a handle alone never gives a `&mut`: [`Pool::get`] and [`Pool::get_mut`] first claim the
//! slot in its state word, by compare-and-swap, and give a guard that ends the claim. As long as the guard lives, any
//! other copy of the handle, in whatever thread, is told [`HandleError::Busy`]. To hand an object from thread to
//! thread at no cost a use, [`Pool::adopt`] the handle: from then on it is a box, and the handle is stale.
//!
//! # Progress
//! Taking and giving back are lock-free; so is the start of a loan for reading; all else is wait-free. No thread ever
//! waits for another: one that stops in the midst of an operation, or is killed there, keeps at most the one slot that
//! it has in hand (a magazine's owner: those in its magazine).

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
pub use slab::{Full, Key, Slab, Vacant};
pub use stats::PoolStats;

use crate::capacity::{Checked, CheckedCapacity, checked};
use crate::layout::{Field, Layout, field};
use crate::sync::AtomicUsize;
use core::fmt;
use free_list::FreeList;
use slot::Slot;

/// What happens to an object between two users.
pub trait Reset {
    /// Makes the object as good as new. Called when it is given back, by whoever gives it back.
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
    /// Drops what is there.
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

/// `N` objects, shared by threads. `N` is a power of two, at most 2^24 (checked at compile time).
///
/// An object is made when its slot is first taken, reset each time it is given back, and dropped with the pool. Slots
/// that were used before are taken first, so memory is touched only as far as [`PoolStats::high_water`].
///
/// ```text
///   offset 0          128        256                          384           384 + N words, rounded up to 128
///   +-----------------+----------+----------------------------+-------------+---------+---- - -
///   | head            | tail     | tag   hits                 | ring of     | slot 0  | slot 1
///   | fresh exhausted |          | moved in, moved out        | N words     |         |
///   +-----------------+----------+----------------------------+-------------+---------+---- - -
///     who takes         who gives  first use, magazines         both          who owns the slot
/// ```
/// Nothing is a pointer, so the same bytes work wherever they are mapped; all zero is the pool that nobody has used.
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

// SAFETY: an object goes through the pool from one thread to another, so it must be Send. Who may touch a slot is
// settled by the ring and by the slot's state; `get`, which lends one object to several, asks for more.
unsafe impl<T: Send, const N: usize> Sync for Pool<T, N> {}

// The objects of a pool are reset before anybody else sees them, so a panic elsewhere breaks none of its rules.
impl<T, const N: usize> core::panic::RefUnwindSafe for Pool<T, N> {}
impl<T, const N: usize> core::panic::UnwindSafe for Pool<T, N> {}

impl<T, const N: usize> CheckedCapacity for Pool<T, N> {
    const CHECK: () =
        assert!(N.is_power_of_two() && N <= free_list::MOST, "Pool: N must be a power of two, at most 2^24");
}

impl<T, const N: usize> Pool<T, N> {
    /// A pool that nobody has used. All zero, so that a static takes no room in the image.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self { free_list: FreeList::new(), slots: [const { Slot::new() }; N], checked: Checked::new() }
    }

    /// A pool that nobody has used.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self { free_list: FreeList::new(), slots: core::array::from_fn(|_| Slot::new()), checked: Checked::new() }
    }

    /// Names the pool in its handles, which those of a pool of another name are told from. A pool that is not named so
    /// takes the next number of its program at first use, 1, 2, 3 and on; that will not do where processes meet in
    /// several pools. Names count modulo 2^(32 - log2 N) - 1.
    pub fn set_name(&mut self, name: u32) {
        checked!(Self);
        let list: &mut FreeList = &mut self.free_list;
        list.name_it(name);
    }

    /// How many objects there are.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        checked!(Self);
        N
    }

    /// What the pool has done so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats::new(N, &self.free_list().counts())
    }

    #[inline(always)]
    fn free_list(&self) -> &FreeList {
        checked!(Self);
        &self.free_list
    }

    /// Checks what must hold while nobody is at work on the pool.
    ///
    /// # Errors
    /// Says what is broken.
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
            return Err("the ring holds another number of slots than was put in and not taken");
        }
        Ok(())
    }
}

impl<T: Reset, const N: usize> Pool<T, N> {
    /// A free object, as it was made or reset; `None` if all are out. One whose slot was never used is made by
    /// `T::default`. Lock-free.
    ///
    /// `None` means that at one moment during the call every slot was in use or in a magazine.
    #[inline]
    pub fn acquire(&self) -> Option<PoolBox<'_, T>>
    where
        T: Default,
    {
        self.acquire_with(T::default)
    }

    /// As [`acquire`](Self::acquire); one whose slot was never used is made by `init`.
    #[inline]
    pub fn acquire_with(&self, init: impl FnOnce() -> T) -> Option<PoolBox<'_, T>> {
        let number = self.free_list().take()?;
        // SAFETY: numbers come from the ring, and so are below N.
        let slot = unsafe { self.slots.get_unchecked(number as usize) };
        // SAFETY: the number is ours.
        Some(unsafe { PoolBox::open(slot, &self.free_list, number, init) })
    }

    /// A free object under a handle; `None` if all are out. Nobody gives it back by himself:
    /// [`release`](Self::release) does, or [`adopt`](Self::adopt) and a drop. Lock-free.
    #[inline]
    pub fn acquire_handle(&self) -> Option<Handle>
    where
        T: Default,
    {
        Some(self.acquire()?.into_handle())
    }

    /// Lends a handle's object for reading, to up to 12 at a time. Lock-free.
    ///
    /// # Errors
    /// As [`HandleError`] says.
    #[inline]
    pub fn get(&self, handle: Handle) -> Result<Shared<'_, T>, HandleError>
    where
        T: Sync,
    {
        let (slot, _) = find(&self.slots, self.free_list(), handle)?;
        slot.begin_reading(handle.generation)?;
        Ok(Shared { slot })
    }

    /// Lends a handle's object for writing, to one at a time. Wait-free.
    ///
    /// # Errors
    /// As [`HandleError`] says.
    #[inline]
    pub fn get_mut(&self, handle: Handle) -> Result<Exclusive<'_, T>, HandleError> {
        let (slot, _) = find(&self.slots, self.free_list(), handle)?;
        slot.begin_writing(handle.generation)?;
        Ok(Exclusive { slot })
    }

    /// Makes a handle's object one's own: all copies of the handle are stale from here on. Wait-free.
    ///
    /// # Errors
    /// As [`HandleError`] says. Of several who try with the same handle, one succeeds.
    #[inline]
    pub fn adopt(&self, handle: Handle) -> Result<PoolBox<'_, T>, HandleError> {
        let (slot, number) = find(&self.slots, self.free_list(), handle)?;
        slot.take_by_handle(handle.generation)?;
        Ok(PoolBox { slot, home: &self.free_list, number })
    }

    /// Resets a handle's object and gives it back: all copies of the handle are stale from here on. Lock-free.
    ///
    /// # Errors
    /// As [`HandleError`] says. Of several who try with the same handle, one succeeds.
    #[inline]
    pub fn release(&self, handle: Handle) -> Result<(), HandleError> {
        self.adopt(handle).map(drop)
    }

    /// Makes all objects now, by `init`, so that none is made later on the way, and puts all slots into circulation;
    /// [`PoolStats::high_water`] is `N` from then on. Two threads of which one takes and the other gives back work
    /// best so: what is taken next was then given back long ago, and its line is no longer on its way between them.
    /// Gives how many it made: the slots that were never used before. Not to be called on a hot path.
    pub fn make_all(&self, mut init: impl FnMut() -> T) -> usize {
        let mut made = 0;
        while let Some(number) = self.free_list().take_fresh() {
            // SAFETY: numbers come from the ring, and so are below N.
            let slot = unsafe { self.slots.get_unchecked(number as usize) };
            // SAFETY: the number is ours.
            drop(unsafe { PoolBox::open(slot, &self.free_list, number, &mut init) });
            made += 1;
        }
        made
    }

    /// A thread's own store of up to `K` slots, empty at first.
    #[inline]
    pub fn magazine<const K: usize>(&self) -> Magazine<'_, T, K> {
        checked!(Self);
        Magazine::new(&self.slots, &self.free_list)
    }
}

/// The slot that a handle names, if it is one of this pool.
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
