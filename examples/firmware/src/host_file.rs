//! Files of the debugging host.

use core::ffi::CStr;
use vvp_firmware::semihosting;

const MODE_READ_BINARY: usize = 1; // fopen's "rb"
const MODE_WRITE_BINARY: usize = 5; // "wb"
const BUFFER: usize = 4096;

/// A file on the host, with a buffer for what is written. It is closed when the machine stops.
pub struct HostFile {
    handle: usize,
    buffer: [u8; BUFFER],
    used: usize,
}

impl HostFile {
    /// Opens a file for reading.
    pub fn read(name: &CStr) -> Option<Self> {
        Self::open(name, MODE_READ_BINARY)
    }

    /// Creates a file, or empties it.
    pub fn write(name: &CStr) -> Option<Self> {
        Self::open(name, MODE_WRITE_BINARY)
    }

    fn open(name: &CStr, mode: usize) -> Option<Self> {
        let handle = semihosting::open(name, mode);
        if handle == usize::MAX { None } else { Some(Self { handle, buffer: [0; BUFFER], used: 0 }) }
    }

    /// Reads until `bytes` is full or the file ends; how many bytes there are.
    pub fn fill(&mut self, bytes: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < bytes.len() {
            let rest = &mut bytes[filled..];
            let missing = semihosting::read(self.handle, rest);
            let read = rest.len().saturating_sub(missing);
            if read == 0 {
                break;
            }
            filled += read;
        }
        filled
    }

    /// Adds bytes; `false` when the host could not write.
    #[must_use]
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        if self.used + bytes.len() > BUFFER && !self.flush() {
            return false;
        }
        self.buffer[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
        true
    }

    /// Writes what is in the buffer.
    #[must_use]
    pub fn flush(&mut self) -> bool {
        let missing = semihosting::write(self.handle, &self.buffer[..self.used]);
        self.used = 0;
        missing == 0
    }
}
