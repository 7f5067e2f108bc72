//! Shared by the replay tests: LOBSTER files made from a simulated market.

pub(crate) mod market;
