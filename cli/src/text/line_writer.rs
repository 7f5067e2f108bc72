//! Buffers lines for a writer, in memory of fixed size.

use std::io::{self, Write};

const BUFFER: usize = 64 << 10;

/// Collects lines that are formatted in place and writes them in large pieces.
#[derive(Debug)]
pub struct LineWriter<W> {
    write: W,
    buf: Box<[u8]>,
    len: usize,
}

impl<W: Write> LineWriter<W> {
    /// Creates a writer with an empty buffer of 64 KiB.
    pub fn new(write: W) -> Self {
        Self { write, buf: vec![1; BUFFER].into_boxed_slice(), len: 0 } // 1: touched now, not later
    }

    /// Lets `make` format a line of at most `max` bytes into the buffer; it returns the length.
    ///
    /// # Errors
    /// Errors of the writer, if the buffer had to be written first.
    ///
    /// # Panics
    /// If `max` is over 64 KiB, or `make` returns more than the bytes it was given.
    #[inline]
    pub fn line(&mut self, max: usize, make: impl FnOnce(&mut [u8]) -> usize) -> io::Result<()> {
        if self.buf.len() - self.len < max {
            self.write_out()?;
        }
        let made = make(&mut self.buf[self.len..self.len + max]);
        assert!(made <= max, "a line of {made} bytes where {max} are the most");
        self.len += made;
        Ok(())
    }

    /// Returns the number of bytes in the buffer.
    #[inline]
    pub fn buffered(&self) -> usize {
        self.len
    }

    /// Returns the writer behind the buffer.
    pub fn get_ref(&self) -> &W {
        &self.write
    }

    /// Returns the writer behind the buffer. Flush first: buffered bytes are dropped.
    pub fn into_inner(self) -> W {
        self.write
    }

    #[cold]
    fn write_out(&mut self) -> io::Result<()> {
        let full = std::mem::take(&mut self.len); // also if it fails: a broken pipe stays broken
        self.write.write_all(&self.buf[..full])
    }

    /// Writes the buffered bytes and flushes the writer.
    ///
    /// # Errors
    /// Errors of the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.write.flush()
    }
}

/// Long texts, such as a book's line, go through the same buffer.
impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buf.len() - self.len < bytes.len() {
            self.write_out()?;
        }
        let take = bytes.len().min(self.buf.len());
        self.buf[self.len..self.len + take].copy_from_slice(&bytes[..take]);
        self.len += take;
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self)
    }
}
