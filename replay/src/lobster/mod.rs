//! Replays LOBSTER data: NASDAQ order events through our book, compared with the recorded book.
//!
//! LOBSTER has a trading day as two files of the same number of rows: *messages* (one order event a
//! row) and the *order book* (its best levels after that event). [`replay`] sends the messages
//! through a [`Matcher`](vvp_core::engine::Matcher) as commands and, on request, compares our book
//! with the file after every event. `docs/replay.md` describes what is taken from the order-book
//! file, and what must follow from the messages alone; in short:
//!
//! - row 0 is the start: each of its levels becomes one *anonymous* order;
//! - a level that enters the file's window at its last position was not visible before; its size is
//!   taken from the file, and the difference to what we hold becomes anonymous too, after the row
//!   was compared;
//! - everything else must follow from the messages. A message that contradicts the book (an unknown
//!   order, a new order that trades) ends the replay with a [`Difference`].

mod book_row;
mod fields;
mod input;
mod ledger;
mod message;
mod replay;
mod report;

pub use book_row::{BookRow, Level};
pub use fields::FieldError;
pub use input::{InputError, Source};
pub use ledger::{ANONYMOUS, WindowCounts};
pub use message::{Message, MessageKind};
pub use replay::{Difference, Options, ReplayError, Summary, replay};
pub(crate) use report::TimeOfDay;

use vvp_core::book_type;
use vvp_core::engine::Engine;

/// An engine of one book with room for any LOBSTER session: 65,536 orders, near levels for 16,384
/// ticks a side ($163.84 in cents), 512 far levels a side, no stops. Created from zeroed memory:
///
/// ```
/// use vvp_replay::lobster::ReplayEngine;
/// use zerocopy::FromZeros;
/// let engine = ReplayEngine::new_box_zeroed();
/// # assert!(engine.is_ok());
/// ```
pub type ReplayEngine = Engine<book_type!(orders: 65_536, ticks_per_side: 16_384, far_levels: 512, stops: 1), 1, 1>;
