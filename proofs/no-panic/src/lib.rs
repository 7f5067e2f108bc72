//! Proof by linking that code cannot panic.
//!
//! Each program in `src/bin` calls the operations of one structure with arguments that the compiler
//! knows nothing of. The panic handler below calls a function that does not exist. A program links
//! only if the optimiser has shown that no call of the panic handler can be reached, and thrown it
//! away. `scripts/no-panic.sh` builds them all, and one (`control`) that can panic, whose linking
//! must fail.
//!
//! To add a structure: a file in `src/bin` like the others. Nothing runs, so statics need not make
//! sense.
#![no_std]

use core::panic::PanicInfo;

unsafe extern "C" {
    /// Does not exist.
    fn a_panic_path_is_left() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: a program that calls this cannot be linked.
    unsafe { a_panic_path_is_left() }
}

/// What `core`, which is compiled for unwinding, names in its tables; nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// The program: calls each function with what it hides from the optimiser.
#[macro_export]
macro_rules! cannot_panic {
    ($($call:expr),+ $(,)?) => {
        /// Entry point of the program, which is linked but never run.
        #[unsafe(no_mangle)]
        pub extern "C" fn _start() -> ! {
            $(core::hint::black_box($call);)+
            loop {
                core::hint::spin_loop();
            }
        }
        use vvp_no_panic as _;
    };
}
