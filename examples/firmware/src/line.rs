//! The matching node at the end of a serial line: bytes come in one by one, in an interrupt
//! handler; records go through a ring of frames to the main loop; its events go through a queue to
//! the handler that sends them.
//!
//! Nothing here knows a board, and nothing here can panic. On the line, both ways: the header
//! record, the records, and a last one. The last one in is all zero, which no command is; the last
//! one out is [`LAST`] and the hash of the state.

use crate::{COMMANDS_HEADER, EVENTS_HEADER, Node, RECORD, state_hash, step};
use vvp_core::queue::{Consumer, FrameError, FrameProducer, Frames, Full, PopError, Spsc};

/// Bytes of the ring between the receiver and the main loop: 60 records, each with four bytes of
/// length.
const RING: usize = 4096;

/// Events that may wait to be sent.
const EVENTS: usize = 64;

static INPUT: Frames<RING> = Frames::new();
static OUTPUT: Spsc<[u8; RECORD], EVENTS> = Spsc::new();

/// How the last record out begins; then come eight bytes of state hash, little-endian, and zeros.
pub const LAST: [u8; 8] = *b"VVPHASH\n";

/// What the handler of the receiver's interrupt keeps: the record that is coming in.
#[derive(Debug)]
pub struct Receiver {
    end: Option<FrameProducer<'static, RING>>,
    record: [u8; RECORD],
    used: usize,
    ended: bool,
}

impl Receiver {
    /// Nothing has come yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { end: None, record: [0; RECORD], used: 0, ended: false }
    }

    /// Whether a byte may come. If not, the ring is full, and the byte has to stay where it is (in
    /// the UART, whose line then stops) until the main loop has made room and [`Board::took`] says
    /// so; or the last record has come.
    pub fn ready(&mut self) -> bool {
        if self.used < RECORD || self.ended {
            return !self.ended;
        }
        if self.end.is_none() {
            self.end = INPUT.producer();
        }
        if self.record == [0; RECORD] {
            self.ended = true;
            if let Some(end) = self.end.take() {
                end.close();
            }
            return false;
        }
        // A ring of 4,096 bytes takes frames of 64: it is full, or it is not.
        if self.end.as_mut().is_some_and(|end| end.push(&self.record) != Err(FrameError::Full)) {
            self.used = 0;
        }
        self.used == 0
    }

    /// A byte that has come. To be called when [`ready`](Self::ready) has just said so.
    pub fn byte(&mut self, byte: u8) {
        if let Some(place) = self.record.get_mut(self.used) {
            *place = byte;
            self.used += 1;
        }
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

/// What the handler of the sender's interrupt keeps: the record that is going out.
#[derive(Debug)]
pub struct Sender {
    end: Option<Consumer<'static, [u8; RECORD], EVENTS>>,
    record: [u8; RECORD],
    used: usize,
}

impl Sender {
    /// Nothing to send yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { end: None, record: [0; RECORD], used: RECORD }
    }

    /// The next byte to send. To be called when the line can take one.
    pub fn byte(&mut self) -> Option<u8> {
        if self.used >= RECORD {
            if self.end.is_none() {
                self.end = OUTPUT.consumer();
            }
            self.record = self.end.as_mut()?.pop().ok()?;
            self.used = 0;
        }
        let byte = self.record.get(self.used).copied();
        self.used += 1;
        byte
    }
}

impl Default for Sender {
    fn default() -> Self {
        Self::new()
    }
}

/// What the main loop asks of a board.
pub trait Board {
    /// Sleeps until an interrupt, unless `work` says that there is something to do already. (A
    /// board that only polls does a handler's work here.)
    fn sleep(&mut self, work: fn() -> bool);

    /// The main loop has taken records: a receiver that was not ready may be now.
    fn took(&mut self);

    /// There is something to send.
    fn send(&mut self);
}

/// Why the node gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An endpoint of a queue is claimed already: the main loop was started twice.
    Taken,
    /// The first record is no header of a file of commands.
    Header,
}

/// The main loop: matches all commands until the last record, and sends the hash of the state. How
/// many commands there were.
///
/// # Errors
/// See [`Fault`].
pub fn serve(node: &mut Node, board: &mut dyn Board) -> Result<u64, Fault> {
    let (Some(mut input), Some(mut output)) = (INPUT.consumer(), OUTPUT.producer()) else { return Err(Fault::Taken) };
    let mut send = |board: &mut dyn Board, mut record: [u8; RECORD]| {
        // Ends when there is room, which the sender makes: it needs nothing of us.
        while let Err(Full(again)) = output.push(record) {
            record = again;
            board.sleep(|| OUTPUT.len() < EVENTS);
        }
        board.send();
    };
    let (mut commands, mut begun) = (0, false);
    loop {
        match input.read() {
            Ok(frame) => {
                let mut record = [0; RECORD];
                if let Some(bytes) = frame.first_chunk::<RECORD>() {
                    record = *bytes;
                }
                frame.release();
                board.took();
                if !begun {
                    if record != COMMANDS_HEADER {
                        return Err(Fault::Header);
                    }
                    begun = true;
                    send(board, EVENTS_HEADER);
                    continue;
                }
                commands += 1;
                step(node, &record, commands, &mut |event| {
                    if let Some(event) = event.first_chunk::<RECORD>() {
                        send(board, *event);
                    }
                });
            }
            Err(PopError::Closed) => break,
            Err(_) => board.sleep(|| INPUT.stats().depth > 0 || INPUT.is_closed()),
        }
    }
    let mut last = [0; RECORD];
    let hash = state_hash(node).to_le_bytes();
    for (place, byte) in last.iter_mut().zip(LAST.iter().chain(&hash)) {
        *place = *byte;
    }
    send(board, last);
    Ok(commands)
}

/// Whether all that was to be sent has been taken by the sender, but for the record it is at.
#[must_use]
pub fn sent() -> bool {
    OUTPUT.is_empty()
}
