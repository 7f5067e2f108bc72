//! Consumer pacing: keeps a consumer off the cache line that its producer is still filling.
//!
//! A consumer that follows too closely takes away the cache line that the producer is still filling, and gets a value
//! or two for it; both then work at the pace of the line's travels. So, when a stream runs dry, it looks away for a
//! moment before it looks again. It never calls a queue empty without having looked.
//!
//! Single values that come at a rate are no such stream: nobody is held up, and looking away only makes them wait. What a
//! pause brings tells the two apart.

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

/// A producer that puts in as many values as this during the first pause, one in 50 ns, is one that a close consumer holds
/// up. A slower one is not, and its values would only lie there for the time of the pause.
const BUSY: usize = 16;

/// After a pause that brought fewer, so many values pass before the next one; twice as many after each such pause in a row.
const WAIT: usize = 64;

/// The most values that pass before a consumer tries again whether a pause brings many.
const WAIT_MOST: usize = 1 << 16;

/// Fewer values than this at a look is close behind the producer: some cache lines of the smallest values, and more
/// where the queue has room for more. Pauses grow until as many come meanwhile, and no more: a producer that fills the
/// queue in that time is held up.
pub(in crate::queue) const fn few(capacity: usize) -> usize {
    if capacity >= 512 * 16 { 512 } else { 64 }
}

/// How a consumer keeps its distance. In numbers of values, which wrap.
#[derive(Clone, Copy, Debug)]
pub(in crate::queue) struct ConsumerPacing {
    /// The next number less this is the length of the stream: it grows with each value, and each empty look halves it.
    mark: usize,
    /// How often it may still look away.
    left: u8,
    /// Pauses when it looks away next.
    pauses: u32,
    /// The number at which a pause last brought too little.
    in_vain: usize,
    /// How many values must have passed since.
    wait: usize,
}

impl ConsumerPacing {
    /// At the value with this number.
    pub(in crate::queue) const fn new(next: usize) -> Self {
        Self { mark: next, left: 0, pauses: FIRST, in_vain: next, wait: 0 }
    }

    /// Whether it may look away at all, for a way around that costs nothing.
    #[inline(always)]
    pub(in crate::queue) const fn is_on(&self) -> bool {
        self.left > 0
    }

    /// Looks away, if a stream has run dry of late, and says whether it did: then [`record`](Self::record) is to be told what
    /// came. Bounded: `MOST` pauses.
    #[must_use]
    pub(in crate::queue) fn maybe_pause(&mut self, next: usize) -> bool {
        if FIRST == 0 || self.left == 0 || next.wrapping_sub(self.mark) < STREAM {
            return false;
        }
        self.left -= 1;
        for _ in 0..self.pauses {
            crate::sync::spin_loop();
        }
        true
    }

    /// After it looked away at the value with number `next`, so many are `there`. It will look away longer if they are fewer
    /// than `few`, and shorter if they are many more; but if they come as slowly as orders do, and not as a stream that is
    /// held up, it follows closely for a while.
    pub(in crate::queue) fn record(&mut self, next: usize, there: usize, few: usize) {
        // As many as BUSY in the first pause, and in proportion. Both factors are small, or `there` is large enough anyway.
        if there.saturating_mul(FIRST as usize) < BUSY * self.pauses as usize {
            self.left = 0;
            self.in_vain = next;
            self.wait = if self.wait == 0 { WAIT } else { (2 * self.wait).min(WAIT_MOST) };
            self.pauses = FIRST;
            return;
        }
        self.wait = 0;
        if there < few {
            self.pauses = if 2 * self.pauses < MOST { 2 * self.pauses } else { MOST };
        } else if there / 4 > few && self.pauses > FIRST {
            self.pauses /= 2;
        }
    }

    /// The queue was empty.
    pub(in crate::queue) fn on_empty(&mut self, next: usize) {
        let length = next.wrapping_sub(self.mark).min(STREAM_MOST);
        if length >= STREAM && next.wrapping_sub(self.in_vain) >= self.wait {
            self.left = TIMES;
        }
        self.pauses = FIRST;
        self.mark = next.wrapping_sub(length / 2);
    }
}

#[cfg(all(test, target_pointer_width = "64", not(loom)))]
mod tests {
    use super::{ConsumerPacing, FIRST, WAIT, WAIT_MOST, few};

    /// Ticks of the simulated clock in a pause; a look takes one, and so does taking a value.
    const PAUSE: usize = 4;

    /// Pauses that a consumer makes for so many values, which come `burst` at a time, one in `gap` ticks in the long run.
    fn pauses(values: usize, burst: usize, gap: usize) -> usize {
        let (mut pace, mut close) = (ConsumerPacing::new(0), false);
        let (mut now, mut next, mut paused) = (0, 0, 0);
        while next < values {
            let pauses = pace.pauses as usize;
            let away = close && pace.maybe_pause(next);
            if away {
                now += PAUSE * pauses;
                paused += pauses;
            }
            let there = now / (gap * burst) * burst - next;
            if away {
                pace.record(next, there, few(1024));
            }
            close = there < few(1024);
            if there == 0 {
                pace.on_empty(next);
            }
            next += there;
            now += 1 + there;
        }
        paused
    }

    #[test]
    fn a_stream_is_kept_at_a_distance_and_single_values_are_not() {
        const VALUES: usize = 1 << 17;
        // One in less than a pause, a few with each travel of a line: it is away for a third of the time and more.
        for burst in [5, 8, 16] {
            for gap in [2, 3] {
                let paused = pauses(VALUES, burst, gap);
                assert!(paused * PAUSE > VALUES * gap / 3, "bursts of {burst}, one in {gap} ticks: {paused}");
            }
        }
        // One in 2 to 40 pauses, bursts among them: after some trials hardly ever.
        let trials = (WAIT_MOST / WAIT).ilog2() as usize + 1 + VALUES / WAIT_MOST;
        for burst in [1, 4, 8, 15] {
            for gap in [9, 40, 160] {
                let paused = pauses(VALUES, burst, gap);
                assert!(paused <= trials * FIRST as usize, "bursts of {burst}, one in {gap} ticks: {paused}");
            }
        }
    }
}
