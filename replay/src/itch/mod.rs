//! A whole market from NASDAQ ITCH 5.0: every stock's book, from files of any size in constant
//! memory.
//!
//! [`FrameReader`] reads the frames of a file, [`Lines`] those of captured MoldUDP64,
//! [`market::Market`] has the books, [`replay`] applies the messages to them, [`Rows`] writes the
//! books as they change, [`Drive`] sends the day through the matching engine, [`Summary`] reports
//! the result. `docs/itch.md` describes what a day needs and how each message is applied.

mod captures;
pub mod checksum;
mod drive;
mod feeds;
mod lines;
pub mod market;
mod reader;
mod replay;
mod rows;
mod summary;

pub use drive::{Difference, Drive, DriveReport, Tally};
pub use feeds::{Destination, Feeds, Flow, Name, Wanted};
pub use lines::{LineStats, Lines, Odd};
pub use reader::{FrameReader, is_capture};
pub use replay::{End, NoWatch, Options, ReplayError, Spent, Watch, replay};
pub use rows::{Every, RowFormat, Rows};
pub use summary::Summary;

/// The unit of ITCH prices: a ten-thousandth of a dollar.
pub(crate) const TICK: vvp_core::book::Tick = match vvp_core::book::Tick::new(1, 4) {
    Some(tick) => tick,
    None => panic!("1 × 10^-4 is a tick"),
};
