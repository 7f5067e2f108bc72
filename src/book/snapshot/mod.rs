//! A book as bytes: saved order by order, and made anew from the bytes after they were checked.

mod error;
mod records;
mod restore;
mod save;
mod verify;

pub use error::{Capacity, RestoreError, RestoreFault};
pub(crate) use records::BookParts;
