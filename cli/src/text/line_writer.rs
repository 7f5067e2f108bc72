//! Lines into anything that writes, through a buffer of fixed size.

use std::io::{self, Write};

const BUFFER: usize = 64 << 10;

/// Gathers lines that are made in place and writes them in big pieces.
#[derive(Debug)]
pub struct LineWriter<W> {
    write: W,
    buf: Box<[u8]>,
    len: usize,
}

impl<W: Write> LineWriter<W> {
    /// A writer with an empty buffer of 64 KiB.
    pub fn new(write: W) -> Self {
        Self { write, buf: vec![1; BUFFER].into_boxed_slice(), len: 0 } // 1: touched now, not later
    }

    /// Lets `make` write a line of at most `max` bytes into the buffer; it says how many it wrote.
    ///
    /// # Errors
    /// What the writer says, if the buffer had to be written first.
    ///
    /// # Panics
    /// If `max` is over 64 KiB or `make` says that it wrote more than it was given.
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

    /// Bytes that wait in the buffer.
    #[inline]
    pub fn buffered(&self) -> usize {
        self.len
    }

    /// The writer behind the buffer.
    pub fn get_ref(&self) -> &W {
        &self.write
    }

    /// The writer behind the buffer, which must have been flushed: what waits is dropped.
    pub fn into_inner(self) -> W {
        self.write
    }

    #[cold]
    fn write_out(&mut self) -> io::Result<()> {
        let full = std::mem::take(&mut self.len); // also if it fails: a broken pipe stays broken
        self.write.write_all(&self.buf[..full])
    }

    /// Writes what waits and flushes the writer.
    ///
    /// # Errors
    /// What the writer says.
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
