//! Reading a book without copying it: depth by level, queries, and each visible change as it
//! happens.

pub(in crate::book) mod depth;
pub(in crate::book) mod queries;
pub(in crate::book) mod visible_changes;
