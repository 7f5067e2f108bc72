//! `map`: the three maps of ids and keys.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::map::{ConcurrentMap, DenseMap, IdMap};

static SHARED: ConcurrentMap<u64, [u32; 4], 64> = ConcurrentMap::new();

fn by_id(map: &mut IdMap<u32, 256>, id: u64, value: u32) -> u32 {
    let mut sum = map.insert(id, value).map_or(0, |before| before.unwrap_or(0));
    if let Ok(value) = map.get_or_insert(id ^ 1, value) {
        *value ^= 1;
    }
    if let Some(value) = map.get_mut(id ^ 2) {
        sum ^= *value;
    }
    sum ^= map.get(id ^ 3).unwrap_or(0) ^ map.remove(id).unwrap_or(0) ^ map.len() as u32;
    map.iter().fold(sum, |sum, (_, value)| sum ^ value)
}

fn dense(map: &mut DenseMap<u32, 256>, id: u64, value: u32) -> u32 {
    let sum = map.insert(id, value).map_or(0, |before| before.unwrap_or(0));
    if let Some(value) = map.get_mut(id ^ 2) {
        *value ^= sum;
    }
    sum ^ map.get(id ^ 1).unwrap_or(0) ^ map.remove(id).unwrap_or(0) ^ map.len() as u32
}

fn shared(map: &ConcurrentMap<u64, [u32; 4], 64>, key: u64, value: [u32; 4]) -> u32 {
    let mut sum = map.insert(key, value).map_or(0, |before| before.unwrap_or([0; 4])[0]);
    sum ^= map.get(&key).unwrap_or(value)[1] ^ map.get_or_insert(key ^ 1, value).unwrap_or(value)[2];
    sum ^= map.try_get(&key).map_or(0, |found| found.unwrap_or(value)[3]);
    sum ^= u32::from(map.compare_and_update(&key, value, [7; 4]).is_ok());
    sum ^= map.update(&key, |value| value.map(|word| word ^ 1)).map_or(0, |before| before.unwrap_or(value)[0]);
    sum ^ map.remove(&key).unwrap_or(value)[1] ^ map.len() as u32
}

vvp_no_panic::cannot_panic!(
    by_id(black_box(&mut IdMap::with_seed(1)), black_box(7), black_box(8)),
    dense(black_box(&mut DenseMap::new()), black_box(7), black_box(8)),
    shared(black_box(&SHARED), black_box(7), black_box([8; 4])),
);
