//! Types that can be placed in shared memory, and hashes of their layout.

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

/// Hashes the components of a layout (FNV-1a). Two processes that disagree about a type, its sizes
/// or its capacities get different hashes.
#[derive(Clone, Copy, Debug)]
pub struct LayoutHash(u64);

impl LayoutHash {
    /// Starts with a name.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let mut this = Self(0xcbf2_9ce4_8422_2325);
        let bytes = name.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            this = this.byte(bytes[i]);
            i += 1;
        }
        this.byte(0xff) // so that no name is a prefix of another
    }

    /// Adds a capacity, size or alignment.
    #[must_use]
    pub const fn number(self, n: usize) -> Self {
        self.with(n as u64)
    }

    /// Adds the hash of a component.
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

    /// Returns the hash; never 0.
    #[must_use]
    pub const fn finish(self) -> u64 {
        if self.0 == 0 { 1 } else { self.0 }
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3))
    }
}

/// A value that processes exchange: plain bytes, any pattern of which is valid. What a faulty or
/// hostile process writes can be wrong, but never undefined.
pub trait Message: FromBytes + IntoBytes + Immutable + Copy + Send + 'static {
    /// Identifies type and meaning: change it when the meaning of a field changes.
    const NAME: &'static str;
    /// The layout hash in the header of a region.
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

/// A type that can be placed in a [`Region`](super::Region) and shared by several processes.
///
/// # Safety
/// - Zero bytes are a valid value, ready for use (as `FromZeros` requires); it contains no pointer,
///   reference or anything else that is meaningful in one process only.
/// - Other processes may write any bytes into it at any time. Its safe methods remain sound
///   whatever they write: its words are atomics of integers, and indices from it are masked or
///   checked.
/// - [`LAYOUT_HASH`](Self::LAYOUT_HASH) differs between types and const parameters with different
///   layouts.
/// - It need not be dropped.
pub unsafe trait SharedLayout: FromZeros + Sync {
    /// The layout hash in the header of a region; see [`LayoutHash`].
    const LAYOUT_HASH: u64;
}

macro_rules! words {
    ($($t:ident)*) => { $(
        // SAFETY: one atomic integer, any pattern of which is valid.
        unsafe impl SharedLayout for std::sync::atomic::$t {
            const LAYOUT_HASH: u64 = LayoutHash::new(stringify!($t)).finish();
        }
    )* };
}
words!(AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicI64);

// SAFETY: its elements fulfill the contract, and it contains nothing else.
unsafe impl<T: SharedLayout, const K: usize> SharedLayout for [T; K] {
    const LAYOUT_HASH: u64 = LayoutHash::new("array").with(T::LAYOUT_HASH).number(K).finish();
}
