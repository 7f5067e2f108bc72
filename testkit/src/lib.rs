//! The oracle: a second, naive implementation of the whole matching contract (sections 1 to 3 of its text),
//! written to be read beside it, not to be fast. Commands in, events out; nothing here knows how the real book works.
//!
//! One concept a file: [`order`] what an order is, [`book`] the two sides and the stops, [`refusals`] the order of
//! tests, [`look`] the fill-or-kill look, [`matching`] trading and self-trade prevention, [`stops`] triggers,
//! [`auction`] the uncross, [`questions`] what a book can be asked, [`engine`] clock, instruments and risk limits, [`rules`] what is counted for coverage, [`flavours`] and [`streams`] the random commands,
//! [`text`] just enough of the text format to run the scenario files.
//!
//! # Where the contract leaves room, and what this model chose
//!
//! 1. **Volume of an uncross beyond `u64`.** Volumes are exact in `u128` (rule 15), so the `qty` of an `uncross` line is
//!    the one quantity that may need more than 64 bits. Each trade fits a `u64`.
//! 2. **An instrument index that is not defined** is the library's form of an unknown symbol. Section 4 refuses that at
//!    the edge, before time: `unknown_instrument`, no instrument in the event, the clock does not move.
//! 3. **A gtd with `expires` ≤ clock** (rule 13) is `bad_field` for every type, a gtd market order too, although its tif
//!    means nothing else (rule 3): rule 13 says "a gtd", not "a gtd order that rests".
//! 4. **A level** is one price of one side. In an auction bids and asks may share a price; their totals (section 1) are
//!    kept apart.
//! 5. **Entry stamp of a triggered stop**: given when its turn comes. Giving it when it is queued would be the same to
//!    any observer, because the queue is first-in-first-out and nothing else gets a stamp meanwhile.
//! 6. **When stops are tested**: only after a command that may have changed the last price, the stops or the phase
//!    (new, replace, phase). After any other command the test would find nothing: it already ran with this last price.
//! 7. **A triggered stop_limit that cannot rest**: the reasons are tested in the order of a new order: `book_full`,
//!    `levels_full`, `bad_qty`.
//! 8. **`max_qty` and `max_notional` on a replace** look at the new open quantity, or the present one if none is given,
//!    so a replace of the price alone can be refused after the limits were lowered.
//! 9. **`max_notional` takes the absolute value** of the last trade price and of the reference too.
//! 10. **A stop tested at once on arrival** still needs a stop's room and counts for `max_orders` (tests come before).
//! 11. **`levels_full`** depends on how levels are stored. The model has room for all; a caller that compares may say
//!     "the other one had no room here" ([`engine::Model::assume_levels_full`]), and the model then only checks that every earlier
//!     test passed and that the level was a new one.
//! 12. **A decrement against an iceberg** compares whole open quantities (section 1: open is the whole leaves quantity),
//!     not slices.
//! 13. **`reduced` for an aggressor** that survives a decrement is printed although it does not rest yet (rule 12: "a
//!     survivor gets `reduced`").
//! 14. **Mass cancel of one side** takes the stops of that side only.
//! 15. **A fok order whose look passed** always fills; it never meets the end of the book (asserted).
//! 16. **A command whose builder was asked for a contradiction** is the library's form of a bad line: `bad_field` before
//!     time, so that the clock does not move, but with its id and instrument, because they are known. A contradictory
//!     `instrument`, `limits`, `refused` or `time` has neither. A definition with a wrong index, one too many, or one
//!     with a band upside down is refused the same way.
//! 17. **"A boolean `false` counts as absent"** (section 4) is read as: of the three boolean fields. `"stop":false` is a
//!     wrong type. `null` is absent whatever the field, so a field of another op may be `null`; an unknown name may not.

pub mod auction;
pub mod book;
pub mod engine;
pub mod flavours;
pub mod look;
pub mod matching;
pub mod order;
pub mod questions;
pub mod refusals;
pub mod rules;
pub mod stops;
pub mod streams;
pub mod text;

pub use engine::Model;
pub use rules::Coverage;
