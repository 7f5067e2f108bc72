//! Memory formulas of books and engines, checked against the compiler on every target.

use super::Engine;
use crate::book::Book;

const fn up(bytes: usize, to: usize) -> usize {
    bytes.next_multiple_of(to)
}

/// The alignment of a `u64`: 8 on most targets, 4 on 32-bit x86.
const WORD: usize = align_of::<u64>();

/// Bytes of a [`Book`]: the formula of its docs with each part's alignment.
const fn book_bytes(orders: usize, blocks: usize, far: usize, stops: usize, ids: usize) -> usize {
    // Phase, prices, stamps; two ladders; ids; the heap of gtd orders.
    let front = 64 + 2 * (600 + 264 * blocks + 24 * far) + (8 + 12 * ids) + (4 + 4 * orders);
    let stops = up(52 + 12 * stops, WORD) + 104 * stops;
    up(up(up(front, WORD) + stops, 32) + 64 + 112 * orders, 32)
}

/// The formula as the docs have it.
const fn rough_book_bytes(orders: usize, blocks: usize, far: usize, stops: usize, ids: usize) -> usize {
    1_392 + 116 * orders + 528 * blocks + 48 * far + 116 * stops + 12 * ids
}

/// Bytes of an [`Engine`] of books of `book` bytes.
const fn engine_bytes(book: usize, instruments: usize, owners: usize) -> usize {
    up(48 + 60 * owners + 56 * instruments, 32) + instruments * book
}

/// Checks the formulas for books and engines of these sizes, wherever it is evaluated.
macro_rules! check {
    ($($orders:literal, $blocks:literal, $far:literal, $stops:literal, $ids:literal; $instruments:literal, $owners:literal)+) => {$(
        const _: () = {
            type Checked = Book<$orders, $blocks, $far, $stops, $ids>;
            let rough = rough_book_bytes($orders, $blocks, $far, $stops, $ids);
            assert!(size_of::<Checked>() == book_bytes($orders, $blocks, $far, $stops, $ids));
            assert!(size_of::<Checked>() >= rough && size_of::<Checked>() < rough + 96);
            assert!(
                size_of::<Engine<Checked, $instruments, $owners>>()
                    == engine_bytes(size_of::<Checked>(), $instruments, $owners)
            );
        };
    )+};
}

check! {
    1, 1, 1, 0, 8; 1, 0
    2, 1, 0, 1, 8; 1, 1
    3, 2, 5, 3, 16; 2, 3
    12, 4, 64, 5, 64; 4, 16
    50, 1, 8, 6, 64; 3, 7
    1024, 16, 64, 64, 2048; 1, 64
    1001, 8, 33, 77, 4096; 2, 5
    8192, 64, 512, 1024, 16384; 8, 256
}

// A small book fits a microcontroller.
const _: () = assert!(size_of::<Book<1024, 16, 64, 64, 2048>>() <= 160 * 1024);
