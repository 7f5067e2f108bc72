//! Moves a value out of shared memory word by word, so that loads forward from the stores.

use core::mem::MaybeUninit;

/// A word of a value, of any content: part of a number, a pointer, or uninitialised.
type Word = MaybeUninit<*const ()>;
const WORD: usize = size_of::<Word>();
/// The longest value that is moved word by word, in words.
const MOST: usize = 8;

/// Moves a value out of a slot: word by word up to eight words, longer values as a whole.
///
/// Two measurements on one thread of x86-64 justify this. A processor forwards a store to a load
/// before it has reached the cache, but not to a wider load: a value that was written as two words
/// and read as one of 16 bytes waited for 9 ns. And words that are loaded one by one go straight to
/// their destination in the caller, whereas a copy first went through the memory of the `Result`,
/// in odd pieces, because the error overlaps its bytes.
///
/// # Safety
/// As for a read: there is a value, which must not be used again and is not written meanwhile. The
/// place must be aligned to a word if the value is a multiple of words long.
#[inline(always)]
pub(crate) unsafe fn move_out<T>(place: *const T) -> T {
    let whole = size_of::<T>().is_multiple_of(WORD) && size_of::<T>() <= MOST * WORD;
    // If the destination is not aligned either, words would be written byte by byte.
    let pays = cfg!(target_pointer_width = "64") || align_of::<T>() >= align_of::<Word>();
    if !whole || !pays || cfg!(loom) {
        // SAFETY: the caller's.
        return unsafe { place.read() };
    }
    debug_assert!(place.cast::<Word>().is_aligned());
    let mut value = MaybeUninit::<T>::uninit();
    let (from, to) = (place.cast::<Word>(), value.as_mut_ptr().cast::<Word>());
    // Unrolled: what a loop writes stays in memory.
    macro_rules! words {
        ($($n:literal)*) => {$(
            if $n * WORD < size_of::<T>() {
                // SAFETY: word n of the value, which is ours to read, and of our own copy. Volatile
                // keeps the compiler from joining the loads.
                unsafe { to.add($n).write_unaligned(from.add($n).read_volatile()) };
            }
        )*};
    }
    words!(0 1 2 3 4 5 6 7);
    // SAFETY: all its words were written, as they were in the slot.
    unsafe { value.assume_init() }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[repr(align(8))]
    struct Aligned<T>(T);

    fn same<const N: usize>() {
        let bytes: [u8; N] = core::array::from_fn(|i| (i * 7 + 3) as u8);
        let slot = Aligned(bytes);
        // SAFETY: a value, which is `Copy`, in a place aligned to a word.
        assert_eq!(unsafe { move_out(&raw const slot.0) }, bytes);
    }

    #[test]
    fn bytes_of_every_length_are_moved_unchanged() {
        macro_rules! each {
            ($($n:literal)*) => {{ $( same::<$n>(); )* }};
        }
        each!(0 1 7 8 9 12 16 17 24 32 36 40 48 56 64 72);
    }

    #[test]
    fn pointers_and_padding_are_moved_unchanged() {
        let number = 5_u32;
        let slot = Aligned((1_u8, &number, 2_u16, Some(&number)));
        // SAFETY: as above.
        let value = unsafe { move_out(&raw const slot.0) };
        assert_eq!(value, (1, &5, 2, Some(&5)));
    }
}
