//! Makes commands, and sends them through its lane.

use super::journal::words;
use super::{Meeting, Record, StageError, patience};
use crate::clock::Clock;
use crate::ipc::SendError;
use vvp_core::book::{Command, InstrumentId, OrderId, OwnerId, Price, Qty, Replacement, Side, TimeInForce};
use zerocopy::IntoBytes;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Orders of one gateway that may rest at one time.
const IDS: u64 = 1_500;

/// Command `number` of a gateway: made of nothing but these numbers, so that it is the same whoever makes it, and when.
#[must_use]
pub fn order(seed: u64, lane: usize, number: u64) -> Command {
    let mut random = Random(seed ^ (lane as u64).rotate_left(48) ^ number.wrapping_mul(0xd134_2543_de82_ef95));
    let id = OrderId::new(((lane as u64) << 32) | random.below(IDS));
    let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
    let away = i64::try_from(random.below(30)).unwrap_or(0) - 5;
    let price = Price::new(if side == Side::Buy { 1_000 - away } else { 1_000 + away });
    let qty = Qty::new(1 + random.below(40));
    let command = match random.below(100) {
        0..50 => Command::limit(id, side, price, qty),
        50..56 => Command::limit(id, side, price, qty).display(Qty::new(1 + qty.lots() / 4)),
        56..60 => Command::limit(id, side, price, qty).tif(TimeInForce::Ioc),
        60..62 => Command::market(id, side, qty),
        62..86 => Command::cancel(id),
        86..90 => Command::reduce(id, Qty::new(1 + random.below(9))),
        _ => Command::replace(id, Replacement { price: Some(price), qty: Some(qty), stop: None }),
    };
    let command = match command.op() {
        vvp_core::book::Op::New => command.owner(OwnerId::new(u32::try_from(lane).unwrap_or(0))),
        _ => command,
    };
    command.on(InstrumentId::new(u16::from(random.below(4) == 0)))
}

/// Sends the commands of a lane up to `count`, from the first that was not published yet, and closes the lane.
///
/// # Errors
/// [`StageError`]
pub fn gateway(meeting: &Meeting, lane: usize, seed: u64, count: u64) -> Result<(), StageError> {
    let mut tx = meeting.orders()?.sender(lane)?;
    let clock = Clock::kernel();
    let mut number = tx.position() as u64;
    while number < count {
        let mut record: Record = [0; 9];
        record[..8].copy_from_slice(&words(order(seed, lane, number).as_bytes()));
        record[8] = clock.now();
        match tx.send(record, &mut patience()) {
            Ok(()) => number += 1,
            // The matcher will be started again.
            Err(SendError::PeerDied(..) | SendError::Closed(_)) => std::thread::sleep(super::RESTART),
        }
    }
    tx.close();
    Ok(())
}
