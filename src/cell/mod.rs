//! Shared cells: one value in shared memory, of which readers take the newest.
//!
//! [`Latest`] is a seqlock with several copies: one writer, many readers, none of which blocks
//! another. If every value counts, take a [queue](crate::queue).

pub mod seqlock;

#[doc(inline)]
pub use seqlock::{COPIES, Latest, ReadError, Reader, Writer};
