//! `queue::SequencedSpsc`: everything.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::queue::SequencedSpsc;

static NUMBERS: SequencedSpsc<u64, 64> = SequencedSpsc::new();
static PAIRS: SequencedSpsc<[u8; 16], 64> = SequencedSpsc::new();

fn ends<T: Copy + 'static>(queue: &'static SequencedSpsc<T, 64>, value: T, values: &mut [T]) -> usize {
    let (Some(mut tx), Some(mut rx)) = (queue.producer(), queue.consumer()) else { return 0 };
    let (tx_hidden, rx_hidden) = (black_box(&mut tx), black_box(&mut rx));
    let mut done = usize::from(tx_hidden.push(value).is_ok()) + tx_hidden.push_slice(values) + tx_hidden.free_slots();
    done += usize::from(rx_hidden.peek().is_some()) + usize::from(rx_hidden.pop().is_ok());
    done += rx_hidden.pop_slice(values) + rx_hidden.drain().count() + rx_hidden.available();
    done += usize::from(tx_hidden.is_closed()) + usize::from(rx_hidden.is_closed()) + queue.stats().depth;
    tx.close();
    rx.close();
    done
}

vvp_no_panic::cannot_panic!(
    ends(black_box(&NUMBERS), black_box(1), black_box(&mut [0; 7][..])),
    ends(black_box(&PAIRS), black_box([1; 16]), black_box(&mut [[0; 16]; 7][..])),
);
