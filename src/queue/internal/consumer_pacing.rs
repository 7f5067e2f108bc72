//! Consumer pacing: keeps a consumer off the cache line that its producer is still filling.
//!
//! A consumer that follows too closely takes away the cache line that the producer is still
//! filling, for one or two values each time; both then run at the speed of the line's transfers.
//! So, after it has drained a stream, it pauses before it loads the producer's index again. It
//! never reports a queue empty without a load.
//!
//! Single values at a low rate are not a stream: the producer is not slowed down, and a pause only
//! adds latency. The number of values that arrive during a pause decides between the two.

/// The least number of values of a stream.
const STREAM: usize = 4;

/// Upper bound of the counted length of a stream, so that three empty loads end it.
const STREAM_MOST: usize = 16;

/// Maximum number of pauses of a consumer before it must find the queue empty again. If both
/// endpoints are on one thread and each value is popped as it is pushed, that never happens, and
/// there is no pause.
const TIMES: u8 = 64;

/// `spin_loop`s of the first pause after an empty load: 0.8 µs on an EPYC of 2023. None on 32-bit
/// targets, where the other side may be an interrupt handler of the same core, and under loom.
const FIRST: u32 = if cfg!(all(target_pointer_width = "64", not(loom))) { 32 } else { 0 };

/// `spin_loop`s of the longest pause.
const MOST: u32 = 4 * FIRST;

/// A producer that pushes at least this many values during the first pause, one in 50 ns, is slowed
/// down by a close consumer. A slower one is not, and a pause would only delay its values.
const BUSY: usize = 16;

/// After a pause with fewer values this many values pass before the next pause; twice as many after
/// each such pause in a row.
const WAIT: usize = 64;

/// The most values that pass before a consumer tries a pause again.
const WAIT_MOST: usize = 1 << 16;

/// Returns the number of values below which a consumer is close behind the producer: some cache
/// lines of the smallest values, more for large queues. Pauses grow until as many arrive meanwhile,
/// and no more, so that the producer does not fill the queue.
pub(in crate::queue) const fn few(capacity: usize) -> usize {
    if capacity >= 512 * 16 { 512 } else { 64 }
}

/// Pacing state of a consumer. Positions are counts of values, which wrap.
#[derive(Clone, Copy, Debug)]
pub(in crate::queue) struct ConsumerPacing {
    /// The position minus this is the length of the stream: it grows with each value, and each
    /// empty load halves it.
    mark: usize,
    /// Number of pauses left.
    left: u8,
    /// `spin_loop`s of the next pause.
    pauses: u32,
    /// The position of the last pause with too few values.
    in_vain: usize,
    /// Number of values that must pass since then.
    wait: usize,
}

impl ConsumerPacing {
    /// Creates the state for a consumer at position `next`.
    pub(in crate::queue) const fn new(next: usize) -> Self {
        Self { mark: next, left: 0, pauses: FIRST, in_vain: next, wait: 0 }
    }

    /// Returns whether a pause is possible at all, for a branch on the fast path.
    #[inline(always)]
    pub(in crate::queue) const fn is_on(&self) -> bool {
        self.left > 0
    }

    /// Pauses if a stream was drained recently, and returns whether it did: then the caller must
    /// call [`record`](Self::record). At most `MOST` `spin_loop`s.
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

    /// Records that after a pause at position `next` there are `there` values. The next pause is
    /// longer if they are fewer than `few`, and shorter if they are many more; if they arrive as
    /// slowly as single orders, the consumer follows closely for a while.
    pub(in crate::queue) fn record(&mut self, next: usize, there: usize, few: usize) {
        // The threshold is BUSY values in the first pause, and in proportion for longer ones. Both
        // factors are small, or `there` is large enough anyway.
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

    /// Records that the queue was empty.
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

    /// Ticks of the simulated clock in a pause; a load takes one, and so does popping a value.
    const PAUSE: usize = 4;

    /// Returns how many pauses a consumer makes for this many values, which arrive `burst` at a
    /// time, one in `gap` ticks on average.
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
    fn streams_are_paced_and_single_values_are_not() {
        const VALUES: usize = 1 << 17;
        // More than one value per pause, and a few per transfer of a cache line: it pauses for a
        // third of the time and more.
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
