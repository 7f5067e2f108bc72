//! The image for cores without compare-and-swap, with 16 KiB of RAM: runs the trial and writes its
//! lines to the debugging host's console. Built for Cortex-M0 (Armv6-M), it runs on a Cortex-M3 as
//! well. `scripts/firmware.sh` compares the lines.
#![no_std]
#![no_main]

#[path = "../../../tests/structures/layouts/page.rs"]
mod page;

use core::fmt::Write;
use core::panic::PanicInfo;
use cortex_m as _; // brings the critical section
use cortex_m_rt::entry;
use static_cell::ConstStaticCell;
use vvp_firmware::say;
use vvp_firmware::semihosting::{Console, exit};
use vvp_firmware::trial::{TinyNode, run};

static NODE: ConstStaticCell<TinyNode> = ConstStaticCell::new(TinyNode::new());

#[entry]
fn main() -> ! {
    let mut out = Console;
    let done = NODE.try_take().is_some_and(|node| run(node, &mut out).is_ok());
    let layouts = page::check(page::PAGE);
    let _ = writeln!(out, "layouts {layouts:?}");
    exit(done && layouts.is_ok())
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    say!("{info}");
    exit(false)
}
