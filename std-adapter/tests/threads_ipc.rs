//! Channels in one mapping between threads, for the thread sanitizer: messages arrive whole, once
//! and in order, and endpoints change owners. `.ci/tsan` runs it; as a plain test it is short.
//!
//! The sanitizer identifies memory by its address, so both endpoints use the same mapping here; two
//! mappings of the same bytes are in `ipc.rs`, and two processes in `ipc_kill.rs`.

#[path = "adapter/part.rs"]
mod part;

use part::Bounded;
use std::thread::{self, JoinHandle};
use vvp_core::queue::Wait;
use vvp_std_adapter::ipc::{FanInChannel, FanInSender, LatestCell, MpscChannel, MpscSender, RecvError, SpscChannel};
use vvp_std_adapter::memory::region::RegionOptions;

type Message = [u64; 3];

const MESSAGES: u64 = 20_000;
const LANES: usize = 2;

fn message(n: u64) -> Message {
    [n, !n, n.wrapping_mul(0x9e37_79b9_7f4a_7c15)]
}

fn ended(thread: JoinHandle<()>) {
    thread.join().expect("it has said why");
}

#[test]
fn successive_senders_keep_the_order() {
    let channel = SpscChannel::<Message, 64>::anonymous(&RegionOptions::default()).expect("memory");
    let mut rx = channel.receiver().expect("free");
    let sender = thread::spawn(move || {
        // Each sender passes the endpoint to the next, which must see what its predecessor wrote.
        for part in 0..4 {
            let mut tx = channel.sender().expect("released");
            assert_eq!(tx.position() as u64, part * MESSAGES / 4);
            for n in part * MESSAGES / 4..(part + 1) * MESSAGES / 4 {
                tx.send(message(n), &mut Bounded::new()).expect("it listens");
            }
            if part == 3 {
                tx.close();
            }
        }
    });
    for n in 0..MESSAGES {
        assert_eq!(rx.recv(&mut Bounded::new()), Ok(message(n)));
    }
    assert_eq!(rx.recv(&mut Bounded::new()), Err(RecvError::Closed));
    ended(sender);
}

/// Receives all messages of all senders, each on a thread of its own; those of one lane arrive in
/// order.
fn many<S: Send + 'static>(
    senders: impl IntoIterator<Item = S>,
    send_all: fn(S),
    mut recv: impl FnMut() -> Result<(usize, Message), RecvError>,
) {
    let threads: Vec<_> = senders.into_iter().map(|tx| thread::spawn(move || send_all(tx))).collect();
    let mut next = [0; LANES];
    for _ in 0..MESSAGES * LANES as u64 {
        let (lane, found) = recv().expect("more to come");
        assert_eq!(found, message(next[lane]));
        next[lane] += 1;
    }
    assert_eq!(recv(), Err(RecvError::Closed));
    threads.into_iter().for_each(ended);
}

#[test]
fn lanes_keep_their_order() {
    let lanes = FanInChannel::<Message, 32, LANES>::anonymous(&RegionOptions::default()).expect("memory");
    let mut rx = lanes.receiver().expect("free");
    let senders: [_; LANES] = core::array::from_fn(|lane| lanes.sender(lane).expect("free"));
    let send_all = |mut tx: FanInSender<_, 32, LANES>| {
        (0..MESSAGES).for_each(|n| tx.send(message(n), &mut Bounded::new()).expect("it listens"));
        tx.close();
    };
    many(senders, send_all, || rx.recv(&mut Bounded::new()));
}

#[test]
fn senders_of_one_queue_keep_their_order() {
    let channel = MpscChannel::<Message, 32, LANES>::anonymous(&RegionOptions::default()).expect("memory");
    let mut rx = channel.receiver().expect("free");
    let senders: [_; LANES] = core::array::from_fn(|lane| channel.sender(lane).expect("free"));
    let send_all = |mut tx: MpscSender<_, 32, LANES>| {
        (0..MESSAGES).for_each(|n| tx.send(message(n), &mut Bounded::new()).expect("it listens"));
        tx.close();
    };
    many(senders, send_all, || rx.recv(&mut Bounded::new()));
}

#[test]
fn newest_value_is_never_torn() {
    let cell = LatestCell::<Message>::anonymous(&RegionOptions::default()).expect("memory");
    let (mut reader, mut writer) = (cell.reader(), cell.writer().expect("free"));
    let writer = thread::spawn(move || (1..=MESSAGES).for_each(|n| writer.write(message(n))));
    let (mut newest, mut wait) = (0, Bounded::new());
    while newest < MESSAGES {
        wait.wait(0);
        if let Ok(found) = reader.read() {
            assert_eq!(found, message(found[0]));
            assert!(found[0] >= newest);
            newest = found[0];
        }
    }
    ended(writer);
}
