//! Recorded markets in: NASDAQ ITCH 5.0 files and captures, and LOBSTER files, compressed or not.
//!
//! - [`itch`]: a whole market's day from ITCH messages, in files or in captured MoldUDP64 packets.
//! - [`lobster`]: one stock's day from LOBSTER's message and order book files, compared row by row.
//! - [`packed`]: `.gz`, `.xz` and `.zst` files, read as they were before they were compressed.
//! - [`recognise`]: what a file holds, from its first bytes.
//! - [`json`]: summaries and reports for programs.
//! - [`digits`] and [`price_text()`]: decimal numbers and prices as text, without allocation.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod digits;
pub mod itch;
pub mod json;
pub mod lobster;
pub mod packed;
mod price_text;
pub mod recognise;

pub use price_text::{PriceText, price_text};
