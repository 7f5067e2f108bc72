//! Snapshot of a book: saved order by order, verified, then restored.

mod error;
mod records;
mod restore;
mod save;
mod verify;

pub use error::{Capacity, RestoreError, RestoreFault};
pub(crate) use records::BookParts;
