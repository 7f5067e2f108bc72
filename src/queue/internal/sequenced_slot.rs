//! Slots with a sequence number each, which says whether the slot's value is published.
//!
//! Source: D. Vyukov, "Bounded MPMC queue", 1024cores. Ours stores the sequence once a lap, when
//! the value is published; the consumer frees slots through its index and never writes to them.
//!
//! Value number `i` (from 0, wrapping with `usize`) lies in slot `i mod N`. Its producer writes it
//! and then stores its *sequence number* `i + 1` beside it. A slot with another sequence number,
//! that of the previous lap or the initial 0, does not hold it. Value and sequence number lie on
//! one cache line, so a value arrives after one transfer.

use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_unless_loom, move_out};
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::mem::offset_of;

/// A value and its sequence number.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[cfg_attr(target_pointer_width = "64", repr(C, align(16)))]
#[cfg_attr(not(target_pointer_width = "64"), repr(C))]
pub(in crate::queue) struct Slot<T> {
    pub(in crate::queue) value: UnsafeCell<MaybeUninit<T>>,
    /// One more than the number of the value written here last, or two more if the slot was
    /// skipped; 0 before the first. If slots are skipped `N` must be at least 2: numbers of one
    /// slot are `N` apart.
    pub(in crate::queue) sequence: AtomicUsize,
}

/// A ring of `N` slots, `N` a power of two, indexed by a free-running number. A slot does not know
/// whether its value was popped: nothing is dropped here.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(in crate::queue) struct SequencedSlots<T, const N: usize>([Slot<T>; N]);

#[cfg(not(loom))]
const _: () = {
    assert!(offset_of!(Slot<u64>, sequence) == 8);
    #[cfg(target_pointer_width = "64")]
    assert!(size_of::<Slot<u8>>() == 16 && size_of::<Slot<u64>>() == 16 && size_of::<Slot<[u64; 2]>>() == 32);
};

impl<T, const N: usize> SequencedSlots<T, N> {
    /// Mask from number to slot. The queue around the slots checks `T` and `N`.
    pub(in crate::queue) const MASK: usize = N.wrapping_sub(1);

    const_unless_loom! {
        /// Creates empty slots.
        pub(in crate::queue) fn new() -> Self {
            #[cfg(not(loom))]
            return Self([const { Slot { value: UnsafeCell::new(MaybeUninit::zeroed()), sequence: AtomicUsize::new(0) } }; N]);
            #[cfg(loom)]
            Self(core::array::from_fn(|_| Slot {
                value: UnsafeCell::new(MaybeUninit::uninit()),
                sequence: AtomicUsize::new(0),
            }))
        }
    }

    /// Returns the slot of value `number`.
    #[inline(always)]
    pub(in crate::queue) fn at(&self, number: usize) -> &Slot<T> {
        // SAFETY: a masked number is below N.
        unsafe { self.0.get_unchecked(number & Self::MASK) }
    }
}

impl<T> Slot<T> {
    /// Returns whether value `number` is published.
    #[inline(always)]
    pub(in crate::queue) fn has(&self, number: usize) -> bool {
        // Acquire: pairs with the Release in `publish`: the value is written.
        self.sequence.load(Ordering::Acquire) == number.wrapping_add(1)
    }

    /// Returns whether the slot of value `number` was published without a value.
    pub(in crate::queue) fn lacks(&self, number: usize) -> bool {
        // Acquire: pairs with the Release in `leave_out`: its owner is done with the slot.
        self.sequence.load(Ordering::Acquire) == number.wrapping_add(2)
    }

    /// Writes a value without publishing it.
    ///
    /// # Safety
    /// The slot must be free and owned by the caller.
    #[inline(always)]
    pub(in crate::queue) unsafe fn write(&self, value: T) {
        self.value.with_mut(|place| {
            // SAFETY: the caller's.
            unsafe { (*place).write(value) };
        });
    }

    /// Publishes the slot as value `number`. `ordering` is Release except in a broken twin.
    #[inline(always)]
    pub(in crate::queue) fn publish(&self, number: usize, ordering: Ordering) {
        // Release: pairs with the Acquire in `has`: seeing the sequence number implies seeing the
        // value.
        self.sequence.store(number.wrapping_add(1), ordering);
    }

    /// Publishes the slot of value `number` without a value, to be skipped.
    pub(in crate::queue) fn leave_out(&self, number: usize) {
        // Release: pairs with the Acquire in `lacks`: our writing to the slot, if any, comes
        // before.
        self.sequence.store(number.wrapping_add(2), Ordering::Release);
    }

    /// Returns the value.
    ///
    /// # Safety
    /// The slot must hold a value, which is neither taken nor written while the reference lives.
    #[inline(always)]
    pub(in crate::queue) unsafe fn value(&self) -> &T {
        // SAFETY: the caller's.
        self.value.with(|place| unsafe { (*place).assume_init_ref() })
    }

    /// Moves the value out.
    ///
    /// # Safety
    /// The slot must hold a value owned by the caller, and the value must not be used again.
    #[inline(always)]
    pub(in crate::queue) unsafe fn take(&self) -> T {
        // Taking counts as a write for loom: there must be no concurrent access.
        // SAFETY: the caller's; a slot is aligned to a word, and the value is its beginning.
        self.value.with_mut(|place| unsafe { move_out(place.cast::<T>()) })
    }

    /// Returns the sequence number, for tests of the wrap.
    #[cfg(all(test, not(loom)))]
    pub(in crate::queue) fn set_sequence(&self, sequence: usize) {
        self.sequence.store(sequence, Ordering::Relaxed); // Relaxed: one thread
    }
}
