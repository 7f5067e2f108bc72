//! Drawings for people: books as ladders, and the live view of `vvpx top`.

pub(crate) mod ladder;
#[cfg(feature = "tui")]
pub(crate) mod live;
pub(crate) mod outside;
#[cfg(feature = "tui")]
pub(crate) mod panels;
