//! The `vvpx` command line as a user meets it, and the text formats.

mod common;
mod feed;
#[path = "../../../replay/tests/replay/market.rs"]
mod market;
mod mixture;
#[path = "../../../tests/structures/capture/packets.rs"]
mod packets;
#[path = "../../../std-adapter/tests/adapter/sanitizer.rs"]
mod sanitizer;
#[path = "../../../tests/structures/capture/sections.rs"]
mod sections;
#[path = "../../../replay/tests/replay/small_day.rs"]
mod small_day;
#[path = "../../../std-adapter/tests/adapter/tree.rs"]
mod tree;

mod bench;
mod codec;
mod determinism;
mod doctor;
mod file_size_limit;
mod itch_feeds;
mod itch_kinds;
mod itch_lines;
mod itch_rows;
mod itch_steps;
mod itch_unread;
mod lobster;
mod messages;
mod newcomer;
mod readme;
mod scenarios;
mod sizing;
mod stress;
mod text;
mod text_engine;
mod top_terminal;
mod usage;
