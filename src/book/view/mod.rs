//! Reading a book without copying it: depth by level, queries, and the type of a visible change.

pub(in crate::book) mod depth;
pub(in crate::book) mod queries;
pub(in crate::book) mod visible_changes;
