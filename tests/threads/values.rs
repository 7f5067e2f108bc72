//! Values that show whether they are whole and which ones they are.

/// Returns the `n`-th of a sequence of numbers that are no neighbours.
pub(crate) fn nth(n: u64) -> u64 {
    n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
}

/// Returns the `n`-th value of a producer: both numbers and a checksum.
pub(crate) fn checked(producer: u64, n: u64) -> [u64; 3] {
    [producer, n, nth(producer << 40 | n)]
}
