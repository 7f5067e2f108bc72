//! Where a book keeps its orders: the arena of orders and levels, the price ladder of each side, stop orders, heaps.

pub(in crate::book) mod arena;
pub(in crate::book) mod indexed_heap;
pub(in crate::book) mod price_ladder;
pub(in crate::book) mod stop_orders;
