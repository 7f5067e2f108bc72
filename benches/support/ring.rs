//! The sink of the benches: every event is written, 64 bytes each, into a ring small enough to stay
//! in the first cache.

use vvp_core::book::{Event, EventBody, Phase, Sink};

/// 256 records, written over and over; each has a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub struct Ring {
    slots: [Event; 256],
    /// Events so far.
    pub count: usize,
}

impl Ring {
    pub fn new() -> Self {
        let blank = Event::new(0, None, None, EventBody::Phase { phase: Phase::Continuous });
        Self { slots: [blank; 256], count: 0 }
    }
}

impl Sink for Ring {
    #[inline(always)]
    fn emit(&mut self, event: Event) {
        self.slots[self.count & 255] = event;
        self.count += 1;
    }
}
