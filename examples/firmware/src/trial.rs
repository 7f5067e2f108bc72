//! A trial of the queues, the pool and a book that fits 16 KiB of RAM: a fixed script that writes
//! its results as text.
//!
//! `scripts/firmware.sh` runs it on a Cortex-M0, which has neither compare-and-swap nor 64-bit
//! atomics, on a Cortex-M3, and on the host (`examples/trial.rs`); every line must be the same.

use core::fmt::{self, Write};
use vvp_core::book::{
    Command, Event, FnSink, InstrumentId, InstrumentSpec, OrderId, OwnerId, Phase, Price, Qty, Side, Symbol,
    TimeInForce, WithStateHash,
};
use vvp_core::book_type;
use vvp_core::cell::Latest;
use vvp_core::engine::{Engine, Matcher};
use vvp_core::pool::{Pool, Slab};
use vvp_core::queue::{Frames, Mpsc, PopError, SequencedSpsc, Spsc};
use zerocopy::IntoBytes;

/// 48 orders, 64 ticks in the window, 4 levels a side beyond it, 4 stops, ids in 64 places; with a
/// state hash.
pub type TinyBook = book_type!(orders: 48, ticks_per_side: 64, far_levels: 4, stops: 4, state_hash: WithStateHash);

/// One instrument, two owners with limits.
pub type TinyNode = Engine<TinyBook, 1, 2>;

static VALUES: Spsc<u64, 16> = Spsc::new();
static SEQUENCED: SequencedSpsc<u32, 8> = SequencedSpsc::new();
static MANY: Mpsc<u32, 8> = Mpsc::new();
static PACKETS: Frames<128> = Frames::new();
static NEWEST: Latest<[u32; 3]> = Latest::new();
static OBJECTS: Pool<u32, 8> = Pool::new();

/// A random generator with the same numbers everywhere: SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// A checksum of all results (64-bit FNV-1a).
struct Seen(u64);

impl Seen {
    const NOTHING: Self = Self(0xcbf2_9ce4_8422_2325);

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }
}

/// Runs all of it; `node` must be new.
///
/// # Errors
/// The error of `out`; also if an endpoint of a queue is claimed already.
pub fn run(node: &mut TinyNode, out: &mut dyn Write) -> fmt::Result {
    queues(out)?;
    frames(out)?;
    newest(out)?;
    objects(out)?;
    book(node, out)
}

fn queues(out: &mut dyn Write) -> fmt::Result {
    let (mut random, mut seen) = (Random(1), Seen::NOTHING);
    let mut values = VALUES.producer().zip(VALUES.consumer()).ok_or(fmt::Error)?;
    let mut sequenced = SEQUENCED.producer().zip(SEQUENCED.consumer()).ok_or(fmt::Error)?;
    let mut many = (MANY.producer(), MANY.consumer().ok_or(fmt::Error)?);
    let mut buffer = [0; 5];
    for n in 0..2000 {
        match random.below(8) {
            0..3 => seen.number(u64::from(values.0.push(n).is_ok())),
            3 => seen.number(values.0.push_slice(&[n, !n, n << 40]) as u64),
            4 => seen.number(values.1.pop().unwrap_or(u64::MAX)),
            _ => {
                let taken = values.1.pop_slice(&mut buffer);
                buffer.iter().take(taken).for_each(|value| seen.number(*value));
            }
        }
        match random.below(4) {
            0..2 => {
                seen.number(u64::from(sequenced.0.push(n as u32).is_ok()));
                seen.number(u64::from(many.0.push(n as u32).is_ok()));
            }
            _ => {
                seen.number(sequenced.1.pop().map_or(u64::MAX, u64::from));
                seen.number(many.1.pop().map_or(u64::MAX, u64::from));
            }
        }
    }
    values.0.close();
    values.1.drain().for_each(|value| seen.number(value));
    let closed = values.1.pop() == Err(PopError::Closed);
    let (one, two) = (VALUES.stats(), SEQUENCED.stats());
    writeln!(out, "queues {:016x} closed {closed}", seen.0)?;
    writeln!(out, "spsc pushed {} refused {} most {}", one.pushed, one.full_count, one.high_water)?;
    writeln!(out, "sequenced pushed {} refused {} most {}", two.pushed, two.full_count, two.high_water)
}

fn frames(out: &mut dyn Write) -> fmt::Result {
    let (mut random, mut seen) = (Random(2), Seen::NOTHING);
    let (mut tx, mut rx) = PACKETS.producer().zip(PACKETS.consumer()).ok_or(fmt::Error)?;
    let bytes: [u8; 64] = core::array::from_fn(|n| n as u8);
    for _ in 0..1000 {
        if random.below(2) == 0 {
            let packet = bytes.get(..random.below(61) as usize).unwrap_or_default();
            seen.number(u64::from(tx.push(packet).is_ok()));
        } else if let Ok(frame) = rx.read() {
            seen.bytes(&frame);
            frame.release();
        }
    }
    let stats = PACKETS.stats();
    writeln!(out, "frames {:016x} pushed {} refused {}", seen.0, stats.pushed, stats.full_count)
}

fn newest(out: &mut dyn Write) -> fmt::Result {
    let mut writer = NEWEST.writer().ok_or(fmt::Error)?;
    let mut reader = NEWEST.reader();
    let mut right = 0;
    for n in 0..100 {
        writer.write([n, n + 1, n + 2]);
        right += u32::from(reader.read_if_newer() == Some([n, n + 1, n + 2]));
    }
    writeln!(out, "latest {right} of {}", writer.version())
}

fn objects(out: &mut dyn Write) -> fmt::Result {
    let (mut random, mut seen) = (Random(3), Seen::NOTHING);
    let mut handles = [None; 8];
    let (mut refused, mut stale) = (0, 0);
    let mut slab = Slab::<u32, 8>::new();
    for n in 0..1000_u32 {
        let at = random.below(8) as usize;
        let Some(handle) = handles.get_mut(at) else { continue };
        match handle.take() {
            Some(old) => {
                if let Ok(object) = OBJECTS.adopt(old) {
                    seen.number(u64::from(*object));
                }
                stale += u32::from(OBJECTS.adopt(old).is_err());
            }
            None => match OBJECTS.acquire() {
                Some(mut object) => {
                    *object = n;
                    *handle = Some(object.into_handle());
                }
                None => refused += 1,
            },
        }
        match slab.insert(n) {
            Ok(key) if n % 3 == 0 => seen.number(slab.remove(key).map_or(0, u64::from)),
            Ok(_) => {}
            Err(_) => slab.clear(),
        }
    }
    writeln!(out, "pool {:016x} refused {refused} stale {stale}", seen.0)
}

fn book(node: &mut TinyNode, out: &mut dyn Write) -> fmt::Result {
    let (mut random, mut seen, mut events) = (Random(4), Seen::NOTHING, 0);
    let x = InstrumentId::new(0);
    let mut apply = |node: &mut TinyNode, command: &Command| {
        node.apply(
            command,
            &mut FnSink(|event: Event| {
                seen.bytes(event.as_bytes());
                events += 1;
            }),
        );
    };
    apply(node, &Command::instrument(x, &InstrumentSpec::new(Symbol::X)));
    for n in 1..=1500_u64 {
        let id = OrderId::new(1 + random.below(60));
        let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let price = Price::new(1000 + random.below(80) as i64 - 40);
        let qty = Qty::new(1 + random.below(20));
        let order = Command::limit(id, side, price, qty).with_owner(OwnerId::new(random.below(2) as u32));
        let command = match random.below(16) {
            0..6 => order,
            6 => order.with_display_qty(Qty::new(1)),
            7 => order.with_hidden(),
            8 => order.with_tif(TimeInForce::Ioc),
            9 => Command::market(id, side, qty),
            10 => Command::stop(id, side, price, qty),
            11 => Command::trailing_stop(id, side, 3, qty),
            12 => Command::reduce(id, qty),
            13 if n % 100 == 0 => Command::phase(Phase::Auction),
            13 if n % 7 == 0 => Command::phase(Phase::Continuous),
            _ => Command::cancel(id),
        };
        apply(node, &command);
    }
    writeln!(out, "book {:016x} events {events} state {:016x}", seen.0, node.state_hash())
}
