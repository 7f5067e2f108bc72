//! A second implementation of the snapshot's layout and checksum, from `docs/snapshot.md`.

#![allow(dead_code)] // each test binary uses its own part

pub(crate) const HEADER: usize = 48;
pub(crate) const OWNER: usize = 40;
pub(crate) const BOOK: usize = 120;
pub(crate) const ORDER: usize = 64;
pub(crate) const STOP: usize = 88;

/// CRC-64/XZ, bit by bit.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(u64::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u64::from(byte), |crc, _| (crc >> 1) ^ (0xc96c_5795_d787_0f42 & (crc & 1).wrapping_neg()))
    })
}

/// Corrects the length and checksum of changed bytes.
pub(crate) fn reseal(bytes: &mut [u8]) {
    let len = bytes.len() as u64;
    put(bytes, 16, len);
    let end = bytes.len() - 8;
    let sum = checksum(&bytes[..end]);
    put(bytes, end, sum);
}

pub(crate) fn get(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

pub(crate) fn get32(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes")) as usize
}

pub(crate) fn put(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// The offset of a book, and its counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) book: usize,
    pub(crate) orders: usize,
    pub(crate) stops: usize,
}

impl Place {
    pub(crate) fn order(self, i: usize) -> usize {
        assert!(i < self.orders);
        self.book + BOOK + i * ORDER
    }

    pub(crate) fn stop(self, i: usize) -> usize {
        assert!(i < self.stops);
        self.book + BOOK + self.orders * ORDER + i * STOP
    }
}

pub(crate) fn books(bytes: &[u8]) -> Vec<Place> {
    let mut book = HEADER + get32(bytes, 44) * OWNER;
    let places = (0..get32(bytes, 40)).map(|_| {
        let place = Place { book, orders: get32(bytes, book + 104), stops: get32(bytes, book + 108) };
        book += BOOK + place.orders * ORDER + place.stops * STOP;
        place
    });
    let places: Vec<Place> = places.collect();
    assert_eq!(book + 8, bytes.len());
    places
}

/// Returns the snapshot without the fields that depend on the capacities of the engine.
pub(crate) fn without_windows(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for place in books(&bytes) {
        bytes[place.book + 64..place.book + 104].fill(0);
        bytes[place.book + 115] = 0;
    }
    bytes.truncate(bytes.len() - 8);
    bytes
}

/// Returns the state itself: the snapshot without windows, with ranks for entry stamps. Engines
/// whose states are equal give the same events.
pub(crate) fn canonical(bytes: &[u8]) -> Vec<u8> {
    let mut bytes_now = without_windows(bytes);
    for place in books(bytes) {
        put(&mut bytes_now, place.book + 56, 0);
        let mut stamps: Vec<(u64, usize)> = (0..place.orders)
            .map(|i| place.order(i) + 24)
            .chain((0..place.stops).map(|i| place.stop(i) + 56))
            .map(|at| (get(bytes, at), at))
            .collect();
        stamps.sort_unstable();
        for (rank, &(_, at)) in stamps.iter().enumerate() {
            put(&mut bytes_now, at, rank as u64 + 1);
        }
    }
    bytes_now
}
