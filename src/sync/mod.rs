//! Atomics and shared cells: the crate's only access to them, so that loom can replace them.
//!
//! Everything that threads share in this crate is made of the types below (`clippy.toml` forbids
//! the originals). Their definition depends on the build:
//!
//! | build | atomics | cells |
//! |---|---|---|
//! | usual | `core::sync::atomic` | `core::cell::UnsafeCell`, at no cost |
//! | target without compare-and-swap (Cortex-M0, RV32 without `A`) | `portable-atomic`: loads and stores are native, claiming is a critical section that the application provides | the same |
//! | `--cfg loom` | `loom`: every interleaving and every allowed stale read is tried | `loom`: two accesses that race are reported |
//!
//! There is no 64-bit atomic here: 32-bit cores have none, so indices are `usize` and may wrap.
#![allow(clippy::disallowed_types)] // the one place that may name them

mod lock_free_atomic;
mod mutation;
mod prefetch;
mod word_copy;

use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

pub use core::sync::atomic::Ordering;
pub use lock_free_atomic::{AtomicBytes, Plain};
pub(crate) use mutation::{broken, unless_broken};
pub use prefetch::prefetch;
pub(crate) use word_copy::move_out;

#[cfg(all(not(loom), target_has_atomic = "ptr"))]
use core::sync::atomic as imp;
#[cfg(loom)]
use loom::sync::atomic as imp;
#[cfg(all(not(loom), not(target_has_atomic = "ptr")))]
use portable_atomic as imp;

/// An atomic `usize`. An alias and not a re-export: clippy sees through re-exports.
pub type AtomicUsize = imp::AtomicUsize;
/// An atomic `bool`.
pub type AtomicBool = imp::AtomicBool;

/// Hints to the core that it is in a wait loop (under loom: lets another thread run).
#[inline]
pub fn spin_loop() {
    #[cfg(not(loom))]
    core::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
}

/// Makes a function `const`, except under loom, whose types have no constant constructor.
macro_rules! const_unless_loom {
    ($(#[$attr:meta])* $vis:vis fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attr])* $vis const fn $($rest)*
        #[cfg(loom)]
        $(#[$attr])* $vis fn $($rest)*
    };
}
pub(crate) use const_unless_loom;

/// A value on its own cache lines: aligned to 128 bytes and a multiple of that long, against false
/// sharing.
///
/// 128 and not 64, because x86 prefetches lines in pairs and some Arm cores have lines of 128
/// bytes.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C, align(128))]
pub struct CachePadded<T>(pub(crate) T);

const _: () = assert!(size_of::<CachePadded<u8>>() == 128 && align_of::<CachePadded<u8>>() == 128);

impl<T> CachePadded<T> {
    /// Places the value on its own cache lines.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for CachePadded<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for CachePadded<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// `core::cell::UnsafeCell`, accessed through closures so that loom can check each access.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(transparent)]
pub struct UnsafeCell<T>(imp_cell::UnsafeCell<T>);

#[cfg(not(loom))]
use core::cell as imp_cell;
#[cfg(loom)]
use loom::cell as imp_cell;

impl<T> UnsafeCell<T> {
    const_unless_loom! {
        /// Creates a cell with this value.
        pub fn new(value: T) -> Self {
            Self(imp_cell::UnsafeCell::new(value))
        }
    }

    /// Calls `f` with a pointer for reading. Reading through it requires that there is no write
    /// meanwhile.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        #[cfg(not(loom))]
        return f(self.0.get());
        #[cfg(loom)]
        self.0.with(f)
    }

    /// Calls `f` with a pointer for writing. Using it requires that there is no other access to the
    /// value meanwhile.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        #[cfg(not(loom))]
        return f(self.0.get());
        #[cfg(loom)]
        self.0.with_mut(f)
    }
}

/// The `N` slots of a ring, `N` a power of two, each shared on its own and all contiguous, so that
/// neighbours can be lent as a slice. Slots are addressed by a free-running index; its low bits
/// choose the slot.
///
/// A slot does not know whether it holds a value: nothing is dropped here.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(crate) struct Slots<T, const N: usize> {
    cells: [UnsafeCell<MaybeUninit<T>>; N],
    /// Loom's cells are longer than their values and would not make a slice. So under loom the
    /// values are stored plainly, with one of these cells per slot to check the accesses.
    #[cfg(loom)]
    values: Values<T, N>,
}

/// The values beside loom's cells.
#[cfg(loom)]
type Values<T, const N: usize> = core::cell::UnsafeCell<[MaybeUninit<T>; N]>;

impl<T, const N: usize> Slots<T, N> {
    /// Bytes from one slot to the next, all of which belong to the slot.
    pub(crate) const STRIDE: usize = size_of::<UnsafeCell<MaybeUninit<T>>>();

    /// Mask from index to slot. The queue around the slots checks that `N` is a power of two.
    pub(crate) const MASK: usize = N.wrapping_sub(1);

    /// Creates slots without values: zero bytes, so that a static costs no image.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { cells: [const { UnsafeCell::new(MaybeUninit::zeroed()) }; N] }
    }

    /// Creates slots without values.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            cells: core::array::from_fn(|_| UnsafeCell::new(MaybeUninit::uninit())),
            values: Values::new([const { MaybeUninit::uninit() }; N]),
        }
    }

    #[inline(always)]
    fn base(&self) -> *mut T {
        #[cfg(not(loom))]
        return self.cells.as_ptr().cast::<T>().cast_mut();
        #[cfg(loom)]
        self.values.get().cast::<T>()
    }

    /// Returns the address of the value of slot `index`.
    #[inline(always)]
    pub(crate) fn at(&self, index: usize) -> *mut T {
        // SAFETY: a masked index is below N, and N values are contiguous from the base.
        unsafe { self.base().add(index & Self::MASK) }
    }

    /// Writes a value to slot `index`; the old content is overwritten without a drop.
    ///
    /// # Safety
    /// The caller has exclusive access to the slot.
    #[inline(always)]
    pub(crate) unsafe fn write(&self, index: usize, value: T) {
        self.will_write(index, 1);
        // SAFETY: the pointer is that of a slot to which the caller has exclusive access.
        unsafe { self.at(index).write(value) }
    }

    /// Moves the value out of slot `index`.
    ///
    /// # Safety
    /// The slot must hold a value, which must not be used again, and must not be written meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn read(&self, index: usize) -> T {
        // Taking counts as a write for loom: there must be no concurrent access.
        self.will_write(index, 1);
        // SAFETY: the pointer is that of a slot with a value that the caller owns. The queues place
        // slot 0 at a multiple of 128, so values of whole words are aligned to a word.
        unsafe { move_out(self.at(index)) }
    }

    /// Returns how many of `len` slots from `start` lie before the wrap.
    #[inline(always)]
    pub(crate) fn before_wrap(start: usize, len: usize) -> usize {
        let room = N - (start & Self::MASK);
        if len < room { len } else { room }
    }

    /// Declares to loom a read of the slots (no code in other builds).
    #[inline(always)]
    pub(crate) fn will_read(&self, start: usize, len: usize) {
        #[cfg(loom)]
        (0..len).for_each(|i| self.cells[start.wrapping_add(i) & Self::MASK].with(|_| ()));
        #[cfg(not(loom))]
        let _ = (start, len);
    }

    /// Declares to loom a write to the slots (no code in other builds).
    #[inline(always)]
    pub(crate) fn will_write(&self, start: usize, len: usize) {
        #[cfg(loom)]
        (0..len).for_each(|i| self.cells[start.wrapping_add(i) & Self::MASK].with_mut(|_| ()));
        #[cfg(not(loom))]
        let _ = (start, len);
    }
}
