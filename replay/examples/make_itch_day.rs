//! Makes a big ITCH file of many stocks from a small one of one stock, to take times with:
//!
//! ```sh
//! xz -dc GOOG.NASDAQ_ITCH50.xz | cargo run --release -p vvp-replay --example make_itch_day -- 1024 10000000 > day.NASDAQ_ITCH50
//! vvpx replay day.NASDAQ_ITCH50 --no-checksum
//! ```
//! Every stock plays the small file from its start, in turns of 1 to 8 messages at random.
//! References are numbered again, in the order of appearance over all stocks, as NASDAQ does; times
//! rise by 1 µs a message.

use std::io::{self, BufWriter, Read, Write};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

struct Stock {
    /// The next message.
    at: usize,
    /// References in the order of appearance; those of the small file stand for their index in it.
    references: Vec<u64>,
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("whole numbers: STOCKS MESSAGES"));
    let (stocks, messages) = (arguments.next().unwrap_or(1024), arguments.next().unwrap_or(10_000_000));
    assert!((1..=65_535).contains(&stocks), "1 to 65535 stocks");
    let mut file = Vec::new();
    io::stdin().lock().read_to_end(&mut file)?;
    let played = messages_of(&file);
    assert!(messages / stocks * 2 <= played.len(), "the small file is too short for this number of messages");
    let mut desks: Vec<Stock> = (0..stocks).map(|_| Stock { at: 0, references: Vec::new() }).collect();
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let (mut random, mut reference, mut left, mut time_ns) = (SEED, 0u64, messages, 34_200_000_000_000u64);
    while left > 0 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let which = (random >> 32) as usize % stocks;
        let turn = 1 + (random & 7) as usize;
        let desk = &mut desks[which];
        for _ in 0..turn.min(left) {
            let Some((bytes, index)) = played.get(desk.at) else { break };
            desk.at += 1;
            let mut message = bytes.clone();
            let locate = which as u16 + 1;
            message[1..3].copy_from_slice(&locate.to_be_bytes());
            message[5..11].copy_from_slice(&time_ns.to_be_bytes()[2..]);
            time_ns += 1_000;
            if let Some(index) = *index {
                if index == desk.references.len() {
                    reference += 1;
                    desk.references.push(reference);
                }
                message[11..19].copy_from_slice(&desk.references[index].to_be_bytes());
            }
            if let Some(name) = match message[0] {
                b'A' | b'F' | b'P' => Some(24),
                b'R' | b'H' => Some(11),
                _ => None,
            } {
                message[name..name + 8].copy_from_slice(format!("S{locate:<7}").as_bytes());
            }
            out.write_all(&(message.len() as u16).to_be_bytes())?;
            out.write_all(&message)?;
            left -= 1;
        }
    }
    out.flush()
}

/// The messages of a file that are about a stock, each with the index of its order, by first
/// appearance.
fn messages_of(file: &[u8]) -> Vec<(Vec<u8>, Option<usize>)> {
    let (mut indices, mut all, mut rest) = (std::collections::HashMap::new(), Vec::new(), file);
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let Some((message, next)) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length))) else { break };
        rest = next;
        let index = match message.first() {
            Some(b'A' | b'F' | b'E' | b'C' | b'X' | b'D') => {
                let reference: [u8; 8] = message[11..19].try_into().expect("eight bytes");
                let next = indices.len();
                Some(*indices.entry(reference).or_insert(next))
            }
            Some(b'U') => panic!("replaces are not handled: they name two orders"),
            Some(b'S') | None => continue,
            Some(_) => None,
        };
        all.push((message.to_vec(), index));
    }
    all
}
