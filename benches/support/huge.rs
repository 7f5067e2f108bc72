//! Zeroed memory on huge pages, for both contenders alike: a book larger than the second-level
//! cache otherwise pays for address translation.

use core::ops::{Deref, DerefMut};
use zerocopy::FromZeros;

const PAGE: usize = 2 << 20;

/// A zeroed `T`, aligned to 2 MiB, with huge pages requested (the kernel may refuse) and every page
/// touched.
#[derive(Debug)]
pub struct Huge<T>(*mut T);

impl<T: FromZeros> Huge<T> {
    fn layout() -> std::alloc::Layout {
        let layout = std::alloc::Layout::new::<T>().align_to(PAGE).expect("a size");
        layout.pad_to_align()
    }

    pub fn new() -> Self {
        let layout = Self::layout();
        assert!(layout.size() > 0, "something to map");
        // SAFETY: the size is not zero.
        let at = unsafe { std::alloc::alloc(layout) };
        assert!(!at.is_null(), "{} bytes of memory", layout.size());
        // SAFETY: advice about whole pages that were just allocated; a refusal changes nothing.
        unsafe { libc::madvise(at.cast(), layout.size(), libc::MADV_HUGEPAGE) };
        // SAFETY: `at` has `size` bytes.
        unsafe { at.write_bytes(0, layout.size()) };
        Self(at.cast())
    }

    /// Zeroes the value; the pages stay mapped.
    pub fn clear(&mut self) {
        // SAFETY: the memory is ours and large enough, and `T` may be all zeros.
        unsafe { self.0.cast::<u8>().write_bytes(0, size_of::<T>()) };
    }
}

impl<T> Deref for Huge<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: zeros are a `T`, and `new` wrote them.
        unsafe { &*self.0 }
    }
}

impl<T> DerefMut for Huge<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, borrowed uniquely.
        unsafe { &mut *self.0 }
    }
}

impl<T> Drop for Huge<T> {
    fn drop(&mut self) {
        let layout = std::alloc::Layout::new::<T>().align_to(PAGE).expect("a size").pad_to_align();
        // SAFETY: allocated with this layout. A `T` made of zeros and owned data only has nothing
        // to drop.
        unsafe { std::alloc::dealloc(self.0.cast(), layout) };
    }
}
