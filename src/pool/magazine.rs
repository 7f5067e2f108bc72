//! Magazines: thread-local stocks of free slots.
//!
//! Source: J. Bonwick and J. Adams, "Magazines and Vmem", 2001. Ours has no depot of full
//! magazines: it moves runs of slots from and to the free list of the pool.

use super::handle::{Handle, HandleError};
use super::slot::Slot;
use super::{Reset, find};
use crate::capacity::{CheckedCapacity, checked};
use crate::pool::free_list::{FreeList, Reported};
use crate::pool::object_box::{PoolBox, open};
use crate::sync::{UnsafeCell, broken, const_unless_loom};
use core::cell::Cell;
use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::{Deref, DerefMut};

/// A thread-local stock of up to `K` free slots of a [`Pool`](super::Pool): acquire and release are
/// a step on a local list, last in, first out, and access the pool's shared free list at most once
/// in `K / 2` times.
///
/// ```
/// use vvp_core::pool::Pool;
///
/// static POOL: Pool<u64, 64> = Pool::new();
/// let magazine = POOL.magazine::<16>();
/// let mut value = magazine.acquire().expect("all are free");
/// *value += 1;
/// drop(value); // back to the magazine, reset
///
/// // A box for another thread, which releases it to the pool, or to a magazine of its own.
/// let value = magazine.acquire().expect("there is one").into_pool_box();
/// std::thread::spawn(move || POOL.magazine::<16>().keep(value)).join().expect("no panic");
/// ```
///
/// It is `Send` but not `Sync`. Slots in a magazine are not available to others, so size the pool
/// for the peak use plus `K` for each magazine. Dropping the magazine releases them; a leaked one
/// keeps them.
pub struct Magazine<'p, T: Reset, const K: usize> {
    slots: &'p [Slot<T>],
    home: &'p FreeList,
    stock: Stock<'p, T, K>,
    /// Size of the stock at the last report.
    reported: Cell<usize>,
    /// Acquired since then directly from a refill: no hits.
    beside: Cell<usize>,
}

/// The most slots that move from the pool to a magazine by one operation on the free list.
const REFILL: usize = 64;

/// A LIFO list of up to `K` slots.
struct Stock<'p, T, const K: usize> {
    /// Low 16 bits: number of slots. Above: number of acquires since the last report, which wraps
    /// after 2^48. One word, so that counting costs nothing.
    state: Cell<u64>,
    /// The slots, from the first on. References instead of numbers save a computation. Only the
    /// functions below borrow them, each for its duration. A cell, so that boxes can be acquired
    /// and released while other boxes borrow the magazine.
    slots: UnsafeCell<[MaybeUninit<&'p Slot<T>>; K]>,
}

impl<T, const K: usize> CheckedCapacity for Stock<'_, T, K> {
    const CHECK: () = assert!(K >= 1 && K < 1 << 16, "Magazine: K must be from 1 to 65,535");
}

impl<'p, T, const K: usize> Stock<'p, T, K> {
    /// Number of slots that move between magazine and pool together: half, so that neither the next
    /// acquire nor the next release accesses the pool again.
    const HALF: usize = K.div_ceil(2);
    const LEN: u64 = 0xffff;
    const TAKEN: u64 = 1 << 16;

    const_unless_loom! {
        fn new() -> Self {
            checked!(Self);
            Self { state: Cell::new(0), slots: UnsafeCell::new([MaybeUninit::uninit(); K]) }
        }
    }

    #[inline(always)]
    fn pop(&self) -> Option<&'p Slot<T>> {
        let state = self.state.get();
        let len = ((state & Self::LEN) as usize).checked_sub(1)?;
        self.state.set(state.wrapping_add(Self::TAKEN - 1));
        // SAFETY: there were `len` + 1, at most K. There is no other access to the slots: the type
        // is not `Sync`, and no function calls another one while it borrows them.
        Some(self.slots.with(|slots| unsafe { (*slots).get_unchecked(len).assume_init() }))
    }

    /// Adds a slot; returns whether there was room.
    #[inline(always)]
    fn push(&self, slot: &'p Slot<T>) -> bool {
        let state = self.state.get();
        let len = (state & Self::LEN) as usize;
        if len >= K {
            return false;
        }
        // SAFETY: `len` is below K; as in `pop`.
        self.slots.with_mut(|slots| unsafe { *(*slots).get_unchecked_mut(len) = MaybeUninit::new(slot) });
        self.state.set(state + 1);
        true
    }

    #[inline(always)]
    fn len(&self) -> usize {
        (self.state.get() & Self::LEN) as usize
    }

    fn set_len(&self, len: usize) {
        self.state.set(self.state.get() & !Self::LEN | len as u64);
    }

    /// Returns how many were acquired since the last call.
    fn taken(&self) -> usize {
        let state = self.state.get();
        self.state.set(state & Self::LEN);
        (state >> 16) as usize
    }

    /// Removes the oldest `n`, at most all, and passes them to `to`.
    fn shed(&self, n: usize, to: impl FnOnce(&[MaybeUninit<&'p Slot<T>>])) -> usize {
        let len = self.len().min(K);
        let n = n.min(len);
        self.slots.with_mut(|slots| {
            // SAFETY: as in `pop`; `to` gives them to the ring, which does not access this stock.
            let slots = unsafe { &mut *slots };
            to(&slots[..n]);
            slots.copy_within(n..len, 0);
        });
        if !broken("magazine_shed") {
            self.set_len(len - n);
        }
        n
    }
}

// SAFETY: the slots whose numbers are in the stock are ours, so sending the magazine is sending
// their values; all else is shared between threads anyway.
unsafe impl<T: Reset + Send, const K: usize> Send for Magazine<'_, T, K> {}

impl<'p, T: Reset, const K: usize> Magazine<'p, T, K> {
    pub(super) fn new(slots: &'p [Slot<T>], home: &'p FreeList) -> Self {
        Self { slots, home, stock: Stock::new(), reported: Cell::new(0), beside: Cell::new(0) }
    }

    /// Acquires an object, new or reset; `None` if all slots of the pool are in use or in other
    /// magazines. If its slot was never used, it is created by `T::default`.
    ///
    /// No atomic operation while the stock lasts; else as [`Pool::acquire`](super::Pool::acquire).
    #[inline(always)]
    pub fn acquire(&self) -> Option<MagazineBox<'_, 'p, T, K>>
    where
        T: Default,
    {
        self.acquire_with(T::default)
    }

    /// As [`acquire`](Self::acquire); an object whose slot was never used is created by `init`.
    #[inline(always)]
    pub fn acquire_with(&self, init: impl FnOnce() -> T) -> Option<MagazineBox<'_, 'p, T, K>> {
        let slot = match self.stock.pop() {
            Some(slot) => slot,
            None => self.refill()?,
        };
        // SAFETY: the slot is one of the pool's; its number came from the ring, and we are its only
        // owner.
        unsafe { open(slot, self.home, || self.number(slot), init) };
        Some(MagazineBox { magazine: self, slot })
    }

    /// Returns the slot of a number, which came from the free list.
    #[inline(always)]
    fn slot(&self, number: u32) -> &'p Slot<T> {
        debug_assert!((number as usize) < self.slots.len());
        // SAFETY: numbers come from the ring, and so are below the number of slots.
        unsafe { self.slots.get_unchecked(number as usize) }
    }

    /// Returns the number of a slot of this pool.
    #[inline(always)]
    fn number(&self, slot: &'p Slot<T>) -> u32 {
        let bytes = core::ptr::from_ref(slot).addr().wrapping_sub(self.slots.as_ptr().addr());
        (bytes / size_of::<Slot<T>>()) as u32
    }

    /// Takes ownership of a handle's object, as [`Pool::adopt`](super::Pool::adopt); its release
    /// goes to this magazine.
    ///
    /// # Errors
    /// See [`HandleError`].
    #[inline]
    pub fn adopt(&self, handle: Handle) -> Result<MagazineBox<'_, 'p, T, K>, HandleError> {
        let (slot, _) = find(self.slots, self.home, handle)?;
        slot.take_by_handle(handle.generation)?;
        Ok(MagazineBox { magazine: self, slot })
    }

    /// Resets an object and adds its slot to the stock. That of another pool is released there.
    #[inline]
    pub fn keep(&self, value: PoolBox<'p, T>) {
        if core::ptr::eq(value.home, self.home) {
            let (slot, _, _) = value.into_parts();
            drop(MagazineBox { magazine: self, slot });
        }
    }

    /// Returns the number of slots in stock.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stock.len()
    }

    /// Returns whether the stock is empty, so that the next acquire accesses the pool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Releases all slots in stock to the pool, and reports to its statistics.
    pub fn flush(&self) {
        self.shed(K);
    }

    /// Refills the stock from the pool and returns one slot.
    #[cold]
    #[inline(never)]
    fn refill(&self) -> Option<&'p Slot<T>> {
        debug_assert!(self.is_empty());
        // Through a buffer of fixed size: the stack does not grow with K.
        let mut numbers = [0; REFILL];
        let mut moved = 0;
        while moved < Stock::<T, K>::HALF {
            let wanted = REFILL.min(Stock::<T, K>::HALF - moved);
            let taken = self.home.take_many(&mut numbers[..wanted]);
            numbers.iter().take(taken).for_each(|&number| _ = self.stock.push(self.slot(number)));
            moved += taken;
            if taken < wanted {
                break;
            }
        }
        self.report(0, moved, 0);
        let slot = self.stock.pop();
        // The slot that is returned was not in stock: no hit.
        self.beside.set(self.beside.get().wrapping_add(usize::from(slot.is_some())));
        slot
    }

    /// Makes room for a slot: releases half of the stock to the pool.
    #[cold]
    #[inline(never)]
    fn overflow(&self, slot: &'p Slot<T>) {
        let before = self.len();
        self.shed(Stock::<T, K>::HALF);
        debug_assert!(self.len() < before);
        let kept = self.stock.push(slot);
        debug_assert!(kept);
    }

    fn shed(&self, n: usize) {
        let before = self.len();
        let moved = self.stock.shed(n, |slots| {
            // SAFETY: all slots of the stock up to its length have been written.
            let numbers = slots.iter().map(|slot| self.number(unsafe { slot.assume_init() }));
            // SAFETY: the numbers are ours, came from this ring, and leave the stock.
            unsafe { self.home.put::<true>(numbers) }
        });
        self.report(before, 0, moved);
    }

    /// Reports to the pool's statistics. `before` is the size of the stock before this exchange.
    fn report(&self, before: usize, moved_in: usize, moved_out: usize) {
        let taken = self.stock.taken();
        // Slots that boxes returned since the last report: the growth of the stock, plus those
        // acquired.
        let returned = before.wrapping_add(taken).wrapping_sub(self.reported.replace(self.len()));
        self.home.report(Reported {
            hits: taken.wrapping_sub(self.beside.replace(0)),
            moved_in: moved_in.wrapping_sub(taken),
            moved_out: moved_out.wrapping_sub(returned),
        });
    }
}

impl<T: Reset, const K: usize> Drop for Magazine<'_, T, K> {
    fn drop(&mut self) {
        self.flush();
    }
}

impl<T: Reset, const K: usize> fmt::Debug for Magazine<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Magazine").field("capacity", &K).field("len", &self.len()).finish_non_exhaustive()
    }
}

/// An object that is reset and released to its magazine when it is dropped. It stays in the
/// magazine's thread; [`into_pool_box`](Self::into_pool_box) makes a box that can be sent.
#[must_use = "dropping the box gives its value back to the magazine"]
pub struct MagazineBox<'m, 'p, T: Reset, const K: usize> {
    magazine: &'m Magazine<'p, T, K>,
    /// Ours: a slot of the magazine's pool without another owner. It holds a value.
    slot: &'p Slot<T>,
}

impl<'p, T: Reset, const K: usize> MagazineBox<'_, 'p, T, K> {
    /// Detaches the object from its magazine: it may be sent to other threads, and is released to
    /// the pool's shared free list unless a magazine [`keep`](Magazine::keep)s it.
    #[inline]
    pub fn into_pool_box(self) -> PoolBox<'p, T> {
        let this = ManuallyDrop::new(self);
        PoolBox { slot: this.slot, home: this.magazine.home, number: this.magazine.number(this.slot) }
    }
}

impl<T: Reset, const K: usize> Deref for MagazineBox<'_, '_, T, K> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the slot is ours and holds a value.
        unsafe { self.slot.value() }
    }
}

impl<T: Reset, const K: usize> DerefMut for MagazineBox<'_, '_, T, K> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the slot is ours and holds a value, and the box is borrowed exclusively.
        unsafe { self.slot.value_mut() }
    }
}

impl<T: Reset, const K: usize> Drop for MagazineBox<'_, '_, T, K> {
    #[inline(always)]
    fn drop(&mut self) {
        self.reset();
        // The slot is ours, of our magazine's pool, and with the box gone it belongs to the stock.
        if !self.magazine.stock.push(self.slot) {
            self.magazine.overflow(self.slot);
        }
    }
}

impl<T: Reset + fmt::Debug, const K: usize> fmt::Debug for MagazineBox<'_, '_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MagazineBox").field(&**self).finish()
    }
}
