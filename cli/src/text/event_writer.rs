//! Writes events as text.

use super::Format;
use vvp_core::book::{Event, EventBody, Symbol, Tick};
use vvp_replay::digits::{Cursor, PRICE_MAX};

/// Maximum bytes of one event as text, its line feed included.
pub const EVENT_LINE_MAX: usize = 384;

// The longest is a trade: its field names, 6 numbers, a price, a symbol.
const _: () = assert!(144 + 6 * 20 + PRICE_MAX + 16 < EVENT_LINE_MAX);

const HEADER: &str = "seq,event,symbol,ts,id,maker,taker,price,qty,maker_open,taker_open,reason,phase,line\n";

/// Text format of the events of one instrument.
#[derive(Clone, Copy, Debug)]
struct Face {
    tick: Tick,
    /// The symbol as it appears in a line: in JSON Lines with its key.
    text: [u8; 28],
    len: u8,
}

impl Face {
    fn new(symbol: Symbol, tick: Tick, csv: bool) -> Self {
        let mut text = [0; 28];
        let mut c = Cursor::new(&mut text);
        let name = symbol.as_str();
        let (before, after) = match csv {
            false => (",\"symbol\":\"", "\""),
            true if name.contains(',') => ("\"", "\""),
            true => ("", ""),
        };
        c.str(before);
        c.str(name);
        c.str(after);
        let len = c.len() as u8;
        Self { tick, text, len }
    }

    fn text(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }
}

/// Writes events, a line each. It counts their sequence numbers itself, from 1 over the whole run,
/// and takes symbols and ticks from the `Defined` events of the same stream, which have no line.
///
/// ```
/// use vvp_core::book::*;
/// use vvpx::text::{EVENT_LINE_MAX, EventWriter, Format};
/// let mut writer = EventWriter::new(Format::Jsonl, 16);
/// let mut line = [0; EVENT_LINE_MAX];
/// let (id, side, owner, qty) = (OrderId::new(7), Side::Buy, OwnerId::new(1), Qty::new(5));
/// let accepted = EventBody::Accepted { id, side, owner, price: None, qty };
/// let event = Event::new(1, Some(InstrumentId::new(0)), Some(1_000), accepted);
/// let len = writer.line(&event, &mut line);
/// assert_eq!(&line[..len], b"{\"seq\":1,\"event\":\"accepted\",\"ts\":1000,\"id\":7}\n");
/// ```
#[derive(Debug)]
pub struct EventWriter {
    csv: bool,
    seq: u64,
    faces: Vec<Face>,
    max: usize,
}

impl EventWriter {
    /// Creates a writer for a whole run, with room for `max_instruments`; events of further
    /// instruments are written without a symbol, in ticks.
    #[must_use]
    pub fn new(format: Format, max_instruments: usize) -> Self {
        let csv = format == Format::Csv;
        Self { csv, seq: 0, faces: Vec::with_capacity(max_instruments), max: max_instruments }
    }

    /// Returns the header: that of CSV; JSON Lines has none.
    #[must_use]
    pub fn header(&self) -> &'static str {
        if self.csv { HEADER } else { "" }
    }

    /// Returns the sequence number of the last event written.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Writes the line of `event` with its line feed to the start of `out`; returns its length, 0
    /// for `Defined`.
    ///
    /// # Panics
    /// If `out` has fewer than [`EVENT_LINE_MAX`] bytes.
    #[inline]
    pub fn line(&mut self, event: &Event, out: &mut [u8]) -> usize {
        let mut c = Cursor::new(&mut out[..EVENT_LINE_MAX]);
        let body = event.body();
        if let EventBody::Defined { symbol, tick } = body {
            self.define(event, Face::new(symbol, tick, self.csv));
            return 0;
        }
        self.seq += 1;
        let face = event.instrument().and_then(|id| self.faces.get(usize::from(id.get())));
        let tick = face.map_or(Tick::ONE, |face| face.tick);
        let symbol = face.filter(|_| self.faces.len() > 1).map_or(&[][..], Face::text);
        if self.csv {
            csv(&mut c, self.seq, symbol, event.ts(), &body, tick);
        } else {
            json(&mut c, self.seq, symbol, event.ts(), &body, tick);
        }
        c.len()
    }

    #[cold]
    fn define(&mut self, event: &Event, face: Face) {
        let index = usize::from(event.instrument().unwrap_or_default().get());
        let defined = self.faces.len();
        match self.faces.get_mut(index) {
            Some(known) => *known = face,
            None if index == defined && defined < self.max => self.faces.push(face),
            None => {}
        }
    }
}

#[inline]
fn json(c: &mut Cursor<'_>, seq: u64, symbol: &[u8], ts: Option<u64>, body: &EventBody, tick: Tick) {
    c.str("{\"seq\":");
    c.u64(seq);
    c.str(match body {
        EventBody::Accepted { .. } => ",\"event\":\"accepted\"",
        EventBody::Rejected { .. } => ",\"event\":\"rejected\"",
        EventBody::Trade { .. } => ",\"event\":\"trade\"",
        EventBody::Canceled { .. } => ",\"event\":\"canceled\"",
        EventBody::Reduced { .. } => ",\"event\":\"reduced\"",
        EventBody::Replaced { .. } => ",\"event\":\"replaced\"",
        EventBody::Triggered { .. } => ",\"event\":\"triggered\"",
        EventBody::Phase { .. } => ",\"event\":\"phase\"",
        EventBody::Uncross { .. } => ",\"event\":\"uncross\"",
        _ => unreachable!("an event without a line"),
    });
    c.bytes(symbol);
    if let Some(ts) = ts {
        c.str(",\"ts\":");
        c.u64(ts);
    }
    let id = |c: &mut Cursor<'_>, id: u64| {
        c.str(",\"id\":");
        c.u64(id);
    };
    let price = |c: &mut Cursor<'_>, ticks: i64| {
        c.str(",\"price\":\"");
        c.price(ticks, tick);
        c.byte(b'"');
    };
    let qty = |c: &mut Cursor<'_>, qty: u64| {
        c.str(",\"qty\":");
        c.u64(qty);
    };
    let reason = |c: &mut Cursor<'_>, word: &str| {
        c.str(",\"reason\":\"");
        c.str(word);
        c.byte(b'"');
    };
    match *body {
        EventBody::Accepted { id: order, .. } | EventBody::Triggered { id: order, .. } => id(c, order.get()),
        EventBody::Rejected { id: order, reason: why, edge_ref: line } => {
            if let Some(order) = order {
                id(c, order.get());
            }
            reason(c, why.word());
            if let Some(line) = line {
                c.str(",\"line\":");
                c.u64(line);
            }
        }
        EventBody::Trade { maker, taker, price: at, qty: lots, maker_open, taker_open, .. } => {
            c.str(",\"maker\":");
            c.u64(maker.get());
            c.str(",\"taker\":");
            c.u64(taker.get());
            price(c, at.ticks());
            qty(c, lots.lots());
            c.str(",\"maker_open\":");
            c.u64(maker_open.lots());
            c.str(",\"taker_open\":");
            c.u64(taker_open.lots());
        }
        EventBody::Canceled { id: order, qty: lots, reason: why, .. } => {
            id(c, order.get());
            qty(c, lots.lots());
            reason(c, why.word());
        }
        EventBody::Reduced { id: order, qty: lots, .. } => {
            id(c, order.get());
            qty(c, lots.lots());
        }
        EventBody::Replaced { id: order, price: at, qty: lots, .. } => {
            id(c, order.get());
            if let Some(at) = at {
                price(c, at.ticks());
            }
            qty(c, lots.lots());
        }
        EventBody::Phase { phase } => {
            c.str(",\"phase\":\"");
            c.str(phase.word());
            c.byte(b'"');
        }
        EventBody::Uncross { price: at, volume } => {
            price(c, at.ticks());
            c.str(",\"qty\":");
            c.u128(volume);
        }
        _ => {}
    }
    c.str("}\n");
}

/// The columns of [`HEADER`] written so far.
#[inline]
fn csv(c: &mut Cursor<'_>, seq: u64, symbol: &[u8], ts: Option<u64>, body: &EventBody, tick: Tick) {
    c.u64(seq);
    c.byte(b',');
    c.str(match body {
        EventBody::Accepted { .. } => "accepted,",
        EventBody::Rejected { .. } => "rejected,",
        EventBody::Trade { .. } => "trade,",
        EventBody::Canceled { .. } => "canceled,",
        EventBody::Reduced { .. } => "reduced,",
        EventBody::Replaced { .. } => "replaced,",
        EventBody::Triggered { .. } => "triggered,",
        EventBody::Phase { .. } => "phase,",
        EventBody::Uncross { .. } => "uncross,",
        _ => unreachable!("an event without a line"),
    });
    c.bytes(symbol);
    c.byte(b',');
    if let Some(ts) = ts {
        c.u64(ts);
    }
    c.byte(b',');
    match *body {
        EventBody::Accepted { id, .. } | EventBody::Triggered { id, .. } => {
            c.u64(id.get());
            c.str(",,,,,,,,,\n");
        }
        EventBody::Rejected { id, reason, edge_ref: line } => {
            if let Some(id) = id {
                c.u64(id.get());
            }
            c.str(",,,,,,,");
            c.str(reason.word());
            c.str(",,");
            if let Some(line) = line {
                c.u64(line);
            }
            c.byte(b'\n');
        }
        EventBody::Trade { maker, taker, price, qty, maker_open, taker_open, .. } => {
            c.byte(b',');
            c.u64(maker.get());
            c.byte(b',');
            c.u64(taker.get());
            c.byte(b',');
            c.price(price.ticks(), tick);
            c.byte(b',');
            c.u64(qty.lots());
            c.byte(b',');
            c.u64(maker_open.lots());
            c.byte(b',');
            c.u64(taker_open.lots());
            c.str(",,,\n");
        }
        EventBody::Canceled { id, qty, reason, .. } => {
            c.u64(id.get());
            c.str(",,,,");
            c.u64(qty.lots());
            c.str(",,,");
            c.str(reason.word());
            c.str(",,\n");
        }
        EventBody::Reduced { id, qty, .. } => {
            c.u64(id.get());
            c.str(",,,,");
            c.u64(qty.lots());
            c.str(",,,,,\n");
        }
        EventBody::Replaced { id, price, qty, .. } => {
            c.u64(id.get());
            c.str(",,,");
            if let Some(price) = price {
                c.price(price.ticks(), tick);
            }
            c.byte(b',');
            c.u64(qty.lots());
            c.str(",,,,,\n");
        }
        EventBody::Phase { phase } => {
            c.str(",,,,,,,,");
            c.str(phase.word());
            c.str(",\n");
        }
        EventBody::Uncross { price, volume } => {
            c.str(",,,");
            c.price(price.ticks(), tick);
            c.byte(b',');
            c.u128(volume);
            c.str(",,,,,\n");
        }
        _ => {}
    }
}
