//! Lock-free atomics of any plain type: word by word, and in one access if the machine has one of
//! that size.

use super::{Ordering, const_unless_loom, unless_broken};
use core::mem::MaybeUninit;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Values that are only their bytes: no padding, no pointers, and every byte pattern is a value.
/// Integers, arrays of them, and structures that derive zerocopy's traits.
pub trait Plain: Copy + Send + FromBytes + IntoBytes + Immutable + 'static {}
impl<T: Copy + Send + FromBytes + IntoBytes + Immutable + 'static> Plain for T {}

/// A plain value in shared memory, read and written word by word.
///
/// No access is a data race, but a load that overlaps a store may return some words of the old
/// value and some of the new one: the caller must detect that, with a version beside the value, and
/// try again.
///
/// Words are stored with Release and loaded with Acquire: loading a word of a new value implies
/// seeing all that its writer did, or saw, before writing it; so a version that was changed before
/// shows as changed.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct AtomicBytes<T> {
    #[cfg(not(loom))]
    _align: [super::AtomicUsize; 0],
    #[cfg(not(loom))]
    value: core::cell::UnsafeCell<MaybeUninit<T>>,
    #[cfg(loom)]
    words: [super::AtomicUsize; LOOM_WORDS],
    #[cfg(loom)]
    _value: core::marker::PhantomData<MaybeUninit<T>>,
}

/// The longest value that loom's stand-in holds, in words.
#[cfg(loom)]
const LOOM_WORDS: usize = 2;

/// Pairs with [`ACQUIRE`] in `load`: see [`AtomicBytes`].
#[inline(always)]
fn release() -> Ordering {
    unless_broken("bytes_release", Ordering::Release)
}
/// Pairs with [`release`] in `store`.
const ACQUIRE: Ordering = Ordering::Acquire;

// SAFETY: the bytes are only accessed by atomic loads and stores, each place always with the same
// width; and a plain value may be used in any thread.
#[cfg(not(loom))]
unsafe impl<T: Plain> Sync for AtomicBytes<T> {}

impl<T: Plain> AtomicBytes<T> {
    const_unless_loom! {
        /// Creates a value of all-zero bytes.
        pub fn new() -> Self {
            Self {
                #[cfg(not(loom))]
                _align: [],
                #[cfg(not(loom))]
                value: core::cell::UnsafeCell::new(MaybeUninit::zeroed()),
                #[cfg(loom)]
                words: core::array::from_fn(|_| super::AtomicUsize::new(0)),
                #[cfg(loom)]
                _value: core::marker::PhantomData,
            }
        }
    }

    /// Returns the address of the value.
    #[cfg(all(not(loom), target_has_atomic = "ptr"))]
    #[inline(always)]
    pub(super) const fn cell(&self) -> *const MaybeUninit<T> {
        self.value.get()
    }

    /// Loads the value; it is whole only if there was no store meanwhile.
    #[cfg(not(loom))]
    #[inline(always)]
    pub fn load(&self) -> T {
        let mut out = MaybeUninit::<T>::uninit();
        let (from, to) = (self.value.get().cast::<u8>(), out.as_mut_ptr().cast::<u8>());
        macro_rules! copy {
            ($at:expr, $atomic:ident, $piece:ty) => {{
                // SAFETY: the caller of the macro keeps the piece inside the value, whose bytes are
                // all initialised, aligned to its width (the cell is aligned to a word and wider
                // pieces come first), and only accessed through atomics of this width.
                let piece = unsafe { &*from.add($at).cast::<super::imp::$atomic>() }.load(ACQUIRE);
                // SAFETY: the same distance from the start of `out`, which has the same length.
                unsafe { to.add($at).cast::<$piece>().write_unaligned(piece) };
            }};
        }
        pieces!(T, copy);
        // SAFETY: every byte was written, and any bytes are a T.
        unsafe { out.assume_init() }
    }

    /// Stores a value. For one writer at a time.
    #[cfg(not(loom))]
    #[inline(always)]
    pub fn store(&self, value: T) {
        let (from, to) = ((&raw const value).cast::<u8>(), self.value.get().cast::<u8>());
        macro_rules! copy {
            ($at:expr, $atomic:ident, $piece:ty) => {{
                // SAFETY: the caller of the macro keeps the piece inside the value, which has no
                // padding.
                let piece = unsafe { from.add($at).cast::<$piece>().read_unaligned() };
                // SAFETY: as in `load`.
                unsafe { &*to.add($at).cast::<super::imp::$atomic>() }.store(piece, release());
            }};
        }
        pieces!(T, copy);
    }

    /// Loads the value; it is whole only if there was no store meanwhile.
    #[cfg(loom)]
    pub fn load(&self) -> T {
        let mut bytes = [0; LOOM_WORDS * WORD];
        for (to, word) in bytes.chunks_exact_mut(WORD).zip(self.words_in_use()) {
            to.copy_from_slice(&word.load(ACQUIRE).to_ne_bytes());
        }
        T::read_from_prefix(&bytes).expect("long enough").0
    }

    /// Stores a value. For one writer at a time.
    #[cfg(loom)]
    pub fn store(&self, value: T) {
        let mut bytes = [0; LOOM_WORDS * WORD];
        value.write_to_prefix(&mut bytes).expect("long enough");
        for (from, word) in bytes.chunks_exact(WORD).zip(self.words_in_use()) {
            word.store(usize::from_ne_bytes(from.try_into().expect("a word")), release());
        }
    }

    #[cfg(loom)]
    fn words_in_use(&self) -> impl Iterator<Item = &super::AtomicUsize> {
        const { assert!(size_of::<T>() <= LOOM_WORDS * WORD) };
        self.words.iter().take(size_of::<T>().div_ceil(WORD))
    }
}

const WORD: usize = size_of::<usize>();

/// Expands to a statement for each piece of a `T`: whole words first, then the rest in halves, so
/// that every piece is aligned to its width.
#[cfg(not(loom))]
macro_rules! pieces {
    ($T:ty, $copy:ident) => {
        let mut at = 0;
        while at + WORD <= size_of::<$T>() {
            $copy!(at, AtomicUsize, usize);
            at += WORD;
        }
        let rest = size_of::<$T>() % WORD;
        if WORD > 4 && rest & 4 != 0 {
            $copy!(at, AtomicU32, u32);
            at += 4;
        }
        if rest & 2 != 0 {
            $copy!(at, AtomicU16, u16);
            at += 2;
        }
        if rest & 1 != 0 {
            $copy!(at, AtomicU8, u8);
        }
    };
}
#[cfg(not(loom))]
use pieces;

impl<T: Plain> Default for AtomicBytes<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> core::fmt::Debug for AtomicBytes<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AtomicBytes").field("bytes", &size_of::<T>()).finish_non_exhaustive()
    }
}

/// Values of an atomic's size and alignment can be stored and loaded whole, in one access.
///
/// The type is then `atomic::Atomic<T>`. Its spin locks for other sizes are not compiled in. On a
/// machine with load and store but without compare-and-swap (Cortex-M0) that crate offers no
/// atomics: no value is whole there.
#[cfg(all(not(loom), target_has_atomic = "ptr"))]
impl<T: Plain> AtomicBytes<T> {
    /// Whether `T` fits one atomic, so that `store_whole` and `load_whole` may be used.
    pub(crate) const WHOLE: bool = atomic::Atomic::<Bits<T>>::is_lock_free();

    /// Stores a value in one access. Only if [`WHOLE`](Self::WHOLE).
    #[inline(always)]
    pub(crate) fn store_whole(&self, value: T, ordering: Ordering) {
        self.typed().store(Bits(value), ordering);
    }

    /// Loads the value in one access. Only if [`WHOLE`](Self::WHOLE).
    #[inline(always)]
    pub(crate) fn load_whole(&self, ordering: Ordering) -> T {
        self.typed().load(ordering).0
    }

    #[inline(always)]
    fn typed(&self) -> &atomic::Atomic<Bits<T>> {
        debug_assert!(Self::WHOLE);
        // SAFETY: `Atomic<T>` is a transparent cell of a `MaybeUninit<T>`, as is the cell of the
        // value here, which is aligned at least as strictly; `Bits` is transparent as well. A value
        // that is accessed whole is never accessed by words.
        unsafe { &*self.cell().cast::<atomic::Atomic<Bits<T>>>() }
    }
}

/// Stand-in for the above: one word under loom, and nothing without compare-and-swap.
#[cfg(not(all(not(loom), target_has_atomic = "ptr")))]
impl<T: Plain> AtomicBytes<T> {
    /// Whether `T` fits one atomic.
    pub(crate) const WHOLE: bool = cfg!(loom) && size_of::<T>() == size_of::<usize>();

    /// Stores a value in one access: it is one word. Only if [`WHOLE`](Self::WHOLE).
    pub(crate) fn store_whole(&self, value: T, _release: Ordering) {
        debug_assert!(Self::WHOLE);
        self.store(value);
    }

    /// Loads the value in one access. Only if [`WHOLE`](Self::WHOLE).
    pub(crate) fn load_whole(&self, _acquire: Ordering) -> T {
        debug_assert!(Self::WHOLE);
        self.load()
    }
}

/// A plain value, for the `atomic` crate, which requires another trait of the same meaning.
#[cfg(all(not(loom), target_has_atomic = "ptr"))]
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Bits<T>(T);

// SAFETY: plain values are `Copy`, `'static` and without padding or other uninitialised bytes, and
// so is this one.
#[cfg(all(not(loom), target_has_atomic = "ptr"))]
unsafe impl<T: Plain> bytemuck::NoUninit for Bits<T> {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn round_trip<T: Plain + PartialEq + core::fmt::Debug>(values: &[T]) {
        let cell = AtomicBytes::<T>::new();
        assert!(align_of::<AtomicBytes<T>>() >= WORD);
        assert!(cell.load().as_bytes().iter().all(|byte| *byte == 0));
        for value in values {
            cell.store(*value);
            assert_eq!(cell.load(), *value);
        }
    }

    #[test]
    fn values_of_every_length_load_as_stored() {
        round_trip(&[1u8, 255, 0]);
        round_trip(&[0x1234u16, 0]);
        round_trip(&[[1u8, 2, 3], [255; 3]]);
        round_trip(&[u32::MAX, 7]);
        round_trip(&[[1u8, 2, 3, 4, 5, 6, 7]]);
        round_trip(&[i64::MIN, -1]);
        round_trip(&[[1u16, 2, 3, 4, 5]]);
        round_trip(&[[u32::MAX, 1, 2]]);
        round_trip(&[u128::MAX - 1]);
        round_trip(&[[9u8; 31], [0; 31]]);
        round_trip(&[()]);
    }
}
