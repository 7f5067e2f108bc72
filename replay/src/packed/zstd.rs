//! Decompresses the frames of a `.zst` file in sequence (RFC 8878), with the reference library.

use std::io::{self, BufRead, Read};

use zstd::stream::read::Decoder;

use super::damaged;

/// Decompresses all frames, without skippable ones. What `zstd -t` refuses is an error, and so is
/// every later read.
pub(super) struct Zstd<R: BufRead> {
    decoder: Decoder<'static, Source<R>>,
    failed: bool,
}

impl<R: BufRead> Zstd<R> {
    /// # Errors
    /// `OutOfMemory`: no room for the decoder.
    pub(super) fn new(source: R) -> io::Result<Self> {
        let decoder = Decoder::with_buffer(Source { source, failed: false });
        let decoder = decoder.map_err(|e| io::Error::new(io::ErrorKind::OutOfMemory, e))?;
        Ok(Self { decoder, failed: false })
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.failed {
            return Err(damaged("the .zst file is damaged"));
        }
        if out.is_empty() {
            return Ok(0);
        }
        self.decoder.read(out).map_err(|e| {
            if e.kind() == io::ErrorKind::Interrupted {
                return e;
            }
            self.failed = true;
            if self.decoder.get_ref().failed {
                e
            } else if e.kind() == io::ErrorKind::UnexpectedEof {
                io::Error::new(e.kind(), "the .zst file ends within a frame; get the whole file")
            } else {
                damaged(format_args!("the .zst file is damaged: {e}"))
            }
        })
    }
}

/// A reader that records whether an error is its own or the decoder's.
struct Source<R> {
    source: R,
    failed: bool,
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.source.read(out).inspect_err(|_| self.failed = true)
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let failed = &mut self.failed;
        self.source.fill_buf().inspect_err(|e| *failed = e.kind() != io::ErrorKind::Interrupted)
    }

    fn consume(&mut self, amount: usize) {
        self.source.consume(amount);
    }
}
