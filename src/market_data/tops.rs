//! Top of book of every instrument, for readers on other threads.

use super::{FeedSink, Record, Subscription};
use crate::book::InstrumentId;
use crate::cell::Latest;
use crate::cell::{Reader, Writer};
use crate::sync::const_unless_loom;
use core::fmt;

/// The newest L1 [`Record`] of each instrument: the matching thread writes, any number of other
/// threads read.
///
/// Writing is wait-free and readers never block the writer; a reader sees the newest top, not every
/// one. Each instrument has cache lines of its own (384 bytes), so there is no false sharing
/// between instruments. All-zero bytes are "nothing yet".
///
/// ```
/// use vvp_core::book::*;
/// use vvp_core::engine::{Engine, Matcher};
/// use vvp_core::market_data::{Feed, MarketData, Tops};
///
/// type OneBook = vvp_core::book_type!(orders: 64, ticks_per_side: 64, far_levels: 8, stops: 8);
/// type Small = Engine<OneBook, 1, 4>;
/// static TOPS: Tops<1> = Tops::new();
///
/// let mut engine = Small::new();
/// let mut feed = Feed::<1, { Small::LEVELS_TOUCHED_MAX }>::new();
/// let mut events = CountSink::default();
/// let mut tops = TOPS.writer().expect("the only writer");
/// let x = InstrumentId::new(0);
/// let mut top = TOPS.reader(x).expect("there is one"); // goes to another thread
///
/// let define = Command::instrument(x, &InstrumentSpec::new(Symbol::X));
/// feed.apply(&mut engine, &define, &mut events, &mut tops);
/// let bid = Command::limit(OrderId::new(1), Side::Buy, Price::new(99), Qty::new(10));
/// feed.apply(&mut engine, &bid, &mut events, &mut tops);
/// let newest = top.read_if_newer().expect("there is news").data();
/// let MarketData::Top { bid: Some(best), ask: None } = newest else { panic!("an L1 record") };
/// assert_eq!(best.price, Price::new(99));
/// ```
#[cfg_attr(all(not(loom), target_has_atomic = "ptr"), derive(zerocopy::FromZeros))]
#[repr(C)]
pub struct Tops<const INSTRUMENTS: usize> {
    tops: [Latest<Record>; INSTRUMENTS],
}

impl<const INSTRUMENTS: usize> Tops<INSTRUMENTS> {
    const_unless_loom! {
        /// Creates tops without a record.
        pub fn new() -> Self {
            #[cfg(not(loom))]
            return Self { tops: [const { Latest::new() }; INSTRUMENTS] };
            #[cfg(loom)]
            Self { tops: core::array::from_fn(|_| Latest::new()) }
        }
    }

    /// Claims the writer, for the thread of the engine; `None` while it is claimed. Dropping it
    /// releases the claim.
    #[must_use]
    pub fn writer(&self) -> Option<TopsWriter<'_, INSTRUMENTS>> {
        let writers = core::array::from_fn(|i| self.tops.get(i).and_then(Latest::writer));
        // If one is missing, the others are released.
        writers.iter().all(Option::is_some).then_some(TopsWriter { writers })
    }

    /// Returns a reader of one instrument's top, for any thread; `None` if the instrument is beyond
    /// `INSTRUMENTS`.
    #[must_use]
    pub fn reader(&self, instrument: InstrumentId) -> Option<Reader<'_, Record>> {
        self.tops.get(usize::from(instrument.get())).map(Latest::reader)
    }
}

impl<const INSTRUMENTS: usize> Default for Tops<INSTRUMENTS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const INSTRUMENTS: usize> fmt::Debug for Tops<INSTRUMENTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.tops).finish()
    }
}

/// Publishes L1 records in [`Tops`]: an output for [`Feed::apply`](super::Feed::apply). Records of
/// instruments beyond `INSTRUMENTS` are skipped.
#[must_use = "dropping the writer gives it back"]
pub struct TopsWriter<'t, const INSTRUMENTS: usize> {
    writers: [Option<Writer<'t, Record>>; INSTRUMENTS],
}

impl<const INSTRUMENTS: usize> FeedSink for TopsWriter<'_, INSTRUMENTS> {
    const SUBSCRIPTION: Subscription = Subscription { top: true, levels: false, orders: false };

    #[inline]
    fn record(&mut self, record: Record) {
        if let Some(Some(writer)) = self.writers.get_mut(usize::from(record.instrument().get())) {
            writer.write(record);
        }
    }
}

impl<const INSTRUMENTS: usize> fmt::Debug for TopsWriter<'_, INSTRUMENTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.writers).finish()
    }
}
