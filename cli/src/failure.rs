//! What all subcommands share: how they fail, how they open files, how they look at a terminal.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Why a subcommand ends early. Each is one line on standard error.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense: exit code 2.
    Usage(String),
    /// The work could not be done: exit code 1.
    Error(String),
}

pub(crate) type Outcome = Result<ExitCode, Failure>;

impl Failure {
    /// An error of the system at `file`, with what to do about it.
    pub(crate) fn at(file: &str, error: &io::Error) -> Self {
        // A custom error brings its remedy along.
        let remedy = match error.raw_os_error() {
            Some(libc::ENOENT) => "check the name",
            Some(libc::EACCES) => "check its permissions",
            Some(libc::ENOSPC) => "make room",
            _ => "",
        };
        let limit = crate::io::files::too_large(error);
        let remedy = limit.as_deref().unwrap_or(remedy);
        let cause = plain(error);
        Self::Error(if remedy.is_empty() { format!("{file}: {cause}") } else { format!("{file}: {cause}; {remedy}") })
    }

    /// A usage error of the subcommand whose help says more.
    pub(crate) fn usage(what: impl core::fmt::Display, subcommand: &str) -> Self {
        let space = if subcommand.is_empty() { "" } else { " " };
        Self::Usage(format!("{what}; try 'vvpx{space}{subcommand} --help'"))
    }
}

/// A text as one line without control characters: those are written as escapes, so that a file name cannot move the
/// cursor, colour the screen or feign another line.
pub(crate) fn one_line(text: &str) -> std::borrow::Cow<'_, str> {
    // Also what turns the direction of writing around.
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

/// The message of a system error without the number that the standard library appends.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// A stage panicked. What it said is above.
pub(crate) fn bug(stage: &str) -> Failure {
    Failure::Error(format!(
        "the {stage} stage failed, which is a bug in vvpx; please report what it said and the input"
    ))
}

/// Writes help or a version; a reader who went away is no error.
pub(crate) fn say(text: &str) -> Outcome {
    crate::io::files::is_open(1).map_err(|e| Failure::at("standard output", &e))?;
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Failure::at("standard output", &e)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Whether to colour what goes to a stream: it is a terminal that can, and nobody objects (<https://no-color.org>).
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var_os("TERM").is_none_or(|v| v != "dumb")
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(n: impl Into<u128>) -> String {
    let digits = n.into().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (n, text) in [(0u64, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567"), (100000, "100,000")] {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn errors_name_the_file_and_the_remedy_in_one_line() {
        let Failure::Error(line) = Failure::at("a.jsonl", &io::Error::from_raw_os_error(libc::ENOENT)) else {
            panic!("an error")
        };
        assert_eq!(line, "a.jsonl: no such file or directory; check the name");
    }
}
