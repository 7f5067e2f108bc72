//! The order book, the engine and market data against the reference model.

mod apply_all;
mod book_model;
mod book_reading;
mod engines;
mod market_data;
mod model_selftest;
mod queue_sink;
mod snapshot;
mod state_hash;
mod stats;
