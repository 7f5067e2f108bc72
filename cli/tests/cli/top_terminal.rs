//! `vvpx top` on a pseudo-terminal: what it draws at which size, and that it restores the terminal
//! at every end.

#![cfg(feature = "tui")]

use crate::common::vvpx;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use vvp_std_adapter::pipeline::processes::PipelineDirectory;

/// Maximum duration of a wait.
const LONGEST: Duration = Duration::from_secs(100);

/// Both ends of a pseudo-terminal, and what is on its screen.
struct Terminal {
    ours: File,
    theirs: File,
    screen: vt100::Parser,
}

fn checked(what: &'static str, answer: i32) -> Result<i32, String> {
    if answer < 0 { Err(format!("{what}: {}", io::Error::last_os_error())) } else { Ok(answer) }
}

fn some(n: u16) -> NonZero<u16> {
    NonZero::new(n).expect("a screen has a size")
}

impl Terminal {
    fn open(columns: u16, rows: u16) -> Result<Self, String> {
        // SAFETY: makes a new descriptor; takes no pointer.
        let fd =
            checked("posix_openpt", unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) })?;
        // SAFETY: `fd` was opened just now and has no other owner.
        let ours = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        // SAFETY: takes no pointer.
        checked("grantpt", unsafe { libc::grantpt(fd) })?;
        // SAFETY: takes no pointer.
        checked("unlockpt", unsafe { libc::unlockpt(fd) })?;
        let mut name = [0u8; 64];
        // SAFETY: `name` is ours and so long.
        let error = unsafe { libc::ptsname_r(fd, name.as_mut_ptr().cast(), name.len()) };
        let name = name.split(|&byte| byte == 0).next().and_then(|name| std::str::from_utf8(name).ok());
        let name = name.filter(|_| error == 0).ok_or("ptsname_r gives no name")?;
        // SAFETY: takes no pointer.
        checked("O_NONBLOCK", unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_RDWR | libc::O_NONBLOCK) })?;
        let theirs = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(name);
        let theirs = theirs.map_err(|e| format!("{name}: {e}"))?;
        let mut this = Self { ours, theirs, screen: vt100::Parser::new(some(rows), some(columns), 0) };
        this.resize(columns, rows);
        Ok(this)
    }

    /// Resizes the window; the kernel sends SIGWINCH to the foreground process.
    fn resize(&mut self, columns: u16, rows: u16) {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: reads `size`, which is ours.
        assert_eq!(unsafe { libc::ioctl(self.ours.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }, 0);
        self.screen.screen_mut().set_size(some(rows), some(columns));
    }

    /// Flags and control characters.
    fn modes(&self) -> impl PartialEq + core::fmt::Debug + use<> {
        // SAFETY: all-zero bytes are a valid `termios`, to be overwritten.
        let mut modes: libc::termios = unsafe { core::mem::zeroed() };
        // SAFETY: `modes` is ours to write.
        assert_eq!(unsafe { libc::tcgetattr(self.theirs.as_raw_fd(), &raw mut modes) }, 0);
        (modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag, modes.c_cc)
    }

    /// Takes in what was written so far.
    fn read(&mut self) {
        let mut bytes = [0; 4096];
        loop {
            match self.ours.read(&mut bytes) {
                Ok(0) => return,
                Ok(n) => self.screen.process(&bytes[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return, // nothing more yet
            }
        }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).expect("room for a key");
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        loop {
            self.read();
            if done(self) {
                return;
            }
            assert!(start.elapsed() < LONGEST, "never: {what}; on the screen:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn until_words(&mut self, words: &[&str]) {
        self.until(&format!("{words:?}"), |this| {
            let text = this.text();
            words.iter().all(|word| text.contains(word))
        });
    }
}

/// A process that does not outlive the test.
struct Process(Child);

impl Process {
    fn stage(words: &[&str]) -> Self {
        Self(vvpx(&["stage"]).args(words).spawn().expect("vvpx runs"))
    }

    /// `vvpx top` as the first process of that terminal.
    fn top(terminal: &Terminal, dir: &str) -> Self {
        let end = || Stdio::from(terminal.theirs.try_clone().expect("a descriptor"));
        let mut command = vvpx(&["top", dir]);
        command.env("TERM", "xterm-256color").stdin(end()).stdout(end()).stderr(end());
        let session = || {
            // SAFETY: takes no pointer, and may be called between fork and exec.
            let session = unsafe { libc::setsid() };
            // SAFETY: as above; standard input is the terminal.
            let terminal = unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
            if session < 0 || terminal < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        };
        // SAFETY: the calls of `session` may be made between fork and exec.
        unsafe { command.pre_exec(session) };
        Self(command.spawn().expect("vvpx runs"))
    }

    fn signal(&self, number: i32) {
        let pid = libc::pid_t::try_from(self.0.id()).expect("a number of a process");
        // SAFETY: takes no pointer; our own child, which has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, number) }, 0);
    }

    fn end(&mut self, terminal: &mut Terminal) -> ExitStatus {
        let mut status = None;
        terminal.until("its end", |_| {
            status = self.0.try_wait().expect("ours");
            status.is_some()
        });
        terminal.read();
        status.expect("it has ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A pipeline that runs but has nothing to do: one of its two gateways does not come, and its
/// events fit into the queue.
struct Pipeline {
    dir: PathBuf,
    matcher: Process,
    _gateway: Process,
}

impl Pipeline {
    fn start(name: &str) -> Self {
        let dir = PathBuf::from(format!("/dev/shm/vvp-test-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let directory = PipelineDirectory::create(&dir, 10_000).expect("room");
        directory.expect_gateways(2).expect("there");
        let at = dir.to_str().expect("UTF-8");
        let gateway = Process::stage(&["gateway", at, "0", "1", "1000"]);
        let matcher = Process::stage(&["matcher", at]);
        Self { matcher, _gateway: gateway, dir }
    }

    fn name(&self) -> &str {
        self.dir.to_str().expect("UTF-8")
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

const PANELS: [&str; 7] = ["running", "throughput", "queue ", "latency in ns", "pressure", "pauses", "allocations"];

/// Starts `vvpx top` on such a terminal, waits for its panels, lets `act` end it, and checks the
/// exit code and the terminal.
fn on_a_terminal(name: &str, act: impl FnOnce(&mut Terminal, &mut Pipeline, &Process)) {
    let mut terminal = match Terminal::open(120, 40) {
        Ok(terminal) => terminal,
        Err(why) => return eprintln!("SKIPPED: no pseudo-terminal: {why}"),
    };
    let before = terminal.modes();
    let mut pipeline = Pipeline::start(name);
    let mut top = Process::top(&terminal, pipeline.name());
    terminal.until_words(&PANELS);
    assert!(terminal.screen.screen().alternate_screen() && terminal.modes() != before, "drawn on a screen of its own");
    act(&mut terminal, &mut pipeline, &top);
    let status = top.end(&mut terminal);
    assert!(status.success(), "{status}: {}", terminal.text());
    let screen = terminal.screen.screen();
    assert!(!screen.alternate_screen() && !screen.hide_cursor(), "the screen is as it was");
    assert_eq!(terminal.modes(), before, "the terminal's modes are as they were");
    // The last state is printed at the end.
    terminal.until_words(&["vvpx pipeline, matcher"]);
}

#[test]
fn every_size_shows_whole_panels_and_q_ends_it() {
    on_a_terminal("keys", |terminal, _, _| {
        terminal.until_words(&["1,000", "book 0:", "ask ", "bid ", "q end"]);
        println!("{}", terminal.text());
        // With many cores the ladder is below the edge of a small screen.
        let all = ["pressure", "matching", "ask ", "bid "];
        for (columns, rows, words) in
            [(80, 24, &all[..2]), (40, 10, &["latency in ns"]), (120, 40, &all[..]), (80, 24, &all[..2])]
        {
            terminal.resize(columns, rows);
            let end = if columns < 60 { "q" } else { "q end" };
            terminal.until(&format!("a screen of {columns} times {rows}"), |this| {
                let title = this.screen.screen().rows(0, columns).next().unwrap_or_default();
                let text = this.text();
                title.starts_with(" running")
                    && title.trim_end().ends_with(end)
                    && words.iter().all(|w| text.contains(w))
            });
            println!("\n{columns}x{rows}\n{}", terminal.text());
        }
        terminal.press("1");
        terminal.until_words(&["book 1:"]);
        // Panels without room are reached by scrolling.
        terminal.resize(40, 10);
        terminal.press(&"j".repeat(60));
        terminal.until_words(&["bid "]);
        println!("\n40x10, scrolled\n{}", terminal.text());
        terminal.resize(120, 60); // so that the last state, which is printed, stays on the screen
        terminal.until_words(&PANELS);
        terminal.press("q");
    });
}

#[test]
fn a_signal_ends_it_and_leaves_the_terminal_as_it_was() {
    on_a_terminal("term", |_, _, top| top.signal(libc::SIGTERM));
}

#[test]
fn ctrl_c_ends_it_and_leaves_the_terminal_as_it_was() {
    on_a_terminal("ctrl-c", |terminal, _, _| terminal.press("\x03"));
}

#[test]
fn it_ends_with_the_pipeline() {
    on_a_terminal("done", |terminal, pipeline, _| {
        let mut publisher = Process::stage(&["publisher", pipeline.name()]);
        let mut gateway = Process::stage(&["gateway", pipeline.name(), "1", "2", "100"]);
        assert!(gateway.end(terminal).success());
        assert!(publisher.end(terminal).success());
    });
}

#[test]
fn a_dead_matcher_is_shown_and_a_pipeline_that_was_removed_ends_it() {
    on_a_terminal("gone", |terminal, pipeline, _| {
        pipeline.matcher.0.kill().expect("ours");
        pipeline.matcher.0.wait().expect("ours");
        terminal.until_words(&["its matcher is dead"]);
        std::fs::remove_dir_all(&pipeline.dir).expect("ours");
    });
}

#[test]
fn a_terminal_that_hangs_up_ends_it() {
    let Ok(mut terminal) = Terminal::open(80, 24) else {
        return eprintln!("SKIPPED: no pseudo-terminal");
    };
    let pipeline = Pipeline::start("hang-up");
    let mut top = Process::top(&terminal, pipeline.name());
    terminal.until_words(&["running", "throughput"]);
    // Another terminal takes its place here; without our end the first hangs up.
    let Ok(mut other) = Terminal::open(80, 24) else { return eprintln!("SKIPPED: no second pseudo-terminal") };
    std::mem::swap(&mut terminal, &mut other);
    drop(other);
    top.end(&mut terminal);
}
