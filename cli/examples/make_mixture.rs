//! Writes a file of command records of every kind, always the same for the same numbers;
//! `scripts/determinism.sh` plays it.
//!
//! ```text
//! cargo run -p vvpx --example make_mixture -- SEED COUNT > mixture.bin
//! ```

#[path = "../tests/cli/mixture.rs"]
mod mixture;

use std::io::{self, BufWriter, Write};
use vvp_core::book::Command;
use zerocopy::IntoBytes;

fn main() -> io::Result<()> {
    let number = |at: usize| std::env::args().nth(at).and_then(|text| text.parse::<u64>().ok());
    let (Some(seed), Some(count)) = (number(1), number(2)) else {
        return Err(io::Error::other("give a seed and how many commands to write"));
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut header = [0; Command::SIZE];
    header[..8].copy_from_slice(b"VVPCMD1\n");
    out.write_all(&header)?;
    for command in mixture::mixture(seed, count as usize) {
        out.write_all(command.as_bytes())?;
    }
    out.flush()
}
