//! Replays files into books: frames are decoded in batches, and each batch is applied to the
//! market.

use std::io;
use std::time::{Duration, Instant};

use super::FrameReader;
use super::market::{DAY_NS, DayMarket};
use vvp_core::wire::frame::{Frames, WireError};
use vvp_core::wire::itch::{BadMessage, Message};

/// Messages decoded in one batch: enough to read the clock rarely, few enough to stay in cache.
const BATCH: usize = 256;
/// Prefetch distances, in messages: first the stock and the order's place in the id map, then the
/// order and the best prices, then the level. Each step needs the one before.
const AHEAD_PLACE: usize = 24;
const AHEAD_ORDER: usize = 14;
const AHEAD_LEVEL: usize = 6;

/// A message, and the keys of its prefetches. All book messages have their reference at the same
/// offset, so that prefetching needs no branch on the type, which would be mispredicted; for other
/// messages the key is meaningless and harmless.
#[derive(Clone, Copy)]
struct Decoded<'a> {
    offset: u64,
    message: Message<'a>,
    reference: u64,
    locate: u16,
}

const NOTHING: Decoded<'_> = Decoded { offset: 0, message: Message::Unknown(&[]), reference: 0, locate: 0 };

/// Options of a replay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Stop before the first message later than this, in ns since midnight; times of 24 hours and
    /// more are anomalies and end nothing.
    pub until_ns: Option<u64>,
    /// Stop after the first anomaly.
    pub strict: bool,
}

/// An observer of the market.
pub trait Watch {
    /// Whether it observes anything; if not, it costs nothing.
    const SEES: bool = true;

    /// Called before a message is applied.
    ///
    /// # Errors
    /// An error ends the replay.
    fn before(&mut self, market: &DayMarket, message: &Message<'_>, time_ns: u64) -> io::Result<()>;

    /// Called after a message that changes the book of a stock, or could have.
    ///
    /// # Errors
    /// An error ends the replay.
    fn after(&mut self, market: &DayMarket, locate: u16, time_ns: u64) -> io::Result<()>;
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWatch;

impl Watch for NoWatch {
    const SEES: bool = false;

    fn before(&mut self, _: &DayMarket, _: &Message<'_>, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn after(&mut self, _: &DayMarket, _: u16, _: u64) -> io::Result<()> {
        Ok(())
    }
}

/// Times of a replay.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Spent {
    /// Finding frames and decoding them.
    pub decode: Duration,
    /// Updating the books, observers included.
    pub book: Duration,
    /// Total, with reading and decompression.
    pub total: Duration,
}

/// Reason why a replay ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The file ended.
    File,
    /// The requested time was reached.
    Time,
    /// There was an anomaly, and the replay was strict.
    Anomaly,
}

/// Error of a replay.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file cannot be read or decompressed.
    Read(io::Error),
    /// The observer cannot write.
    Write(io::Error),
    /// The file ends within a frame. Everything before was applied.
    Cut(WireError),
}

impl core::fmt::Display for ReplayError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Read(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the compressed file ends too early; get the whole file")
            }
            Self::Read(e) => write!(f, "cannot read: {e}"),
            Self::Write(e) => write!(f, "cannot write: {e}"),
            Self::Cut(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Applies all messages of a reader. `base` is added to the offsets of anomalies: the bytes of
/// earlier files of the same day.
///
/// # Errors
/// [`ReplayError`]; the market is then in the state after the last message before.
pub fn replay<W: Watch>(
    reader: &mut FrameReader<'_>,
    base: u64,
    market: &mut DayMarket,
    options: Options,
    watch: &mut W,
    spent: &mut Spent,
) -> Result<End, ReplayError> {
    let begin = Instant::now();
    let end = loop {
        match reader.piece(|frames| piece(frames, base, market, options, watch, spent)).map_err(ReplayError::Read)? {
            None => break reader.finish().map(|()| End::File).map_err(ReplayError::Cut),
            Some(Ok(None)) => {}
            Some(Ok(Some(end))) => break Ok(end),
            Some(Err(e)) => break Err(ReplayError::Write(e)),
        }
    };
    spent.total += begin.elapsed();
    end
}

fn piece<W: Watch>(
    frames: &mut Frames<'_>,
    base: u64,
    market: &mut DayMarket,
    options: Options,
    watch: &mut W,
    spent: &mut Spent,
) -> io::Result<Option<End>> {
    let mut batch = [NOTHING; BATCH];
    let mut clock = Instant::now();
    // Decoded and not yet applied.
    let mut waiting = 0;
    loop {
        let (count, bad) = decode(frames, &mut batch, waiting);
        let decoded = Instant::now();
        spent.decode += decoded - clock;
        // The last ones wait for the next batch, whose prefetches run ahead of them.
        let due = if count == BATCH && bad.is_none() { BATCH - AHEAD_PLACE } else { count };
        let end = take(&batch[..count], due, base, market, options, watch)?;
        batch.copy_within(due..count, 0);
        waiting = count - due;
        clock = Instant::now();
        spent.book += clock - decoded;
        if end.is_some() {
            return Ok(end);
        }
        match bad {
            Some((offset, bad)) => {
                market.bad(base + offset, &bad);
                if options.strict {
                    return Ok(Some(End::Anomaly));
                }
            }
            None if count < BATCH => return Ok(None),
            None => {}
        }
    }
}

/// Decodes after the first `have` until the batch is full, the frames are used up, or one is bad.
/// Returns how many there are, and the bad one.
#[inline(never)]
fn decode<'a>(
    frames: &mut Frames<'a>,
    batch: &mut [Decoded<'a>; BATCH],
    have: usize,
) -> (usize, Option<(u64, BadMessage)>) {
    /// Offset of the reference in book messages.
    const REFERENCE: usize = 11;
    for (n, slot) in batch.iter_mut().enumerate().skip(have) {
        let Some((offset, bytes)) = frames.next() else { return (n, None) };
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(bad) => return (n, Some((offset, bad))),
        };
        let (reference, locate) = match bytes.get(..REFERENCE + 8) {
            Some(&[_, l0, l1, .., r0, r1, r2, r3, r4, r5, r6, r7]) => {
                (u64::from_be_bytes([r0, r1, r2, r3, r4, r5, r6, r7]), u16::from_be_bytes([l0, l1]))
            }
            _ => (0, 0),
        };
        *slot = Decoded { offset, message, reference, locate };
    }
    (BATCH, None)
}

#[inline(always)]
fn ask_ahead(market: &DayMarket, batch: &[Decoded<'_>], at: usize) {
    if let Some(far) = batch.get(at + AHEAD_PLACE) {
        market.prefetch_stock(far.locate, far.reference);
    }
    if let Some(nearer) = batch.get(at + AHEAD_ORDER) {
        market.prefetch_order(nearer.locate, nearer.reference);
    }
    if let Some(near) = batch.get(at + AHEAD_LEVEL) {
        market.prefetch_level(near.reference);
    }
}

#[inline(never)]
fn take<W: Watch>(
    batch: &[Decoded<'_>],
    due: usize,
    base: u64,
    market: &mut DayMarket,
    options: Options,
    watch: &mut W,
) -> io::Result<Option<End>> {
    for (at, Decoded { offset, message, .. }) in batch.iter().enumerate().take(due) {
        ask_ahead(market, batch, at);
        let (locate, time) = match message.head() {
            Some(head) if W::SEES || options.until_ns.is_some() => (head.locate(), head.time_ns()),
            _ => (0, 0),
        };
        if options.until_ns.is_some_and(|until| time > until && time < DAY_NS) {
            return Ok(Some(End::Time));
        }
        if W::SEES {
            watch.before(market, message, time)?;
        }
        let changed = market.apply(base + offset, message);
        if W::SEES && changed {
            watch.after(market, locate, time)?;
        }
        if options.strict && market.anomalies().total() > 0 {
            return Ok(Some(End::Anomaly));
        }
    }
    Ok(None)
}
