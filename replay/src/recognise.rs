//! Detects the format of a file from its first bytes: the formats that are read, and those that are
//! often mistaken for one.

use std::io::{self, BufRead, Read};

/// Number of first bytes that [`Kind::of`] examines; with fewer the kind may be [`Kind::Unknown`].
pub const HEAD_BYTES: usize = 64;

/// First bytes of the compressed formats that are unpacked: `.gz`, `.xz` and `.zst`.
pub const PACKED: [&[u8]; 3] = [&[0x1f, 0x8b], &[0xfd, b'7', b'z', b'X', b'Z', 0], &[0x28, 0xb5, 0x2f, 0xfd]];

/// The kind of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// No bytes.
    Empty,
    /// NASDAQ ITCH 5.0, each message preceded by its length.
    Itch,
    /// ITCH 5.0 in `SoupBinTCP` packets: a type byte between length and message.
    SoupItch,
    /// A pcap capture, times in micro- or nanoseconds.
    Pcap,
    /// A pcap capture with the modified header of Alexey Kuznetzov.
    PcapModified,
    /// A pcapng capture.
    Pcapng,
    /// Databento Binary Encoding.
    Dbn,
    /// Cboe PITCH as text.
    PitchText,
    /// A LOBSTER message file: time, type, order id, size, price, direction.
    LobsterMessages,
    /// Comma-separated values other than LOBSTER's messages.
    Csv,
    /// JSON, or a JSON value a line.
    Json,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard, or a skippable frame of it (LZ4 has the same).
    Zstd,
    /// bzip2.
    Bzip2,
    /// LZ4 frames.
    Lz4,
    /// A zip archive.
    Zip,
    /// Apache Parquet.
    Parquet,
    /// None of these.
    Unknown,
}

/// Length of each ITCH 5.0 message by its type.
const ITCH_LENGTHS: [(u8, u16); 23] = [
    (b'S', 12),
    (b'R', 39),
    (b'H', 25),
    (b'Y', 20),
    (b'L', 26),
    (b'V', 35),
    (b'W', 12),
    (b'K', 28),
    (b'J', 35),
    (b'h', 21),
    (b'A', 36),
    (b'F', 40),
    (b'E', 31),
    (b'C', 36),
    (b'X', 23),
    (b'D', 19),
    (b'U', 35),
    (b'P', 44),
    (b'Q', 40),
    (b'B', 19),
    (b'I', 50),
    (b'N', 20),
    (b'O', 48),
];

fn itch_length(kind: u8) -> Option<u16> {
    ITCH_LENGTHS.iter().find(|(k, _)| *k == kind).map(|&(_, length)| length)
}

impl Kind {
    /// Returns the kind of a file that starts with `head`.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        if head.is_empty() {
            return Self::Empty;
        }
        Self::of_magic(head).or_else(|| Self::of_itch(head)).unwrap_or_else(|| Self::of_text(head))
    }

    /// Returns whether it is a compressed file that [`unpacked`](crate::packed::unpacked) opens.
    #[must_use]
    pub const fn is_packed(self) -> bool {
        matches!(self, Self::Gzip | Self::Xz | Self::Zstd)
    }

    fn of_magic(head: &[u8]) -> Option<Self> {
        Some(match *head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Self::Bzip2,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [b'P', b'A', b'R', b'1', ..] => Self::Parquet,
            [b'D', b'B', b'N', 1..=9, ..] => Self::Dbn,
            [0xa1, 0xb2, 0xc3, 0xd4, ..]
            | [0xa1, 0xb2, 0x3c, 0x4d, ..]
            | [0xd4, 0xc3, 0xb2, 0xa1, ..]
            | [0x4d, 0x3c, 0xb2, 0xa1, ..] => Self::Pcap,
            [0xa1, 0xb2, 0xcd, 0x34, ..] | [0x34, 0xcd, 0xb2, 0xa1, ..] => Self::PcapModified,
            [0x0a, 0x0d, 0x0d, 0x0a, ..] => Self::Pcapng,
            _ => return None,
        })
    }

    fn of_itch(head: &[u8]) -> Option<Self> {
        let &[high, low, kind, ref rest @ ..] = head else { return None };
        let length = u16::from_be_bytes([high, low]);
        if itch_length(kind) == Some(length) {
            return Some(Self::Itch);
        }
        let inner = rest.first().and_then(|&kind| itch_length(kind));
        (kind == b'S' && inner.is_some_and(|inner| inner + 1 == length)).then_some(Self::SoupItch)
    }

    fn of_text(head: &[u8]) -> Self {
        let head = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head);
        let head = &head[..head.len().min(HEAD_BYTES)];
        let line = head.split(|&b| b == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if is_pitch(line) {
            return Self::PitchText;
        }
        if is_json(head.trim_ascii_start()) {
            return Self::Json;
        }
        let printable = line.iter().all(|&b| b == b'\t' || (b >= b' ' && b != 0x7f));
        if !printable || !line.contains(&b',') {
            return Self::Unknown;
        }
        // The number of fields is unknown if the line is longer than the head.
        let whole = line.len() < HEAD_BYTES;
        let mut fields = line.split(|&b| b == b',');
        let time = fields.next().is_some_and(|t| {
            t.first().is_some_and(u8::is_ascii_digit) && t.iter().all(|b| b.is_ascii_digit() || *b == b'.')
        });
        let mut others = 0;
        let kind = fields.clone().next().is_some_and(|k| matches!(k, [b'1'..=b'7']));
        let plain = fields.all(|f| {
            others += 1;
            f.iter().all(|b| b.is_ascii_digit() || *b == b'-')
        });
        if time && kind && plain && whole && others == 5 { Self::LobsterMessages } else { Self::Csv }
    }

    /// Returns its name in a sentence: "a DBN file".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::Itch => "a NASDAQ ITCH 5.0 file",
            Self::SoupItch => "ITCH 5.0 in SoupBinTCP packets",
            Self::Pcap => "a pcap capture",
            Self::PcapModified => "a pcap capture with a modified header",
            Self::Pcapng => "a pcapng capture",
            Self::Dbn => "a DBN file (Databento)",
            Self::PitchText => "Cboe PITCH as text",
            Self::LobsterMessages => "a LOBSTER message file",
            Self::Csv => "a CSV file",
            Self::Json => "a JSON file",
            Self::Gzip => "a gzip file",
            Self::Xz => "an xz file",
            Self::Zstd => "a Zstandard file",
            Self::Bzip2 => "a bzip2 file",
            Self::Lz4 => "an LZ4 file",
            Self::Zip => "a zip archive",
            Self::Parquet => "a Parquet file",
            Self::Unknown => "a file of an unknown kind",
        }
    }

    /// Returns what to do with this kind where ITCH is expected; `None` if it may hold ITCH.
    #[must_use]
    pub const fn instead_of_itch(self) -> Option<&'static str> {
        Some(match self {
            Self::Itch | Self::Pcap | Self::PcapModified | Self::Pcapng | Self::Unknown | Self::Empty => return None,
            Self::SoupItch => "take the type byte off each packet, or get the file without SoupBinTCP",
            Self::Dbn => "this format is not read; get the venue's own ITCH 5.0 file",
            Self::PitchText => "this format is not read; replay takes ITCH 5.0 and LOBSTER",
            Self::LobsterMessages => "give --format lobster and --orderbook FILE",
            Self::Csv => {
                "replay takes ITCH 5.0, or LOBSTER files: --format lobster MESSAGES --orderbook FILE; commands as \
                 text go to vvpx match"
            }
            Self::Json => "replay takes ITCH 5.0 and LOBSTER; commands as JSON lines go to vvpx match",
            // Only inside another container: the outer one is unpacked automatically.
            Self::Gzip | Self::Xz | Self::Zstd => "it is packed twice; unpack it once before",
            Self::Bzip2 => "unpack it with bzip2 -dc and give - as the file",
            Self::Lz4 => "unpack it with lz4 -dc and give - as the file",
            Self::Zip => "unpack it with unzip -p and give - as the file",
            Self::Parquet => "this format is not read; replay takes ITCH 5.0 and LOBSTER",
        })
    }
}

impl Kind {
    /// Returns what to do with this kind where LOBSTER rows are expected; `None` if it may hold
    /// them. Other text is reported with its line and field.
    #[must_use]
    pub const fn instead_of_lobster(self) -> Option<&'static str> {
        Some(match self {
            Self::Empty | Self::LobsterMessages | Self::Csv | Self::Unknown => return None,
            Self::Itch | Self::Pcap | Self::PcapModified | Self::Pcapng => "replay it with --format itch",
            Self::SoupItch => "take the type byte off each packet, and replay it with --format itch",
            Self::Gzip | Self::Xz | Self::Zstd | Self::Bzip2 | Self::Lz4 | Self::Zip => "unpack it before",
            Self::Dbn | Self::PitchText | Self::Json | Self::Parquet => "LOBSTER files are rows of numbers with commas",
        })
    }
}

impl core::fmt::Display for Kind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// A reader whose first bytes were examined, and that still returns them. It does not seek, so
/// pipes work too.
#[derive(Debug)]
pub struct Peeked<R> {
    head: [u8; HEAD_BYTES],
    filled: usize,
    taken: usize,
    /// An error after the first bytes; returned again in its place.
    failed: Option<io::Error>,
    rest: R,
}

impl<R: Read> Peeked<R> {
    /// Reads up to [`HEAD_BYTES`]; of ITCH only what one read returns, so that it does not wait for
    /// a pipe that pauses between messages.
    ///
    /// # Errors
    /// Errors of the first read.
    pub fn new(rest: R) -> io::Result<Self> {
        let mut peeked = Self::patient(rest);
        match peeked.failed.take_if(|_| peeked.filled == 0) {
            Some(e) => Err(e),
            None => Ok(peeked),
        }
    }

    /// Does the same as [`Peeked::new`], but returns any error only when it is read in its place.
    pub fn patient(mut rest: R) -> Self {
        let (mut head, mut filled, mut failed) = ([0; HEAD_BYTES], 0, None);
        while filled < HEAD_BYTES && failed.is_none() && Kind::of(&head[..filled]) != Kind::Itch {
            match rest.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => failed = Some(e),
            }
        }
        Self { head, filled, taken: 0, failed, rest }
    }
}

impl<R> Peeked<R> {
    /// Returns the first bytes.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head[..self.filled]
    }

    /// Returns the kind of the first bytes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::of(self.head())
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken < self.filled {
            let n = (&self.head[self.taken..self.filled]).read(into)?;
            self.taken += n;
            return Ok(n);
        }
        self.failed.take().map_or_else(|| self.rest.read(into), Err)
    }
}

impl<R: BufRead> BufRead for Peeked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken < self.filled {
            return Ok(&self.head[self.taken..self.filled]);
        }
        match self.failed.take() {
            Some(e) => Err(e),
            None => self.rest.fill_buf(),
        }
    }

    fn consume(&mut self, n: usize) {
        if self.taken < self.filled {
            self.taken = (self.taken + n).min(self.filled);
        } else {
            self.rest.consume(n);
        }
    }
}

/// Returns whether a line is PITCH: eight digits of milliseconds, then the type; optionally
/// preceded by the `S` of a sequenced packet.
fn is_pitch(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"S").unwrap_or(line);
    match line.split_at_checked(8) {
        Some((time, [kind, ..])) => time.iter().all(u8::is_ascii_digit) && b"sAdEXPrBHIJRvC".contains(kind),
        _ => false,
    }
}

fn is_json(text: &[u8]) -> bool {
    let &[first @ (b'{' | b'['), ref rest @ ..] = text else { return false };
    match (first, rest.trim_ascii_start().first()) {
        (_, None) => true,
        (b'{', Some(next)) => matches!(next, b'"' | b'}'),
        (_, Some(next)) => matches!(next, b'"' | b'{' | b'[' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_named_as_what_it_is() {
        let cases: [(&[u8], Kind); 36] = [
            (b"", Kind::Empty),
            (b"\0\x0cS\0\0\0\0", Kind::Itch),
            (b"\0\x27R\0\x01", Kind::Itch),
            (b"\0\x24A\0\x01", Kind::Itch),
            (b"\0\x0dSS\0\0\0\0", Kind::SoupItch),
            (b"\0\x25SA\0\x01", Kind::SoupItch),
            (b"\xd4\xc3\xb2\xa1\x02\0\x04\0", Kind::Pcap),
            (b"\xa1\xb2\x3c\x4d\0\x02\0\x04", Kind::Pcap),
            (b"\x34\xcd\xb2\xa1\x02\0\x04\0", Kind::PcapModified),
            (b"\xa1\xb2\xcd\x34\0\x02\0\x04", Kind::PcapModified),
            (b"\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a", Kind::Pcapng),
            (b"DBN\x01\x90\0\0\0XNAS.ITCH", Kind::Dbn),
            (b"DBN\x03\x90\0\0\0XNAS.ITCH", Kind::Dbn),
            (b"28800168A1K27GA00000YS000100AAPL  0001831900Y\n", Kind::PitchText),
            (b"S28800168A1K27GA00000YS000100AAPL  0001831900Y\n", Kind::PitchText),
            (b"28800318X1K27GA00000Y000100\r\n", Kind::PitchText),
            (b"34200.017459617,5,0,1,2238200,-1\n34200.18", Kind::LobsterMessages),
            (b"34200.017459617123,1,16113575,18,5853300,1\r\n", Kind::LobsterMessages),
            (b"34200,1,7,18,5853300,1", Kind::LobsterMessages),
            (b"2239500,100,2231800,100,2239900,100\n", Kind::Csv),
            (b"ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side\n", Kind::Csv),
            (b"1,2,3\n", Kind::Csv),
            (b"{\"type\":\"limit\"}\n", Kind::Json),
            (b" [1,2]", Kind::Json),
            (b"\xef\xbb\xbf{ \"a\": 1 }", Kind::Json),
            (b"{\n  \"a\": 1 }", Kind::Json),
            (b"\x1f\x8b\x08\0", Kind::Gzip),
            (b"\xfd7zXZ\0\0\x04", Kind::Xz),
            (b"\x28\xb5\x2f\xfd\x24", Kind::Zstd),
            (b"\x50\x2a\x4d\x18\x04\0\0\0", Kind::Zstd),
            (b"\x5f\x2a\x4d\x18\x04\0\0\0", Kind::Zstd),
            (b"BZh91AY&SY", Kind::Bzip2),
            (b"\x04\x22\x4d\x18\x64", Kind::Lz4),
            (b"PK\x03\x04\x14", Kind::Zip),
            (b"PAR1\x15", Kind::Parquet),
            (b"\x7fELF\x02", Kind::Unknown),
        ];
        for (head, kind) in cases {
            assert_eq!(Kind::of(head), kind, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn one_byte_that_fits_is_not_enough() {
        let heads: [&[u8]; 10] =
            [b"D", b"DBX\x01", b"1", b"3420", b"{x", b"[x", b"\x1f", b"\0\x0cA", b"BZhello", b"S1234567A"];
        for head in heads {
            assert_eq!(Kind::of(head), Kind::Unknown, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn any_first_bytes_are_some_kind() {
        let mut random = vvp_testkit::streams::Rng::new(1);
        for _ in 0..20_000 {
            let head: [u8; 80] = core::array::from_fn(|_| random.below(256) as u8);
            let _ = Kind::of(&head[..random.below(81) as usize]);
        }
    }

    #[test]
    fn other_formats_come_with_a_remedy() {
        for kind in [Kind::Dbn, Kind::PitchText, Kind::Csv, Kind::Json, Kind::SoupItch, Kind::LobsterMessages] {
            assert!(kind.instead_of_itch().is_some_and(|advice| !advice.is_empty()), "{kind}");
        }
        for kind in [Kind::Itch, Kind::Pcap, Kind::PcapModified, Kind::Pcapng, Kind::Unknown] {
            assert_eq!(kind.instead_of_itch(), None, "{kind}");
        }
    }

    /// Returns one byte a read, and an error after the last.
    struct Drops<'a>(&'a [u8], bool);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.split_first() {
                Some((&byte, rest)) if !into.is_empty() => {
                    (into[0], self.0) = (byte, rest);
                    Ok(1)
                }
                None if self.1 => Err(io::ErrorKind::InvalidData.into()),
                _ => Ok(0),
            }
        }
    }

    #[test]
    fn peeked_bytes_are_returned_again() {
        let bytes: Vec<u8> = (0..200).collect();
        for length in [0, 1, 63, 64, 65, 200] {
            let whole = &bytes[..length];
            let mut peeked = Peeked::new(Drops(whole, false)).unwrap();
            assert_eq!(peeked.head(), &whole[..length.min(HEAD_BYTES)]);
            let mut read = Vec::new();
            peeked.read_to_end(&mut read).unwrap();
            assert_eq!(read, whole);
            // Line by line as well, through the other way of reading.
            let mut peeked = Peeked::new(io::BufReader::with_capacity(7, whole)).unwrap();
            let mut pieces = Vec::new();
            while peeked.read_until(b'\n', &mut pieces).unwrap() > 0 {}
            assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn an_error_behind_the_first_bytes_stands_behind_them() {
        let mut peeked = Peeked::new(Drops(b"DBN\x01", true)).unwrap();
        assert_eq!(peeked.kind(), Kind::Dbn);
        let mut read = Vec::new();
        assert_eq!(peeked.read_to_end(&mut read).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read, b"DBN\x01");
        assert!(Peeked::new(Drops(b"", true)).is_err(), "there are none");
    }

    #[test]
    fn peek_does_not_wait_for_more_itch() {
        let file = [&b"\0\x0cS"[..], &[0; 100]].concat();
        assert_eq!(Peeked::new(Drops(&file, false)).unwrap().head(), b"\0\x0cS");
    }
}
