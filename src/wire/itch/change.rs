//! What a message does to an order of the book, read without a jump by type.
//!
//! Types follow each other as the market likes, so a jump by type is guessed wrong at every other message, which costs more
//! than the reading. Here one table says where each type has its fields; a field that a type lacks is read from its head and
//! thrown away.

use super::{
    AddOrder, AddOrderMpid, BadMessage, Message, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace,
};
use crate::wire::field::{Field, Nanos48, Price4};

/// What a message says about an order, for the seven types that change one: A F E C X D U.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OrderChange {
    /// The message's code.
    pub kind: u8,
    /// The day's number of the stock.
    pub locate: u16,
    /// Since midnight, US Eastern.
    pub time: Nanos48,
    /// The order that came (A, F) or that is changed.
    pub reference: u64,
    /// The order that takes its place (U); else 0.
    pub new_reference: u64,
    /// Shares shown (A, F, U), executed (E, C) or canceled (X); 0 for D, which takes all that are left.
    pub shares: u32,
    /// The price shown (A, F, U) or that of the trade (C); else 0.
    pub price: Price4,
    /// Whether the order is to buy (A, F); of the other types the order itself knows.
    pub buys: bool,
}

/// Where a type has its fields, from the start of the message; 0: it has none.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Places {
    /// Bytes of the message; 0: the type changes no order.
    size: u8,
    new_reference: u8,
    shares: u8,
    price: u8,
    side: u8,
}

impl Places {
    const NONE: Self = Self { size: 0, new_reference: 0, shares: 0, price: 0, side: 0 };
}

/// All seven have it here.
const REFERENCE: usize = 11;

/// The table, with each place checked to lie within its message.
const PLACES: [Places; 256] = {
    let mut places = [Places::NONE; 256];
    let add = Places { size: AddOrder::SIZE as u8, new_reference: 0, shares: 20, price: 32, side: 19 };
    places[AddOrder::TYPE as usize] = add;
    places[AddOrderMpid::TYPE as usize] = Places { size: AddOrderMpid::SIZE as u8, ..add };
    places[OrderExecuted::TYPE as usize] = Places { size: OrderExecuted::SIZE as u8, shares: 19, ..Places::NONE };
    places[OrderExecutedWithPrice::TYPE as usize] =
        Places { size: OrderExecutedWithPrice::SIZE as u8, shares: 19, price: 32, ..Places::NONE };
    places[OrderCancel::TYPE as usize] = Places { size: OrderCancel::SIZE as u8, shares: 19, ..Places::NONE };
    places[OrderDelete::TYPE as usize] = Places { size: OrderDelete::SIZE as u8, ..Places::NONE };
    places[OrderReplace::TYPE as usize] =
        Places { size: OrderReplace::SIZE as u8, new_reference: 19, shares: 27, price: 31, side: 0 };
    let mut kind = 0;
    while kind < places.len() {
        let p = places[kind];
        if p.size != 0 {
            let size = p.size as usize;
            // The reference lies behind the head, so what is missing can be read there.
            assert!(REFERENCE + 8 <= size && (p.side as usize) < size);
            assert!(
                p.new_reference as usize + 8 <= size && p.shares as usize + 4 <= size && p.price as usize + 4 <= size
            );
        }
        kind += 1;
    }
    places
};

impl OrderChange {
    /// Reads it from the bytes of one message; `None` when its type changes no order, known or not.
    ///
    /// # Errors
    /// [`BadMessage`] when there is no byte, or more or fewer than the type has.
    #[inline(always)]
    pub fn read(message: &[u8]) -> Result<Option<Self>, BadMessage> {
        let Some(&kind) = message.first() else { return Err(BadMessage::Empty) };
        let places = PLACES[usize::from(kind)];
        if message.len() != usize::from(places.size) {
            return other(message);
        }
        // SAFETY: the message is as long as its type says, and the table was checked for that length where it is made.
        unsafe {
            Ok(Some(Self {
                kind,
                locate: u16::from_be_bytes(at(message, 1)),
                time: Nanos48::from_wire(at(message, 5)),
                reference: u64::from_be_bytes(at(message, REFERENCE)),
                new_reference: kept_u64(places.new_reference, at(message, places.new_reference.into())),
                shares: kept_u32(places.shares, at(message, places.shares.into())),
                price: Price4::new(kept_u32(places.price, at(message, places.price.into()))),
                // Of a type without a side this is the code of the type, and no B.
                buys: at::<1>(message, places.side.into()) == [b'B'],
            }))
        }
    }
}

/// Another type, or another length.
#[cold]
#[inline(never)]
fn other(message: &[u8]) -> Result<Option<OrderChange>, BadMessage> {
    Message::decode(message).map(|_| None)
}

/// # Safety
/// The message has `N` bytes at `place`.
#[inline(always)]
unsafe fn at<const N: usize>(message: &[u8], place: usize) -> [u8; N] {
    debug_assert!(place + N <= message.len());
    // SAFETY: our caller says that they are there; an array of bytes may lie anywhere.
    unsafe { message.as_ptr().add(place).cast::<[u8; N]>().read() }
}

/// The field, if the type has it; without a jump.
#[inline(always)]
const fn kept_u64(place: u8, bytes: [u8; 8]) -> u64 {
    u64::from_be_bytes(bytes) & 0_u64.wrapping_sub((place != 0) as u64)
}

/// The same, of 4 bytes.
#[inline(always)]
const fn kept_u32(place: u8, bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes) & 0_u32.wrapping_sub((place != 0) as u32)
}
