//! Replay of LOBSTER data: NASDAQ order events through our book, checked against the true book.
//!
//! LOBSTER gives a trading day as two files of the same number of rows: *messages* (one order event a row) and the
//! *order book* (its best levels after that event). [`replay`] sends the messages through a
//! [`Matcher`](vvp_core::engine::Matcher) as commands and, if asked, compares our book with the file after every
//! event. What is taken from the order-book file, and what must follow from the messages alone, is told in
//! `docs/replay.md`; in short:
//!
//! - row 0 is the start: each of its levels becomes one *anonymous* order;
//! - a level that comes into the file's window at its last place was out of sight before; the file says how big it
//!   is, and the difference to what we hold becomes anonymous too. That happens after the row was compared;
//! - everything else must come from the messages. A message that does not fit the book (an order that nobody knows,
//!   a new order that trades) ends the replay with a [`Difference`].

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

use vvp_core::book::Book;
use vvp_core::engine::Engine;

/// An engine of one book with room for any LOBSTER session: 65,536 orders, 16,384 price steps a side around the touch
/// ($163.84 in cents), 512 price levels a side further away, no stops. Made from zeroed memory:
///
/// ```
/// use vvp_replay::lobster::ReplayEngine;
/// use zerocopy::FromZeros;
/// let engine = ReplayEngine::new_box_zeroed();
/// # assert!(engine.is_ok());
/// ```
pub type ReplayEngine = Engine<Book<65_536, 256, 512, 1, 131_072>, 1, 1>;
