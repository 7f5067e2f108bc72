//! Messages for standard error, all of one shape: `vvpx SUB: what: where: remedy`.
//!
//! A part that does not apply is left out with its colon. Each message is one line.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use vvp_core::wire::capture::CaptureError;
use vvp_core::wire::frame::WireError;

/// Result of a subcommand: an exit code, or the message that explains the failure.
pub(crate) type Outcome = Result<ExitCode, Diagnostic>;

/// Severity of a message; it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    /// The run continues, or has ended successfully: exit code 0.
    Note,
    /// The work could not be done: exit code 1.
    Error,
    /// A usage error: exit code 2, and the remedy names the help.
    Usage,
}

/// The place that a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file, a directory or a standard stream.
    File(String),
    /// A line of a file, from 1.
    Line(String, u64),
    /// A field of a line: the file, the line (from 1), the field (from 1) and its name.
    Field(String, u64, usize, String),
    /// A byte of a file, from 0.
    Byte(String, u64),
    /// A record of a file, from 1.
    Record(String, u64),
    /// An argument of the command line.
    Argument(String),
    /// A resource of the machine: memory, a process, the terminal.
    Host(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) | Self::Argument(name) | Self::Host(name) => f.write_str(name),
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Field(file, line, number, name) => write!(f, "{file}:{line}, field {number} ({name})"),
            Self::Byte(file, offset) => write!(f, "byte {offset} of {file}"),
            Self::Record(file, number) => write!(f, "record {number} of {file}"),
        }
    }
}

/// One message: its subcommand, what happened, where, and what to do about it.
///
/// Boxed, because it is the rare side of many results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnostic(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    severity: Severity,
    sub: Cow<'static, str>,
    what: String,
    place: Option<Place>,
    remedy: Option<String>,
}

impl Diagnostic {
    fn new(severity: Severity, what: impl Into<String>) -> Self {
        Self(Box::new(Parts { severity, sub: "".into(), what: what.into(), place: None, remedy: None }))
    }

    /// Creates a note: something to know, and no error.
    pub(crate) fn note(what: impl Into<String>) -> Self {
        Self::new(Severity::Note, what)
    }

    /// Creates an error: the exit code is 1.
    pub(crate) fn error(what: impl Into<String>) -> Self {
        Self::new(Severity::Error, what)
    }

    /// Creates a usage error: the exit code is 2, and the message ends with the help to read.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Severity::Usage, what)
    }

    /// Creates an error from the text of one of our libraries, whose remedy follows a semicolon.
    pub(crate) fn from_text(text: &str) -> Self {
        match text.split_once("; ") {
            Some((what, remedy)) => Self::error(what).remedy(remedy),
            None => Self::error(text),
        }
    }

    /// Creates an error from one of the adapter's, whose remedy follows the last colon where there
    /// is no semicolon.
    pub(crate) fn from_adapter(error: &dyn fmt::Display) -> Self {
        let text = error.to_string();
        match text.rsplit_once(": ") {
            Some((what, remedy)) if !text.contains("; ") => Self::error(what).remedy(remedy),
            _ => Self::from_text(&text),
        }
    }

    /// Creates an error from one of the operating system, or of a reader, at `place`.
    pub(crate) fn io(place: Place, error: &io::Error) -> Self {
        let inner = error.get_ref();
        let offset = inner.and_then(|e| e.downcast_ref::<CaptureError>()).map(|e| e.offset);
        if let (Some(offset), Place::File(name)) = (offset, &place) {
            return Self::at_offset(name, offset, error);
        }
        let remedy = match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => Some("check the name".to_owned()),
            Some(libc::EACCES) => Some("check its permissions".to_owned()),
            Some(libc::ENOSPC) => Some("make room".to_owned()),
            Some(libc::EMFILE) => Some("raise the limit (ulimit -n)".to_owned()),
            _ => crate::io::files::too_large(error),
        };
        let mut failed = Self::from_text(&without_number(error)).at(place);
        if remedy.is_some() {
            failed.0.remedy = remedy;
        }
        failed
    }

    /// Creates an error from a frame of the file called `name` that cannot be read.
    pub(crate) fn wire(name: &str, error: &WireError) -> Self {
        Self::at_offset(name, error.offset, error)
    }

    /// Moves the offset that the text of `error` begins with to where it belongs.
    fn at_offset(name: &str, offset: u64, error: &dyn fmt::Display) -> Self {
        let text = error.to_string();
        let what = text.strip_prefix(&format!("at byte {offset}: ")).unwrap_or(&text);
        Self::from_text(what).at(Place::Byte(name.to_owned(), offset))
    }

    /// Sets the subcommand.
    pub(crate) fn of(mut self, sub: impl Into<Cow<'static, str>>) -> Self {
        self.0.sub = sub.into();
        self
    }

    /// Sets the place.
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    /// Sets the place to a file.
    pub(crate) fn in_file(self, name: impl Into<String>) -> Self {
        self.at(Place::File(name.into()))
    }

    /// Sets the place to an argument of the command line.
    pub(crate) fn argument(self, argument: impl Into<String>) -> Self {
        self.at(Place::Argument(argument.into()))
    }

    /// Adds a remedy; where there is one already, the new one follows it.
    pub(crate) fn remedy(mut self, remedy: impl AsRef<str>) -> Self {
        let remedy = remedy.as_ref();
        self.0.remedy = Some(self.0.remedy.take().map_or_else(|| remedy.to_owned(), |old| format!("{old}; {remedy}")));
        self
    }

    /// Puts what failed before the system's reason: `cannot start`.
    pub(crate) fn context(mut self, doing: &str) -> Self {
        self.0.what = format!("{doing}: {}", self.0.what);
        self
    }

    /// Writes the message to standard error, as one line. A closed standard error is ignored.
    pub(crate) fn tell(&self) {
        let _ = writeln!(io::stderr(), "{}", one_line(&self.to_string()));
    }

    /// Returns the exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.0.severity {
            Severity::Note => 0,
            Severity::Error => 1,
            Severity::Usage => 2,
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        let space = if parts.sub.is_empty() { "" } else { " " };
        write!(f, "vvpx{space}{}: {}", parts.sub, parts.what)?;
        if let Some(place) = &parts.place {
            write!(f, ": {place}")?;
        }
        if let Some(remedy) = &parts.remedy {
            write!(f, ": {remedy}")?;
        }
        if parts.severity == Severity::Usage {
            let before = if parts.remedy.is_some() { ";" } else { ":" };
            write!(f, "{before} try 'vvpx{space}{} --help'", parts.sub)?;
        }
        Ok(())
    }
}

/// Returns the error for a stage that panicked; the panic's own message precedes it.
pub(crate) fn bug(stage: &str) -> Diagnostic {
    Diagnostic::error(format!("the {stage} stage failed, which is a bug in vvpx"))
        .remedy("please report the message above and the input")
}

/// Returns a text as one line without control characters: those become escapes, so that a file name
/// cannot move the cursor, colour the screen or fake another line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    // U+202A to U+202E and U+2066 to U+2069 change the direction of writing.
    let harmful = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(harmful) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmful(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.into()
}

/// Returns the message of a system error without the number that the standard library appends.
fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    // The decompressors' own words differ, and have no remedy.
    if error.kind() == io::ErrorKind::UnexpectedEof && !text.contains("; ") {
        return "the compressed file ends too early; get the whole file".to_owned();
    }
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_error_names_file_and_remedy_in_one_line() {
        let error = io::Error::from_raw_os_error(libc::ENOENT);
        let line = Diagnostic::io(Place::File("a.jsonl".into()), &error).of("match").to_string();
        assert_eq!(line, "vvpx match: no such file or directory: a.jsonl: check the name");
    }

    #[test]
    fn parts_that_do_not_apply_are_absent() {
        assert_eq!(Diagnostic::error("what").to_string(), "vvpx: what");
        assert_eq!(Diagnostic::note("what").of("run").remedy("do").to_string(), "vvpx run: what: do");
        assert_eq!(Diagnostic::usage("what").to_string(), "vvpx: what: try 'vvpx --help'");
        let usage = Diagnostic::usage("what").of("run").argument("--x").remedy("do");
        assert_eq!(usage.to_string(), "vvpx run: what: --x: do; try 'vvpx run --help'");
    }

    #[test]
    fn places_are_written_as_file_line_field_byte_and_record() {
        for (place, text) in [
            (Place::Line("f".into(), 2), "f:2"),
            (Place::Field("f".into(), 2, 3, "size".into()), "f:2, field 3 (size)"),
            (Place::Byte("f".into(), 64), "byte 64 of f"),
            (Place::Record("f".into(), 1), "record 1 of f"),
        ] {
            assert_eq!(place.to_string(), text);
        }
    }
}
