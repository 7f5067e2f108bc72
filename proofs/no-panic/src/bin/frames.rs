//! `queue::Frames`: everything, the parts of `bbqueue` that it uses included.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::queue::Frames;

static FRAMES: Frames<1024> = Frames::new();

fn ends(frames: &'static Frames<1024>, bytes: &[u8], n: usize) -> usize {
    let (Some(mut tx), Some(mut rx)) = (frames.producer(), frames.consumer()) else { return 0 };
    let (tx_hidden, rx_hidden) = (black_box(&mut tx), black_box(&mut rx));
    let mut done = usize::from(tx_hidden.push(bytes).is_ok());
    if let Ok(mut grant) = tx_hidden.grant(n) {
        grant.fill(7);
        grant.commit(n / 2);
    }
    if let Ok(mut batch) = tx_hidden.batch(n) {
        done += usize::from(batch.push(bytes).is_ok());
        batch.commit();
    }
    if let Ok(frame) = rx_hidden.read() {
        done += frame.len();
        frame.release();
    }
    if let Ok(many) = rx_hidden.read_many() {
        done += many.iter().flatten().filter(|byte| **byte == 0).count();
        many.release_first(n);
    }
    done += usize::from(tx_hidden.is_closed()) + usize::from(rx_hidden.is_closed()) + frames.stats().depth;
    tx.close();
    rx.close();
    done
}

vvp_no_panic::cannot_panic!(ends(black_box(&FRAMES), black_box(&[1; 9][..]), black_box(99)));
