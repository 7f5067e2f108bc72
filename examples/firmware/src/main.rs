//! The image: reads command records from the file `commands.bin`, matches, writes event records to
//! `events.bin`, both on the debugging host (semihosting) and both with their header record. For a
//! Cortex-M7, and for QEMU's machine `virt` with a 32-bit RISC-V or a 64-bit Arm core.
//! `scripts/firmware.sh` builds it, runs it in QEMU and compares the events with the host's.
#![no_std]
#![no_main]

mod host_file;
#[cfg(not(target_arch = "arm"))]
mod virt;

use core::panic::PanicInfo;
#[cfg(target_arch = "arm")]
use cortex_m as _; // brings the critical section
use host_file::HostFile;
use static_cell::ConstStaticCell;
use vvp_firmware::semihosting::exit;
use vvp_firmware::{COMMANDS_HEADER, EVENTS_HEADER, Node, RECORD, say, state_hash, step};

/// All zero, so it takes room in RAM but not in the image, and never lies on the stack.
static NODE: ConstStaticCell<Node> = ConstStaticCell::new(Node::new());

/// Records per read: every call of the host stops the machine.
const BATCH: usize = 64;
static INPUT: ConstStaticCell<[u8; BATCH * RECORD]> = ConstStaticCell::new([0; BATCH * RECORD]);

#[cfg(target_arch = "arm")]
#[cortex_m_rt::entry]
fn main() -> ! {
    start()
}

fn start() -> ! {
    match run() {
        Ok((commands, events, hash)) => {
            say!("{commands} commands, {events} events");
            say!("{{\"state_hash\":\"{hash:016x}\"}}");
            exit(true)
        }
        Err(what) => {
            say!("firmware: {what}");
            exit(false)
        }
    }
}

fn run() -> Result<(u64, u64, u64), &'static str> {
    let node = NODE.take();
    let input = INPUT.take();
    let mut commands_file = HostFile::read(c"commands.bin").ok_or("cannot open commands.bin: give it one")?;
    let mut events_file = HostFile::write(c"events.bin").ok_or("cannot create events.bin: make the folder writable")?;
    let header = &mut input[..RECORD];
    if commands_file.fill(header) < RECORD || header != COMMANDS_HEADER {
        return Err("commands.bin is no file of command records: make one with 'vvpx encode'");
    }
    let (mut commands, mut events, mut written) = (0, 0, events_file.append(&EVENTS_HEADER));
    loop {
        let filled = commands_file.fill(input);
        let (records, rest) = input[..filled].as_chunks::<RECORD>();
        for record in records {
            commands += 1;
            step(node, record, commands, &mut |event| {
                events += 1;
                written &= events_file.append(event);
            });
        }
        if !rest.is_empty() {
            return Err("commands.bin ends inside a record: cut it to a multiple of 64 bytes");
        }
        if filled < input.len() {
            break;
        }
    }
    if written && events_file.flush() {
        Ok((commands, events, state_hash(node)))
    } else {
        Err("cannot write events.bin: disk full?")
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    say!("{info}");
    exit(false)
}
