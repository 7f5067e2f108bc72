//! Offsets of the fields of shared structures: for programs in other languages, for devices, and
//! for the test that compares [docs/layouts.md](crate::guide::layouts) and `include/vvp.h` with the
//! code.
//!
//! ```
//! use vvp_core::layout::Layout;
//! use vvp_core::queue::Spsc;
//!
//! let tail = Spsc::<u64, 16>::FIELDS.iter().find(|field| field.name == "producer.tail").expect("it has one");
//! assert_eq!((tail.offset, tail.width), (0, size_of::<usize>()));
//! ```

/// One field of a structure, or one of each element of an array in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Field {
    /// The way to it, with dots; `slots[i]` names every element of an array.
    pub name: &'static str,
    /// Bytes from the start of the structure (from its first element's start, if it repeats).
    pub offset: usize,
    /// Bytes that it takes; of an array that is one field, all of it.
    pub width: usize,
    /// Bytes from one element to the next; 0 for a field that does not repeat.
    pub stride: usize,
}

/// A structure whose bytes are a contract: shared between processes, or with programs in other
/// languages.
///
/// Offsets depend on the width of a `usize`, and on nothing else but the type parameters.
pub trait Layout {
    /// Every field, by ascending offset. The bytes between them are padding: zero and never
    /// accessed.
    const FIELDS: &'static [Field];
}

impl Field {
    pub(crate) const fn new(name: &'static str, offset: usize, width: usize, stride: usize) -> Self {
        Self { name, offset, width, stride }
    }
}

/// The width of the field that the function leads to.
pub(crate) const fn width_of<S, F>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// `field!("name", Type, the.way.to.it)`, or
/// `field!("name", Type, the.way.to.an.array, Element, the.way.in.it)`.
macro_rules! field {
    ($name:literal, $S:ty, $($path:tt).+) => {
        $crate::layout::Field::new(
            $name,
            core::mem::offset_of!($S, $($path).+),
            $crate::layout::width_of(|whole: &$S| &whole.$($path).+),
            0,
        )
    };
    ($name:literal, $S:ty, $($path:tt).+, $E:ty, $($inner:tt).+) => {
        $crate::layout::Field::new(
            $name,
            core::mem::offset_of!($S, $($path).+) + core::mem::offset_of!($E, $($inner).+),
            $crate::layout::width_of(|element: &$E| &element.$($inner).+),
            size_of::<$E>(),
        )
    };
}
pub(crate) use field;
