//! Interrupts at every instruction: a timer interrupts the main loop within an operation on a
//! queue, its handler uses the other endpoint, and the results are compared with a model;
//! repeatedly, each time one instruction later. `scripts/firmware.sh` runs it in QEMU with
//! `-icount shift=0`, where an instruction takes exactly a nanosecond, so that the timer fires at
//! the chosen instruction. `docs/firmware.md` says what that shows.
//!
//! Built with `--cfg broken`, it runs as the mutant that its command line names, and must fail. The
//! words after that name are a prefix of the scenes to run.
#![no_std]
#![no_main]

mod objects;
mod packets;
mod queues;
mod step;
mod sweep;

use core::panic::PanicInfo;
use cortex_m_rt::entry;
use queues::{Drain, Giving, Grant, One, Peek, Place, Some3, Staged, Taking};
use sweep::Sweep;
use vvp_core::queue::{FanIn, Mpsc, SequencedSpsc, Spsc};
use vvp_firmware::say;
use vvp_firmware::semihosting::exit;

type Ring = Spsc<u64, 4>;
type Sequenced = SequencedSpsc<u64, 4>;
type Lanes = FanIn<u64, 4, 2>;
type Many = Mpsc<u64, 4>;

static RING: Place<Ring> = Place::new();
static SEQUENCED: Place<Sequenced> = Place::new();
static LANES: Place<Lanes> = Place::new();
static MANY: Place<Many> = Place::new();

fn all(sweep: &mut Sweep) -> Result<(), sweep::Wrong> {
    sweep.run::<Taking<Ring, One>>("spsc pop", &RING)?;
    sweep.run::<Taking<Ring, Peek>>("spsc peek, pop", &RING)?;
    sweep.run::<Taking<Ring, Some3>>("spsc pop_slice", &RING)?;
    sweep.run::<Taking<Ring, Grant>>("spsc read, release", &RING)?;
    sweep.run::<Taking<Ring, Drain>>("spsc drain", &RING)?;
    sweep.run::<Giving<Ring, One>>("spsc push", &RING)?;
    sweep.run::<Giving<Ring, Some3>>("spsc push_slice", &RING)?;
    sweep.run::<Giving<Ring, Grant>>("spsc grant, commit", &RING)?;
    sweep.run::<Giving<Ring, Staged>>("spsc stage, publish", &RING)?;
    sweep.run::<Taking<Sequenced, One>>("sequenced pop", &SEQUENCED)?;
    sweep.run::<Taking<Sequenced, Peek>>("sequenced peek, pop", &SEQUENCED)?;
    sweep.run::<Taking<Sequenced, Some3>>("sequenced pop_slice", &SEQUENCED)?;
    sweep.run::<Taking<Sequenced, Drain>>("sequenced drain", &SEQUENCED)?;
    sweep.run::<Giving<Sequenced, One>>("sequenced push", &SEQUENCED)?;
    sweep.run::<Giving<Sequenced, Some3>>("sequenced push_slice", &SEQUENCED)?;
    sweep.run::<Taking<Lanes, One>>("fan-in pop", &LANES)?;
    sweep.run::<Taking<Lanes, Peek>>("fan-in peek, pop", &LANES)?;
    sweep.run::<Taking<Lanes, Some3>>("fan-in pop_slice", &LANES)?;
    sweep.run::<Taking<Lanes, Drain>>("fan-in drain", &LANES)?;
    sweep.run::<Giving<Lanes, One>>("fan-in push", &LANES)?;
    sweep.run::<Giving<Lanes, Some3>>("fan-in push_slice", &LANES)?;
    sweep.run::<Taking<Many, One>>("mpsc pop", &MANY)?;
    sweep.run::<Taking<Many, Some3>>("mpsc pop_slice", &MANY)?;
    sweep.run::<Giving<Many, One>>("mpsc push", &MANY)?;
    sweep.run::<Giving<Many, Some3>>("mpsc push_slice", &MANY)?;
    sweep.run::<packets::Reading>("frames read, release", &packets::FRAMES)?;
    sweep.run::<packets::Writing>("frames push", &packets::FRAMES)?;
    sweep.run::<objects::Nested>("mpsc push against push", &MANY)?;
    sweep.run::<objects::Reading>("latest read", &objects::LATEST)?;
    sweep.run::<objects::Writing>("latest write", &objects::LATEST)?;
    sweep.run::<objects::Borrowing>("pool acquire, drop", &objects::POOL)
}

#[entry]
fn main() -> ! {
    let Some(mut sweep) = Sweep::take(asked()) else { exit(false) };
    match all(&mut sweep) {
        Ok(()) => {
            say!("{} interrupts", sweep.runs());
            exit(true)
        }
        Err(wrong) => {
            say!("{wrong}");
            exit(false)
        }
    }
}

/// Returns the prefix of the scenes to run: empty for all.
#[cfg(not(broken))]
const fn asked() -> &'static str {
    ""
}

#[cfg(broken)]
static mut LINE: [u8; 128] = [0; 128];
#[cfg(broken)]
static mut TWIN: [u8; 64] = [0; 64];

/// Returns the prefix from the command line, after its second word, which names the mutant.
#[cfg(broken)]
fn asked() -> &'static str {
    // SAFETY: asked once, before all else.
    let (line, twin) = unsafe { (&mut *(&raw mut LINE), &mut *(&raw mut TWIN)) };
    let used = vvp_firmware::semihosting::command_line(line);
    let mut words = line[..used].splitn(3, |byte| *byte == b' ').skip(1);
    for (place, byte) in twin.iter_mut().zip(words.next().unwrap_or_default().iter().take(63)) {
        *place = *byte;
    }
    words.next().and_then(|rest| core::str::from_utf8(rest).ok()).unwrap_or_default()
}

/// Gives `src/sync/mutation.rs` the name of the mutant.
#[cfg(broken)]
#[unsafe(no_mangle)]
extern "C" fn getenv(_: *const core::ffi::c_char) -> *mut core::ffi::c_char {
    (&raw mut TWIN).cast()
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    say!("{info}");
    exit(false)
}
