//! Opens files that may be compressed, and reads them line by line in constant memory.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use super::FieldError;
use crate::packed::unpacked;
use crate::recognise::Peeked;

/// Maximum length of a line, in bytes: enough for a thousand levels of ten-digit prices.
const LINE_BYTES_MAX: usize = 1 << 16;

/// Error in an input file, and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct InputError {
    /// The file's name, as given.
    pub file: String,
    /// Line, from 1.
    pub line: Option<u64>,
    /// Field of the line (from 1) and its name.
    pub field: Option<(usize, String)>,
    /// The error and the expected value.
    pub problem: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ": line {line}")?;
        }
        if let Some((number, name)) = &self.field {
            write!(f, ", field {number} ({name})")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for InputError {}

/// A text file, read line by line; `.xz`, `.gz` and `.zst` content is detected by its first bytes.
pub struct Source {
    name: String,
    reader: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    /// Number of lines read so far.
    lines: u64,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl Source {
    /// Opens a file.
    ///
    /// # Errors
    /// [`InputError`] when it cannot be read or is a directory.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let name = path.display().to_string();
        let fail = |problem: String| InputError { file: name.clone(), line: None, field: None, problem };
        let file = File::open(path).map_err(|e| fail(format!("cannot open: {e}")))?;
        if file.metadata().is_ok_and(|m| m.is_dir()) {
            return Err(fail("is a directory; name a file".into()));
        }
        Self::from_reader(&name, file)
    }

    /// Creates a source from any reader; `name` is its name in errors.
    ///
    /// # Errors
    /// [`InputError`] when the first bytes cannot be read, or are of another format.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Result<Self, InputError> {
        let reader = unpacked(reader).map_err(|e| InputError {
            file: name.into(),
            line: None,
            field: None,
            problem: format!("cannot read: {e}"),
        })?;
        let reader = Peeked::patient(reader);
        if let Some(advice) = reader.kind().instead_of_lobster() {
            let problem = format!("this is {}; {advice}", reader.kind());
            return Err(InputError { file: name.into(), line: None, field: None, problem });
        }
        Ok(Self { name: name.into(), reader: Box::new(reader), line: Vec::with_capacity(512), lines: 0 })
    }

    /// Returns the file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the next line without its line ending (LF or CR LF); `None` at the end of the file.
    /// The last line needs no line ending.
    ///
    /// # Errors
    /// [`InputError`] when reading or decompressing fails (a file cut short, say), or the line is
    /// too long.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, InputError> {
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line);
        self.lines += 1;
        match read {
            Err(e) => {
                let what = if e.kind() == io::ErrorKind::UnexpectedEof {
                    "the compressed file ends too early".to_string()
                } else {
                    format!("cannot read: {e}")
                };
                Err(self.problem(what))
            }
            Ok(0) => Ok(None),
            Ok(_) => {
                if self.line.last() == Some(&b'\n') {
                    self.line.pop();
                    if self.line.last() == Some(&b'\r') {
                        self.line.pop();
                    }
                } else if self.line.len() > LINE_BYTES_MAX {
                    return Err(self.problem(format!("longer than {LINE_BYTES_MAX} bytes; is this a LOBSTER file?")));
                }
                Ok(Some(&self.line))
            }
        }
    }

    /// Returns an error at the last line read.
    #[must_use]
    pub fn problem(&self, problem: impl Into<String>) -> InputError {
        InputError { file: self.name.clone(), line: Some(self.lines), field: None, problem: problem.into() }
    }

    /// Returns an error in a field of the last line read.
    #[must_use]
    pub fn bad_field(&self, bad: FieldError) -> InputError {
        let field = (bad.number > 0).then_some((bad.number, bad.name));
        InputError { field, ..self.problem(bad.problem) }
    }
}
