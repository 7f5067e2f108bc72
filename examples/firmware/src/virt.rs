//! The first instructions on QEMU's machine `virt`, which has no run-time crate here: a stack,
//! zeros, and on to `main`.
//!
//! One core; the memory management unit stays off, interrupts too. That is enough for QEMU.
//! Hardware that runs AArch64 so would treat all memory as a device's, where compare-and-swap need
//! not work: switch the unit on first.

#[cfg(target_arch = "riscv32")]
core::arch::global_asm!(
    ".section .text.start, \"ax\"",
    ".globl _start",
    "_start:",
    "la sp, _stack",
    "la t0, _bss",
    "la t1, _bss_end",
    "1:",
    "bgeu t0, t1, 2f",
    "sw zero, 0(t0)",
    "addi t0, t0, 4",
    "j 1b",
    "2:",
    "j {main}",
    main = sym main,
);

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".section .text.start, \"ax\"",
    ".globl _start",
    "_start:",
    "mov x0, #(3 << 20)", // floating point and vectors: moves of 16 bytes use them
    "msr cpacr_el1, x0",
    "isb",
    "ldr x0, =_stack",
    "mov sp, x0",
    "ldr x0, =_bss",
    "ldr x1, =_bss_end",
    "1:",
    "cmp x0, x1",
    "b.hs 2f",
    "stp xzr, xzr, [x0], #16",
    "b 1b",
    "2:",
    "b {main}",
    main = sym main,
);

extern "C" fn main() -> ! {
    crate::start()
}
