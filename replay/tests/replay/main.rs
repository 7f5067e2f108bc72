//! Recorded markets against plain models, and against real sessions where they are at hand.

mod market;
mod small_day;

mod itch_drive;
mod itch_market;
mod lobster;
