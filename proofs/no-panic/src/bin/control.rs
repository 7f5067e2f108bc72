//! Can panic: must not link.
#![no_std]
#![no_main]

use core::hint::black_box;

static NUMBERS: [u32; 4] = [1, 2, 3, 4];

vvp_no_panic::cannot_panic!(NUMBERS[black_box(3)]);
