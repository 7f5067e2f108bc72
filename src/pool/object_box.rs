//! Owning box of a pooled object: releases its slot when dropped.

use super::Reset;
use super::handle::Handle;
use super::slot::Slot;
use crate::pool::free_list::FreeList;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};

/// An object of a [`Pool`](super::Pool), owned like a `Box` but without an allocator: it may be
/// sent to another thread, and is reset and released when it is dropped.
///
/// Release is lock-free. A leaked box keeps its slot as long as the pool lives. If `reset` panics,
/// the slot stays out of use, too: a half-reset object is never acquired.
#[must_use = "dropping the box gives its value back to the pool"]
pub struct PoolBox<'p, T: Reset> {
    /// Ours: its number came from the free list, and there is no other owner.
    pub(super) slot: &'p Slot<T>,
    pub(super) home: &'p FreeList,
    pub(super) number: u32,
}

// SAFETY: the box is the only access to its value, so sending it is sending the value; the ring is
// made of atomics.
unsafe impl<T: Reset + Send> Send for PoolBox<'_, T> {}
// SAFETY: through a `&PoolBox` there is only `&T`.
unsafe impl<T: Reset + Sync> Sync for PoolBox<'_, T> {}

impl<'p, T: Reset> PoolBox<'p, T> {
    /// Creates a box of a slot from the ring; a slot that was never used is initialised first. If
    /// `init` panics, the slot is released and remains unused.
    ///
    /// # Safety
    /// The slot is the one with this number, which came from the ring and is owned by the caller
    /// alone.
    #[inline(always)]
    pub(super) unsafe fn open(slot: &'p Slot<T>, home: &'p FreeList, number: u32, init: impl FnOnce() -> T) -> Self {
        // SAFETY: the slot is ours.
        unsafe { open(slot, home, || number, init) };
        Self { slot, home, number }
    }

    /// Converts the box into a handle, which can be copied and sent anywhere. From then on only
    /// [`Pool::release`](super::Pool::release) or [`Pool::adopt`](super::Pool::adopt) ends the use
    /// of the slot. Wait-free. The example is at the [module](super).
    #[inline]
    pub fn into_handle(self) -> Handle {
        let (slot, home, number) = self.into_parts();
        // SAFETY: the slot is ours, every box's slot holds a value, and the box is gone.
        let generation = unsafe { slot.put_under_handle() };
        Handle { place: number ^ home.tag() as u32, generation }
    }

    /// Takes the box apart without releasing its slot.
    #[inline(always)]
    pub(super) fn into_parts(self) -> (&'p Slot<T>, &'p FreeList, u32) {
        let this = ManuallyDrop::new(self);
        (this.slot, this.home, this.number)
    }
}

/// Ensures that a slot from the ring holds a value. If `init` panics, the slot is released and
/// remains unused.
///
/// # Safety
/// As for [`PoolBox::open`].
#[inline(always)]
pub(super) unsafe fn open<T>(slot: &Slot<T>, home: &FreeList, number: impl FnOnce() -> u32, init: impl FnOnce() -> T) {
    // SAFETY: the slot is the caller's.
    if !unsafe { slot.holds_value() } {
        // SAFETY: the slot is the caller's.
        unsafe { fill(slot, home, number(), init) };
    }
}

/// Initialises a slot that was never used.
///
/// # Safety
/// As for [`PoolBox::open`].
#[cold]
#[inline(never)]
unsafe fn fill<T>(slot: &Slot<T>, home: &FreeList, number: u32, init: impl FnOnce() -> T) {
    /// Releases the number if `init` panics.
    struct Undo<'r>(&'r FreeList, u32);
    impl Drop for Undo<'_> {
        fn drop(&mut self) {
            // SAFETY: the caller owns the number and does not get it back.
            unsafe { self.0.put::<false>([self.1]) };
        }
    }
    let undo = Undo(home, number);
    let value = init();
    core::mem::forget(undo);
    // SAFETY: the slot is the caller's, and holds no value yet.
    unsafe { slot.fill(value) };
}

impl<T: Reset> Deref for PoolBox<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the slot is ours and holds a value.
        unsafe { self.slot.value() }
    }
}

impl<T: Reset> DerefMut for PoolBox<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the slot is ours and holds a value, and the box is borrowed exclusively.
        unsafe { self.slot.value_mut() }
    }
}

impl<T: Reset> Drop for PoolBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.reset();
        // SAFETY: the number came from the ring, is ours, and the box is gone.
        unsafe { self.home.put::<false>([self.number]) };
    }
}

impl<T: Reset + fmt::Debug> fmt::Debug for PoolBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PoolBox").field(&**self).finish()
    }
}
