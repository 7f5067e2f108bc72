//! A stream of commands of every kind, always the same: what determinism is tested with. Expected
//! sums depend on every number that [`Rng`] gives for a seed.

use vvp_core::book::{
    Command, InstrumentId, InstrumentSpec, Limits, Op, OrderId, OwnerId, Phase, Price, Qty, Replacement,
    SelfTradePrevention, Side, Symbol, TimeInForce,
};
use vvp_testkit::streams::Rng;

/// Two instruments, then `count` commands: a few hundred live orders, auctions now and then, a
/// clock that runs.
pub(crate) fn mixture(seed: u64, count: usize) -> Vec<Command> {
    let mut random = Rng::new(seed);
    let mut commands = Vec::with_capacity(count + 2);
    for (index, name) in [b"ALPHA", b"OMEGA"].into_iter().enumerate() {
        let mut spec = InstrumentSpec::new(Symbol::new(name).expect("a symbol"));
        spec.reference = Some(Price::new(1000));
        commands.push(Command::instrument(InstrumentId::new(index as u16), &spec));
    }
    let (mut clock, mut asleep) = (0, [0u32; 2]);
    for _ in 0..count {
        let at = usize::from(random.below(4) == 0);
        let mut command = match asleep[at] {
            1 => Command::phase(Phase::Continuous),
            _ => one(&mut random, clock),
        };
        asleep[at] = match command.new_phase() {
            Some(Phase::Continuous) => 0,
            Some(_) => 20,
            None => asleep[at].saturating_sub(1),
        };
        if command.op() == Op::Limits {
            commands.push(command); // for all instruments, at no time
            continue;
        }
        command = command.with_instrument(InstrumentId::new(at as u16));
        if random.below(3) == 0 {
            clock += random.below(50);
            command = command.with_ts(clock);
        }
        assert!(command.is_well_formed(), "{command:?}");
        commands.push(command);
    }
    commands
}

fn one(random: &mut Rng, clock: u64) -> Command {
    let id = OrderId::new(random.below(600));
    let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
    let away = random.below(25) as i64 - 5;
    let price = Price::new(if side == Side::Buy { 1000 - away } else { 1000 + away });
    let qty = Qty::new(1 + random.below(40));
    let owner = OwnerId::new(random.below(6) as u32);
    let stp = SelfTradePrevention::ALL
        [random.below(SelfTradePrevention::ALL.len() as u64 * 2) as usize % SelfTradePrevention::ALL.len()];
    let stop = Price::new(if side == Side::Buy { 1004 } else { 996 } + random.below(7) as i64 - 3);
    let command = match random.below(100) {
        0..36 => Command::limit(id, side, price, qty),
        36..41 => Command::limit(id, side, price, qty).with_display_qty(Qty::new(1 + qty.lots() / 4)),
        41..44 => Command::limit(id, side, price, qty).with_hidden(),
        44..46 => Command::limit(id, side, price, qty).with_post_only(),
        46..49 => Command::limit(id, side, price, qty).with_expiry(clock + 1 + random.below(2000)),
        49..51 => Command::limit(id, side, price, qty).with_tif(TimeInForce::Day),
        51..54 => Command::limit(id, side, price, qty).with_tif(TimeInForce::Ioc),
        54..56 => Command::limit(id, side, price, qty).with_tif(TimeInForce::Fok),
        56..60 => Command::market(id, side, qty).with_protection(random.below(9)),
        60..63 => Command::stop(id, side, stop, qty),
        63..66 => Command::stop_limit(id, side, stop, price, qty),
        66..68 => Command::trailing_stop(id, side, 1 + random.below(6), qty),
        68..84 => return Command::cancel(id),
        84..87 => return Command::reduce(id, Qty::new(1 + random.below(9))),
        87..98 => {
            let price = (random.below(3) > 0).then_some(price);
            return Command::replace(id, Replacement { price, qty: Some(qty), ..Replacement::default() });
        }
        98 => match random.below(8) {
            0 => return Command::phase(Phase::Auction),
            1 => return Command::phase(Phase::ALL[random.below(4) as usize]),
            _ => return Command::mass_cancel(owner, (random.below(2) == 0).then_some(side)),
        },
        _ => {
            let max_orders = (random.below(3) == 0).then(|| 20 + random.below(60));
            let max_qty = (random.below(3) == 0).then(|| Qty::new(10 + random.below(40)));
            return Command::limits(owner, &Limits { max_orders, max_qty, ..Limits::default() });
        }
    };
    command.with_owner(owner).with_self_trade(stp)
}
