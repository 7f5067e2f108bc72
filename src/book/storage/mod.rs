//! Storage of a book: the arena of orders and levels, the price ladder of each side, stop orders,
//! heaps.
//!
//! Reading order: `arena` (nodes and queues), `observer` (what it reports), `price_ladder` (from
//! price to level), `stop_orders`, `indexed_heap` (expiry and triggers).

pub(in crate::book) mod arena;
pub(in crate::book) mod indexed_heap;
pub(in crate::book) mod observer;
pub(in crate::book) mod price_ladder;
pub(in crate::book) mod stop_orders;
