//! A plain value that is one atomic of the machine.

use super::{AtomicBytes, Ordering, Plain};

/// For values of an atomic's size and alignment the whole can be stored and loaded at once.
///
/// The type is then `atomic::Atomic<T>`. Its spin locks for other sizes are not compiled in. Where a machine can load
/// and store, but not compare and swap (Cortex-M0), that crate has nothing to offer: nothing is whole there.
#[cfg(all(not(loom), target_has_atomic = "ptr"))]
impl<T: Plain> AtomicBytes<T> {
    /// Whether `T` is one atomic, and `store_whole` and `load_whole` may be used.
    pub(crate) const WHOLE: bool = atomic::Atomic::<Bits<T>>::is_lock_free();

    /// Replaces the value at once. Only where [`WHOLE`](Self::WHOLE).
    #[inline(always)]
    pub(crate) fn store_whole(&self, value: T, ordering: Ordering) {
        self.typed().store(Bits(value), ordering);
    }

    /// The value at once. Only where [`WHOLE`](Self::WHOLE).
    #[inline(always)]
    pub(crate) fn load_whole(&self, ordering: Ordering) -> T {
        self.typed().load(ordering).0
    }

    #[inline(always)]
    fn typed(&self) -> &atomic::Atomic<Bits<T>> {
        debug_assert!(Self::WHOLE);
        // SAFETY: `Atomic<T>` is a transparent cell of a `MaybeUninit<T>`, which is what the value lies in here, aligned at
        // least as well; `Bits` is transparent as well. Whoever uses the whole uses no words.
        unsafe { &*self.cell().cast::<atomic::Atomic<Bits<T>>>() }
    }
}

/// Stands in for the above: one word under loom, and nothing where there is no compare-and-swap.
#[cfg(not(all(not(loom), target_has_atomic = "ptr")))]
impl<T: Plain> AtomicBytes<T> {
    /// Whether `T` is one atomic.
    pub(crate) const WHOLE: bool = cfg!(loom) && size_of::<T>() == size_of::<usize>();

    /// Replaces the value at once: it is one word. Only where [`WHOLE`](Self::WHOLE).
    pub(crate) fn store_whole(&self, value: T, _release: Ordering) {
        debug_assert!(Self::WHOLE);
        self.store(value);
    }

    /// The value at once. Only where [`WHOLE`](Self::WHOLE).
    pub(crate) fn load_whole(&self, _acquire: Ordering) -> T {
        debug_assert!(Self::WHOLE);
        self.load()
    }
}

/// A plain value, for the `atomic` crate, which knows another trait for the same thing.
#[cfg(all(not(loom), target_has_atomic = "ptr"))]
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Bits<T>(T);

// SAFETY: plain values are `Copy`, `'static` and without padding or other uninitialised bytes, and this is one.
#[cfg(all(not(loom), target_has_atomic = "ptr"))]
unsafe impl<T: Plain> bytemuck::NoUninit for Bits<T> {}
