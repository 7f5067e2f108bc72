//! `vvpx size`: computes the type of an engine from orders, symbols and a memory budget.

use crate::args::Size;
use crate::diagnostic::{Diagnostic, Outcome};
use crate::io::output;
use serde::Serialize;
use vvp_core::book::Sizing;
use vvp_replay::digits::grouped;
use vvp_replay::json;

/// Maximum bytes of a type on a 32-bit target.
const MAX_BYTES_32: u64 = i32::MAX as u64;

pub(crate) fn main(request: &Size) -> Outcome {
    let sizing = sizing(request, request.orders);
    let bytes = bytes(request, request.orders).ok_or_else(|| no_engine(request))?;
    if let Some(memory) = request.memory.filter(|&memory| bytes > memory) {
        let most = most_orders(request, memory);
        let remedy = match most {
            0 => "not even one order a book fits; take fewer --symbols or --owners".to_owned(),
            most => format!("--orders {most} fits"),
        };
        let what = format!("the engine takes {} bytes, there are {}", grouped(bytes), grouped(memory));
        return Err(Diagnostic::error(what).argument("--memory").remedy(remedy));
    }
    let book = sizing.book_bytes().unwrap_or(0);
    let Sizing { orders, ticks_per_side, far_levels, stops } = sizing;
    let (symbols, owners) = (request.symbols, request.owners);
    let book_type = format!(
        "vvp_core::book_type!(orders: {orders}, ticks_per_side: {ticks_per_side}, far_levels: {far_levels}, stops: {stops})"
    );
    let engine_type = format!("vvp_core::engine::Engine<OneBook, {symbols}, {owners}>");
    let text = if request.json {
        json::line(&Json {
            book_bytes: book,
            book_type,
            engine_bytes: bytes,
            engine_type,
            far_levels,
            id_places: sizing.id_places(),
            orders,
            owners,
            stops,
            symbols,
            ticks_per_side: sizing.blocks() * 64,
        })
    } else {
        format!(
            "type OneBook = {book_type};\ntype MyEngine = {engine_type};\n\n{:>16} bytes in all{}\n{:>16} bytes a book: \
             {} orders, {} ticks a side, {} far levels a side, {} stops, {} id places\n",
            grouped(bytes),
            request.memory.map_or_else(String::new, |memory| format!(" of {}", grouped(memory))),
            grouped(book as u64),
            grouped(orders as u64),
            grouped(sizing.blocks() as u64 * 64),
            grouped(far_levels as u64),
            grouped(stops as u64),
            grouped(sizing.id_places() as u64),
        )
    };
    output::say(&text)
}

/// The answer as JSON.
#[derive(Serialize)]
struct Json {
    book_bytes: usize,
    book_type: String,
    engine_bytes: u64,
    engine_type: String,
    far_levels: usize,
    id_places: usize,
    orders: usize,
    owners: usize,
    stops: usize,
    symbols: usize,
    ticks_per_side: usize,
}

/// Returns the capacities of a book for a number of orders.
fn sizing(request: &Size, orders: usize) -> Sizing {
    let far_levels = request.far_levels.unwrap_or(orders.div_ceil(4));
    let stops = request.stops.unwrap_or(orders.div_ceil(8));
    Sizing { orders, ticks_per_side: request.ticks, far_levels, stops }
}

/// Returns the bytes of the engine; `None` if there is no such type.
fn bytes(request: &Size, orders: usize) -> Option<u64> {
    let bytes = sizing(request, orders).engine_bytes(request.symbols, request.owners)? as u64;
    (request.target != "32" || bytes <= MAX_BYTES_32).then_some(bytes)
}

/// Returns the maximum number of orders a book with which the engine fits `memory`; 0 if none does.
/// More orders never take fewer bytes.
fn most_orders(request: &Size, memory: u64) -> usize {
    let (mut fits, mut too_many) = (0, request.orders);
    while too_many - fits > 1 {
        let orders = fits + (too_many - fits) / 2;
        if bytes(request, orders).is_some_and(|bytes| bytes <= memory) { fits = orders } else { too_many = orders }
    }
    fits
}

/// Returns the error for sizes that no type has. The options' own ranges were checked by the
/// parser.
fn no_engine(request: &Size) -> Diagnostic {
    Diagnostic::error(format!("no type on a target of {} bits is that large", request.target))
        .argument(format!("--orders {}", request.orders))
        .remedy("take fewer --orders, --symbols, --far-levels, --stops or --owners")
}
