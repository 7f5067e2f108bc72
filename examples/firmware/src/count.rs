//! Instructions of each operation on a Cortex-M7, counted by QEMU: with `-icount shift=0` its clock
//! moves one nanosecond an instruction, and SysTick, at 25 MHz on this board, shows that clock. No
//! cycles: QEMU knows neither the pipeline nor caches. `scripts/footprint.sh` runs it.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use static_cell::ConstStaticCell;
use vvp_core::book::{Command, CountSink, InstrumentId, InstrumentSpec, OrderId, Price, Qty, Side, Symbol};
use vvp_core::engine::Matcher;
use vvp_core::pool::Pool;
use vvp_core::queue::{Frames, SequencedSpsc, Spsc};
use vvp_firmware::semihosting::exit;
use vvp_firmware::{Node, say};

static NODE: ConstStaticCell<Node> = ConstStaticCell::new(Node::new());
static QUEUE: Spsc<u64, 64> = Spsc::new();
static SEQUENCED: SequencedSpsc<u64, 64> = SequencedSpsc::new();
static FRAMES: Frames<1024> = Frames::new();
static POOL: Pool<[u64; 8], 64> = Pool::new();

/// Times each operation is run.
const TIMES: u64 = 4000;

/// Nanoseconds of QEMU's clock a tick: instructions.
const TICK: u64 = 40;

/// Instructions of `f`, on average, with those of the loop around it.
fn count(what: &str, mut f: impl FnMut(u64)) {
    SYST::get_current(); // warm
    let begun = SYST::get_current();
    for n in 0..TIMES {
        f(black_box(n));
    }
    let ticks = u64::from(begun.wrapping_sub(SYST::get_current()) & 0x00ff_ffff); // it counts down, in 24 bits
    say!("{what} {}", ticks * TICK / TIMES);
}

#[entry]
fn main() -> ! {
    let (Some(node), Some(mut core)) = (NODE.try_take(), cortex_m::Peripherals::take()) else { exit(false) };
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(0x00ff_ffff);
    core.SYST.clear_current();
    core.SYST.enable_counter();

    let (Some(mut tx), Some(mut rx)) = (QUEUE.producer(), QUEUE.consumer()) else { exit(false) };
    count("spsc_push_pop_u64", |n| {
        let _ = tx.push(n);
        let _ = black_box(rx.pop());
    });
    let mut buffer = [0; 64];
    count("spsc_slices_of_64_u64", |n| {
        buffer[0] = n;
        tx.push_slice(black_box(&buffer));
        rx.pop_slice(black_box(&mut buffer));
    });
    let (Some(mut tx), Some(mut rx)) = (SEQUENCED.producer(), SEQUENCED.consumer()) else { exit(false) };
    count("sequenced_push_pop_u64", |n| {
        let _ = tx.push(n);
        let _ = black_box(rx.pop());
    });
    let (Some(mut tx), Some(mut rx)) = (FRAMES.producer(), FRAMES.consumer()) else { exit(false) };
    count("frame_of_64_bytes", |n| {
        let _ = tx.push(black_box(&[n as u8; 64]));
        if let Ok(frame) = rx.read() {
            black_box(&*frame);
            frame.release();
        }
    });
    count("pool_acquire_handle_adopt_drop", |n| {
        if let Some(mut object) = POOL.acquire() {
            object[0] = n;
            let _ = black_box(POOL.adopt(object.into_handle()));
        }
    });
    let mut sink = CountSink::default();
    node.apply(&Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)), &mut sink);
    let bid = |n| Command::limit(OrderId::new(n), Side::Buy, Price::new(100), Qty::new(5));
    node.apply(&bid(1), &mut sink);
    count("book_join_best_level_and_cancel", |n| {
        node.apply(black_box(&bid(n + 2)), &mut sink);
        node.apply(black_box(&Command::cancel(OrderId::new(n + 2))), &mut sink);
    });
    count("book_new_best_and_take_it", |n| {
        let offer = Command::limit(OrderId::new(2 * n + 2), Side::Sell, Price::new(101), Qty::new(5));
        node.apply(black_box(&offer), &mut sink);
        let taker = Command::limit(OrderId::new(2 * n + 3), Side::Buy, Price::new(101), Qty::new(5));
        node.apply(black_box(&taker), &mut sink);
    });
    count("book_cancel_unknown", |n| {
        node.apply(black_box(&Command::cancel(OrderId::new(n + 1_000_000))), &mut sink);
    });
    black_box(&sink);
    exit(true)
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    say!("{info}");
    exit(false)
}
