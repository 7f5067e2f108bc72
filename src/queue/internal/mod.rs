//! Building blocks of the queues; only [`QueueStats`](stats::QueueStats) is public.

pub(super) mod cas_backoff;
pub(super) mod consumer_pacing;
pub(crate) mod endpoint;
pub(super) mod free_limit;
pub(super) mod lane_registry;
pub(super) mod sequenced_consumer;
pub(super) mod sequenced_slot;
pub(super) mod shared_impls;
pub(super) mod stats;
