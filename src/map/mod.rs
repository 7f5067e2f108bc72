//! Maps of fixed capacity.

mod id_table;

pub use id_table::IdTable;
