//! The timer, and the sweep over all instructions of an operation.

use crate::step;
use core::arch::global_asm;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use vvp_firmware::say;

/// What the two sides do, and what must be true afterwards.
pub trait Scene {
    /// Where both work.
    type Place;
    /// The main loop's side.
    type Main;
    /// The handler's side.
    type Handler;
    /// Starting states, numbered from 0.
    const STATES: usize;

    /// Both sides in starting state `state`, and `place` as new.
    fn prepare(place: &'static Self::Place, state: usize) -> Option<(Self::Main, Self::Handler)>;

    /// What the main loop does, and is interrupted in.
    fn act(main: &mut Self::Main);

    /// What the handler does.
    fn interrupt(handler: &mut Self::Handler);

    /// What came of it; the interrupt was before, in or after the operation.
    ///
    /// # Errors
    /// What is wrong.
    fn check(main: Self::Main, handler: Self::Handler, when: When) -> Result<(), &'static str>;
}

/// When the interrupt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the operation's first instruction.
    Before,
    /// Before a later one.
    Within,
    /// After its last one.
    After,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug)]
pub struct Wrong {
    what: &'static str,
    scene: &'static str,
    state: usize,
    at: u32,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (state {}, interrupted before {:#x})", self.scene, self.what, self.state, self.at)
    }
}

// strike(main, act, pairs, odd): starts the timer, lets 2 * pairs + 1 + odd instructions pass, and
// calls act(main). The timer's handler finds in its frame which instruction was to come next.
global_asm!(
    ".global strike",
    ".type strike, %function",
    ".thumb_func",
    "strike:",
    "push {{r4, lr}}",
    "movw r4, #0xe010", // SYST_CSR
    "movt r4, #0xe000",
    "mov.w r12, #7", // on, with interrupt, by the processor's clock
    "str.w r12, [r4]",
    "1:",
    "subs r2, #1",
    "bne 1b",
    "cbz r3, 2f",
    "nop",
    "2:",
    "blx r1",
    ".global struck",
    ".type struck, %function",
    ".thumb_func",
    "struck:",
    "pop {{r4, pc}}",
    ".global SysTick",
    ".type SysTick, %function",
    ".thumb_func",
    "SysTick:",
    "mov r0, sp",
    "b {handler}",
    handler = sym timer_struck,
);

unsafe extern "C" {
    fn strike(main: *mut (), act: extern "C" fn(*mut ()), pairs: u32, odd: u32);
    /// The instruction behind the call.
    fn struck();
}

/// What the handler calls.
struct Handler {
    call: fn(*mut ()),
    with: *mut (),
}

static mut HANDLER: Handler = Handler { call: |_| (), with: core::ptr::null_mut() };

/// The instruction that was to come next when the timer struck; 0 if it has not struck.
static INTERRUPTED: AtomicU32 = AtomicU32::new(0);

/// Called by the exception with the frame that the processor has put on the stack: r0 to r3, r12,
/// lr, pc, psr.
///
/// # Safety
/// By the exception only.
unsafe extern "C" fn timer_struck(frame: *const u32) {
    const CONTROL: *mut u32 = SYST::PTR.cast_mut().cast();
    // SAFETY: a register of the processor's; once is enough.
    unsafe { CONTROL.write_volatile(0) };
    // SAFETY: the frame has eight words.
    let next = unsafe { frame.add(6).read() };
    // Relaxed: the main loop is the same processor.
    INTERRUPTED.store(next, Relaxed);
    // SAFETY: the main loop has set it before it started the timer, and leaves it alone until it
    // has struck.
    let handler = unsafe { &*(&raw const HANDLER) };
    (handler.call)(handler.with);
}

/// Flash that holds code of this image, at most, in pairs of bytes.
const CODE: usize = 256 * 1024 / 2;

/// Ticks of the timer until it strikes: more than any operation takes.
const TICKS: u32 = 40;

/// Instructions a tick.
const TICK: u32 = 40;

/// Runs scenes, each in all its states, with an interrupt at each instruction.
pub struct Sweep {
    /// Instructions to let pass so that the timer strikes before the operation begins; 0 if that is
    /// not known yet.
    longest: u32,
    runs: u32,
    /// What the names of the scenes to run begin with.
    only: &'static str,
    /// A bit for each instruction of the scene at work that was interrupted.
    seen: &'static mut [u32; CODE / 32],
}

impl Sweep {
    /// With the timer, for scenes whose names begin with `only`. `None` the second time.
    pub fn take(only: &'static str) -> Option<Self> {
        static SEEN: static_cell::ConstStaticCell<[u32; CODE / 32]> = static_cell::ConstStaticCell::new([0; CODE / 32]);
        let mut timer = cortex_m::Peripherals::take()?.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(TICKS);
        Some(Self { longest: 0, runs: 0, only, seen: SEEN.try_take()? })
    }

    /// How many interrupts there were.
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// # Errors
    /// What is wrong with the scene.
    pub fn run<S: Scene>(&mut self, scene: &'static str, place: &'static S::Place) -> Result<(), Wrong> {
        if !scene.starts_with(self.only) {
            return Ok(());
        }
        self.seen.fill(0);
        let before = self.runs;
        let mut longest = 0;
        for state in 0..S::STATES {
            let instructions = self.state::<S>(place, state).map_err(|(what, at)| Wrong { what, scene, state, at })?;
            longest = longest.max(instructions);
        }
        let distinct: u32 = self.seen.iter().map(|word| word.count_ones()).sum();
        say!(
            "{scene}: {} interrupts in {} states, before each of {distinct} instructions, {longest} in a row at most",
            self.runs - before,
            S::STATES
        );
        Ok(())
    }

    /// One state: the first interrupt comes right before the operation, the last right behind it,
    /// and one before each of its instructions in between. How many instructions it has.
    fn state<S: Scene>(&mut self, place: &'static S::Place, state: usize) -> Result<u32, (&'static str, u32)> {
        let entry = (act::<S> as extern "C" fn(*mut ())) as usize as u32 & !1;
        let end = struck as unsafe extern "C" fn() as usize as u32 & !1;
        let mut delay = if self.longest > 0 { self.longest } else { (TICKS + 4) * TICK };
        let (mut last, mut instructions) = (0, 0);
        loop {
            let (mut main, mut handler) = S::prepare(place, state).ok_or(("the place is not free", 0))?;
            let at = interrupt_after::<S>(&mut main, &mut handler, delay);
            self.runs += 1;
            if last == 0 && at != entry {
                if self.longest > 0 || delay == 0 {
                    return Err(("the timer did not strike before the first instruction", at));
                }
                delay -= 1; // in the waiting loop still
                continue;
            }
            let when = if last == 0 {
                self.longest = delay;
                When::Before
            } else if at == end {
                When::After
            } else {
                When::Within
            };
            S::check(main, handler, when).map_err(|what| (what, at))?;
            if last > 0 && !step::follows(last, at) {
                return Err(("an instruction before this one was left out", at));
            }
            if at == end {
                return Ok(instructions);
            }
            let bit = at as usize / 2;
            *self.seen.get_mut(bit / 32).ok_or(("code that is not there", at))? |= 1 << (bit % 32);
            instructions += 1;
            last = at;
            delay = delay.checked_sub(1).ok_or(("longer than the timer runs", at))?;
        }
    }
}

/// The operation, as one function with a beginning and an end.
#[inline(never)]
extern "C" fn act<S: Scene>(main: *mut ()) {
    // SAFETY: `interrupt_after` has it from there, for as long as the call.
    S::act(unsafe { &mut *main.cast::<S::Main>() });
}

fn interrupt<S: Scene>(handler: *mut ()) {
    // SAFETY: as above; the timer strikes once.
    S::interrupt(unsafe { &mut *handler.cast::<S::Handler>() });
}

/// Lets the operation begin `delay` instructions (and some) after the start of the timer. The
/// instruction that was interrupted.
fn interrupt_after<S: Scene>(main: &mut S::Main, handler: &mut S::Handler, delay: u32) -> u32 {
    INTERRUPTED.store(0, Relaxed); // Relaxed, both: one processor
    // SAFETY: the timer is off.
    unsafe { HANDLER = Handler { call: interrupt::<S>, with: (&raw mut *handler).cast() } };
    // SAFETY: a register of the processor's: the timer restarts.
    unsafe { (*SYST::PTR).cvr.write(0) };
    // SAFETY: `act` casts it back, and the other side, which the handler has, is apart from it.
    unsafe { strike((&raw mut *main).cast(), act::<S>, 1 + delay / 2, delay % 2) };
    let mut at = 0;
    // Ends: the timer strikes within as many instructions.
    for _ in 0..TICKS * TICK {
        at = INTERRUPTED.load(Relaxed);
        if at > 0 {
            break;
        }
    }
    at
}
