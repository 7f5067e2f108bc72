//! From what a user counts (orders, ticks, levels, stops) to the parameters of a
//! [`Book`](super::Book) and its bytes.

use super::Book;
use core::mem::align_of;

/// The capacities of a book, as a user counts them, and what follows from them.
///
/// [`book_type!`](crate::book_type) makes the type; this makes its numbers, also when running.
///
/// ```
/// use vvp_core::book::Sizing;
/// let sizing = Sizing { orders: 10_000, ticks_per_side: 1_000, far_levels: 1_000, stops: 100 };
/// assert_eq!((sizing.blocks(), sizing.id_places()), (16, 16_384));
/// let bytes = sizing.engine_bytes(16, 64).expect("a legal size");
/// assert_eq!(bytes, 22_822_080);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizing {
    /// Resting orders, 1 to 2^27 − 1.
    pub orders: usize,
    /// Ticks a side near the best price where a level is found without a search, at most 262,144;
    /// rounded up to 64 times a power of two.
    pub ticks_per_side: usize,
    /// Price levels a side beyond those ticks.
    pub far_levels: usize,
    /// Untriggered stops, below 2^28.
    pub stops: usize,
}

impl Sizing {
    /// Returns the parameter `BLOCKS`: blocks of 64 ticks, a power of two.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        let blocks = self.ticks_per_side.div_ceil(64);
        // Beyond the legal range it stays out of it, so that the check of the book names it.
        if blocks > MAX_BLOCKS { MAX_BLOCKS + 1 } else { blocks.next_power_of_two() }
    }

    /// Returns the parameter `IDS`: the smallest power of two of which orders and stops are at most
    /// 7/8. Twice that makes lookups of scattered ids faster.
    #[must_use]
    pub const fn id_places(&self) -> usize {
        let entries = self.orders.saturating_add(self.stops);
        if entries >= 1 << 29 {
            return 0; // out of range; the check of the book names it
        }
        let places = entries.div_ceil(7) * 8;
        if places < 8 { 8 } else { places.next_power_of_two() }
    }

    /// Returns the bytes of a book without a state hash, or `None` where no book can have these
    /// capacities. They are the same on every target but 32-bit x86, which may save 4 bytes of
    /// padding.
    #[must_use]
    pub const fn book_bytes(&self) -> Option<usize> {
        let legal = self.orders > 0
            && self.orders < 1 << 27
            && self.stops < 1 << 28
            && self.ticks_per_side <= 64 * MAX_BLOCKS
            && self.far_levels < u32::MAX as usize;
        if !legal {
            return None;
        }
        book_bytes(self.orders, self.blocks(), self.far_levels, self.stops, self.id_places())
    }

    /// Returns the bytes of an engine of `instruments` such books with risk limits of `owners`
    /// owners, or `None` where there is no such engine: a book is refused, or the sum exceeds what
    /// a type may have on this target.
    #[must_use]
    pub const fn engine_bytes(&self, instruments: usize, owners: usize) -> Option<usize> {
        let Some(book) = self.book_bytes() else { return None };
        engine_bytes(book, instruments, owners)
    }
}

const MAX_BLOCKS: usize = 4096;

/// Bytes that a type may have.
const MAX_BYTES: u128 = isize::MAX as u128;

/// The alignment of a `u64`: 8 on most targets, 4 on 32-bit x86.
const WORD: u128 = align_of::<u64>() as u128;

const fn up(bytes: u128, to: u128) -> u128 {
    bytes.next_multiple_of(to)
}

const fn fits(bytes: u128) -> Option<usize> {
    if bytes <= MAX_BYTES { Some(bytes as usize) } else { None }
}

/// Bytes of a [`Book`]: the formula of its docs with each part's alignment.
pub(crate) const fn book_bytes(orders: usize, blocks: usize, far: usize, stops: usize, ids: usize) -> Option<usize> {
    let (orders, blocks, far) = (orders as u128, blocks as u128, far as u128);
    let (stops, ids) = (stops as u128, ids as u128);
    // Phase, prices, stamps; two ladders; ids; the heap of gtd orders.
    let front = 64 + 2 * (600 + 264 * blocks + 24 * far) + (8 + 12 * ids) + (4 + 4 * orders);
    let stops = up(52 + 12 * stops, WORD) + 104 * stops;
    fits(up(up(up(front, WORD) + stops, 32) + 64 + 112 * orders, 32))
}

/// Bytes of an engine of books of `book` bytes.
pub(crate) const fn engine_bytes(book: usize, instruments: usize, owners: usize) -> Option<usize> {
    let (book, instruments, owners) = (book as u128, instruments as u128, owners as u128);
    fits(up(48 + 60 * owners + 56 * instruments, 32) + instruments * book)
}

/// The type of a book by what a user counts: names instead of five numbers.
///
/// `ticks_per_side` is rounded up to 64 times a power of two, and the table of ids gets the
/// smallest legal size ([`Sizing`](crate::book::Sizing)). `state_hash: WithStateHash` gives it a
/// [state hash](crate::engine::Engine::state_hash). A capacity out of its range fails the build
/// with a message that names it.
///
/// ```
/// use vvp_core::book::{Book, WithStateHash};
/// use vvp_core::book_type;
///
/// type Small = book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// type Hashed = book_type!(
///     orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8, state_hash: WithStateHash
/// );
/// static BOOK: Small = Small::new();
/// let same: &Book<64, 1, 8, 8, 128> = &BOOK;
/// assert!(size_of::<Hashed>() > size_of_val(same));
/// ```
///
/// ```compile_fail
/// // error: Book: ORDERS must be from 1 to 2^27 - 1
/// static BOOK: vvp_core::book_type!(orders: 0, ticks_per_side: 64, far_levels: 8, stops: 8) =
///     vvp_core::book::Book::new();
/// ```
#[macro_export]
macro_rules! book_type {
    (orders: $orders:expr, ticks_per_side: $ticks:expr, far_levels: $far:expr, stops: $stops:expr $(,)?) => {
        $crate::book_type!(
            orders: $orders, ticks_per_side: $ticks, far_levels: $far, stops: $stops,
            state_hash: $crate::book::NoStateHash
        )
    };
    (orders: $orders:expr, ticks_per_side: $ticks:expr, far_levels: $far:expr, stops: $stops:expr,
     state_hash: $hash:ty $(,)?) => {
        $crate::book::Book<
            { $orders },
            {
                $crate::book::Sizing {
                    orders: $orders, ticks_per_side: $ticks, far_levels: $far, stops: $stops
                }.blocks()
            },
            { $far },
            { $stops },
            {
                $crate::book::Sizing {
                    orders: $orders, ticks_per_side: $ticks, far_levels: $far, stops: $stops
                }.id_places()
            },
            $hash,
        >
    };
}

// A small book fits a microcontroller.
const _: () = assert!(size_of::<Book<1024, 16, 64, 64, 2048>>() <= 160 * 1024);
