//! A whole market from NASDAQ's ITCH 5.0: every stock's book, from files of any size in constant memory.
//!
//! [`FrameReader`] gives the frames of a file, [`market::Market`] keeps the books, [`summary`] says what was found.
//! `docs/itch.md` tells what a day needs and how each message is taken.

pub mod checksum;
pub mod market;
mod reader;
pub mod summary;

pub use reader::FrameReader;
