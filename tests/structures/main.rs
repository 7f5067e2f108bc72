//! Queues, pools, maps, metrics, record layouts and wire formats against plain models.

mod capture;
mod counted;
mod embedded_io;
mod formats;
mod frames_model;
mod histogram;
mod id_index_model;
mod latest;
mod layouts;
mod map_attack;
mod map_model;
mod mold_model;
mod mpsc_model;
mod pool_model;
mod queue_model;
mod robust_model;
mod sequenced_spsc_model;
mod slab_model;
mod two_mappings;
