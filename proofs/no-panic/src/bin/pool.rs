//! `pool`: slab, shared pool and magazine.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::pool::{Handle, Key, Magazine, Pool, Slab};

static POOL: Pool<u64, 64> = Pool::new();

fn slab(slab: &mut Slab<[u64; 8], 64>, key: Key, value: [u64; 8]) -> u64 {
    let mut sum = slab.insert(value).map_or(0, Key::to_bits);
    if let Some(vacant) = slab.vacant() {
        sum ^= vacant.insert(value).to_bits();
    }
    if let Some(value) = slab.get_mut(key) {
        value[1] = sum;
    }
    sum ^= slab.get(key).map_or(0, |value| value[0]) ^ slab.iter().map(|(_, value)| value[2]).fold(0, |a, b| a ^ b);
    sum ^ slab.remove(key).map_or(0, |value| value[3]) ^ (slab.len() + slab.high_water()) as u64
}

fn pool(pool: &'static Pool<u64, 64>, handle: Handle, n: u64) -> u64 {
    let mut sum = 0;
    if let Some(mut value) = pool.acquire() {
        *value ^= n;
        sum ^= value.into_handle().to_bits();
    }
    if let Ok(mut value) = pool.get_mut(handle) {
        *value ^= n;
    }
    sum ^= pool.get(handle).map_or(0, |value| *value);
    sum ^= pool.adopt(handle).map_or(0, |value| *value);
    sum ^ u64::from(pool.release(handle).is_ok()) ^ pool.stats().in_use as u64
}

fn magazine(magazine: &Magazine<'static, u64, 8>, handle: Handle, n: u64) -> u64 {
    let mut sum = 0;
    if let Some(mut value) = magazine.acquire() {
        *value ^= n;
        sum ^= *value;
    }
    sum ^= magazine.adopt(handle).map_or(0, |value| value.into_pool_box().into_handle().to_bits());
    magazine.flush();
    sum ^ magazine.len() as u64
}

vvp_no_panic::cannot_panic!(
    slab(black_box(&mut Slab::new()), Key::from_bits(black_box(7)), black_box([1; 8])),
    pool(black_box(&POOL), Handle::from_bits(black_box(7)), black_box(1)),
    magazine(black_box(&POOL.magazine()), Handle::from_bits(black_box(7)), black_box(1)),
);
