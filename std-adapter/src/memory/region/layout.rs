//! What may lie in shared memory, and the number that says how it lies there.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

/// Mixes what a layout is made of into one number (FNV-1a). Two processes that disagree about a type, its sizes or its
/// capacities get different numbers.
#[derive(Clone, Copy, Debug)]
pub struct LayoutHash(u64);

impl LayoutHash {
    /// Begins with a name.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let mut this = Self(0xcbf2_9ce4_8422_2325);
        let bytes = name.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            this = this.byte(bytes[i]);
            i += 1;
        }
        this.byte(0xff) // no name is the beginning of another
    }

    /// Adds a capacity, a size, an alignment.
    #[must_use]
    pub const fn number(self, n: usize) -> Self {
        self.with(n as u64)
    }

    /// Adds the hash of a part.
    #[must_use]
    pub const fn with(self, part: u64) -> Self {
        let bytes = part.to_le_bytes();
        let mut this = self;
        let mut i = 0;
        while i < bytes.len() {
            this = this.byte(bytes[i]);
            i += 1;
        }
        this
    }

    /// Adds the size and alignment of `T`.
    #[must_use]
    pub const fn shape_of<T>(self) -> Self {
        self.number(size_of::<T>()).number(align_of::<T>())
    }

    /// The number; never 0.
    #[must_use]
    pub const fn finish(self) -> u64 {
        if self.0 == 0 { 1 } else { self.0 }
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3))
    }
}

/// A value that goes from process to process: plain bytes, every pattern of which is a value. What a faulty or hostile
/// process writes can so be wrong, but never undefined.
pub trait Message: FromBytes + IntoBytes + Immutable + Copy + Send + 'static {
    /// A name for type and meaning: change it when the meaning of a field changes.
    const NAME: &'static str;
    /// What the header of a region says of it.
    const LAYOUT_HASH: u64 = LayoutHash::new(Self::NAME).shape_of::<Self>().finish();
}

macro_rules! messages {
    ($($t:ident)*) => { $(impl Message for $t { const NAME: &'static str = stringify!($t); })* };
}
messages!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

impl<T: Message, const K: usize> Message for [T; K] {
    const NAME: &'static str = "array";
    const LAYOUT_HASH: u64 = LayoutHash::new("array").with(T::LAYOUT_HASH).number(K).finish();
}

/// What can be placed in a [`Region`](super::Region) and used by several processes at once.
///
/// # Safety
/// - Zero bytes are a valid value, ready for use (also demanded by `FromZeros`); nothing in it is a pointer, a reference or
///   anything else that means something in one process only.
/// - Other processes may write anything into its bytes at any time. Whatever they write, its safe methods remain sound: its
///   words are atomics of integers, and indices from it are masked or checked.
/// - [`LAYOUT_HASH`](Self::LAYOUT_HASH) differs for types and const parameters that lie differently in memory.
/// - Nothing is lost when it is never dropped.
pub unsafe trait SharedLayout: FromZeros + Sync {
    /// What the header of a region says of it; see [`LayoutHash`].
    const LAYOUT_HASH: u64;
}

macro_rules! words {
    ($($t:ident)*) => { $(
        // SAFETY: one atomic integer, of which every pattern is a value.
        unsafe impl SharedLayout for std::sync::atomic::$t {
            const LAYOUT_HASH: u64 = LayoutHash::new(stringify!($t)).finish();
        }
    )* };
}
words!(AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicI64);

// SAFETY: its parts apply_request the contract, and there is nothing else in it.
unsafe impl<T: SharedLayout, const K: usize> SharedLayout for [T; K] {
    const LAYOUT_HASH: u64 = LayoutHash::new("array").with(T::LAYOUT_HASH).number(K).finish();
}
