//! Runs the `vvpx` binary as a user would.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The result of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns a command for the binary with arguments, without pipes.
pub(crate) fn vvpx(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vvpx"));
    command.args(args).env_remove("NO_COLOR");
    command
}

/// Runs the binary to its end with `input` on standard input.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Ran {
    run_command(vvpx(args), input)
}

/// Does the same as [`run`], for a prepared command.
pub(crate) fn run_command(mut command: Command, input: &[u8]) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    std::thread::scope(|s| {
        s.spawn(move || {
            let _ = stdin.write_all(input); // a child that does not want it all is fine
        });
        let output = child.wait_with_output().expect("the binary ends");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    })
}

/// Pins the command to one processor.
pub(crate) fn on_one_core(command: &mut Command) -> &mut Command {
    let pin = || {
        let cpus = vvp_std_adapter::thread::allowed_cpus();
        if let Some(&first) = cpus.first() {
            vvp_std_adapter::thread::pin_to(first);
        }
        Ok(())
    };
    // SAFETY: between fork and exec: system calls, and a small allocation, which glibc allows after
    // fork.
    unsafe { command.pre_exec(pin) }
}

/// The built-in order file.
pub(crate) fn session() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/session.jsonl")
}

/// A file with these bytes, removed when dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("{}-{:?}-{name}", std::process::id(), std::thread::current().id()));
        std::fs::write(&path, bytes).expect("a scratch file");
        Self(path)
    }

    pub(crate) fn name(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A running `vvpx` in an interactive session.
pub(crate) struct Talk {
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
}

impl Talk {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = vvpx(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A shell that starts the tests in the background ignores Ctrl-C, and so would the binary.
        // SAFETY: only `signal` is called between fork and exec, which is allowed.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                Ok(())
            });
        }
        let mut child = command.spawn().expect("the binary starts");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        Self { child, stdin, stdout }
    }

    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(line.as_bytes()).expect("it listens");
        stdin.write_all(b"\n").expect("it listens");
    }

    /// Returns the next line of its output; panics after a minute without one.
    pub(crate) fn hear(&mut self) -> String {
        let stdout = self.stdout.as_mut().expect("open");
        let mut line = Vec::new();
        loop {
            let mut fd = libc::pollfd { fd: stdout.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one entry of ours.
            let ready = unsafe { libc::poll(&raw mut fd, 1, 60_000) };
            assert_eq!(ready, 1, "no answer within a minute; so far: {:?}", String::from_utf8_lossy(&line));
            let mut byte = [0];
            match stdout.read(&mut byte).expect("readable") {
                0 => break,
                _ if byte[0] == b'\n' => break,
                _ => line.push(byte[0]),
            }
        }
        String::from_utf8(line).expect("UTF-8")
    }

    pub(crate) fn signal(&self, number: i32) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        // SAFETY: sends a signal to our own child, which has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, number) }, 0);
    }

    /// Waits for its end and returns the rest of its output. Standard input stays open meanwhile.
    pub(crate) fn end(mut self) -> Ran {
        let mut stdout = String::new();
        if let Some(mut s) = self.stdout.take() {
            s.read_to_string(&mut stdout).expect("UTF-8");
        }
        let mut stderr = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut stderr).expect("UTF-8");
        let status = self.child.wait().expect("it ends");
        Ran { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}
