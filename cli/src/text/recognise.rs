//! Detects the format of a file of commands from its first bytes: compressed or not, records or
//! text, lines of JSON or CSV.

use super::{Format, InputFormat, RecordKind};
use std::io::{self, Cursor, Read};
use vvp_replay::packed::unpacked;
use vvp_replay::recognise::{Kind, PACKED};

const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// Maximum length of a first line that is checked for a CSV header.
const HEADER_MAX: usize = 4096;
/// Maximum nesting of compressed files within compressed files.
const NESTED_MAX: usize = 4;

/// A reader of the whole file, unpacked.
pub type Whole<'a> = Box<dyn Read + Send + 'a>;

/// Classification of the first bytes of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Begins {
    /// More bytes are needed to decide.
    Open,
    Packed,
    Is(InputFormat),
}

/// Detects the format of what `reader` gives: `.gz`, `.xz` and `.zst` are unpacked, a byte order
/// mark before text is skipped, binary records and CSV are distinguished from lines of JSON. It
/// reads one line at most, so that an interactive session is not held up.
///
/// # Errors
/// Errors of the reader.
pub fn recognise<'a>(reader: impl Read + Send + 'a) -> io::Result<(InputFormat, Whole<'a>)> {
    let mut reader: Whole<'a> = Box::new(reader);
    let mut nested = 0;
    loop {
        let (mut head, mut begins) = (Vec::new(), Begins::Open);
        while begins == Begins::Open {
            let mut bytes = [0; HEADER_MAX];
            let got = match reader.read(&mut bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                got => got?,
            };
            head.extend_from_slice(&bytes[..got]);
            begins = classify(&head, got == 0);
        }
        let mark = if head.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        match begins {
            Begins::Packed if nested < NESTED_MAX => {
                nested += 1;
                reader = Box::new(unpacked(Cursor::new(head).chain(reader))?);
            }
            Begins::Is(format) => {
                head.drain(..mark);
                return Ok((format, Box::new(Cursor::new(head).chain(reader))));
            }
            _ => return Ok((InputFormat::default(), Box::new(Cursor::new(head).chain(reader)))),
        }
    }
}

/// Returns what the bytes read so far begin with; `at_end` if there are no more.
fn classify(head: &[u8], at_end: bool) -> Begins {
    let could_be = |magic: &[u8]| !at_end && head.len() < magic.len() && magic.starts_with(head);
    if Kind::of(head).is_packed() {
        return Begins::Packed;
    }
    let kinds = RecordKind::ALL.map(RecordKind::header);
    if kinds.iter().any(|header| head.starts_with(&header[..8])) {
        return Begins::Is(InputFormat::Records);
    }
    let magics = PACKED.into_iter().chain(kinds.iter().map(|header| &header[..8])).chain([BYTE_ORDER_MARK]);
    if magics.into_iter().any(could_be) {
        return Begins::Open;
    }
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let end = text.iter().position(|&b| b == b'\n');
    let line = &text[..end.unwrap_or(text.len())];
    // A header consists of names of fields only.
    let is_name = |b: &u8| b.is_ascii_lowercase() || matches!(b, b'_' | b',' | b' ' | b'\t' | b'\r');
    if !line.iter().all(is_name) || line.len() > HEADER_MAX {
        return Begins::Is(InputFormat::Text(Format::Jsonl));
    }
    if end.is_none() && !at_end {
        return Begins::Open;
    }
    let csv = line.trim_ascii().split(|&b| b == b',').any(|name| name == b"op");
    Begins::Is(InputFormat::Text(if csv { Format::Csv } else { Format::Jsonl }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte a read, as a slow writer does.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(into.len()).min(1);
            into[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    #[test]
    fn each_format_is_told_by_its_first_bytes_however_they_come() {
        let records = RecordKind::Commands.header();
        let text = |format| InputFormat::Text(format);
        let table: [(&[u8], InputFormat, &[u8]); 12] = [
            (b"", text(Format::Jsonl), b""),
            (b"\n", text(Format::Jsonl), b"\n"),
            (b"{\"op\":1}", text(Format::Jsonl), b"{\"op\":1}"),
            (b"hello\nop\n", text(Format::Jsonl), b"hello\nop\n"),
            (b"op,id\nnew,1", text(Format::Csv), b"op,id\nnew,1"),
            (b" id,op \r\n", text(Format::Csv), b" id,op \r\n"),
            (b"op", text(Format::Csv), b"op"),
            (b"id,opx\n", text(Format::Jsonl), b"id,opx\n"),
            (b"\xef\xbb\xbf{}\n", text(Format::Jsonl), b"{}\n"),
            (b"\xef\xbb\xbfop,id\n", text(Format::Csv), b"op,id\n"),
            (b"\xef\xbb", text(Format::Jsonl), b"\xef\xbb"),
            (&records, InputFormat::Records, &records),
        ];
        for (bytes, format, rest) in table {
            for slow in [false, true] {
                let source: Whole<'_> = if slow { Box::new(Slow(bytes)) } else { Box::new(bytes) };
                let (found, mut whole) = recognise(source).expect("memory");
                let mut all = Vec::new();
                whole.read_to_end(&mut all).expect("memory");
                assert_eq!((found, &all[..]), (format, rest), "{}", bytes.escape_ascii());
            }
        }
    }
}
