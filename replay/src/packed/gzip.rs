//! Decompresses the members of a `.gz` file in sequence, and skips the padding of zeros that tapes
//! and some writers append.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::damaged;

/// Decompresses all members (RFC 1952); length and CRC-32 of each are verified.
pub(super) struct Gzip<R: BufRead> {
    state: State<R>,
}

enum State<R: BufRead> {
    /// The next member would begin here.
    Between {
        source: R,
        members: u64,
    },
    Within {
        member: Box<GzDecoder<R>>,
        members: u64,
    },
    /// The file ended, or it is damaged.
    Over {
        failed: bool,
    },
}

impl<R: BufRead> Gzip<R> {
    pub(super) fn new(source: R) -> Self {
        Self { state: State::Between { source, members: 0 } }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match core::mem::replace(&mut self.state, State::Over { failed: true }) {
                State::Over { failed: false } => {
                    self.state = State::Over { failed: false };
                    return Ok(0);
                }
                State::Over { failed: true } => return Err(damaged("the .gz file is damaged")),
                State::Between { mut source, members } => match first_byte(&mut source)? {
                    None => self.state = State::Over { failed: false },
                    Some(0) if members > 0 => {
                        zeros(&mut source)?;
                        self.state = State::Over { failed: false };
                    }
                    Some(_) => self.state = State::Within { member: Box::new(GzDecoder::new(source)), members },
                },
                State::Within { mut member, members } => {
                    let read = match member.read(out) {
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
                        Err(e) if e.kind() == io::ErrorKind::InvalidInput && members > 0 => {
                            return Err(damaged(format_args!("behind member {members} of the .gz file: {e}")));
                        }
                        Ok(0) => {
                            self.state = State::Between { source: member.into_inner(), members: members + 1 };
                            continue;
                        }
                        other => other?,
                    };
                    self.state = State::Within { member, members };
                    if read > 0 {
                        return Ok(read);
                    }
                }
            }
        }
    }
}

fn first_byte(source: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        match source.fill_buf() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return Ok(other?.first().copied()),
        }
    }
}

/// Skips zeros to the end of the file, as gzip(1) does; any other trailing data is an error.
fn zeros(source: &mut impl BufRead) -> io::Result<()> {
    while first_byte(source)?.is_some() {
        let bytes = source.fill_buf()?;
        if bytes.iter().any(|&b| b != 0) {
            return Err(damaged("behind the last member of the .gz file stands something other than zeros"));
        }
        let length = bytes.len();
        source.consume(length);
    }
    Ok(())
}
