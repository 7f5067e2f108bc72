//! One part of the core alone, in an image that does nothing else: `scripts/footprint.sh` measures
//! what it takes of flash and RAM. The environment variable VVP_PART, when compiling, says which
//! part.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;
use cortex_m as _; // brings the critical section
use cortex_m_rt::entry;
use static_cell::ConstStaticCell;
use vvp_core::book::{Book, Command, CountSink};
use vvp_core::engine::{Engine, Matcher};
use vvp_core::pool::Pool;
use vvp_core::queue::Spsc;

const PART: &str = match option_env!("VVP_PART") {
    Some(part) => part,
    None => "nothing",
};

const fn is(name: &str) -> bool {
    let (a, b) = (PART.as_bytes(), name.as_bytes());
    let mut same = a.len() == b.len();
    let mut i = 0;
    while same && i < a.len() {
        same = a[i] == b[i];
        i += 1;
    }
    same
}

static QUEUE: Spsc<u64, 64> = Spsc::new();
static POOL: Pool<[u64; 8], 64> = Pool::new();

/// An engine of one book: orders, blocks of 64 ticks, far levels, stops, places for ids.
type One<const ORDERS: usize, const BLOCKS: usize, const FAR: usize, const STOPS: usize, const IDS: usize> =
    Engine<Book<ORDERS, BLOCKS, FAR, STOPS, IDS>, 1, 8>;

static SMALL: ConstStaticCell<One<64, 1, 8, 8, 128>> = ConstStaticCell::new(Engine::new());
static MIDDLE: ConstStaticCell<One<1024, 16, 64, 64, 2048>> = ConstStaticCell::new(Engine::new());
static LARGE: ConstStaticCell<One<8192, 64, 64, 256, 16384>> = ConstStaticCell::new(Engine::new());

fn apply(engine: Option<&mut impl Matcher>) {
    let (Some(engine), mut sink) = (engine, CountSink::default()) else { return };
    if let Ok(command) = Command::from_record(&black_box([0; 64])) {
        engine.apply(&command, &mut sink);
    }
    black_box(&sink);
}

#[entry]
fn main() -> ! {
    if const { is("spsc") }
        && let (Some(mut tx), Some(mut rx)) = (QUEUE.producer(), QUEUE.consumer())
    {
        let _ = black_box(tx.push(black_box(1)));
        let _ = black_box(rx.pop());
    }
    if const { is("pool") }
        && let Some(object) = POOL.acquire()
    {
        let handle = black_box(object.into_handle());
        let _ = black_box(POOL.adopt(handle).is_ok());
    }
    if const { is("book_64") } {
        apply(SMALL.try_take());
    }
    if const { is("book_1024") } {
        apply(MIDDLE.try_take());
    }
    if const { is("book_8192") } {
        apply(LARGE.try_take());
    }
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
