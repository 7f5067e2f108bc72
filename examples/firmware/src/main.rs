//! The image: reads command records from the file `commands.bin`, matches, writes event records to `events.bin`, both on
//! the debugging host (semihosting) and both with their header record. `scripts/firmware.sh` builds it, runs it in QEMU and compares the events with the
//! host's.
#![no_std]
#![no_main]

mod host_file;

use core::panic::PanicInfo;
use cortex_m as _; // brings the critical section
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use host_file::HostFile;
use static_cell::ConstStaticCell;
use vvp_firmware::{COMMANDS_HEADER, EVENTS_HEADER, Node, RECORD, state_hash, step};

/// All zero, so it takes room in RAM but not in the image, and never lies on the stack.
static NODE: ConstStaticCell<Node> = ConstStaticCell::new(Node::new());

/// Records read at once: every call of the host stops the machine.
const BATCH: usize = 64;
static INPUT: ConstStaticCell<[u8; BATCH * RECORD]> = ConstStaticCell::new([0; BATCH * RECORD]);

#[entry]
fn main() -> ! {
    match run() {
        Ok((commands, events, hash)) => {
            hprintln!("{} commands, {} events", commands, events);
            hprintln!("{{\"state_hash\":\"{:016x}\"}}", hash);
            debug::exit(debug::EXIT_SUCCESS);
        }
        Err(what) => {
            hprintln!("firmware: {}", what);
            debug::exit(debug::EXIT_FAILURE);
        }
    }
    loop {}
}

fn run() -> Result<(u64, u64, u64), &'static str> {
    let node = NODE.take();
    let input = INPUT.take();
    let mut commands_file = HostFile::read(c"commands.bin").ok_or("cannot open commands.bin: give it one")?;
    let mut events_file = HostFile::write(c"events.bin").ok_or("cannot create events.bin: make the folder writable")?;
    let header = &mut input[..RECORD];
    if commands_file.fill(header) < RECORD || header != COMMANDS_HEADER {
        return Err("commands.bin is no file of command records: make one with 'vvp encode'");
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
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
