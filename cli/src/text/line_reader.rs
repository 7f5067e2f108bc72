//! Splits what a reader gives into lines, in constant memory.

use std::io::{self, Read};

/// Default for the longest line that is read, in bytes.
pub const MAX_LINE: usize = 1 << 20;

/// Maximum bytes of one read: what fits in a core's private cache.
const CHUNK: usize = 128 << 10;

/// One line, without its line feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Line<'a> {
    /// Its bytes.
    Text(&'a [u8]),
    /// The line was longer than the limit; it was discarded.
    TooLong,
}

/// Splits what a reader gives into lines. The buffer is allocated once; beyond its first pages it
/// is touched only as far as the longest line needs.
#[derive(Debug)]
pub struct LineReader<R> {
    read: R,
    buf: Box<[u8]>,
    max_line: usize,
    /// `buf[start..end]` was read and not yet returned.
    start: usize,
    end: usize,
    /// `buf[start..scanned]` has no line feed.
    scanned: usize,
    /// Inside a line that is too long: input is discarded up to its line feed.
    skipping: bool,
    at_end: bool,
}

impl<R: Read> LineReader<R> {
    /// Creates a reader of lines of at most [`MAX_LINE`] bytes.
    pub fn new(read: R) -> Self {
        Self::with_max_line(read, MAX_LINE)
    }

    /// Creates a reader of lines of at most `max_line` bytes.
    pub fn with_max_line(read: R, max_line: usize) -> Self {
        let mut buf = vec![0; max_line + CHUNK].into_boxed_slice();
        buf[..CHUNK].fill(1); // touched now, so that the pages that every file needs do not fault later
        Self { read, buf, max_line, start: 0, end: 0, scanned: 0, skipping: false, at_end: false }
    }

    /// Returns the maximum length of a line, in bytes.
    pub fn max_line(&self) -> usize {
        self.max_line
    }

    /// Returns whether the next line is buffered: if not, [`LineReader::next_line`] may block.
    pub fn has_line(&mut self) -> bool {
        self.find().is_some() || self.at_end
    }

    /// Returns the position of the line feed of the line at `start`, if it was read.
    #[inline]
    fn find(&mut self) -> Option<usize> {
        match memchr::memchr(b'\n', &self.buf[self.scanned..self.end]) {
            Some(i) => {
                self.scanned += i; // the next search starts at the line feed
                Some(self.scanned)
            }
            None => {
                self.scanned = self.end;
                None
            }
        }
    }

    /// Returns the next line; `None` at the end. The last line needs no line feed.
    ///
    /// # Errors
    /// Errors of the reader. Nothing is lost: a later call continues where this one stopped.
    #[inline]
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if let Some(feed) = self.find() {
                let line = self.start..feed;
                self.start = feed + 1;
                self.scanned = self.start;
                return Ok(Some(self.give(line)));
            }
            if self.at_end {
                let line = self.start..self.end;
                self.start = self.end;
                let last = !line.is_empty() || self.skipping;
                return Ok(last.then(|| self.give(line)));
            }
            self.fill()?;
        }
    }

    #[inline]
    fn give(&mut self, line: core::ops::Range<usize>) -> Line<'_> {
        let too_long = std::mem::take(&mut self.skipping) || line.len() > self.max_line;
        if too_long { Line::TooLong } else { Line::Text(&self.buf[line]) }
    }

    /// Reads more bytes after the unfinished line.
    #[cold]
    fn fill(&mut self) -> io::Result<()> {
        self.skipping |= self.end - self.start > self.max_line;
        if self.skipping {
            self.start = self.end;
        }
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
        }
        (self.start, self.scanned) = (0, self.end);
        let room = &mut self.buf[self.end..];
        let chunk = room.len().min(CHUNK);
        let got = loop {
            match self.read.read(&mut room[..chunk]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                got => break got?,
            }
        };
        self.end += got;
        self.at_end = got == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the bytes in pieces of the given sizes, in turn.
    struct Pieces<'a>(&'a [u8], Vec<usize>);

    impl Read for Pieces<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1.rotate_left(1);
            if self.1[0] == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = self.1[0].min(self.0.len()).min(buf.len());
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn lines(bytes: &[u8], pieces: Vec<usize>, max: usize) -> Vec<Option<Vec<u8>>> {
        let mut reader = LineReader::with_max_line(Pieces(bytes, pieces), max);
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            lines.push(match line {
                Line::Text(text) => Some(text.to_vec()),
                Line::TooLong => None,
            });
        }
        lines
    }

    #[test]
    fn lines_are_those_of_split_whatever_the_pieces() {
        let text = b"one\n\ntwo two\r\nthis one is too long\nthree\nlast";
        for pieces in [vec![1], vec![3, 0, 7], vec![1000], vec![5, 1]] {
            for max in [0, 3, 8, 18, 19, 20, 100] {
                let want: Vec<_> = text.split(|&b| b == b'\n').map(|l| (l.len() <= max).then(|| l.to_vec())).collect();
                assert_eq!(lines(text, pieces.clone(), max), want, "{pieces:?} {max}");
            }
        }
        assert_eq!(lines(b"", vec![4], 9), vec![]);
        assert_eq!(lines(b"\n", vec![4], 9), vec![Some(vec![])]);
        assert_eq!(lines(b"a\n", vec![4], 9), vec![Some(b"a".to_vec())]);
    }

    #[test]
    fn a_line_of_ten_megabytes_is_skipped_without_holding_it() {
        let mut text = vec![b'x'; 10 << 20];
        text.extend(b"\nnext\n");
        text.extend(vec![b'y'; 10 << 20]);
        assert_eq!(lines(&text, vec![70_000], 1000), vec![None, Some(b"next".to_vec()), None]);
    }

    #[test]
    fn has_line_reports_buffered_lines() {
        let mut reader = LineReader::new(Pieces(b"ab\ncd\nef", vec![7]));
        assert!(!reader.has_line());
        assert_eq!(reader.next_line().unwrap(), Some(Line::Text(b"ab")));
        assert!(reader.has_line());
        assert_eq!(reader.next_line().unwrap(), Some(Line::Text(b"cd")));
        assert!(!reader.has_line(), "the rest of the line is not there yet");
        assert_eq!(reader.next_line().unwrap(), Some(Line::Text(b"ef")));
        assert!(reader.has_line());
        assert_eq!(reader.next_line().unwrap(), None);
        assert_eq!(reader.next_line().unwrap(), None);
    }
}
