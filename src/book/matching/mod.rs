//! Matching: price-time priority, from a command to its events.
//!
//! A new limit order takes one of three paths, each measured on its own (`benches/instructions`):
//!
//! | path | for | file |
//! |---|---|---|
//! | fast | vanilla orders near the best price, ids at their own place, no owner with limits | `fast_path` |
//! | middle | vanilla orders that the fast path leaves: far levels, displaced ids, owners with limits | `new_order` |
//! | general | every other order type and option | `new_order`, `execute` |

mod amend;
mod auction;
pub(in crate::book) mod ctx;
pub(in crate::book) mod dispatch;
pub(in crate::book) mod execute;
mod fast_path;
mod fillable;
mod mass_cancel;
mod max_events;
pub(in crate::book) mod new_order;
mod prefetch;
