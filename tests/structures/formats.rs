//! Public values implement `defmt::Format`.
#![cfg(all(feature = "defmt", not(loom)))]

use defmt::Format;
use vvp_core::book::*;
use vvp_core::{cell, engine, map, market_data, metrics, pool, queue};

const fn shown<T: Format + ?Sized>() {}

#[test]
fn public_values_can_be_logged() {
    shown::<(Command, Event, EventBody, Reject, CancelReason, Op, Replacement)>();
    shown::<(OrderId, OwnerId, InstrumentId, Price, Qty, Side, OrderType, TimeInForce)>();
    shown::<(SelfTradePrevention, Phase, Symbol, Tick, InstrumentSpec, Limits)>();
    shown::<(market_data::Record, engine::RestoreError)>();
    shown::<(queue::PopError, queue::TooFew, queue::Full<u8>, queue::QueueStats, queue::FrameError, cell::ReadError)>();
    shown::<queue::Spsc<u8, 4>>();
    shown::<queue::Frames<64>>();
    shown::<(pool::Handle, pool::HandleError, map::Full<u8>)>();
    shown::<(metrics::Counter, metrics::Gauge, metrics::SharedCounter, metrics::Histogram)>();
}
