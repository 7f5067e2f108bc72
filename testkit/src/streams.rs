//! Seeded random command streams of a flavour.
//!
//! Ids come from a small space and prices from a narrow range, so that orders often meet. A model
//! follows the stream, so that cancels and replaces mostly name live orders. The same flavour and
//! seed always give the same commands.

use super::engine::{MAX_INSTRUMENTS, Model};
use super::flavours::{Flavour, Prices, Sizes};
use vvp_core::book::{
    Command, InstrumentId, InstrumentSpec, Limits, OrderId, OrderType, OwnerId, Phase, Price, Qty, Refusal, Reject,
    Replacement, SelfTradePrevention, Side, Symbol, TimeInForce,
};

/// A seeded random generator: SplitMix64 (Steele, Lea, Flood 2014). Not for secrets.
///
/// The numbers of a seed never change: expected files of the tests are made with them.
///
/// ```
/// use vvp_testkit::streams::Rng;
///
/// let mut rng = Rng::new(7);
/// assert_eq!(rng.word(), 0x63cb_e1e4_5932_0dd7); // as the published algorithm
/// assert!(rng.below(6) < 6);
/// ```
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Creates a generator; every seed is good, 0 too.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number in `0..n`, uniform but for a bias of at most n / 2^64.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.word() % n
    }

    /// Returns true `n` times in a thousand.
    pub fn permille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A random command stream of one flavour and seed.
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
    /// Prepares the stream of a flavour and a seed.
    ///
    /// # Panics
    /// If `flavour.instruments` is more than [`MAX_INSTRUMENTS`].
    #[must_use]
    pub fn new(flavour: &Flavour, seed: u64) -> Self {
        assert!(
            usize::from(flavour.instruments) <= MAX_INSTRUMENTS,
            "a flavour has up to {MAX_INSTRUMENTS} instruments"
        );
        let mut rng = Rng::new(seed ^ 0x5EED);
        let instruments = usize::from(flavour.instruments);
        let middle = (0..instruments).map(|_| rng.pick(&[0, 100, 1000, -50, 15_000])).collect();
        let scatter = rng.permille(500);
        let model = Model::new(flavour.room.0, flavour.room.1);
        let phases = vec![Phase::Continuous; instruments];
        Self { flavour: flavour.clone(), rng, clock: 0, middle, phases, model, scatter }
    }

    /// Returns the stream: one definition per instrument, the phase of an opening auction if there
    /// is one, then `len` commands. A shorter stream of the same seed is a prefix of a longer one.
    ///
    /// # Panics
    /// If the flavour has no instrument, id or owner, more than 8 owners, or no weight.
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
            let mut command = self.command();
            assert!(command.is_well_formed(), "the generator contradicts itself: {command:?}");
            if self.rng.permille(self.flavour.contradiction) {
                command = self.contradict(command);
            } else if self.rng.permille(self.flavour.redefinition) {
                let index = InstrumentId::new(self.rng.below(6) as u16);
                let mut spec = InstrumentSpec::new(Symbol::X);
                if self.rng.permille(300) {
                    (spec.min_price, spec.max_price) = (Some(Price::new(1)), Some(Price::new(0)));
                }
                command = Command::instrument(index, &spec);
            }
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

    /// Returns an id of the id space: 0, the largest, and others either dense or scattered.
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
                around(&mut self.rng, self.middle[at], width)
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
            20..30 => (qty / 1000).saturating_add(self.rng.below(2)),
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
        let command = if self.rng.permille(self.flavour.ts) { command.with_ts(self.next_ts()) } else { command };
        let beyond = self.rng.permille(self.flavour.unknown_instrument);
        command.with_instrument(InstrumentId::new(if beyond {
            u16::MAX - self.rng.below(3) as u16
        } else {
            instrument as u16
        }))
    }

    /// Asks for something that the command cannot have.
    fn contradict(&mut self, command: Command) -> Command {
        let c = match self.rng.below(5) {
            0 => command.with_hidden().with_min_qty(Qty::new(1)),
            1 => command.with_display_qty(Qty::new(1)).with_hidden(),
            2 => command.with_expiry(u64::MAX).with_tif(TimeInForce::Ioc),
            3 => command.with_protection(1).with_post_only(),
            _ => command.with_min_qty(Qty::new(5)).with_expiry(7),
        };
        assert!(!c.is_well_formed());
        c
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
            let mode = self.rng.pick(SelfTradePrevention::ALL);
            command.with_self_trade(mode)
        } else {
            command
        }
    }

    fn new_limit(&mut self, at: usize) -> Command {
        let side = self.side();
        let price = self.price(at, side, self.flavour.aggressive);
        let qty = self.qty();
        let command = Command::limit(self.new_id(at), side, price, qty).with_owner(self.owner());
        let mut command = self.stp(command);
        if self.rng.permille(self.flavour.ioc) {
            command = command.with_tif(TimeInForce::Ioc);
            if self.rng.permille(self.flavour.min_qty) {
                command = command.with_min_qty(self.part(qty));
            }
            return command;
        }
        if self.rng.permille(self.flavour.fok) {
            return command.with_tif(TimeInForce::Fok);
        }
        command = self.lasting(command);
        if self.rng.permille(self.flavour.iceberg) {
            command = command.with_display_qty(self.part(qty));
        } else if self.rng.permille(self.flavour.hidden) {
            command = command.with_hidden();
        }
        if self.rng.permille(self.flavour.post_only) {
            command = command.with_post_only();
        }
        command
    }

    /// gtc, day or gtd.
    fn lasting(&mut self, command: Command) -> Command {
        if self.rng.permille(self.flavour.gtd) {
            // Rarely too late already.
            let mut expires = (self.clock + self.rng.below(30)).saturating_sub(u64::from(self.rng.permille(50)));
            // Many at one time.
            if self.rng.permille(500) {
                expires = (expires | 15) + 1;
            }
            command.with_expiry(expires)
        } else if self.rng.permille(self.flavour.day) {
            command.with_tif(TimeInForce::Day)
        } else {
            command
        }
    }

    fn any_tif(&mut self, command: Command) -> Command {
        if self.rng.permille(self.flavour.ioc) {
            command.with_tif(TimeInForce::Ioc)
        } else if self.rng.permille(self.flavour.fok) {
            command.with_tif(TimeInForce::Fok)
        } else {
            self.lasting(command)
        }
    }

    fn protect(&mut self, command: Command) -> Command {
        if self.rng.permille(self.flavour.protect) {
            let ticks = self.rng.pick(&[0, 0, 1, 2, 3, 5, u64::MAX, 1 << 63, i64::MAX as u64]);
            command.with_protection(ticks)
        } else {
            command
        }
    }

    fn new_market(&mut self, at: usize) -> Command {
        let qty = Qty::new(self.qty().lots().saturating_mul(1 + self.rng.below(3)));
        let command = Command::market(self.new_id(at), self.side(), qty).with_owner(self.owner());
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
        let command = self.stp(command.with_owner(owner));
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
        with.lose_priority = self.rng.permille(100);
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
            0 => Refusal { reason: Reject::BadField, id: None, edge_ref: line, instrument: None, ts: None },
            1 => Refusal { reason: Reject::UnknownInstrument, id, edge_ref: None, instrument: None, ts },
            2 => Refusal { reason: Reject::UnknownInstrument, id: None, edge_ref: None, instrument: None, ts },
            3 => Refusal { reason: Reject::BadPrice, id, edge_ref: None, instrument, ts },
            _ => Refusal { reason: Reject::OffTick, id, edge_ref: None, instrument, ts },
        })
    }
}
