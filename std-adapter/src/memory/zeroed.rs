//! A value of any size in a zeroed mapping of its own.

use crate::os::{Outcome, last_errno};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use zerocopy::FromZeros;

const HUGE_PAGE_BYTES: usize = 2 << 20;

/// The way in which the pages of a [`Zeroed`] value are allocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pages {
    /// Touches all pages when the value is created, so that later accesses take no page fault.
    /// Without it each page is allocated when it is first written, and unwritten address space
    /// costs nothing.
    pub prefault: bool,
    /// Requests pages of 2 MiB: fewer TLB misses in a large book.
    pub huge: bool,
}

impl Pages {
    /// Pages are allocated when they are touched.
    pub const LAZY: Self = Self { prefault: false, huge: false };
    /// All pages are allocated in advance, huge ones if available.
    pub const READY: Self = Self { prefault: true, huge: true };
}

/// Reason why the memory of a value was not mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct MapError {
    /// Bytes requested.
    pub bytes: usize,
    /// The system's error.
    pub errno: i32,
}

impl core::fmt::Display for MapError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mib = self.bytes.div_ceil(1 << 20);
        write!(f, "the system refuses {mib} MiB of address space (errno {}); ", self.errno)?;
        match limit_bytes() {
            Some(limit) => {
                write!(f, "its limit is {} MiB (RLIMIT_AS): raise it (ulimit -v)", limit >> 20)
            }
            None => f.write_str("allow overcommit (vm.overcommit_memory=0), or raise the limit (ulimit -v)"),
        }
    }
}

impl core::error::Error for MapError {}

/// Returns the limit of this process's address space (RLIMIT_AS), if it has one.
fn limit_bytes() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes one `rlimit`, which is ours.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0;
    (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// An owned `T` in an anonymous private mapping of its own, all bytes zero at first.
///
/// The value is never on a stack, whatever its size, and shares its pages with nothing else.
///
/// ```
/// use vvp_std_adapter::memory::{Pages, Zeroed};
/// let mut v = Zeroed::<[u64; 1 << 20]>::new(Pages::LAZY)?;
/// v[77] = 1;
/// assert_eq!(v.iter().sum::<u64>(), 1);
/// # Ok::<(), vvp_std_adapter::memory::MapError>(())
/// ```
pub struct Zeroed<T> {
    value: NonNull<T>,
    mapped_bytes: usize,
    huge: Outcome,
    prefault: Outcome,
}

// SAFETY: `Zeroed` is the only owner of its `T`, like a box.
unsafe impl<T: Send> Send for Zeroed<T> {}
// SAFETY: a shared `Zeroed` gives only `&T`, like a box.
unsafe impl<T: Sync> Sync for Zeroed<T> {}

impl<T: FromZeros> Zeroed<T> {
    /// Maps memory for a `T`.
    ///
    /// # Errors
    /// [`MapError`] if the system refuses the address space. Pages that are not huge or not
    /// prefaulted are no error: see [`Zeroed::huge_pages`] and [`Zeroed::prefaulted`].
    pub fn new(pages: Pages) -> Result<Self, MapError> {
        vvp_core::capacity::check::<T>();
        const { assert!(align_of::<T>() <= 4096, "a mapping is aligned to a page, no further") };
        let bytes = size_of::<T>().max(1).next_multiple_of(4096);
        let huge = pages.huge && bytes >= HUGE_PAGE_BYTES;
        let start = map(bytes, huge)?;
        let huge = if huge { advise(start, bytes, libc::MADV_HUGEPAGE) } else { Outcome::Unsupported };
        let prefault = if pages.prefault { populate(start, bytes) } else { Outcome::Unsupported };
        Ok(Self { value: start.cast(), mapped_bytes: bytes, huge, prefault })
    }
}

impl<T> Zeroed<T> {
    /// Returns the outcome of the request for huge pages.
    #[must_use]
    pub const fn huge_pages(&self) -> Outcome {
        self.huge
    }

    /// Returns whether the system touched all pages in advance.
    #[must_use]
    pub const fn prefaulted(&self) -> Outcome {
        self.prefault
    }
}

/// Maps anonymous private memory without reserving swap, aligned to 2 MiB if `huge`.
fn map(bytes: usize, huge: bool) -> Result<NonNull<u8>, MapError> {
    let slack = if huge { HUGE_PAGE_BYTES } else { 0 };
    let Some(total) = bytes.checked_add(slack) else {
        return Err(MapError { bytes, errno: libc::ENOMEM });
    };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address that the kernel chooses overlaps no memory in use.
    let raw = unsafe { libc::mmap(core::ptr::null_mut(), total, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    let start = match NonNull::new(raw.cast::<u8>()) {
        Some(start) if raw != libc::MAP_FAILED => start,
        _ => return Err(MapError { bytes, errno: last_errno() }),
    };
    if !huge {
        return Ok(start);
    }
    // Unmaps what lies before and behind the aligned part.
    let head = start.as_ptr().align_offset(HUGE_PAGE_BYTES);
    // SAFETY: `head` < 2 MiB = slack, so the pointer stays within the mapping.
    let aligned = unsafe { start.add(head) };
    if head > 0 {
        // SAFETY: these bytes are ours, and nothing points into them.
        unsafe { libc::munmap(start.as_ptr().cast(), head) };
    }
    if slack > head {
        // SAFETY: `aligned + bytes` lies within the mapping, as `head + bytes` ≤ `total`.
        let tail = unsafe { aligned.add(bytes) };
        // SAFETY: the bytes behind the aligned part are ours, and nothing points into them.
        unsafe { libc::munmap(tail.as_ptr().cast(), slack - head) };
    }
    Ok(aligned)
}

fn advise(start: NonNull<u8>, bytes: usize, advice: i32) -> Outcome {
    // SAFETY: the range is our mapping, and the advice used here changes no contents.
    Outcome::from_return_code(unsafe { libc::madvise(start.as_ptr().cast(), bytes, advice) })
}

/// Touches all pages: with one system call from Linux 5.14 on, else one by one.
fn populate(start: NonNull<u8>, bytes: usize) -> Outcome {
    let outcome = advise(start, bytes, libc::MADV_POPULATE_WRITE);
    if outcome == Outcome::Refused(libc::EINVAL) {
        for offset in (0..bytes).step_by(4096) {
            // SAFETY: within the mapping; the byte is zero and nothing else points to it yet.
            unsafe { start.add(offset).write_volatile(0) };
        }
        return Outcome::Applied;
    }
    outcome
}

impl<T> Deref for Zeroed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mapping holds a valid `T` (zero bytes at first: `T: FromZeros`) as long as
        // `self` lives.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for Zeroed<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; `&mut self` makes the access exclusive.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for Zeroed<T> {
    fn drop(&mut self) {
        // SAFETY: a valid `T` of ours, dropped once and not used again.
        unsafe { self.value.drop_in_place() };
        // SAFETY: created by `map` with this length, and no borrow of the value can outlive `self`.
        unsafe { libc::munmap(self.value.as_ptr().cast(), self.mapped_bytes) };
    }
}

impl<T> core::fmt::Debug for Zeroed<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Zeroed")
            .field("type", &core::any::type_name::<T>())
            .field("mapped_bytes", &self.mapped_bytes)
            .field("huge", &self.huge)
            .field("prefault", &self.prefault)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_zero_and_writable_with_any_pages() {
        for pages in [Pages::LAZY, Pages::READY, Pages { prefault: true, huge: false }] {
            let mut v = Zeroed::<[u8; 5_000_000]>::new(pages).expect("5 MB");
            assert!(v.iter().all(|&b| b == 0));
            v.fill(7);
            assert!(v.iter().all(|&b| b == 7));
            if pages.huge {
                assert_eq!(core::ptr::from_ref(&*v).addr() % HUGE_PAGE_BYTES, 0);
            }
        }
    }

    #[test]
    fn small_and_empty_values_are_mapped() {
        assert_eq!(*Zeroed::<u8>::new(Pages::READY).expect("a page"), 0);
        let _nothing = Zeroed::<()>::new(Pages::READY).expect("a page for nothing");
    }

    #[test]
    fn lazy_value_of_64_gib_is_mapped() {
        let mut v = Zeroed::<[u8; 1 << 36]>::new(Pages::LAZY).expect("64 GiB of address space");
        v[1 << 35] = 1;
        assert_eq!(v[(1 << 35) + 1], 0);
    }

    #[test]
    fn too_large_value_is_an_error_that_names_the_limit() {
        let error = Zeroed::<[u8; 1 << 56]>::new(Pages::LAZY).expect_err("64 PiB");
        assert_eq!(error.errno, libc::ENOMEM);
        assert!(error.to_string().contains("ulimit -v"), "{error}");
    }
}
