//! An engine fed by an interrupt, as small as it gets: a timer's handler puts orders into a queue,
//! the main loop matches them and prints the trades. `scripts/firmware.sh` runs it in QEMU
//! (Cortex-M7); `uart.rs` is the complete one, with a UART at both ends and no code for a panic.
#![no_std]
#![no_main]

use core::panic::PanicInfo;
use cortex_m_rt::{entry, exception};
use static_cell::ConstStaticCell;
use vvp_core::book::{
    Command, Event, EventBody, FnSink, InstrumentId, InstrumentSpec, OrderId, Price, Qty, Side, Symbol,
};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher};
use vvp_core::queue::{PopError, Producer, Spsc};
use vvp_firmware::say;
use vvp_firmware::semihosting::exit;

/// 64 orders, one instrument. All zero: in RAM, not in the image, never on the stack.
type Exchange = Engine<book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8), 1, 1>;
static EXCHANGE: ConstStaticCell<Exchange> = ConstStaticCell::new(Exchange::new());

/// From the handler to the main loop, without a critical section.
static ORDERS: Spsc<Command, 16> = Spsc::new();
const LAST: u64 = 20;

/// Every millisecond an order: ten sell, then ten buy at the same prices.
#[exception]
fn SysTick() {
    static mut TX: Option<Producer<'static, Command, 16>> = None;
    static mut NEXT: u64 = 1;
    if *NEXT == 1 {
        *TX = ORDERS.producer();
    }
    let side = if *NEXT <= LAST / 2 { Side::Sell } else { Side::Buy };
    let order = Command::limit(OrderId::new(*NEXT), side, Price::new(100 + (*NEXT % 10) as i64), Qty::new(*NEXT));
    // A full queue refuses immediately: the same order comes again at the next interrupt.
    if let Some(tx) = TX
        && *NEXT <= LAST
        && tx.push(order).is_ok()
    {
        *NEXT += 1;
    }
    if *NEXT > LAST
        && let Some(tx) = TX.take()
    {
        tx.close();
    }
}

#[entry]
fn main() -> ! {
    let (Some(mut board), Some(mut rx)) = (cortex_m::Peripherals::take(), ORDERS.consumer()) else { exit(false) };
    let (exchange, mut trades) = (EXCHANGE.take(), 0);
    let mut sink = FnSink(|event: Event| {
        if let EventBody::Trade { maker, taker, price, qty, .. } = event.body() {
            say!("order {taker} takes {qty} at {price} from order {maker}");
            trades += 1;
        }
    });
    exchange.apply(&Command::instrument(InstrumentId::new(0), &InstrumentSpec::new(Symbol::X)), &mut sink);
    board.SYST.set_reload(25_000 - 1); // 1 ms at the 25 MHz of the board MPS2
    board.SYST.clear_current();
    board.SYST.enable_counter();
    board.SYST.enable_interrupt();
    loop {
        match rx.pop() {
            Ok(order) => exchange.apply(&order, &mut sink),
            Err(PopError::Closed) => break,
            // An order that comes right before `wfi` waits for the next tick, which is 1 ms away.
            Err(_) => cortex_m::asm::wfi(),
        }
    }
    say!("{LAST} orders, {trades} trades, {} events", exchange.seq());
    exit(true)
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    say!("{info}");
    exit(false)
}
