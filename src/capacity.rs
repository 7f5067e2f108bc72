//! The check of const parameters: one, for every way in which a structure can come to be.
//!
//! A structure whose size is chosen by const generics has illegal sizes too, and its unsafe code
//! relies on never seeing them. `new` could refuse them alone, but zero bytes are an empty
//! structure as well, and they come without `new`: `zerocopy::FromZeros::new_box_zeroed`, a mapped
//! region, memory of the user's own.
//!
//! So each structure says in one place what is legal ([`CheckedCapacity::CHECK`]), and the compiler
//! evaluates it. An illegal size is an error when the program is built; the check is no instruction
//! of the program.
//!
//! | way in | evaluated by |
//! |---|---|
//! | `new`, and so every `static` | `new` |
//! | any owner: a local, a box, a field of another structure | its destructor, through the field [`Checked`] |
//! | a reference to what is never dropped: a leaked box, `ManuallyDrop`, shared memory | every method |
//! | memory that the caller provides, the regions of `vvp-std-adapter` among it | [`check`] |
//!
//! `cargo check` does not evaluate it: that takes code to be generated (`cargo build`,
//! `cargo test`).
//!
//! `tests/capacities` takes each way with each kind of illegal size, and calls every public method
//! that it finds in the source; the build must fail every time.

use core::fmt;
use core::marker::PhantomData;

/// A structure that is sound for some values of its const parameters only.
pub trait CheckedCapacity {
    /// Panics when it is evaluated for illegal parameters; the message names the structure, the
    /// parameter and the legal values.
    const CHECK: ();
}

/// A field without size or alignment, in every structure that implements [`CheckedCapacity`]. To
/// drop it is to evaluate the check: whatever owns the structure, however deep, is not compiled for
/// illegal parameters.
#[derive(zerocopy::FromZeros)]
#[repr(transparent)]
pub struct Checked<S: CheckedCapacity>(PhantomData<fn() -> S>);

impl<S: CheckedCapacity> Checked<S> {
    /// Evaluates the check.
    #[must_use]
    pub const fn new() -> Self {
        const { S::CHECK }
        Self(PhantomData)
    }
}

impl<S: CheckedCapacity> Default for Checked<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: CheckedCapacity> Drop for Checked<S> {
    #[inline(always)]
    fn drop(&mut self) {
        const { S::CHECK }
    }
}

impl<S: CheckedCapacity> fmt::Debug for Checked<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const { S::CHECK }
        f.write_str("Checked")
    }
}

#[cfg(feature = "defmt")]
impl<S: CheckedCapacity> defmt::Format for Checked<S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        const { S::CHECK }
        defmt::write!(f, "Checked");
    }
}

/// Compiles only if every structure that a `T` owns has legal parameters; does nothing when it
/// runs.
///
/// To be called by code that makes a `T` of zero bytes in memory of its own and may never drop it.
/// It sees what the destructor of a `T` sees: nothing inside `ManuallyDrop` or `MaybeUninit`.
///
/// ```
/// use vvp_core::{capacity, queue::Spsc};
/// capacity::check::<(u32, [Spsc<u64, 4>; 2])>();
/// ```
#[inline]
pub fn check<T>() {
    // To name the destructor is to have it compiled.
    let _destructor: unsafe fn(*mut T) = core::ptr::drop_in_place::<T>;
}

/// The check of a structure, as the first line of each of its methods.
macro_rules! checked {
    ($S:ty) => {
        const { <$S as $crate::capacity::CheckedCapacity>::CHECK }
    };
}
pub(crate) use checked;
