//! Seeded random command streams, one flavour for each corner of the contract.
//!
//! Ids come from a small space and prices from a narrow range, so that orders often meet; a model follows the stream,
//! so that cancels and replaces mostly name live orders. The same flavour and seed always give the same commands.

use super::Model;
use vvp_core::book::{
    Command, InstrumentId, InstrumentSpec, Limits, OrderId, OrderType, OwnerId, Phase, Price, Qty, Refusal, Reject,
    Replacement, SelfTrade, Side, Symbol, TimeInForce,
};

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0..n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.word() % n
    }

    /// True `n` times in a thousand.
    pub fn permille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prices {
    /// Around a fixed middle, `0..=width` ticks to either side, mostly on the passive side.
    Near { width: i64 },
    /// The same around a middle that jumps by up to `step` now and then.
    Walk { width: i64, step: i64 },
    /// Both ends of `i64`, zero, and their neighbours.
    Ends,
    /// Anywhere.
    Anywhere,
}

/// Where quantities come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// `1..=n`, rarely 0.
    Small(u64),
    /// Fractions of `u64::MAX` and their neighbours.
    Huge,
}

/// How often what happens: weights of the operations, and permilles of the options.
#[derive(Clone, Debug)]
pub struct Flavour {
    pub name: &'static str,
    /// Commands in one stream, in a long run.
    pub len: usize,
    /// Whether half of the streams open with an auction.
    pub opening: bool,
    pub instruments: u16,
    /// Orders and stops that a book has room for.
    pub room: (usize, usize),
    /// Size of the id space.
    pub ids: u64,
    pub owners: u64,
    pub prices: Prices,
    pub sizes: Sizes,
    /// Permille of instruments with a band, with a reference.
    pub band: u64,
    pub reference: u64,
    // Weights.
    pub limit: u64,
    pub market: u64,
    pub stop: u64,
    pub stop_limit: u64,
    pub trailing: u64,
    pub cancel: u64,
    pub reduce: u64,
    pub replace: u64,
    pub mass: u64,
    pub phase: u64,
    pub time: u64,
    pub limits: u64,
    pub refused: u64,
    // Permilles.
    pub iceberg: u64,
    pub hidden: u64,
    pub post_only: u64,
    pub ioc: u64,
    pub fok: u64,
    pub min_qty: u64,
    pub day: u64,
    pub gtd: u64,
    pub stp: u64,
    pub protect: u64,
    pub ts: u64,
    pub reversed: u64,
    pub unknown_instrument: u64,
    /// Permille of prices on the aggressive side of the middle.
    pub aggressive: u64,
}

/// Limit orders and what is done to them; the others start from here.
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
    aggressive: 250,
};

/// Every flavour.
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
            len: 60,
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
        Flavour { name: "edge", refused: 200, unknown_instrument: 100, ..options },
    ]
}

/// A running stream.
#[derive(Debug)]
pub struct Stream {
    flavour: Flavour,
    rng: Rng,
    clock: u64,
    middle: Vec<i64>,
    phases: Vec<Phase>,
    /// A model that follows the stream, so that it can name live orders.
    model: Model,
    scatter: bool,
}

impl Stream {
    pub fn new(flavour: &Flavour, seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5EED);
        let instruments = usize::from(flavour.instruments);
        let middle = (0..instruments).map(|_| rng.pick(&[0, 100, 1000, -50, 15_000])).collect();
        let scatter = rng.permille(500);
        let model = Model::new(flavour.room.0, flavour.room.1);
        let phases = vec![Phase::Continuous; instruments];
        Self { flavour: flavour.clone(), rng, clock: 0, middle, phases, model, scatter }
    }

    /// The whole stream: definitions, then `len` commands.
    pub fn commands(mut self, len: usize) -> Vec<Command> {
        let mut commands = self.definitions();
        for command in &commands {
            self.model.apply(command);
        }
        if self.flavour.opening && self.rng.permille(500) {
            self.phases[0] = Phase::Auction;
            let command = Command::phase(Phase::Auction);
            self.model.apply(&command);
            commands.push(command);
        }
        for _ in 0..len {
            let command = self.command();
            assert!(command.is_well_formed(), "the generator contradicts itself: {command:?}");
            self.model.apply(&command);
            commands.push(command);
        }
        commands
    }

    fn definitions(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        for i in 0..self.flavour.instruments {
            let name = format!("I{i}");
            let mut spec = InstrumentSpec::new(Symbol::new(name.as_bytes()).expect("a symbol"));
            let middle = self.middle[usize::from(i)];
            if self.rng.permille(self.flavour.band) {
                spec.min_price = self.rng.permille(800).then(|| Price::new(middle - 10));
                spec.max_price = self.rng.permille(800).then(|| Price::new(middle + 10));
            }
            if self.rng.permille(self.flavour.reference) {
                spec.reference = Some(Price::new(middle + self.rng.below(7) as i64 - 3));
            }
            commands.push(Command::instrument(InstrumentId::new(i), &spec));
        }
        commands
    }

    fn instrument(&mut self) -> usize {
        self.rng.below(u64::from(self.flavour.instruments)) as usize
    }

    /// An id of the space: 0, the largest, and others either dense or scattered.
    fn id_at(&self, index: u64) -> OrderId {
        OrderId::new(match index {
            1 => u64::MAX,
            i if self.scatter => i.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            i => i,
        })
    }

    /// An id for a new order, mostly one that is not live.
    fn new_id(&mut self, at: usize) -> OrderId {
        let index = self.rng.below(self.flavour.ids);
        let id = self.id_at(index);
        if self.model.books[at].live(id.get()).is_some() && self.rng.permille(900) {
            let index = self.rng.below(self.flavour.ids);
            return self.id_at(index);
        }
        id
    }

    /// The id of a live order of an instrument; rarely any id.
    fn old_id(&mut self, at: usize) -> OrderId {
        let book = &self.model.books[at];
        let (resting, stops) = (book.orders.len(), book.stops.len());
        // A thin book is left to grow.
        let thin = ((resting + stops) as u64) < self.flavour.ids / 3;
        if resting + stops == 0 || self.rng.permille(if thin { 600 } else { 60 }) {
            let index = self.rng.below(self.flavour.ids);
            return self.id_at(index);
        }
        let which = self.rng.below((resting + stops) as u64) as usize;
        let id = match which.checked_sub(resting) {
            Some(stop) => book.stops[stop].id,
            None => *book.orders.keys().nth(which).expect("within"),
        };
        OrderId::new(id)
    }

    fn owner(&mut self) -> OwnerId {
        let index = self.rng.below(self.flavour.owners);
        OwnerId::new([0, u32::MAX, 7, 1, 1_000_000, 2, 3, 4][index as usize])
    }

    fn side(&mut self) -> Side {
        if self.rng.permille(500) { Side::Buy } else { Side::Sell }
    }

    fn price(&mut self, at: usize, side: Side, aggressive: u64) -> Price {
        let around = |rng: &mut Rng, middle: i64, width: i64| {
            let away = rng.below(width as u64 + 1) as i64;
            let up = (side == Side::Sell) != rng.permille(aggressive);
            middle.saturating_add(if up { away } else { -away })
        };
        let middle = self.middle[at];
        Price::new(match self.flavour.prices {
            Prices::Near { width } => around(&mut self.rng, middle, width),
            Prices::Walk { width, step } => {
                if self.rng.permille(15) {
                    let by = self.rng.below(2 * step as u64 + 1) as i64 - step;
                    self.middle[at] = middle.saturating_add(by);
                }
                let price = around(&mut self.rng, self.middle[at], width);
                price
            }
            Prices::Ends => {
                let near = self.rng.below(4) as i64;
                match self.rng.below(5) {
                    0 | 1 => i64::MIN + near,
                    2 | 3 => i64::MAX - near,
                    _ => near - 2,
                }
            }
            Prices::Anywhere => {
                // Repeats, so that levels fill and orders meet; spread over all magnitudes.
                let seed = self.rng.below(60);
                let word = Rng::new(seed).word();
                (word as i64) >> (seed % 64)
            }
        })
    }

    fn qty(&mut self) -> Qty {
        Qty::new(match self.flavour.sizes {
            Sizes::Small(n) => {
                if self.rng.permille(3) {
                    0
                } else if self.rng.permille(8) {
                    1000 + self.rng.below(3000)
                } else {
                    1 + self.rng.below(n)
                }
            }
            Sizes::Huge => {
                let base =
                    self.rng.pick(&[0, u64::MAX, u64::MAX / 2, u64::MAX / 3, u64::MAX / 4 * 3, 1 << 32, 1000, 8]);
                let by = self.rng.below(3);
                if self.rng.permille(500) { base.saturating_add(by) } else { base.saturating_sub(by) }
            }
        })
    }

    /// Something up to `qty`, rarely outside `1..=qty`.
    fn part(&mut self, qty: Qty) -> Qty {
        let qty = qty.lots();
        Qty::new(match self.rng.below(40) {
            0 => 0,
            1 => qty.saturating_add(1),
            2 | 3 => qty,
            4..20 => 1 + self.rng.below(4).min(qty.saturating_sub(1)),
            5..30 => (qty / 1000).saturating_add(self.rng.below(2)),
            _ => 1 + self.rng.below(qty.max(1)),
        })
    }

    fn command(&mut self) -> Command {
        let f = &self.flavour;
        let weights = [
            f.limit,
            f.market,
            f.stop,
            f.stop_limit,
            f.trailing,
            f.cancel,
            f.reduce,
            f.replace,
            f.mass,
            f.phase,
            f.time,
            f.limits,
            f.refused,
        ];
        let mut at = self.rng.below(weights.iter().sum());
        let which = weights.iter().position(|&w| {
            let hit = at < w;
            at = at.wrapping_sub(w);
            hit
        });
        let instrument = self.instrument();
        // An instrument that does not trade comes back before long.
        let asleep = match self.phases[instrument] {
            Phase::Continuous => 0,
            Phase::Auction => 30,
            Phase::Halted | Phase::Closed => 150,
        };
        let which = if self.rng.permille(asleep) { Some(9) } else { which };
        let command = match which.expect("within the sum") {
            0 => self.new_limit(instrument),
            1 => self.new_market(instrument),
            2 => self.new_stop(instrument, OrderType::Stop),
            3 => self.new_stop(instrument, OrderType::StopLimit),
            4 => self.new_stop(instrument, OrderType::TrailingStop),
            5 => Command::cancel(self.old_id(instrument)),
            6 => {
                let qty = if self.rng.permille(100) { self.qty() } else { Qty::new(self.rng.below(6)) };
                Command::reduce(self.old_id(instrument), qty)
            }
            7 => self.replacement(instrument),
            8 => {
                let side = self.side();
                Command::mass_cancel(self.owner(), self.rng.permille(400).then_some(side))
            }
            9 => self.new_phase(instrument),
            10 => return Command::time(self.next_ts()),
            11 => return self.new_limits(),
            _ => return self.refusal(),
        };
        let command = if self.rng.permille(self.flavour.ts) { command.at(self.next_ts()) } else { command };
        let beyond = self.rng.permille(self.flavour.unknown_instrument);
        command.on(InstrumentId::new(if beyond { u16::MAX - self.rng.below(3) as u16 } else { instrument as u16 }))
    }

    fn next_ts(&mut self) -> u64 {
        if self.rng.permille(self.flavour.reversed) {
            return self.clock.saturating_sub(1 + self.rng.below(5));
        }
        self.clock += self.rng.pick(&[0, 0, 1, 1, 1, 2, 5, 20]);
        self.clock
    }

    fn stp(&mut self, command: Command) -> Command {
        if self.rng.permille(self.flavour.stp) {
            let mode = self.rng.pick(SelfTrade::ALL);
            command.self_trade(mode)
        } else {
            command
        }
    }

    fn new_limit(&mut self, at: usize) -> Command {
        let side = self.side();
        let price = self.price(at, side, self.flavour.aggressive);
        let qty = self.qty();
        let command = Command::limit(self.new_id(at), side, price, qty).owner(self.owner());
        let mut command = self.stp(command);
        if self.rng.permille(self.flavour.ioc) {
            command = command.tif(TimeInForce::Ioc);
            if self.rng.permille(self.flavour.min_qty) {
                command = command.min_qty(self.part(qty));
            }
            return command;
        }
        if self.rng.permille(self.flavour.fok) {
            return command.tif(TimeInForce::Fok);
        }
        command = self.lasting(command);
        if self.rng.permille(self.flavour.iceberg) {
            command = command.display(self.part(qty));
        } else if self.rng.permille(self.flavour.hidden) {
            command = command.hidden();
        }
        if self.rng.permille(self.flavour.post_only) {
            command = command.post_only();
        }
        command
    }

    /// gtc, day or gtd.
    fn lasting(&mut self, command: Command) -> Command {
        if self.rng.permille(self.flavour.gtd) {
            // Rarely too late already.
            let expires = (self.clock + self.rng.below(30)).saturating_sub(u64::from(self.rng.permille(50)));
            command.expires(expires)
        } else if self.rng.permille(self.flavour.day) {
            command.tif(TimeInForce::Day)
        } else {
            command
        }
    }

    fn any_tif(&mut self, command: Command) -> Command {
        if self.rng.permille(self.flavour.ioc) {
            command.tif(TimeInForce::Ioc)
        } else if self.rng.permille(self.flavour.fok) {
            command.tif(TimeInForce::Fok)
        } else {
            self.lasting(command)
        }
    }

    fn protect(&mut self, command: Command) -> Command {
        if self.rng.permille(self.flavour.protect) {
            let ticks = self.rng.pick(&[0, 0, 1, 2, 3, 5, u64::MAX, 1 << 63, i64::MAX as u64]);
            command.protect(ticks)
        } else {
            command
        }
    }

    fn new_market(&mut self, at: usize) -> Command {
        let qty = Qty::new(self.qty().lots().saturating_mul(1 + self.rng.below(3)));
        let command = Command::market(self.new_id(at), self.side(), qty).owner(self.owner());
        let command = self.stp(command);
        let command = self.any_tif(command);
        self.protect(command)
    }

    fn new_stop(&mut self, at: usize, kind: OrderType) -> Command {
        let side = self.side();
        // A buy stop lies above the market, like an ask.
        let stop = self.price(at, side.opposite(), 150);
        let (id, owner, qty) = (self.new_id(at), self.owner(), self.qty());
        let command = match kind {
            OrderType::StopLimit => {
                let price = self.price(at, side, 600);
                Command::stop_limit(id, side, stop, price, qty)
            }
            OrderType::TrailingStop => {
                let trail = self.rng.pick(&[0, 1, 1, 2, 2, 3, 4, 5, 8, u64::MAX, 1 << 63]);
                Command::trailing_stop(id, side, trail, qty)
            }
            _ => Command::stop(id, side, stop, qty),
        };
        let command = self.stp(command.owner(owner));
        let command = self.any_tif(command);
        if kind == OrderType::StopLimit { command } else { self.protect(command) }
    }

    fn replacement(&mut self, at: usize) -> Command {
        let side = self.side();
        let mut with = Replacement::default();
        if self.rng.permille(500) {
            with.price = Some(self.price(at, side, 300));
        }
        let stops = self.flavour.stop + self.flavour.stop_limit + self.flavour.trailing > 0;
        if self.rng.permille(if stops { 200 } else { 10 }) {
            with.stop = Some(self.price(at, side, 300));
        }
        if with == Replacement::default() || self.rng.permille(400) {
            with.qty = Some(self.qty());
        }
        Command::replace(self.old_id(at), with)
    }

    fn new_phase(&mut self, at: usize) -> Command {
        let next = match self.phases[at] {
            Phase::Continuous => {
                self.rng.pick(&[Phase::Auction, Phase::Auction, Phase::Halted, Phase::Closed, Phase::Continuous])
            }
            _ => self.rng.pick(&[Phase::Continuous, Phase::Continuous, Phase::Auction, Phase::Halted, Phase::Closed]),
        };
        self.phases[at] = next;
        Command::phase(next)
    }

    fn new_limits(&mut self) -> Command {
        let mut limits = Limits::default();
        if self.rng.permille(400) {
            limits.max_qty = Some(Qty::new(self.rng.pick(&[0, 10, 20, 25, u64::MAX])));
        }
        if self.rng.permille(400) {
            limits.max_notional = Some(self.rng.pick(&[0, 100, 1000, 2500, 20_000, 1 << 100, u128::MAX]));
        }
        if self.rng.permille(400) {
            limits.max_orders = Some(self.rng.pick(&[0, 3, 10, 30, u64::MAX]));
        }
        limits.blocked = self.rng.permille(100);
        Command::limits(self.owner(), &limits)
    }

    fn refusal(&mut self) -> Command {
        let at = self.instrument();
        let id = Some(self.old_id(at));
        let instrument = Some(InstrumentId::new(at as u16));
        let ts = self.rng.permille(500).then_some(self.clock);
        let line = Some(self.rng.below(1 << 40));
        Command::refused(&match self.rng.below(5) {
            0 => Refusal { reason: Reject::BadField, id: None, line, instrument: None, ts: None },
            1 => Refusal { reason: Reject::UnknownInstrument, id, line: None, instrument: None, ts },
            2 => Refusal { reason: Reject::UnknownInstrument, id: None, line: None, instrument: None, ts },
            3 => Refusal { reason: Reject::BadPrice, id, line: None, instrument, ts },
            _ => Refusal { reason: Reject::OffTick, id, line: None, instrument, ts },
        })
    }
}
