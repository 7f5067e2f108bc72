//! Files that may be compressed: recognised by their first bytes, whatever their name.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Read-ahead in bytes, before and after decompression.
const BUFFER_BYTES: usize = 1 << 16;

const XZ_MAGIC: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// What `reader` gives, decompressed if it is `.gz`, `.xz` or `.zst`. Several compressed files one after the other,
/// as `cat` puts them together, are one.
///
/// # Errors
/// What the reader says to the first read; of a broken compressed file, later reads say so.
pub fn unpacked<'a>(mut reader: impl Read + Send + 'a) -> io::Result<Box<dyn BufRead + Send + 'a>> {
    let mut head = Vec::new();
    reader.by_ref().take(XZ_MAGIC.len() as u64).read_to_end(&mut head)?;
    let is = |magic| head.starts_with(magic);
    let (xz, gzip, zstd) = (is(XZ_MAGIC), is(GZIP_MAGIC), is(ZSTD_MAGIC));
    let whole = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(reader));
    Ok(if xz {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, lzma_rust2::XzReader::new(whole, true)))
    } else if gzip {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, flate2::bufread::MultiGzDecoder::new(whole)))
    } else if zstd {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, Zstd { source: Some(whole), frame: None }))
    } else {
        Box::new(whole)
    })
}

type ZstdFrame<R> = ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>;

/// The frames of a `.zst` file one after the other: the decoder reads one.
struct Zstd<R: BufRead> {
    /// What follows the frame; `None` while a frame has it, and after a failure.
    source: Option<R>,
    frame: Option<ZstdFrame<R>>,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(out)?;
                if read > 0 || out.is_empty() {
                    return Ok(read);
                }
                self.source = self.frame.take().map(ZstdFrame::into_inner);
            }
            let Some(mut source) = self.source.take() else {
                return Err(io::Error::other("the .zst file is broken"));
            };
            if source.fill_buf()?.is_empty() {
                self.source = Some(source);
                return Ok(0);
            }
            let frame = ZstdFrame::new(source).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            self.frame = Some(frame);
        }
    }
}
