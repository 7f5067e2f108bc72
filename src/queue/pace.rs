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

/// Pauses the first time after an empty look: 0.8 µs on an EPYC of 2023. None where the other side is an interrupt
/// handler of the same core, nor under loom.
const FIRST: u32 = if cfg!(all(target_pointer_width = "64", not(loom))) { 32 } else { 0 };

/// The most pauses at a time.
const MOST: u32 = 4 * FIRST;

/// Fewer values than this at a look is close behind the producer: some cache lines of the smallest values, and more
/// where the queue has room for more. Pauses grow until as many come meanwhile, and no more: a producer that fills the
/// queue in that time is held up.
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
    /// The number at which it looked away last, or met an empty queue.
    last: usize,
    /// Pauses then; half of the first time's after an empty look.
    pauses: u32,
}

impl Pace {
    /// At the value with this number.
    pub(super) const fn new(next: usize) -> Self {
        Self { mark: next, left: 0, last: next, pauses: FIRST / 2 }
    }

    /// Whether it may look away at all, for a way around that costs nothing.
    #[inline(always)]
    pub(super) const fn is_on(&self) -> bool {
        self.left > 0
    }

    /// Looks away, if a stream has run dry of late: longer than last time if that brought fewer than `few` values, and
    /// shorter if it brought many more. Bounded: `MOST` pauses.
    pub(super) fn keep(&mut self, next: usize, few: usize) {
        if self.left > 0 && next.wrapping_sub(self.mark) >= STREAM {
            self.left -= 1;
            let came = next.wrapping_sub(self.last);
            self.last = next;
            if came < few {
                self.pauses = if 2 * self.pauses < MOST { 2 * self.pauses } else { MOST };
            } else if came / 4 > few && self.pauses > FIRST {
                self.pauses /= 2;
            }
            for _ in 0..self.pauses {
                crate::sync::spin_loop();
            }
        }
    }

    /// The queue was empty.
    pub(super) fn dry(&mut self, next: usize) {
        let length = next.wrapping_sub(self.mark).min(STREAM_MOST);
        if length >= STREAM {
            self.left = TIMES;
        }
        (self.last, self.pauses) = (next, FIRST / 2);
        self.mark = next.wrapping_sub(length / 2);
    }
}
