//! Slots with a sequence number each, which says whether the slot's value is there.
//!
//! Source: D. Vyukov, "Bounded MPMC queue", 1024cores. Ours stores the sequence once a lap, when
//! the value is published; the consumer frees slots through its index and never writes to them.
//!
//! Value number `i` (from 0, wrapping with `usize`) lies in slot `i mod N`. Its producer writes it and then stores its
//! *sequence* beside it, `i + 1`. A slot that holds another sequence, that of the lap before or the zero it began with, has not
//! got it. Value and sequence lie on one line, so a value that is waited for is there after one transfer.

use crate::sync::{AtomicUsize, Ordering, UnsafeCell, const_unless_loom, move_out};
use core::mem::MaybeUninit;
#[cfg(not(loom))]
use core::mem::offset_of;

/// A value and its sequence.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[cfg_attr(target_pointer_width = "64", repr(C, align(16)))]
#[cfg_attr(not(target_pointer_width = "64"), repr(C))]
pub(in crate::queue) struct Slot<T> {
    pub(in crate::queue) value: UnsafeCell<MaybeUninit<T>>,
    /// One more than the number of the value that was written here last, or two more if that was left out; 0 before
    /// the first. Where values are left out `N` must be at least 2: numbers of one slot are `N` apart.
    pub(in crate::queue) sequence: AtomicUsize,
}

/// `N` slots in a row, `N` a power of two, named by a number that runs on and on. None knows whether its value was
/// taken: nothing is dropped here.
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
    /// What turns a number into a slot. `T` and `N` are checked by the queue around the slots.
    pub(in crate::queue) const MASK: usize = N.wrapping_sub(1);

    const_unless_loom! {
        /// Slots that hold nothing.
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

    /// The slot of value `number`.
    #[inline(always)]
    pub(in crate::queue) fn at(&self, number: usize) -> &Slot<T> {
        // SAFETY: a masked number is below N.
        unsafe { self.0.get_unchecked(number & Self::MASK) }
    }
}

impl<T> Slot<T> {
    /// Whether value `number` is there to take.
    #[inline(always)]
    pub(in crate::queue) fn has(&self, number: usize) -> bool {
        // Acquire: pairs with the Release in `publish`: the value is written.
        self.sequence.load(Ordering::Acquire) == number.wrapping_add(1)
    }

    /// Whether value `number` was left out: nothing is there, and never will be.
    pub(in crate::queue) fn lacks(&self, number: usize) -> bool {
        // Acquire: pairs with the Release in `leave_out`: its owner is done with the slot.
        self.sequence.load(Ordering::Acquire) == number.wrapping_add(2)
    }

    /// Puts a value in, which nobody is told of yet.
    ///
    /// # Safety
    /// The slot must be free and the caller's alone.
    #[inline(always)]
    pub(in crate::queue) unsafe fn write(&self, value: T) {
        self.value.with_mut(|place| {
            // SAFETY: the caller's.
            unsafe { (*place).write(value) };
        });
    }

    /// Lets the consumer have what was written as value `number`. `ordering` is Release but in a broken twin.
    #[inline(always)]
    pub(in crate::queue) fn publish(&self, number: usize, ordering: Ordering) {
        // Release: pairs with the Acquire in `has`: who sees the sequence sees the value.
        self.sequence.store(number.wrapping_add(1), ordering);
    }

    /// Lets the consumer pass over the slot of value `number`.
    pub(in crate::queue) fn leave_out(&self, number: usize) {
        // Release: pairs with the Acquire in `lacks`: our writing to the slot, if any, comes before.
        self.sequence.store(number.wrapping_add(2), Ordering::Release);
    }

    /// The value.
    ///
    /// # Safety
    /// The slot must hold a value, which nobody takes or writes to while the reference lives.
    #[inline(always)]
    pub(in crate::queue) unsafe fn value(&self) -> &T {
        // SAFETY: the caller's.
        self.value.with(|place| unsafe { (*place).assume_init_ref() })
    }

    /// Moves the value out.
    ///
    /// # Safety
    /// The slot must hold a value that is the caller's alone, and it must not be used again.
    #[inline(always)]
    pub(in crate::queue) unsafe fn take(&self) -> T {
        // Taking is claimed as a write: nobody else may even look.
        // SAFETY: the caller's; a slot is aligned to a word, and the value is its beginning.
        self.value.with_mut(|place| unsafe { move_out(place.cast::<T>()) })
    }

    /// The sequence, for tests of the wrap.
    #[cfg(all(test, not(loom)))]
    pub(in crate::queue) fn set_sequence(&self, sequence: usize) {
        self.sequence.store(sequence, Ordering::Relaxed); // Relaxed: one thread
    }
}
