//! Maps of fixed capacity.

mod id_index;
mod id_table;

pub use id_index::IdIndex;
pub use id_table::IdTable;
