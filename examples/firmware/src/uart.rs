//! The image for a Cortex-M7 that is fed over its UART: an interrupt handler fills the ring of
//! frames, the main loop matches, another handler sends the events. `scripts/firmware.sh` builds
//! it, runs it in QEMU and compares what comes out with the host's; it also sees to it that the
//! image has no code for a panic.
//!
//! What a UART falls short of, and semihosting does: the exit code, by which QEMU ends. Real
//! hardware would go on waiting.
#![no_std]
#![no_main]

use core::panic::PanicInfo;
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::{entry, exception};
use static_cell::ConstStaticCell;
use vvp_firmware::Node;
use vvp_firmware::line::{Board, Receiver, Sender, sent, serve};
use vvp_firmware::semihosting::exit;

/// All zero, so it takes room in RAM but not in the image, and never lies on the stack.
static NODE: ConstStaticCell<Node> = ConstStaticCell::new(Node::new());

/// UART 0 of the board MPS2: Arm's CMSDK APB UART (Arm DDI 0479, section 4.3). One byte each way,
/// no FIFO.
mod cmsdk {
    const BASE: usize = 0x4000_4000;
    const DATA: *mut u32 = BASE as *mut u32;
    const STATE: *const u32 = (BASE + 4) as *const u32;
    const CTRL: *mut u32 = (BASE + 8) as *mut u32;
    const INTCLEAR: *mut u32 = (BASE + 12) as *mut u32;
    const BAUDDIV: *mut u32 = (BASE + 16) as *mut u32;

    const TX: u32 = 1; // in STATE: full; in CTRL: on; in INTCLEAR: this interrupt
    const RX: u32 = 2;
    const INTERRUPTS: u32 = 4; // times TX or RX, in CTRL

    /// On, with both interrupts.
    pub(super) fn start() {
        // SAFETY: registers of this board; 16 is the least divisor.
        unsafe { BAUDDIV.write_volatile(16) };
        // SAFETY: a register of this board.
        unsafe { CTRL.write_volatile((TX | RX) * (1 + INTERRUPTS)) };
    }

    /// A byte, if one has come. Takes the interrupt back first, so that the next byte causes
    /// another.
    pub(super) fn receive() -> Option<u8> {
        // SAFETY: registers of this board, here and below.
        unsafe { INTCLEAR.write_volatile(RX) };
        // SAFETY: as above.
        if unsafe { STATE.read_volatile() } & RX == 0 {
            return None;
        }
        // SAFETY: as above; reading it makes room for the next byte.
        Some(unsafe { DATA.read_volatile() } as u8)
    }

    /// Whether a byte may be sent. Takes the interrupt back first.
    pub(super) fn may_send() -> bool {
        // SAFETY: as above.
        unsafe { INTCLEAR.write_volatile(TX) };
        // SAFETY: as above.
        unsafe { STATE.read_volatile() & TX == 0 }
    }

    pub(super) fn send(byte: u8) {
        // SAFETY: as above.
        unsafe { DATA.write_volatile(byte.into()) };
    }
}

/// The board's interrupts, by number.
#[derive(Clone, Copy)]
enum Irq {
    Receive = 0,
    Send = 1,
}

// SAFETY: the numbers are those of UART 0 on this board, and below the number of its interrupts.
unsafe impl InterruptNumber for Irq {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Used by the handler only, once interrupts are on.
static mut RECEIVER: Receiver = Receiver::new();
static mut SENDER: Sender = Sender::new();

/// Every interrupt of the board.
#[exception]
unsafe fn DefaultHandler(irq: i16) {
    if irq == Irq::Receive as i16 {
        // SAFETY: only here; the handler does not interrupt itself.
        let receiver = unsafe { &mut *(&raw mut RECEIVER) };
        // Bounded by the room in the ring. Not ready: the byte stays in the UART, which stops the
        // line.
        while receiver.ready() {
            let Some(byte) = cmsdk::receive() else { break };
            receiver.byte(byte);
        }
    } else if irq == Irq::Send as i16 {
        // SAFETY: as above.
        let sender = unsafe { &mut *(&raw mut SENDER) };
        // Bounded by what waits in the queue, whose producer is interrupted meanwhile.
        while cmsdk::may_send() {
            let Some(byte) = sender.byte() else { break };
            cmsdk::send(byte);
        }
    }
}

/// Interrupts do the work; the main loop asks for one where it has made work for them.
struct Mps2;

impl Board for Mps2 {
    fn sleep(&mut self, work: fn() -> bool) {
        // With interrupts disabled, or one could come between the check and the sleep. A pending
        // one ends the sleep all the same.
        cortex_m::interrupt::free(|_| {
            if !work() {
                cortex_m::asm::wfi();
            }
        });
    }

    fn took(&mut self) {
        NVIC::pend(Irq::Receive);
    }

    fn send(&mut self) {
        NVIC::pend(Irq::Send);
    }
}

#[entry]
fn main() -> ! {
    if let Some(node) = NODE.try_take() {
        cmsdk::start();
        // SAFETY: the handlers are ready for it: their state is initialised, and no critical
        // section is open.
        unsafe { NVIC::unmask(Irq::Receive) };
        // SAFETY: as above.
        unsafe { NVIC::unmask(Irq::Send) };
        let mut board = Mps2;
        let done = serve(node, &mut board);
        while !sent() {
            board.sleep(sent);
        }
        exit(done.is_ok());
    }
    exit(false)
}

/// Has no caller, and so is not in the image; `scripts/firmware.sh` checks that.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    exit(false)
}
