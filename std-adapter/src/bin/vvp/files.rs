//! Files and standard streams by name, and what to say when they fail.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

/// Bad lines that are named one by one on standard error; more are only counted.
const NAMED: u64 = 10;

/// A command line that cannot be run: one line on standard error, exit code 2.
pub(crate) fn usage(command: &str, error: &dyn core::fmt::Display) -> ExitCode {
    eprintln!("vvp {command}: {error}; try vvp {command} --help");
    ExitCode::from(2)
}

/// An input by the name it was given, `-` for standard input.
pub(crate) fn open(name: &str) -> io::Result<Box<dyn Read + Send>> {
    Ok(if name == "-" { Box::new(io::stdin()) } else { Box::new(open_file(name)?) })
}

/// A file to read; a directory is refused here rather than at its first read.
pub(crate) fn open_file(name: &str) -> io::Result<File> {
    let file = File::open(name)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory; give a file"));
    }
    Ok(file)
}

/// An output by the name it was given; none or `-` is standard output.
pub(crate) fn create(name: Option<&str>) -> io::Result<Box<dyn Write + Send>> {
    match name {
        None | Some("-") => Ok(Box::new(io::stdout())),
        Some(name) => Ok(Box::new(File::create(name)?)),
    }
}

/// How an input is called in messages.
pub(crate) fn called(name: &str) -> &str {
    if name == "-" { "<stdin>" } else { name }
}

/// Reports what cannot be read or written; exit code 1. A reader that has gone away is no error of ours.
pub(crate) fn failed(what: &str, error: &io::Error) -> ExitCode {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    eprintln!("{what}: {error}");
    ExitCode::FAILURE
}

/// Names the first bad lines of an input on standard error and counts them all.
#[derive(Debug)]
pub(crate) struct Complaints<'a> {
    file: &'a str,
    count: u64,
}

impl<'a> Complaints<'a> {
    pub(crate) fn about(name: &'a str) -> Self {
        Self { file: called(name), count: 0 }
    }

    /// One bad line; its display begins with its number.
    pub(crate) fn add(&mut self, bad: &dyn core::fmt::Display) {
        self.count += 1;
        if self.count <= NAMED {
            // If nobody listens there is nobody to tell.
            let _ = writeln!(io::stderr(), "{}:{bad}", self.file);
        }
    }

    /// The exit code at the end of the input.
    pub(crate) fn finish(&self) -> ExitCode {
        if self.count > NAMED {
            let (file, count) = (self.file, self.count);
            let _ =
                writeln!(io::stderr(), "{file}: {count} bad lines in all, the first {NAMED} of them are named above");
        }
        if self.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
