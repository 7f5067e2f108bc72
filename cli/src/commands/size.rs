//! The engine sizes of a run: `--orders`, `--instruments` and `--levels`.

use crate::args::up_to;
use crate::diagnostic::Diagnostic;
use vvp_core::engine::Matcher;
use vvp_replay::digits::grouped;
use vvp_std_adapter::engine::{DeepEngine, LargeEngine, MediumEngine};
use vvp_std_adapter::memory::MapError;

/// The available engines. Each is compiled separately, so there are few.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Engine {
    File,
    Deep,
    Server,
}

/// The capacity of an engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Room {
    pub(crate) engine: Engine,
    /// Resting orders in a book.
    orders: usize,
    instruments: usize,
    /// Price levels a side of a book beyond the window near the touch.
    levels: usize,
    /// Untriggered stops in a book.
    stops: usize,
}

const fn room(engine: Engine, orders: usize, instruments: usize, levels: usize, stops: usize) -> Room {
    Room { engine, orders, instruments, levels, stops }
}

/// The capacities by address space, the smallest first. The first is the default and fits 1 GiB;
/// the last has the maximum of each.
const ROOMS: [Room; 3] = [
    room(Engine::File, 1 << 16, 64, 1 << 15, 1 << 13),
    room(Engine::Deep, 1 << 20, 4, 1 << 20, 1 << 16),
    room(Engine::Server, 1 << 20, 1024, 1 << 20, 1 << 16),
];
const DEFAULT: Room = ROOMS[0];
const MOST: Room = Room::LARGEST;

/// Checks the table against the types.
const _: () = {
    const fn fits<E: Matcher>(room: Room) -> bool {
        let touched = room.orders * 2 + 1 + room.stops;
        E::INSTRUMENTS_MAX == room.instruments && E::LEVELS_TOUCHED_MAX == touched
    }
    assert!(fits::<MediumEngine>(ROOMS[0]) && fits::<DeepEngine>(ROOMS[1]) && fits::<LargeEngine>(ROOMS[2]));
    assert!(size_of::<MediumEngine>() < size_of::<DeepEngine>() && size_of::<DeepEngine>() < size_of::<LargeEngine>());
};

/// The requested capacity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::Args)]
pub(crate) struct Wanted {
    /// room for resting orders in each book, at most 1048576
    #[arg(long, value_name = "N", default_value_t = DEFAULT.orders, value_parser = up_to(MOST.orders))]
    orders: usize,
    /// room for instruments, at most 1024
    #[arg(long, value_name = "N", default_value_t = DEFAULT.instruments, value_parser = up_to(MOST.instruments))]
    instruments: usize,
    /// room for price levels a side of a book, far from the touch, at most 1048576
    #[arg(long, value_name = "N", default_value_t = DEFAULT.levels, value_parser = up_to(MOST.levels))]
    levels: usize,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { orders: DEFAULT.orders, instruments: DEFAULT.instruments, levels: DEFAULT.levels }
    }
}

impl Wanted {
    /// Returns the smallest engine with that capacity; the last one covers the range of the
    /// options.
    pub(crate) fn room(&self) -> Room {
        let enough = |room: &&Room| {
            self.orders <= room.orders && self.instruments <= room.instruments && self.levels <= room.levels
        };
        ROOMS.iter().find(enough).copied().unwrap_or(MOST)
    }

    /// Returns the error for an engine that does not fit in memory, with what to do about it.
    pub(crate) fn refused(&self, error: &MapError) -> Diagnostic {
        let default = *self == Self::default() || self.room() == DEFAULT;
        let failed = Diagnostic::from_adapter(error).context("no memory for the engine");
        if default { failed } else { failed.remedy("or ask for fewer --orders, --instruments or --levels") }
    }
}

/// A limit of the engine that a run has reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    Orders,
    Instruments,
    Levels,
    Stops,
}

impl Room {
    /// The capacity of the largest engine.
    pub(crate) const LARGEST: Self = ROOMS[ROOMS.len() - 1];

    /// Returns a note about a limit that was reached, with the option that raises it.
    pub(crate) fn met(&self, limit: Limit) -> Diagnostic {
        let (room, most, what, option, value) = match limit {
            Limit::Orders => (self.orders, MOST.orders, "resting orders a book", "orders", MOST.orders),
            Limit::Instruments => (self.instruments, MOST.instruments, "instruments", "instruments", MOST.instruments),
            Limit::Levels => {
                (self.levels, MOST.levels, "price levels a side far from the touch", "levels", MOST.levels)
            }
            Limit::Stops => (self.stops, MOST.stops, "stops a book", "orders", MOST.orders),
        };
        let (room, more) = (grouped(room as u64), room < most);
        let remedy = if more {
            format!("--{option} {value} makes room for {}", grouped(most as u64))
        } else {
            "no option makes room for more".to_owned()
        };
        Diagnostic::note(format!("this engine has room for {room} {what}")).remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Sub;

    fn parsed(options: &[(&str, &str)]) -> Result<Wanted, String> {
        let words = ["vvpx", "match"].map(str::to_owned);
        let options = options.iter().map(|(name, value)| format!("--{name}={value}"));
        match crate::args::parse(words.into_iter().chain(options).map(Into::into)) {
            Ok(Sub::Match(request)) => Ok(request.size),
            Err(Err(failure)) => Err(failure.to_string()),
            other => panic!("{other:?}"),
        }
    }

    fn wanted(options: &[(&str, &str)]) -> Wanted {
        parsed(options).expect("numbers in their ranges")
    }

    #[test]
    fn smallest_sufficient_engine_is_chosen() {
        let table: [(&[(&str, &str)], Engine); 9] = [
            (&[], Engine::File),
            (&[("orders", "1")], Engine::File),
            (&[("orders", "65536"), ("instruments", "64"), ("levels", "32768")], Engine::File),
            (&[("orders", "65537"), ("instruments", "4")], Engine::Deep),
            (&[("levels", "32769"), ("instruments", "1")], Engine::Deep),
            (&[("instruments", "65")], Engine::Server),
            (&[("orders", "65537")], Engine::Server),
            (&[("orders", "1048576"), ("instruments", "1024")], Engine::Server),
            (&[("instruments", "65"), ("levels", "1048576")], Engine::Server),
        ];
        for (options, engine) in table {
            assert_eq!(wanted(options).room().engine, engine, "{options:?}");
        }
    }

    #[test]
    fn a_size_out_of_range_names_the_range() {
        for (name, max) in [("orders", "1048576"), ("instruments", "1024"), ("levels", "1048576")] {
            for bad in ["0", "", "-1", "1.5", "many", "1048577", "99999999999999999999999"] {
                let message = parsed(&[(name, bad)]).expect_err("out of range");
                assert!(message.contains(&format!("--{name} <N>")), "{message}");
                assert!(bad.parse::<u64>().is_err() || message.contains(max), "{message}");
            }
        }
    }

    #[test]
    fn limit_names_the_option_that_raises_it() {
        let small = wanted(&[]).room();
        assert_eq!(
            small.met(Limit::Orders).to_string(),
            "vvpx: this engine has room for 65,536 resting orders a book: --orders 1048576 makes room for 1,048,576"
        );
        assert!(small.met(Limit::Stops).to_string().contains("--orders 1048576 makes room for 65,536"));
        let deep = wanted(&[("orders", "1048576"), ("instruments", "4")]).room();
        assert!(deep.met(Limit::Orders).to_string().ends_with("no option makes room for more"));
        assert!(deep.met(Limit::Instruments).to_string().contains("--instruments 1024"));
    }
}
