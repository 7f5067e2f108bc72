//! Calls of the debugging host (Arm IHI 0100, "Semihosting for AArch32 and AArch64"; RISC-V's are
//! the same with another trap).

use core::fmt;

const OPEN: usize = 0x01;
const WRITE0: usize = 0x04;
const WRITE: usize = 0x05;
const READ: usize = 0x06;
#[cfg(target_arch = "arm")]
const GET_COMMAND_LINE: usize = 0x15;
const EXIT: usize = 0x18;
#[cfg(not(target_arch = "arm"))]
const EXIT_EXTENDED: usize = 0x20;

const ENDED: usize = 0x20026; // ADP_Stopped_ApplicationExit
const FAILED: usize = 0x20023; // ADP_Stopped_RunTimeErrorUnknown

/// # Safety
/// What the call does with `argument` must be sound: most take the address of their arguments.
unsafe fn call(operation: usize, argument: usize) -> usize {
    let result: usize;
    #[cfg(target_arch = "arm")]
    // SAFETY: the host keeps all registers but r0; the rest is the caller's promise.
    unsafe {
        core::arch::asm!("bkpt #0xAB", inout("r0") operation => result, in("r1") argument, options(nostack));
    }
    #[cfg(target_arch = "riscv32")]
    // SAFETY: as above, for a0. The three instructions must not be compressed, or the host takes
    // them for something else.
    unsafe {
        core::arch::asm!(
            ".option push",
            ".option norvc",
            ".balign 16",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => result, in("a1") argument, options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above, for x0.
    unsafe {
        core::arch::asm!("hlt #0xF000", inout("x0") operation => result, in("x1") argument, options(nostack));
    }
    result
}

/// Opens a file; `mode` counts fopen's modes. `usize::MAX` when that fails.
pub fn open(name: &core::ffi::CStr, mode: usize) -> usize {
    let arguments = [name.as_ptr().addr(), mode, name.count_bytes()];
    // SAFETY: the host reads the arguments and the zero-terminated name during the call only.
    unsafe { call(OPEN, (&raw const arguments).expose_provenance()) }
}

/// Reads; how many bytes it did *not* read.
pub fn read(handle: usize, bytes: &mut [u8]) -> usize {
    let arguments = [handle, bytes.as_mut_ptr().expose_provenance(), bytes.len()];
    // SAFETY: the host reads the arguments, and writes at most as many bytes as there are, during
    // the call only.
    unsafe { call(READ, (&raw const arguments).expose_provenance()) }
}

/// Writes; how many bytes it did *not* write.
pub fn write(handle: usize, bytes: &[u8]) -> usize {
    let arguments = [handle, bytes.as_ptr().expose_provenance(), bytes.len()];
    // SAFETY: the host reads the arguments and the bytes, during the call only.
    unsafe { call(WRITE, (&raw const arguments).expose_provenance()) }
}

/// The image's command line, cut where `line` is full, and a zero behind it. How many bytes it has;
/// 0 if there is none.
#[cfg(target_arch = "arm")]
pub fn command_line(line: &mut [u8]) -> usize {
    let mut arguments = [line.as_mut_ptr().expose_provenance(), line.len()];
    // SAFETY: the host writes the length to the arguments and at most as many bytes as there are,
    // during the call only.
    let failed = unsafe { call(GET_COMMAND_LINE, (&raw mut arguments).expose_provenance()) };
    if failed == 0 { arguments[1].min(line.len().saturating_sub(1)) } else { 0 }
}

/// Ends the machine.
pub fn exit(well: bool) -> ! {
    let reason = if well { ENDED } else { FAILED };
    loop {
        #[cfg(target_arch = "arm")]
        // SAFETY: this one takes the reason itself.
        unsafe {
            call(EXIT, reason)
        };
        #[cfg(not(target_arch = "arm"))]
        {
            let arguments = [reason, usize::from(!well)];
            let operation = if cfg!(target_arch = "aarch64") { EXIT } else { EXIT_EXTENDED };
            // SAFETY: the host reads the arguments.
            unsafe { call(operation, (&raw const arguments).expose_provenance()) };
        }
    }
}

/// The host's console.
#[derive(Debug)]
pub struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.as_bytes().chunks(63) {
            let mut line = [0; 64]; // the host wants a zero at the end
            line[..piece.len()].copy_from_slice(piece);
            // SAFETY: the host reads up to the zero, during the call only.
            unsafe { call(WRITE0, line.as_ptr().expose_provenance()) };
        }
        Ok(())
    }
}

/// A line on the host's console.
#[macro_export]
macro_rules! say {
    ($($what:tt)*) => {{
        use core::fmt::Write;
        let _ = writeln!($crate::semihosting::Console, $($what)*);
    }};
}
