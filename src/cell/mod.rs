//! Shared cells: one value in shared memory, of which readers take the newest.
//!
//! [`Latest`] is a seqlock with several copies: one writer, many readers, none of them in another's way.

pub mod seqlock;

pub use seqlock::{COPIES, Latest, ReadError, Reader, Writer};
