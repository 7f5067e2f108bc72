//! The change of an order by a message, decoded without a branch on the message's type.
//!
//! Message types follow each other without a pattern, so a branch on the type is mispredicted at
//! every other message, which costs more than the decoding. Here one table has the offset of each
//! field for each type; a field that a type lacks is read from the message's head and discarded.

use super::{
    AddOrder, AddOrderMpid, BadMessage, Message, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace,
};
use crate::wire::field::{Field, Nanos48, Price4};

/// The fields that concern an order, of the seven types that change one: A F E C X D U.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OrderChange {
    /// The message's type code.
    pub kind: u8,
    /// The stock locate code, valid for the day.
    pub locate: u16,
    /// Time since midnight, US Eastern.
    pub time: Nanos48,
    /// The new order (A, F) or the order that is changed.
    pub reference: u64,
    /// The order that replaces it (U); else 0.
    pub new_reference: u64,
    /// Shares shown (A, F, U), executed (E, C) or canceled (X); 0 for D, which removes all that are
    /// left.
    pub shares: u32,
    /// The displayed price (A, F, U) or that of the trade (C); else 0.
    pub price: Price4,
    /// Whether it is a buy order (A, F); false for the other types, which do not carry the side.
    pub buys: bool,
}

/// Offsets of the fields of a type, from the start of the message; 0: the type lacks the field.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Places {
    /// Length of the message; 0: the type changes no order.
    size: u8,
    new_reference: u8,
    shares: u8,
    price: u8,
    side: u8,
}

impl Places {
    const NONE: Self = Self { size: 0, new_reference: 0, shares: 0, price: 0, side: 0 };
}

/// The same offset in all seven types.
const REFERENCE: usize = 11;

/// The table, with a check that each field lies within its message.
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
            // The reference lies after the head, so what a type lacks can be read from the head.
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
    /// Decodes the bytes of one message; `None` if its type changes no order or is unknown.
    ///
    /// # Errors
    /// [`BadMessage`] if there is no byte, or if the length is not that of the type.
    #[inline(always)]
    pub fn read(message: &[u8]) -> Result<Option<Self>, BadMessage> {
        let Some(&kind) = message.first() else { return Err(BadMessage::Empty) };
        let places = PLACES[usize::from(kind)];
        if message.len() != usize::from(places.size) {
            return other(message);
        }
        // SAFETY: the message is as long as its type says, and the table was checked for that
        // length where it is built.
        unsafe {
            Ok(Some(Self {
                kind,
                locate: u16::from_be_bytes(at(message, 1)),
                time: Nanos48::from_wire(at(message, 5)),
                reference: u64::from_be_bytes(at(message, REFERENCE)),
                new_reference: kept_u64(places.new_reference, at(message, places.new_reference.into())),
                shares: kept_u32(places.shares, at(message, places.shares.into())),
                price: Price4::new(kept_u32(places.price, at(message, places.price.into()))),
                // For a type without a side this reads the type code, which is not `B`.
                buys: at::<1>(message, places.side.into()) == [b'B'],
            }))
        }
    }
}

/// Handles the other types and lengths.
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
    // SAFETY: the caller guarantees that they are there; an array of bytes has no alignment.
    unsafe { message.as_ptr().add(place).cast::<[u8; N]>().read() }
}

/// Returns the field if the type has it, else 0, without a branch.
#[inline(always)]
const fn kept_u64(place: u8, bytes: [u8; 8]) -> u64 {
    u64::from_be_bytes(bytes) & 0_u64.wrapping_sub((place != 0) as u64)
}

/// Returns the field of 4 bytes if the type has it, else 0, without a branch.
#[inline(always)]
const fn kept_u32(place: u8, bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes) & 0_u32.wrapping_sub((place != 0) as u32)
}
