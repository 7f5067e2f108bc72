//! Maps of fixed capacity.
//!
//! | map | for |
//! |---|---|
//! | [`IdMap`] | ids of any kind, one owner |
//! | [`DenseMap`] | ids that are assigned in sequence, one owner: the id is the index |
//! | [`ConcurrentMap`] | any plain keys, many threads; reads are wait-free and write nothing |
//! | [`IdIndex`], [`IdTable`] | from ids to slots of a slab that has the ids: what the order book uses |
//!
//! [docs/maps.md](crate::guide::maps) has structure and cost.

pub mod concurrent;
pub mod dense;
mod hashing;
mod id_index;
pub mod id_map;
mod id_table;
mod tag_group;

#[doc(inline)]
pub use concurrent::{ConcurrentMap, MapStats, Plain, UpdateError};
#[doc(inline)]
pub use dense::{DenseError, DenseMap};
pub use id_index::IdIndex;
#[doc(inline)]
pub use id_map::IdMap;
pub use id_table::IdTable;

pub use crate::full::Full;
