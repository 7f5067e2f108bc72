//! Matching: price-time priority, from a command to its events.
//!
//! `docs/matching.md` is the contract. A comment `M4.6` cites its rule 4.6 beside the code that
//! implements it.
//!
//! # Three paths of a new limit order
//!
//! A *vanilla* order is a limit order with gtc, day or ioc and no option but stp. All paths give
//! the same events; a path that cannot finish a command returns before it changes anything.
//!
//! | path | for | entry point |
//! |---|---|---|
//! | fast | vanilla order inside the near-level window, id at its direct slot, no owner has limits | `enter_fast` in `fast_path` |
//! | middle | vanilla order that the fast path declines: far level, displaced id, owner with limits | `enter_vanilla` in `new_order` |
//! | general | every other order type, option and phase | `enter` in `new_order`, `execute` in `execute` |
//!
//! Each path is kept because it was measured (`benches/instructions`; the table at the end of
//! `docs/book.md`). The fast path took the itch stream from 219 to 190 instructions a command.
//! Without the middle path a far order and its cancel take 955 instructions instead of 679, and
//! the replace of an order with a displaced id 729 instead of 572. Cancel and replace have a fast
//! and a general path only (`cancel_fast`, `replace_fast`; `amend`).
//!
//! # One verb for each floor
//!
//! Joining and leaving have one pair of verbs on each floor, from the command down:
//!
//! | floor | joins | leaves |
//! |---|---|---|
//! | command, with its events | enter | cancel |
//! | the book | add | remove |
//! | half of it: id, node, owner count | open | close |
//! | half of it: queue, level, expiry heap | enqueue | dequeue |
//! | arena | take, link | unlink, free |
//! | ladder, heaps, id table | insert, push | remove |
//!
//! Suffixes: `_fast` and `_vanilla` do the same for fewer cases; `_outlined` is a copy that is not
//! inlined; `_incoming` concerns an order that is not, or no longer, in the book.
//!
//! # What each verb leaves behind
//!
//! A resting order is known in six places: its id in the id table, its node in the arena, the
//! queue of its level, the level on the ladder, the expiry heap (gtd only), and the number of live
//! orders of its owner (only owners with limits are counted). `+` adds the entry, `-` removes it,
//! `=` requires that it is there and keeps it, blank: does not touch it. "last" is for the last
//! order of a level, "first" for the first one.
//!
//! | verb | id | node | queue | level | expiry heap | owner count |
//! |---|---|---|---|---|---|---|
//! | `add_order` = `open_order`, `enqueue` | + | + | + | + if first | + if gtd | + |
//! | `open_order` | + | + | | | | + |
//! | `enqueue` | = | = | + | + if first | + if gtd | |
//! | `add_vanilla` | + | + | + | + if first | | + |
//! | `add_fast` (no owner has limits) | + | + | + | = | | |
//! | `add_level` | | | | + | | |
//! | `cancel_order` (event), `remove_order` | - | - | - | - if last | - if gtd | - |
//! | `remove_with_cold_state` = `dequeue`, `close_order` | - | - | - | - if last | - if gtd | - |
//! | `dequeue` | = | = | - | - if last | - if gtd | |
//! | `close_order` (after `dequeue`) | - | - | | | | - |
//! | `close_incoming` | `close_order` if it was replaced | | | | | |
//! | `remove_level` | | | | - | | |
//! | `cancel_fast` | - | - | - | - if last | | - |
//! | `trade_vanilla` (filled makers) | - | - | - | - if last | | - |
//! | `replace_fast`, priority lost | = | = | - + | - if last, + if first | | |
//! | `shrink`, `replace_fast` with priority kept | = | = | = | = | = | |
//!
//! A stop has a slot instead of a node, and its lists and trigger heap instead of queue and level:
//!
//! | verb | id | slot | entry list | trigger heap (not trailing) | expiry heap | owner count |
//! |---|---|---|---|---|---|---|
//! | `enter_stop` | + | + | + | + | + if gtd | + |
//! | `cancel_stop` | - | - | - | - | - if gtd | - |
//! | `Stops::requeue` (replace, priority lost) | = | = | - + | - + | - + if gtd | |
//! | `resize_stop` | = | = | = | = | = | |
//! | `Stops::test`, for a stop that is hit | - | = | - (to the queue) | - | - if gtd | - |
//! | `Stops::pop_queued` (its turn comes) | | - | | | | |

mod amend;
mod auction;
pub(in crate::book) mod ctx;
pub(in crate::book) mod dispatch;
pub(in crate::book) mod execute;
mod fast_path;
mod fillable;
pub(in crate::book) mod iceberg;
mod mass_cancel;
mod max_events;
pub(in crate::book) mod new_order;
mod prefetch;
mod report;
mod self_trade;
mod stop_trigger;
