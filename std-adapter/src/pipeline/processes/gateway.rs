//! The gateway stage: generates commands and sends them through its lane.

use super::journal::words;
use super::{ChannelRecord, PipelineDirectory, StageError, Stop, stage_wait};
use crate::clock::Clock;
use crate::random::Random;
use vvp_core::book::{Command, InstrumentId, OrderId, OwnerId, Price, Qty, Replacement, Side, TimeInForce};
use vvp_core::queue::{Full, Wait};
use zerocopy::IntoBytes;

/// Order ids that one gateway uses.
const IDS: u64 = 1_500;

/// Returns command `number` of a gateway. It depends only on the arguments, so a restarted gateway
/// generates the same commands.
#[must_use]
pub fn order(seed: u64, lane: usize, number: u64) -> Command {
    // Spread over all bits, so that neighbours do not start alike.
    let place = ((lane as u64).rotate_left(48) ^ number).wrapping_mul(0xd134_2543_de82_ef95);
    let mut random = Random::new(seed ^ place ^ (place >> 32));
    let id = OrderId::new(((lane as u64) << 32) | random.below(IDS));
    let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
    let away = i64::try_from(random.below(30)).unwrap_or(0) - 5;
    let price = Price::new(if side == Side::Buy { 1_000 - away } else { 1_000 + away });
    let qty = Qty::new(1 + random.below(40));
    let command = match random.below(100) {
        0..50 => Command::limit(id, side, price, qty),
        50..56 => Command::limit(id, side, price, qty).with_display_qty(Qty::new(1 + qty.lots() / 4)),
        56..60 => Command::limit(id, side, price, qty).with_tif(TimeInForce::Ioc),
        60..62 => Command::market(id, side, qty),
        62..86 => Command::cancel(id),
        86..90 => Command::reduce(id, Qty::new(1 + random.below(9))),
        _ => Command::replace(id, Replacement { price: Some(price), qty: Some(qty), ..Replacement::default() }),
    };
    let command = match command.op() {
        vvp_core::book::Op::New => command.with_owner(OwnerId::new(u32::try_from(lane).unwrap_or(0))),
        _ => command,
    };
    command.with_instrument(InstrumentId::new(u16::from(random.below(4) == 0)))
}

/// Sends the commands of a lane, from the first that is not published yet up to `count` or a
/// request to stop; then closes the lane.
///
/// # Errors
/// [`StageError`]
pub fn gateway(
    pipeline: &PipelineDirectory,
    lane: usize,
    seed: u64,
    count: u64,
    stop: &Stop,
) -> Result<(), StageError> {
    let mut tx = pipeline.orders()?.sender(lane)?;
    let clock = Clock::kernel();
    let mut number = tx.position() as u64;
    'all: while number < count && !stop.is_asked() {
        let mut record: ChannelRecord = [0; 9];
        record[..8].copy_from_slice(&words(order(seed, lane, number).as_bytes()));
        record[8] = clock.now();
        let mut attempt = 0_u32;
        // A dead matcher will be restarted.
        while let Err(Full(_)) = tx.push(record) {
            if stop.is_asked() {
                break 'all;
            }
            stage_wait().wait(attempt);
            attempt = attempt.saturating_add(1);
        }
        number += 1;
    }
    tx.close();
    Ok(())
}
