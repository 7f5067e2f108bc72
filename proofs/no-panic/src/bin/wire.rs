//! `wire`: ITCH messages, frames of files, MoldUDP64, captures. Arbitrary bytes.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::wire::capture::{CaptureFile, Datagram, Step};
use vvp_core::wire::field::{Price4, Text};
use vvp_core::wire::frame::{self, Frames};
use vvp_core::wire::itch::{Message, OrderChange};
use vvp_core::wire::mold::{Merge, Packet, Session, encode, request};

fn itch(bytes: &[u8]) -> usize {
    let mut seen = 0;
    let mut messages = Frames::at(bytes, black_box(7)).messages();
    for message in messages.by_ref() {
        match message {
            Ok((offset, message)) => {
                seen += offset as usize + message.as_bytes().len() + usize::from(message.kind());
                match message {
                    Message::AddOrder(m) => seen += m.shares() as usize + m.stock().trimmed().len(),
                    Message::OrderReplace(m) => seen += m.new_reference() as usize + m.price().raw() as usize,
                    Message::StockDirectory(m) => seen += m.stock().as_str().len() + m.round_lot() as usize,
                    _ => seen += message.head().map_or(0, |head| head.time_ns() as usize),
                }
            }
            Err(error) => seen += error.offset as usize,
        }
    }
    let change = OrderChange::read(bytes).map_or(1, |c| c.map_or(0, |c| c.reference as usize + c.shares as usize));
    seen + change + usize::from(messages.frames().finish().is_ok())
}

fn fields(text: &[u8], raw: u32) -> usize {
    let cent = core::num::NonZeroU32::MIN.saturating_add(raw);
    let ticks = Price4::new(raw).ticks(cent).map_or(0, |p| p.ticks() as usize);
    let back = Price4::from_ticks(vvp_core::book::Price::new(i64::from(raw)), cent).is_some();
    ticks + usize::from(back) + Text::<8>::new(text).map_or(0, |t| t.trimmed().len())
}

fn writing(message: &[u8], out: &mut [u8]) -> usize {
    let session = Session::new([0; 10]);
    frame::write(message, out).unwrap_or(0)
        + encode(session, 1, &[message, message], false, out).unwrap_or(0)
        + request(session, 1, 2).len()
}

fn mold(merge: &mut Merge<4, 64>, datagram: &[u8]) -> usize {
    let mut seen = Packet::read(datagram).map_or(0, |p| p.blocks().map(|b| b.1.len()).sum());
    let _ = merge.receive(black_box(true), datagram, |n, m| seen += n as usize ^ m.len());
    merge.give_up(|n, m| seen += n as usize ^ m.len());
    seen + merge.expected() as usize + usize::from(merge.is_finished())
}

fn capture(file: &mut CaptureFile, bytes: &[u8]) -> usize {
    match file.next(bytes) {
        Ok(Step::More { bytes } | Step::Other { bytes }) => bytes,
        Ok(Step::Packet { bytes, packet }) => {
            let datagram = Datagram::of(packet.link, packet.bytes).map_or(0, |d| d.payload.len());
            bytes + datagram + packet.time_ns as usize
        }
        Err(e) => e.offset as usize,
    }
}

vvp_no_panic::cannot_panic!(
    itch(black_box(&[0; 77][..])),
    fields(black_box(&[0; 9][..]), black_box(5)),
    writing(black_box(&[0; 9][..]), black_box(&mut [0; 99][..])),
    capture(black_box(&mut CaptureFile::new()), black_box(&[0; 99][..])),
    mold(black_box(&mut Merge::new(1)), black_box(&[0; 99][..])),
);
