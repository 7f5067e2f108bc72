//! The subcommands, and the code that only they share.

pub(crate) mod bench;
pub(crate) mod decode;
pub(crate) mod doctor;
pub(crate) mod encode;
pub(crate) mod feed;
pub(crate) mod host;
pub(crate) mod leftover;
pub(crate) mod market_data;
pub(crate) mod matching;
pub(crate) mod one_sink;
pub(crate) mod refusals;
pub(crate) mod replay;
pub(crate) mod replay_itch;
pub(crate) mod replay_unread;
pub(crate) mod run;
pub(crate) mod size;
pub(crate) mod sizing;
pub(crate) mod squeeze;
pub(crate) mod stage;
pub(crate) mod stress;
pub(crate) mod summary;
pub(crate) mod top;
