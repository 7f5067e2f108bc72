//! Outputs that reach the file size limit (`ulimit -f`): an error with a name and a remedy, and no
//! partial output.

use crate::common::{Ran, Scratch, run_command, session, vvpx};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Maximum size of a file, in bytes.
const LIMIT: u64 = 512;

fn limited(command: &mut Command) -> &mut Command {
    let limit = || {
        let limit = libc::rlimit { rlim_cur: LIMIT, rlim_max: LIMIT };
        // SAFETY: reads `limit`, which is ours; it may be called between fork and exec.
        let result = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
        if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the call of `limit` may be made between fork and exec.
    unsafe { command.pre_exec(limit) }
}

fn run_limited(words: &[&str]) -> Ran {
    let mut command = vvpx(words);
    limited(&mut command);
    run_command(command, b"")
}

fn assert_refused(ran: &Ran, file: &str) {
    assert_eq!(ran.code, 1, "not killed by a signal: {ran:?}");
    let line = ran.stderr.lines().last().unwrap_or_default();
    for word in [file, "ile too large", "the limit is 512 bytes; raise it (ulimit -f)"] {
        assert!(line.contains(word), "{word}: {line}");
    }
}

/// Names in the folder of `file` that begin with its name, or with a dot and its name.
fn beside(file: &Path) -> Vec<String> {
    let name = file.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    let folder = std::fs::read_dir(file.parent().expect("a folder")).expect("there");
    let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|other| other.trim_start_matches('.').starts_with(name)).collect()
}

#[test]
fn a_file_that_would_be_too_large_is_refused_and_what_was_there_stays() {
    let session = session();
    let session = session.to_str().expect("UTF-8");
    let old = Scratch::new("old.bin", b"what was there");
    assert_refused(&run_limited(&["encode", session, "-o", old.name()]), old.name());
    assert_eq!(std::fs::read(&old.0).expect("there"), b"what was there");
    assert_eq!(beside(&old.0).len(), 1, "no file under another name is left");

    // A file that did not exist is not created.
    std::fs::remove_file(&old.0).expect("ours");
    assert_refused(&run_limited(&["encode", session, "-o", old.name()]), old.name());
    assert_eq!(beside(&old.0), Vec::<String>::new());
}

#[test]
fn standard_output_that_would_be_too_large_is_an_error() {
    let session = session();
    let session = session.to_str().expect("UTF-8");
    for words in [&["encode", session][..], &["match", session], &["run", session], &["run", "--json", session]] {
        let file = Scratch::new("out", b"");
        let out = std::fs::OpenOptions::new().write(true).open(&file.0).expect("there");
        let mut command = vvpx(words);
        command.stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
        let ended = limited(&mut command).output().expect("vvpx runs");
        let (code, stderr) = (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned());
        if words.contains(&"--json") {
            assert!(code.is_some(), "{words:?}: {:?}", ended.status);
            continue; // it may be short enough
        }
        assert_refused(&Ran { code: code.unwrap_or(-1), stdout: String::new(), stderr }, "<stdout>");
    }
}
