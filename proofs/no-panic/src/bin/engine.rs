//! Commands, from `Engine::apply` down: every order type, phase and refusal; the state hash;
//! `try_apply`; snapshots.
//!
//! The functions are not inlined, so that scripts/stack.sh finds them.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::ptr::without_provenance_mut;
use vvp_core::book::{Book, Command, CountSink, Event, QueueSink, Sink, SliceSink, WithStateHash};
use vvp_core::book_type;
use vvp_core::engine::{Engine, Matcher, NoRoom, RestoreError, SliceWriter};
use vvp_core::queue::Spin;

/// For a microcontroller.
type Small = Engine<book_type!(orders: 1024, ticks_per_side: 1024, far_levels: 64, stops: 64), 4, 16>;
/// As little as there can be.
type Least = Engine<book_type!(orders: 1, ticks_per_side: 64, far_levels: 1, stops: 0), 1, 1>;
/// As on a server.
type Large = Engine<Book<{ 1 << 20 }, 4096, { 1 << 16 }, { 1 << 16 }, { 1 << 21 }>, 64, 4096>;
/// One that keeps its state hash.
type Hashed =
    Engine<book_type!(orders: 1024, ticks_per_side: 1024, far_levels: 64, stops: 64, state_hash: WithStateHash), 4, 16>;

/// Every event is written down.
struct Ring {
    slots: [Event; 256],
    count: u8,
}

impl Sink for Ring {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        self.slots[usize::from(self.count)] = event;
        self.count = self.count.wrapping_add(1);
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
fn engine_apply(engine: &mut Small, command: &Command, sink: &mut Ring) {
    engine.apply(command, sink);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn engine_apply_all(engine: &mut Small, commands: &[Command], sink: &mut Ring) {
    engine.apply_all(commands, sink);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn engine_apply_least(engine: &mut Least, command: &Command, sink: &mut CountSink) {
    engine.apply(command, sink);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn engine_apply_large_to_queue(engine: &mut Large, command: &Command, sink: &mut QueueSink<'_, Spin, 4096>) {
    engine.apply(command, sink);
}

#[unsafe(no_mangle)]
#[inline(never)]
fn engine_apply_tracked(engine: &mut Hashed, command: &Command, sink: &mut Ring) -> u64 {
    engine.apply(command, sink);
    engine.state_hash()
}

#[unsafe(no_mangle)]
#[inline(never)]
fn engine_try_apply(engine: &mut Small, command: &Command, sink: &mut SliceSink<'_>) -> bool {
    engine.try_apply(command, sink).is_ok()
}

#[unsafe(no_mangle)]
#[inline(never)]
fn engine_save(engine: &Small, out: &mut SliceWriter<'_>) -> Result<(), NoRoom> {
    engine.save(out)
}

#[unsafe(no_mangle)]
#[inline(never)]
fn engine_restore(engine: &mut Small, bytes: &[u8]) -> Result<(), RestoreError> {
    engine.restore(bytes)
}

/// A place for something: nothing runs, so any address will do.
fn some<T>() -> &'static mut T {
    // SAFETY: never executed; it only stands for an argument that the optimiser knows nothing of.
    unsafe { &mut *black_box(without_provenance_mut(4096)) }
}

vvp_no_panic::cannot_panic!(
    engine_apply(some(), some(), some()),
    engine_apply_all(some(), black_box(&[*some::<Command>(); 3][..]), some()),
    engine_apply_least(some(), some(), some()),
    engine_apply_large_to_queue(some(), some(), some()),
    engine_apply_tracked(some(), some(), some()),
    engine_try_apply(some(), some(), some()),
    engine_save(some(), some()),
    engine_restore(some(), black_box(&[0; 9][..])),
);
