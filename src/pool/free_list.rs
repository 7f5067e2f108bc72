//! Lock-free free list: a ring of slot numbers, and a counter of slots that were never used.
//!
//! Source: the rings of P. Tsigas and Y. Zhang, "A simple, fast and scalable non-blocking
//! concurrent FIFO queue", 2001, whose threads help a tail that lags, and of D. Vyukov, "Bounded
//! MPMC queue", 1024cores, whose entries tell their lap. Ours keeps number and lap in one word, and
//! since the ring holds each number at most once, a release needs no load of the head.

use crate::sync::{AtomicUsize, CachePadded, Ordering, broken, const_unless_loom, unless_broken};

/// Ordering with which a number is put into the ring. Release: pairs with the Acquire load of the
/// entry in `take`, so that the next owner of the slot sees all that the last one did to its value.
/// Single boxes and magazines have a broken twin each.
#[inline(always)]
fn put_order(by_magazine: bool) -> Ordering {
    unless_broken(if by_magazine { "magazine_put" } else { "pool_put" }, Ordering::Release)
}

/// The free slots of a pool. Generic over the length of the ring so that it can be lent as a slice.
///
/// # The ring
/// Positions are free-running and wrap with `usize`: `head` is the next to take from, `tail` the
/// next to put to. The low bits of a position choose the entry, the high bits are its lap. An entry
/// is one word:
///
/// ```text
///   | lap + 1 of the position it was put at | number of a free slot |
///     high bits                               log2(N) low bits
/// ```
///
/// So an entry itself says in which lap it was filled, and no second word can disagree with it. An
/// acquire is one compare-and-swap of `head`. A release is one of the entry, which publishes the
/// number, and one of `tail`, which any thread that finds the entry filled can do as well. So no
/// thread waits for another: one that stops or dies at any point keeps the one slot that it holds,
/// and nothing else.
///
/// There are N slots and N entries, and a number is in at most one entry. So a thread that holds a
/// number and finds `tail` at p knows that the entry of p - N has been taken: otherwise the N
/// entries from p - N on would hold N different numbers, among them the thread's own. `put` may
/// therefore overwrite it without a load of `head`.
///
/// # A number twice
/// The compare-and-swap of `head` succeeds only if there was no acquire since it was read, so the
/// entry read in between is the right one. The ABA problem needs 2^`usize::BITS` operations: a
/// thread would have to stop between the read and the swap while exactly that many slots (2^32 on a
/// 32-bit core: 7 minutes at 10 million a second; 2^64 elsewhere) are acquired or released by
/// others.
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(super) struct FreeList<E: ?Sized = [AtomicUsize]> {
    pub(super) acquire: CachePadded<AcquireLine>,
    pub(super) release: CachePadded<ReleaseLine>,
    pub(super) info: CachePadded<InfoLine>,
    pub(super) entries: E,
}

/// The cache line written by acquires.
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(super) struct AcquireLine {
    /// Number of slots taken from the ring so far.
    pub(super) head: AtomicUsize,
    /// Number of slots taken at least once: those from here on have never been used. Stops at N.
    pub(super) fresh: AtomicUsize,
    /// Number of calls that found no free slot.
    pub(super) exhausted: AtomicUsize,
}

/// The cache line written by releases.
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(super) struct ReleaseLine {
    /// Number of slots put into the ring so far; it lags by those that were put and not yet
    /// counted.
    pub(super) tail: AtomicUsize,
}

/// The cache line of rarely written fields.
#[derive(Debug)]
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub(super) struct InfoLine {
    /// The tag of the pool in its handles, in the bits above a slot's number; 0 until the first
    /// slot is taken.
    pub(super) tag: AtomicUsize,
    /// Sums of the reports of magazines, see [`Reported`].
    pub(super) hits: AtomicUsize,
    pub(super) moved_in: AtomicUsize,
    pub(super) moved_out: AtomicUsize,
}

/// Counts of a magazine since its last report. Differences wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    /// Slots that a magazine handed out from its own stock.
    pub(super) hits: usize,
    /// Slots moved from the ring to a magazine, less those that it handed out.
    pub(super) moved_in: usize,
    /// Slots moved from a magazine to the ring, less those that it got back.
    pub(super) moved_out: usize,
}

/// The counts of the ring, which cost nothing: positions are counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) taken: usize,
    pub(super) put: usize,
    pub(super) fresh: usize,
    pub(super) exhausted: usize,
    pub(super) reported: Reported,
}

/// Slots are numbered in 24 bits, so that a handle has at least 8 for the pool's tag.
pub(super) const MOST: usize = 1 << 24;

impl<const N: usize> FreeList<[AtomicUsize; N]> {
    /// Creates a list of slots that are all free and were never used.
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self::with_entries([const { AtomicUsize::new(0) }; N])
    }

    /// Creates a list of slots that are all free and were never used.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self::with_entries(core::array::from_fn(|_| AtomicUsize::new(0)))
    }

    const_unless_loom! {
        fn with_entries(entries: [AtomicUsize; N]) -> Self {
            Self {
                acquire: CachePadded::new(AcquireLine {
                    head: AtomicUsize::new(0),
                    fresh: AtomicUsize::new(0),
                    exhausted: AtomicUsize::new(0),
                }),
                release: CachePadded::new(ReleaseLine { tail: AtomicUsize::new(0) }),
                info: CachePadded::new(InfoLine {
                    tag: AtomicUsize::new(0),
                    hits: AtomicUsize::new(0),
                    moved_in: AtomicUsize::new(0),
                    moved_out: AtomicUsize::new(0),
                }),
                entries,
            }
        }
    }
}

impl FreeList {
    /// Returns the number of slots.
    #[inline(always)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// Returns the mask of a position that chooses the entry, and of an entry that is a slot's
    /// number.
    #[inline(always)]
    fn mask(&self) -> usize {
        self.entries.len().wrapping_sub(1)
    }

    #[inline(always)]
    fn entry(&self, position: usize) -> &AtomicUsize {
        debug_assert!(self.entries.len().is_power_of_two());
        // SAFETY: the length is a power of two (`CHECK`, named wherever a ring is made of an
        // array), so a position's low bits are below it.
        unsafe { self.entries.get_unchecked(position & self.mask()) }
    }

    /// Returns whether an entry was filled at this position, and not in another lap.
    #[inline(always)]
    fn is_of(&self, entry: usize, position: usize) -> bool {
        (entry ^ position.wrapping_add(self.capacity())) & !self.mask() == 0
    }

    /// Returns whether an entry was last filled one lap before this position.
    #[inline(always)]
    fn is_of_last_lap(&self, entry: usize, position: usize) -> bool {
        (entry ^ position) & !self.mask() == 0
    }

    /// Takes a free slot: a released one, or else one never used. `None` if there was none at some
    /// moment during the call. Lock-free: an attempt fails only because another one succeeded.
    #[inline]
    pub(super) fn take(&self) -> Option<u32> {
        let mut number = [0];
        if self.take_used(&mut number) == 0 && self.take_unused(&mut number) == 0 {
            return None;
        }
        Some(number[0])
    }

    /// Takes up to as many slots as fit into `out` and returns how many: a magazine's refill. None
    /// if there is no free slot.
    pub(super) fn take_many(&self, out: &mut [u32]) -> usize {
        match self.take_used(out) {
            0 => self.take_unused(out),
            run => run,
        }
    }

    /// Takes released slots, up to `out.len()`: those at the next positions.
    #[inline(always)]
    fn take_used(&self, out: &mut [u32]) -> usize {
        // Acquire: pairs with the Release of the compare-and-swap below, so that later positions in
        // the ring happen after earlier ones; `put` relies on that.
        let mut head = self.acquire.head.load(Ordering::Acquire);
        let mut pause = Pause(0);
        loop {
            let mut run = 0;
            let mut stale = false;
            for number in out.iter_mut() {
                let position = head.wrapping_add(run);
                // Acquire: pairs with `put_order`.
                let entry = self.entry(position).load(Ordering::Acquire);
                let there = self.is_of(entry, position) || (run > 0 && broken("magazine_run"));
                if !there {
                    stale = run == 0 && !self.is_of_last_lap(entry, position);
                    break;
                }
                *number = (entry & self.mask()) as u32;
                run += 1;
            }
            if stale {
                // Filled again since `head` was loaded. Acquire: as above; the entry's Acquire
                // ensures that we see a later head.
                head = self.acquire.head.load(Ordering::Acquire);
                continue;
            }
            if run == 0 {
                return 0;
            }
            let after = head.wrapping_add(run);
            // Release: our loads of the entries come before any later take, and so before any `put`
            // that overwrites them. Acquire: as for the load above. Relaxed on failure: its value
            // is not used.
            match self.acquire.head.compare_exchange_weak(head, after, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return run,
                Err(_) => {
                    pause.longer();
                    // Acquire: as above.
                    head = self.acquire.head.load(Ordering::Acquire);
                }
            }
        }
    }

    /// Takes slots that were never used, or else, once more, released ones.
    #[cold]
    #[inline(never)]
    fn take_unused(&self, out: &mut [u32]) -> usize {
        let run = self.take_run(out);
        if run != 0 {
            return run;
        }
        // No slot is unused any more, and that stays so. If no slot has been released by now
        // either, there is no free slot.
        let run = self.take_used(out);
        if run == 0 {
            // Relaxed: for display.
            self.acquire.exhausted.fetch_add(1, Ordering::Relaxed);
        }
        run
    }

    /// Takes a slot that was never used. `None` if there is none left.
    pub(super) fn take_fresh(&self) -> Option<u32> {
        let mut number = [0];
        (self.take_run(&mut number) != 0).then_some(number[0])
    }

    /// Takes up to `out.len()` slots that were never used, and returns how many.
    fn take_run(&self, out: &mut [u32]) -> usize {
        self.name();
        // Relaxed, all: there are no writes to these slots that must be visible.
        let mut first = self.acquire.fresh.load(Ordering::Relaxed);
        loop {
            let run = out.len().min(self.capacity().saturating_sub(first));
            if run == 0 {
                return 0;
            }
            let after = first.wrapping_add(run);
            match self.acquire.fresh.compare_exchange_weak(first, after, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    out.iter_mut().zip(first..after).for_each(|(number, i)| *number = i as u32);
                    return run;
                }
                Err(now) => first = now,
            }
        }
    }

    /// Releases slots. Lock-free: an attempt fails only because another one succeeded.
    ///
    /// # Safety
    /// Each number came from this ring, is owned by the caller, and is not used again by it. The
    /// caller is done with the slots. `BY_MAGAZINE` says whether the caller is a magazine, for the
    /// broken twins only.
    #[inline]
    pub(super) unsafe fn put<const BY_MAGAZINE: bool>(&self, numbers: impl IntoIterator<Item = u32>) {
        // Acquire: pairs with the Release of the compare-and-swap in `advance`: what lies before
        // the tail was put before this.
        let start = self.release.tail.load(Ordering::Acquire);
        let mut tail = start;
        for number in numbers {
            debug_assert!((number as usize) < self.capacity());
            tail = self.put_from::<BY_MAGAZINE>(tail, number);
        }
        self.advance(start, tail);
    }

    /// Puts a number at this position or the first free one after it, and returns the next
    /// position.
    #[inline(always)]
    fn put_from<const BY_MAGAZINE: bool>(&self, mut tail: usize, number: u32) -> usize {
        let mut pause = Pause(0);
        loop {
            let cell = self.entry(tail);
            // Acquire: pairs with `put_order`: what lies before an entry that we see filled was put
            // before this.
            let entry = cell.load(Ordering::Acquire);
            let next = tail.wrapping_add(1);
            if self.is_of_last_lap(entry, tail) {
                let new = (tail.wrapping_add(self.capacity()) & !self.mask()) | number as usize;
                // Relaxed on failure: its value is not used; we load it again.
                if cell.compare_exchange(entry, new, put_order(BY_MAGAZINE), Ordering::Relaxed).is_ok() {
                    return next;
                }
            }
            // Filled, in this lap or a later one, by a thread that is about to move the tail: back
            // off for a moment. Acquire: as in `put`.
            pause.longer();
            let now = self.release.tail.load(Ordering::Acquire);
            if now != tail {
                tail = now;
                continue;
            }
            // Or it has stopped: help. Without moving the tail ourselves, entries could be filled a
            // whole lap ahead of it, and other threads would find no position until that thread
            // continues. AcqRel, Acquire: as in `advance`.
            let entry = cell.load(Ordering::Acquire);
            if !self.is_of_last_lap(entry, tail) {
                tail = match self.release.tail.compare_exchange(tail, next, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => next,
                    Err(now) => now,
                };
            }
        }
    }

    /// Advances the tail to `to`, before which all positions are known to be filled.
    #[inline(always)]
    fn advance(&self, mut from: usize, to: usize) {
        while (to.wrapping_sub(from) as isize) > 0 {
            // AcqRel, Acquire: pairs with the loads of the tail and with itself, so that what
            // continues from here happens after all puts before.
            match self.release.tail.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => from = now,
            }
        }
    }

    /// Returns the pool's tag, in the bits above a slot's number. 0 until the first slot is taken.
    #[inline(always)]
    pub(super) fn tag(&self) -> usize {
        // Relaxed: it is set once, before the first slot is taken, by or before the thread from
        // which we have a slot or a handle.
        self.info.tag.load(Ordering::Relaxed)
    }

    /// Assigns the next tag to the pool, unless it has one.
    fn name(&self) {
        if self.tag() == 0 {
            let bits = 32 - self.mask().count_ones();
            // Relaxed, both: only the number matters. The first thread sets it, later ones keep it.
            let _ = self.info.tag.compare_exchange(0, next_tag(bits), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Names the pool, before its first use.
    pub(super) fn name_it(&mut self, tag: u32) {
        let bits = 32 - self.mask().count_ones();
        // Relaxed: the pool is borrowed exclusively.
        self.info.tag.store(in_place(tag, bits), Ordering::Relaxed);
    }

    /// Adds the report of a magazine.
    pub(super) fn report(&self, more: Reported) {
        // Relaxed, all: for display.
        self.info.hits.fetch_add(more.hits, Ordering::Relaxed);
        self.info.moved_in.fetch_add(more.moved_in, Ordering::Relaxed);
        self.info.moved_out.fetch_add(more.moved_out, Ordering::Relaxed);
    }

    /// Returns the counts.
    pub(super) fn counts(&self) -> Counts {
        // Relaxed, all: for display. Counts that rise with a release are loaded before those that
        // rise with an acquire, so that no more seem to be released than were acquired.
        let put = self.release.tail.load(Ordering::Relaxed);
        let reported = Reported {
            hits: self.info.hits.load(Ordering::Relaxed),
            moved_in: self.info.moved_in.load(Ordering::Relaxed),
            moved_out: self.info.moved_out.load(Ordering::Relaxed),
        };
        let fresh = self.acquire.fresh.load(Ordering::Relaxed);
        let taken = self.acquire.head.load(Ordering::Relaxed).wrapping_add(fresh);
        Counts { taken, put, fresh, exhausted: self.acquire.exhausted.load(Ordering::Relaxed), reported }
    }

    /// Returns how many slots were ever taken.
    pub(super) fn used(&self) -> usize {
        // Relaxed: for display, or the caller has the pool exclusively.
        self.acquire.fresh.load(Ordering::Relaxed)
    }

    /// Calls `free` with each number in the ring. Requires exclusive access: concurrent changes
    /// would be missed or seen twice.
    pub(super) fn each_free(&mut self, mut free: impl FnMut(u32)) {
        // Relaxed, all: the ring is borrowed exclusively.
        let mut position = self.acquire.head.load(Ordering::Relaxed);
        loop {
            let entry = self.entry(position).load(Ordering::Relaxed);
            if !self.is_of(entry, position) {
                return;
            }
            free((entry & self.mask()) as u32);
            position = position.wrapping_add(1);
        }
    }
}

/// Exponential backoff: a pause after each failure, twice as long as the last one, up to 64 turns
/// (about 1 to 3 µs), so that the thread that has the line completes several steps before it loses
/// it.
struct Pause(u32);

impl Pause {
    #[cold]
    fn longer(&mut self) {
        let turns = if cfg!(loom) { 0 } else { 1_u32 << self.0 };
        (0..turns).for_each(|_| crate::sync::spin_loop());
        self.0 = (self.0 + 1).min(6);
    }
}

/// Returns a tag that no other pool of this program has, as long as there are any: they count from
/// 1 and start again after 2^`bits` - 1.
fn next_tag(bits: u32) -> usize {
    // Not loom's, which cannot be in a static: nothing is decided by the number.
    #[allow(clippy::disallowed_types)]
    #[cfg(loom)]
    use core::sync::atomic::AtomicUsize;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: only the number matters.
    in_place(NEXT.fetch_add(1, Ordering::Relaxed) as u32, bits)
}

/// Returns number n as a tag of this many bits: 1 to 2^bits - 1, above the bits of a slot's number.
const fn in_place(n: u32, bits: u32) -> usize {
    let most = u32::MAX >> (32 - bits);
    (((n % most) + 1) << (32 - bits)) as usize
}
