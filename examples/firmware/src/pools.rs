//! Objects that an interrupt handler and the main loop share: an instance of each of the core's
//! pools and metrics, so that building this library for a target compiles them for it.

use vvp_core::metrics::{Counter, Gauge, Histogram, SharedCounter};
use vvp_core::pool::{Handle, Pool, Slab};

/// Command records on their way from the interrupt handler to the main loop.
static RECORDS: Pool<[u64; 8], 16> = Pool::new();
static REFUSED: SharedCounter = SharedCounter::new();
static TAKEN: Counter = Counter::new();
static OPEN: Gauge = Gauge::new();

/// A copy of a record, under a handle that goes through any queue. `None`, and counted, if all are
/// in use.
pub fn store(record: &[u64; 8]) -> Option<Handle> {
    let Some(mut place) = RECORDS.acquire() else {
        REFUSED.add(1);
        return None;
    };
    *place = *record;
    Some(place.into_handle())
}

/// The record of a handle, which is given back; its words are noted as open in `slab`, and its
/// first one in `sizes`.
pub fn take(handle: Handle, slab: &mut Slab<u64, 32>, sizes: &Histogram) -> Option<[u64; 8]> {
    let record = *RECORDS.adopt(handle).ok()?;
    TAKEN.add(1);
    sizes.record_with_expected_interval(record[0], 1000);
    if let Ok(key) = slab.insert(record[0]) {
        OPEN.set(slab.len());
        if record[0] == 0 {
            slab.remove(key);
        }
    }
    Some(record)
}

/// Taken, refused, open at most.
pub fn counts() -> (u64, usize, usize) {
    (TAKEN.get(), REFUSED.get(), OPEN.high_water())
}
