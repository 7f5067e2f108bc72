//! Flavours of random command streams: each puts weight on one part of the contract.

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prices {
    /// Around a fixed middle, mostly on the passive side.
    Near {
        /// Largest distance from the middle in ticks.
        width: i64,
    },
    /// Around a middle that jumps now and then.
    Walk {
        /// Largest distance from the middle in ticks.
        width: i64,
        /// Largest jump in ticks.
        step: i64,
    },
    /// Both ends of `i64`, zero, and their neighbours.
    Ends,
    /// All of `i64`, with repeats.
    Anywhere,
}

/// Where quantities come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// `1..=n` lots, rarely 0 or thousands.
    Small(u64),
    /// Fractions of `u64::MAX` lots and their neighbours.
    Huge,
}

/// Parameters of a random command stream: weights of the operations, permilles of the options.
///
/// Start from one of [`flavours`] and change what you need:
///
/// ```
/// use vvp_testkit::flavours::{Flavour, flavours};
///
/// let mixed = flavours().into_iter().find(|f| f.name == "mixed").expect("there is one");
/// let small = Flavour { name: "mixed, small", room: (64, 8), ids: 100, ..mixed };
/// ```
#[derive(Clone, Debug)]
pub struct Flavour {
    /// Name, for messages.
    pub name: &'static str,
    /// Commands in one stream of a long run.
    pub len: usize,
    /// Whether half of the streams open with an auction.
    pub opening: bool,
    /// Instruments, 1 to [`MAX_INSTRUMENTS`](crate::engine::MAX_INSTRUMENTS).
    pub instruments: u16,
    /// Resting orders and untriggered stops that a book has room for.
    pub room: (usize, usize),
    /// Number of different order ids, 1 or more.
    pub ids: u64,
    /// Number of different owners, 1 to 8.
    pub owners: u64,
    /// Where prices come from.
    pub prices: Prices,
    /// Where quantities come from.
    pub sizes: Sizes,
    /// Permille of instruments with a price band.
    pub band: u64,
    /// Permille of instruments with a reference price.
    pub reference: u64,
    /// Weight of new limit orders.
    pub limit: u64,
    /// Weight of new market orders.
    pub market: u64,
    /// Weight of new stops.
    pub stop: u64,
    /// Weight of new stop_limits.
    pub stop_limit: u64,
    /// Weight of new trailing_stops.
    pub trailing: u64,
    /// Weight of cancels.
    pub cancel: u64,
    /// Weight of reduces.
    pub reduce: u64,
    /// Weight of replaces.
    pub replace: u64,
    /// Weight of mass cancels.
    pub mass: u64,
    /// Weight of changes of phase.
    pub phase: u64,
    /// Weight of time commands.
    pub time: u64,
    /// Weight of risk limits.
    pub limits: u64,
    /// Weight of commands that the edge refused already.
    pub refused: u64,
    /// Permille of resting limit orders that are icebergs.
    pub iceberg: u64,
    /// Permille of other resting limit orders that are hidden.
    pub hidden: u64,
    /// Permille of resting limit orders that are post-only.
    pub post_only: u64,
    /// Permille of orders that are ioc.
    pub ioc: u64,
    /// Permille of other orders that are fok.
    pub fok: u64,
    /// Permille of ioc limit orders with a minimum quantity.
    pub min_qty: u64,
    /// Permille of lasting orders that are day orders, if not gtd.
    pub day: u64,
    /// Permille of lasting orders that are gtd.
    pub gtd: u64,
    /// Permille of orders with self-trade prevention.
    pub stp: u64,
    /// Permille of market orders and stops with a price bound.
    pub protect: u64,
    /// Permille of commands with a time.
    pub ts: u64,
    /// Permille of times before the clock.
    pub reversed: u64,
    /// Permille of commands for an instrument that is not defined.
    pub unknown_instrument: u64,
    /// Permille of commands that contradict themselves (M0.17).
    pub contradiction: u64,
    /// Permille of commands replaced by a definition, mostly out of order.
    pub redefinition: u64,
    /// Permille of prices on the aggressive side of the middle.
    pub aggressive: u64,
}

/// Limit orders and operations on them; the other flavours start from here.
const PLAIN: Flavour = Flavour {
    name: "plain",
    len: 5000,
    opening: false,
    instruments: 1,
    room: (1000, 200),
    ids: 300,
    owners: 5,
    prices: Prices::Near { width: 12 },
    sizes: Sizes::Small(30),
    band: 200,
    reference: 500,
    limit: 500,
    market: 30,
    stop: 0,
    stop_limit: 0,
    trailing: 0,
    cancel: 250,
    reduce: 60,
    replace: 100,
    mass: 3,
    phase: 1,
    time: 3,
    limits: 0,
    refused: 0,
    iceberg: 0,
    hidden: 0,
    post_only: 20,
    ioc: 60,
    fok: 30,
    min_qty: 0,
    day: 50,
    gtd: 30,
    stp: 0,
    protect: 200,
    ts: 500,
    reversed: 5,
    unknown_instrument: 2,
    contradiction: 0,
    redefinition: 0,
    aggressive: 250,
};

/// Returns all flavours. Together, in long runs, they meet every [`Rule`](crate::rules::Rule).
#[must_use]
pub fn flavours() -> Vec<Flavour> {
    let options = Flavour {
        iceberg: 150,
        hidden: 100,
        post_only: 50,
        min_qty: 300,
        stp: 300,
        stop: 30,
        stop_limit: 30,
        trailing: 30,
        phase: 8,
        ioc: 100,
        fok: 100,
        refused: 3,
        limits: 3,
        ..PLAIN
    };
    vec![
        PLAIN,
        Flavour { name: "deep", ids: 600, aggressive: 60, market: 10, cancel: 120, mass: 1, ..PLAIN },
        Flavour {
            name: "icebergs",
            iceberg: 600,
            hidden: 150,
            reduce: 120,
            prices: Prices::Near { width: 4 },
            fok: 100,
            ..PLAIN
        },
        Flavour {
            name: "hidden",
            hidden: 500,
            post_only: 150,
            prices: Prices::Near { width: 4 },
            fok: 100,
            min_qty: 500,
            ..PLAIN
        },
        Flavour {
            name: "stops",
            stop: 180,
            stop_limit: 180,
            prices: Prices::Near { width: 15 },
            market: 60,
            cancel: 120,
            replace: 150,
            fok: 100,
            ioc: 100,
            phase: 10,
            stp: 100,
            ..PLAIN
        },
        Flavour {
            name: "trailing",
            trailing: 300,
            stop: 50,
            prices: Prices::Walk { width: 8, step: 10 },
            cancel: 120,
            market: 60,
            phase: 10,
            reference: 200,
            ..PLAIN
        },
        Flavour {
            name: "expiry",
            instruments: 3,
            gtd: 600,
            day: 200,
            time: 60,
            ts: 800,
            stop: 60,
            stop_limit: 60,
            phase: 10,
            ..PLAIN
        },
        Flavour {
            name: "stp",
            owners: 2,
            stp: 800,
            iceberg: 400,
            hidden: 150,
            fok: 200,
            ioc: 150,
            min_qty: 500,
            stop: 40,
            stop_limit: 40,
            prices: Prices::Near { width: 4 },
            ..PLAIN
        },
        Flavour {
            name: "fillable",
            owners: 3,
            stp: 900,
            iceberg: 600,
            hidden: 200,
            fok: 300,
            ioc: 150,
            min_qty: 800,
            market: 40,
            ids: 60,
            prices: Prices::Near { width: 2 },
            aggressive: 300,
            cancel: 100,
            ..PLAIN
        },
        Flavour {
            name: "stops that expire",
            gtd: 850,
            stop_limit: 300,
            stop: 30,
            time: 40,
            ts: 400,
            ioc: 20,
            fok: 10,
            cancel: 60,
            prices: Prices::Near { width: 6 },
            ..PLAIN
        },
        Flavour {
            name: "auctions",
            phase: 60,
            iceberg: 200,
            hidden: 150,
            stop: 40,
            stop_limit: 40,
            trailing: 20,
            aggressive: 450,
            prices: Prices::Near { width: 6 },
            cancel: 150,
            stp: 300,
            reference: 700,
            ids: 80,
            ..PLAIN
        },
        Flavour {
            name: "few in auctions",
            len: 100,
            opening: true,
            phase: 120,
            ids: 8,
            aggressive: 500,
            prices: Prices::Near { width: 4 },
            sizes: Sizes::Small(3),
            cancel: 60,
            day: 200,
            ..PLAIN
        },
        Flavour {
            name: "replaces",
            replace: 600,
            iceberg: 200,
            hidden: 100,
            post_only: 150,
            stop_limit: 60,
            stop: 30,
            trailing: 20,
            stp: 200,
            phase: 5,
            ..PLAIN
        },
        Flavour {
            name: "duels",
            len: 25,
            opening: true,
            ids: 6,
            sizes: Sizes::Small(1),
            prices: Prices::Near { width: 3 },
            aggressive: 900,
            phase: 300,
            cancel: 40,
            reduce: 0,
            replace: 20,
            market: 0,
            ioc: 0,
            fok: 0,
            reference: 800,
            ..PLAIN
        },
        Flavour {
            name: "opening",
            len: 60,
            opening: true,
            limits: 80,
            ids: 30,
            owners: 3,
            stop: 60,
            trailing: 40,
            market: 100,
            phase: 60,
            reference: 500,
            aggressive: 500,
            prices: Prices::Near { width: 3 },
            sizes: Sizes::Small(4),
            stp: 300,
            iceberg: 200,
            ..PLAIN
        },
        Flavour {
            name: "risk",
            limits: 60,
            owners: 4,
            instruments: 3,
            stop: 60,
            stop_limit: 40,
            replace: 200,
            ..PLAIN
        },
        Flavour {
            name: "full",
            room: (12, 5),
            ids: 60,
            stop: 100,
            stop_limit: 150,
            trailing: 50,
            replace: 200,
            cancel: 120,
            ioc: 100,
            mass: 10,
            ..options
        },
        Flavour {
            name: "full of much",
            room: (12, 5),
            ids: 60,
            sizes: Sizes::Huge,
            prices: Prices::Near { width: 1 },
            stop: 40,
            stop_limit: 400,
            cancel: 120,
            replace: 100,
            limits: 0,
            ioc: 30,
            fok: 30,
            aggressive: 150,
            ..options
        },
        Flavour {
            name: "ends",
            prices: Prices::Ends,
            band: 0,
            protect: 500,
            stop: 60,
            stop_limit: 60,
            trailing: 60,
            market: 80,
            ..options
        },
        Flavour { name: "anywhere", prices: Prices::Anywhere, band: 0, stop: 30, stop_limit: 30, ids: 150, ..options },
        Flavour { name: "jumps", prices: Prices::Walk { width: 40, step: 100_000 }, band: 0, ..options },
        Flavour {
            name: "overflow",
            replace: 250,
            sizes: Sizes::Huge,
            prices: Prices::Near { width: 2 },
            iceberg: 200,
            cancel: 350,
            stop_limit: 60,
            phase: 20,
            limits: 20,
            ..options
        },
        Flavour {
            name: "wide auctions",
            len: 200,
            opening: true,
            ids: 40,
            sizes: Sizes::Huge,
            prices: Prices::Near { width: 6 },
            aggressive: 600,
            phase: 60,
            limits: 0,
            ..options.clone()
        },
        Flavour { name: "mixed", ..options.clone() },
        Flavour {
            name: "several instruments",
            instruments: 4,
            owners: 3,
            gtd: 200,
            ids: 100,
            limits: 10,
            ..options.clone()
        },
        Flavour { name: "time", reversed: 200, ts: 900, time: 50, gtd: 300, ..options.clone() },
        Flavour {
            name: "small",
            len: 300,
            opening: true,
            ids: 12,
            owners: 2,
            sizes: Sizes::Small(5),
            prices: Prices::Near { width: 2 },
            stop: 80,
            stop_limit: 80,
            trailing: 60,
            phase: 20,
            limits: 10,
            band: 0,
            ..options.clone()
        },
        Flavour {
            name: "edge",
            time: 60,
            contradiction: 100,
            redefinition: 20,
            refused: 200,
            unknown_instrument: 100,
            ..options
        },
    ]
}
