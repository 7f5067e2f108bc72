//! Reads files that may be compressed, detected by their first bytes rather than their names.
//!
//! Input that the reference tool of a container format refuses is refused here: every checksum and
//! every length of content in a container is verified. `docs/containers.md` has the table of what
//! is read.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use crate::recognise::{HEAD_BYTES, Kind};

mod gzip;
mod zstd;

/// Read-ahead in bytes, before and after decompression.
const BUFFER_BYTES: usize = 1 << 16;

/// Returns a reader of the content of `reader`, decompressed if it is `.gz`, `.xz` or `.zst`.
/// Concatenated compressed files are one file.
///
/// # Errors
/// Errors of the first read. Later reads of a broken compressed file return `UnexpectedEof` if it
/// is truncated, `InvalidData` or `InvalidInput` if it is damaged. A checksum is verified when its
/// frame, block or member ends: data before that may be wrong, so read to the end.
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
