//! Memory formulas of books and engines, checked against the compiler on every target.

use super::Engine;
use crate::book::Book;
use crate::book::sizing::{book_bytes, engine_bytes};

/// Returns the size by the formula of the docs.
const fn rough_book_bytes(orders: usize, blocks: usize, far: usize, stops: usize, ids: usize) -> usize {
    1_392 + 116 * orders + 528 * blocks + 48 * far + 116 * stops + 12 * ids
}

/// Checks the formulas for books and engines of these sizes, wherever it is evaluated.
macro_rules! check {
    ($($orders:literal, $blocks:literal, $far:literal, $stops:literal, $ids:literal; $instruments:literal, $owners:literal)+) => {$(
        const _: () = {
            type Checked = Book<$orders, $blocks, $far, $stops, $ids>;
            let rough = rough_book_bytes($orders, $blocks, $far, $stops, $ids);
            let bytes = size_of::<Checked>();
            assert!(matches!(book_bytes($orders, $blocks, $far, $stops, $ids), Some(said) if said == bytes));
            assert!(size_of::<Checked>() >= rough && size_of::<Checked>() < rough + 96);
            let engine = size_of::<Engine<Checked, $instruments, $owners>>();
            assert!(matches!(engine_bytes(bytes, $instruments, $owners), Some(said) if said == engine));
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
