//! Files that may be compressed: recognised by their first bytes, whatever their name.
//!
//! What the reference tool of a container refuses is refused here: each checksum is compared, and
//! each length that a container says of its content. `docs/containers.md` has the table of what is
//! read.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use crate::recognise::{HEAD_BYTES, Kind};

mod gzip;
mod zstd;

/// Read-ahead in bytes, before and after decompression.
const BUFFER_BYTES: usize = 1 << 16;

/// What `reader` gives, decompressed if it is `.gz`, `.xz` or `.zst`. Several compressed files one
/// after the other, as `cat` puts them together, are one.
///
/// # Errors
/// What the reader says to the first read; of a broken compressed file, later reads say so:
/// `UnexpectedEof` where it is cut short, `InvalidData` or `InvalidInput` where it is damaged. A
/// checksum is compared when its frame, block or member ends: what was read before may be wrong
/// until then, so read to the end.
pub fn unpacked<'a>(mut reader: impl Read + Send + 'a) -> io::Result<Box<dyn BufRead + Send + 'a>> {
    let mut head = Vec::new();
    reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let kind = Kind::of(&head);
    let whole = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(reader));
    Ok(match kind {
        Kind::Xz => Box::new(BufReader::with_capacity(BUFFER_BYTES, lzma_rust2::XzReader::new(whole, true))),
        Kind::Gzip => Box::new(BufReader::with_capacity(BUFFER_BYTES, gzip::Gzip::new(whole))),
        Kind::Zstd => Box::new(BufReader::with_capacity(BUFFER_BYTES, zstd::Zstd::new(whole)?)),
        _ => Box::new(whole),
    })
}

fn damaged(what: impl core::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

#[cfg(test)]
mod tests;
