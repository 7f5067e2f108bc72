//! Captured feeds of MoldUDP64, and the tool that replays them.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use vvp_core::wire::field::{Nanos48, Price4, Text};
use vvp_core::wire::frame;
use vvp_core::wire::itch::{AddOrder, BuySell, Stamp};
use vvp_core::wire::mold::{Session, encode};
use zerocopy::IntoBytes;

/// A session by its name.
pub(crate) fn session(name: &str) -> Session {
    let mut bytes = [b' '; 10];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Session::new(bytes)
}

/// A packet of MoldUDP64.
pub(crate) fn mold(name: &str, sequence: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    packet(name, sequence, &messages, false)
}

/// The end of a session.
pub(crate) fn end(name: &str, sequence: u64) -> Vec<u8> {
    packet(name, sequence, &[], true)
}

fn packet(name: &str, sequence: u64, messages: &[&[u8]], end: bool) -> Vec<u8> {
    let mut out = vec![0; 2000];
    let n = encode(session(name), sequence, messages, end, &mut out).unwrap();
    out.truncate(n);
    out
}

/// A new order whose reference and time are both `number`.
pub(crate) fn message(number: u64) -> Vec<u8> {
    let stamp = Stamp { locate: 1, tracking: 0, time: Nanos48::new(number).unwrap() };
    let add = AddOrder::new(stamp).with_reference(number).with_side(BuySell::Buy).with_shares(1);
    add.with_stock(Text::new(b"ABC").unwrap()).with_price(Price4::new(10_000)).as_bytes().to_vec()
}

/// Messages as frames of a file.
pub(crate) fn frames(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        let mut bytes = vec![0; message.len() + 2];
        let n = frame::write(message, &mut bytes).unwrap();
        out.extend_from_slice(&bytes[..n]);
    }
    out
}

/// A folder with files, and `vvpx replay` in it.
pub(crate) struct Desk(PathBuf);

impl Desk {
    pub(crate) fn new(test: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    /// Exit code, standard output and standard error. Arguments are separated by blanks; `input`
    /// goes through a pipe.
    pub(crate) fn replay(&self, args: &str, input: &[u8]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vvpx"));
        command.current_dir(&self.0).arg("replay").args(args.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // With bad arguments the tool does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input);
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// The summary of a replay with this exit code, and the line on standard error.
    pub(crate) fn json(&self, args: &str, code: i32) -> (serde_json::Value, String) {
        self.json_of(args, b"", code)
    }

    pub(crate) fn json_of(&self, args: &str, input: &[u8], code: i32) -> (serde_json::Value, String) {
        let (was, out, err) = self.replay(&format!("{args} --json"), input);
        assert_eq!(was, code, "{args}: {err}");
        assert_eq!(err.lines().count(), usize::from(code == 1), "one line: {err}");
        (serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args}: {e}: {out}{err}")), err)
    }
}
