//! The consumer's distance to the producer in a stream.
//!
//! A consumer that follows too closely takes away the cache line that the producer is still filling, and gets a value
//! or two for it; both then work at the pace of the line's travels. So, when a stream runs dry, it looks away for a
//! moment before it looks again. It never calls a queue empty without having looked.

/// Values that make a stream.
const STREAM: usize = 4;

/// A stream counts as no longer than this, so that three empty looks end it.
const STREAM_MOST: usize = 16;

/// How often a consumer looks away before it must have met an empty queue again. Where both ends are on one thread, and
/// values are taken as they are put in, that never happens, and no time is lost.
const TIMES: u8 = 64;

/// Pauses the first time, 0.3 to 1.5 µs on today's x86-64; twice as many each time until the queue is met empty, up to
/// [`pauses`]. None where the other side is an interrupt handler of the same core, nor under loom.
const PAUSES: u32 = if cfg!(all(target_pointer_width = "64", not(loom))) { 32 } else { 0 };

/// The most pauses at a time. What comes meanwhile must fit into the queue, or the producer would be held up: so a short
/// queue has shorter ones.
pub(super) const fn pauses(capacity: usize) -> u32 {
    if capacity >= 128 * 32 { 4 * PAUSES } else { PAUSES }
}

/// Fewer values than this at a look is close behind the producer: some cache lines of the smallest values, and more
/// where there is room for more.
pub(super) const fn few(capacity: usize) -> usize {
    if capacity >= 512 * 16 { 512 } else { 64 }
}

/// How a consumer keeps its distance. In numbers of values, which wrap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The next number less this is the length of the stream: it grows with each value, and each empty look halves it.
    mark: usize,
    /// How often it may still look away.
    left: u8,
    /// Pauses the next time, or 0 for the first time.
    next: u32,
}

impl Pace {
    /// At the value with this number.
    pub(super) const fn new(next: usize) -> Self {
        Self { mark: next, left: 0, next: 0 }
    }

    /// Whether it may look away at all, for a way around that costs nothing.
    #[inline(always)]
    pub(super) const fn is_on(&self) -> bool {
        self.left > 0
    }

    /// Looks away, if a stream has run dry of late. Bounded: `most` pauses at most.
    pub(super) fn keep(&mut self, next: usize, most: u32) {
        if self.left > 0 && next.wrapping_sub(self.mark) >= STREAM {
            self.left -= 1;
            let pauses = if self.next < PAUSES { PAUSES } else { self.next };
            for _ in 0..pauses {
                crate::sync::spin_loop();
            }
            self.next = if 2 * pauses < most { 2 * pauses } else { most };
        }
    }

    /// The queue was empty.
    pub(super) fn dry(&mut self, next: usize) {
        let length = next.wrapping_sub(self.mark).min(STREAM_MOST);
        if length >= STREAM {
            self.left = TIMES;
        }
        self.next = 0;
        self.mark = next.wrapping_sub(length / 2);
    }
}
