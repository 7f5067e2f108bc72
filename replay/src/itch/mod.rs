//! A whole market from NASDAQ's ITCH 5.0: every stock's book, from files of any size in constant memory.
//!
//! [`FrameReader`] gives the frames of a file, [`Lines`] those of captured MoldUDP64, [`market::Market`] keeps the books, [`replay`] leads one into the other,
//! [`Rows`] writes books down as they change, [`Drive`] sends all of it through the
//! matching engine, [`Summary`] says what was found. `docs/itch.md` tells what a day needs
//! and how each message is taken.

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

/// Ten-thousandths of a dollar: what prices of ITCH count.
pub(crate) const TICK: vvp_core::book::Tick = match vvp_core::book::Tick::new(1, 4) {
    Some(tick) => tick,
    None => panic!("1 × 10^-4 is a tick"),
};
