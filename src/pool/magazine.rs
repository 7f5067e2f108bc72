//! Magazines: a thread's own stock of free slots.
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

/// Up to `K` free slots of a [`Pool`](super::Pool) in one thread's hands: taking and giving back are a step on a list
/// of its own, last in, first out, and the pool's shared list is touched once in `K / 2` times at most.
///
/// ```
/// use vvp_core::pool::Pool;
///
/// static POOL: Pool<u64, 64> = Pool::new();
/// let magazine = POOL.magazine::<16>();
/// let mut value = magazine.acquire().expect("nobody has taken any");
/// *value += 1;
/// drop(value); // back to the magazine, reset
///
/// // A box for another thread, which gives it back to the pool, or to a magazine of its own.
/// let value = magazine.acquire().expect("there is one").into_pool_box();
/// std::thread::spawn(move || POOL.magazine::<16>().keep(value)).join().expect("no panic");
/// ```
///
/// It is `Send` but not `Sync`. Slots in a magazine are out of reach for everybody else, so the pool needs up to `K`
/// for each magazine on top of what is in use at most. Dropping the magazine gives them back; one that is forgotten
/// keeps them.
pub struct Magazine<'p, T: Reset, const K: usize> {
    slots: &'p [Slot<T>],
    home: &'p FreeList,
    stock: Stock<'p, T, K>,
    /// What the stock was when we last reported.
    reported: Cell<usize>,
    /// Taken since then right after a refill: no hits.
    beside: Cell<usize>,
}

/// Slots that move from the pool to a magazine by one operation on the pool's ring, at most.
const REFILL: usize = 64;

/// A list of up to `K` slots; the last one in is the first one out.
struct Stock<'p, T, const K: usize> {
    /// Low 16 bits: how many slots there are. Above: how many were taken since the last report, which wraps after 2^48.
    /// One word, so that counting costs nothing.
    state: Cell<u64>,
    /// As many as there are, from the first on. References, not numbers: who takes one goes right to it. Lent by nobody
    /// but the functions below, and by them for a moment only. A cell, so that boxes can come and go while the
    /// magazine is borrowed by other boxes.
    slots: UnsafeCell<[MaybeUninit<&'p Slot<T>>; K]>,
}

impl<T, const K: usize> CheckedCapacity for Stock<'_, T, K> {
    const CHECK: () = assert!(K >= 1 && K < 1 << 16, "Magazine: K must be from 1 to 65,535");
}

impl<'p, T, const K: usize> Stock<'p, T, K> {
    /// How many move between magazine and pool at once: half, so that neither the next taking nor the next return
    /// goes to the pool again.
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
        // SAFETY: there were `len` + 1, at most K. We alone are at the slots: the type is not `Sync`, and no function
        // calls another one while it has them.
        Some(self.slots.with(|slots| unsafe { (*slots).get_unchecked(len).assume_init() }))
    }

    /// Whether there was room.
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

    /// How many were taken since the last call.
    fn taken(&self) -> usize {
        let state = self.state.get();
        self.state.set(state & Self::LEN);
        (state >> 16) as usize
    }

    /// Takes the oldest `n` out, at most all, and hands them to `to`.
    fn shed(&self, n: usize, to: impl FnOnce(&[MaybeUninit<&'p Slot<T>>])) -> usize {
        let len = self.len().min(K);
        let n = n.min(len);
        self.slots.with_mut(|slots| {
            // SAFETY: as in `pop`; `to` gives them to the ring, which knows nothing of us.
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

// SAFETY: the slots whose numbers are in the stock are ours, so sending the magazine is sending their values; all else
// is shared between threads anyway.
unsafe impl<T: Reset + Send, const K: usize> Send for Magazine<'_, T, K> {}

impl<'p, T: Reset, const K: usize> Magazine<'p, T, K> {
    pub(super) fn new(slots: &'p [Slot<T>], home: &'p FreeList) -> Self {
        Self { slots, home, stock: Stock::new(), reported: Cell::new(0), beside: Cell::new(0) }
    }

    /// A value as it was made or reset; `None` if all slots of the pool are out, in other magazines perhaps. One that
    /// was never used before is made by `T::default`.
    ///
    /// No atomic operation as long as there is stock; else as [`Pool::acquire`](super::Pool::acquire).
    #[inline(always)]
    pub fn acquire(&self) -> Option<MagazineBox<'_, 'p, T, K>>
    where
        T: Default,
    {
        self.acquire_with(T::default)
    }

    /// As [`acquire`](Self::acquire); one that was never used before is made by `init`.
    #[inline(always)]
    pub fn acquire_with(&self, init: impl FnOnce() -> T) -> Option<MagazineBox<'_, 'p, T, K>> {
        let slot = match self.stock.pop() {
            Some(slot) => slot,
            None => self.refill()?,
        };
        // SAFETY: the slot is one of the pool's; its number came out of the ring, and it is ours alone.
        unsafe { open(slot, self.home, || self.number(slot), init) };
        Some(MagazineBox { magazine: self, slot })
    }

    /// A slot of this number, which came out of the ring.
    #[inline(always)]
    fn slot(&self, number: u32) -> &'p Slot<T> {
        debug_assert!((number as usize) < self.slots.len());
        // SAFETY: numbers come from the ring, and so are below the number of slots.
        unsafe { self.slots.get_unchecked(number as usize) }
    }

    /// The number of a slot of this pool.
    #[inline(always)]
    fn number(&self, slot: &'p Slot<T>) -> u32 {
        let bytes = core::ptr::from_ref(slot).addr().wrapping_sub(self.slots.as_ptr().addr());
        (bytes / size_of::<Slot<T>>()) as u32
    }

    /// Makes a handle's value one's own, as [`Pool::adopt`](super::Pool::adopt); it goes back to this magazine.
    ///
    /// # Errors
    /// As [`HandleError`] says.
    #[inline]
    pub fn adopt(&self, handle: Handle) -> Result<MagazineBox<'_, 'p, T, K>, HandleError> {
        let (slot, _) = find(self.slots, self.home, handle)?;
        slot.take_by_handle(handle.generation)?;
        Ok(MagazineBox { magazine: self, slot })
    }

    /// Resets a value and takes its slot in stock. One of another pool goes back there.
    #[inline]
    pub fn keep(&self, value: PoolBox<'p, T>) {
        if core::ptr::eq(value.home, self.home) {
            let (slot, _, _) = value.into_parts();
            drop(MagazineBox { magazine: self, slot });
        }
    }

    /// How many slots are in stock.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stock.len()
    }

    /// Whether the next taking goes to the pool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives all slots in stock back to the pool, and reports to its statistics.
    pub fn flush(&self) {
        self.shed(K);
    }

    /// Gets new stock out of the pool, and one to hand out.
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
        // What this one was taken for was not in stock.
        self.beside.set(self.beside.get().wrapping_add(usize::from(slot.is_some())));
        slot
    }

    /// Makes room for a slot that found none: half of the stock goes to the pool.
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
            // SAFETY: as many of the stock's slots as there are have been written.
            let numbers = slots.iter().map(|slot| self.number(unsafe { slot.assume_init() }));
            // SAFETY: the numbers are ours, came from this ring, and leave the stock.
            unsafe { self.home.put::<true>(numbers) }
        });
        self.report(before, 0, moved);
    }

    /// Tells the pool what was done since the last report. `before` is the stock before the slots of this exchange
    /// moved.
    fn report(&self, before: usize, moved_in: usize, moved_out: usize) {
        let taken = self.stock.taken();
        // What came back is what the stock has gained beside what went out.
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

/// A value that is reset and goes back to the magazine it came from when it is dropped. It stays with the magazine's
/// thread; [`into_pool_box`](Self::into_pool_box) makes it one that can leave.
#[must_use = "dropping the box gives its value back to the magazine"]
pub struct MagazineBox<'m, 'p, T: Reset, const K: usize> {
    magazine: &'m Magazine<'p, T, K>,
    /// Ours: one of the magazine's pool, in nobody else's hands. It holds a value.
    slot: &'p Slot<T>,
}

impl<'p, T: Reset, const K: usize> MagazineBox<'_, 'p, T, K> {
    /// Frees the value from its magazine: it may go to other threads, and goes back to the pool's shared list unless a
    /// magazine [`keep`](Magazine::keep)s it.
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
        // The slot is ours, of our magazine's pool, and with the box gone it is the stock's.
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
