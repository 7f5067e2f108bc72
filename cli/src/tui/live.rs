//! The live view of `vvpx top`, on a terminal.

use crate::commands::top::{EVERY, Shown, Watch};
use crate::tui::panels;
use ratatui::Frame;
use ratatui::crossterm::terminal;
use ratatui::layout::{Constraint, Layout};
use ratatui::text::{Line, Text};
use std::io;
use std::time::Instant;
use vvp_std_adapter::pipeline::{self, Stop};

/// Minimum width for the ladder beside the other panels.
const TWO_COLUMNS: u16 = 112;
/// Width of the other panels then.
const LEFT: u16 = 76;
/// Minimum rows of a ladder that fits; with less room it is drawn in full, below, for scrolling.
const LADDER_ROWS_MIN: usize = 4;

/// Interval of the checks for a new window size.
const SIZE_EVERY_MS: libc::c_int = 50;

/// View that the user has selected by keys.
#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    book: usize,
    /// Lines of the left or only column above the screen.
    scrolled: usize,
}

/// Draws until a key, SIGTERM, SIGINT or SIGHUP ends it, or the pipeline has ended. Then restores
/// the terminal.
pub(crate) fn run(watch: &mut Watch, dir: &str, book: usize) -> io::Result<()> {
    // A signal must not end the process while the terminal is ours.
    let stop = Stop::new()?;
    stop.on_signals();
    let mut terminal = ratatui::try_init()?;
    let mut chosen = Chosen { book, scrolled: 0 };
    let result = (|| {
        loop {
            let shown = watch.sample().ok();
            terminal.draw(|frame| match &shown {
                Some(shown) => draw(frame, shown, dir, &mut chosen),
                None => frame.render_widget(Line::from("nothing was written yet"), frame.area()),
            })?;
            let is_over = shown.is_some_and(|shown| shown.is_over()) || watch.is_gone();
            if is_over || wait(&mut chosen)? {
                return Ok(());
            }
        }
    })();
    let restored = ratatui::try_restore();
    // After a hang-up there is no terminal to restore.
    if pipeline::signal() == Some(libc::SIGHUP) { Ok(()) } else { result.and(restored) }
}

/// Waits until the next state is due, or a key changes the view; returns whether to end.
///
/// The keys are few, so their bytes are read here. crossterm's event source is edge-triggered and
/// loses the edge of a key that comes together with a change of the window's size; it continues
/// after a signal, and never returns from a terminal that has hung up. The window's size is polled.
fn wait(chosen: &mut Chosen) -> io::Result<bool> {
    let (until, size) = (Instant::now() + EVERY, terminal::size().ok());
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut fd = libc::pollfd { fd: libc::STDIN_FILENO, events: libc::POLLIN, revents: 0 };
        let ms = libc::c_int::try_from(left.as_millis() + 1).unwrap_or(0).min(SIZE_EVERY_MS);
        if pipeline::signal().is_none() {
            // SAFETY: one entry of ours. An error means a signal: then `revents` is 0.
            unsafe { libc::poll(&raw mut fd, 1, ms) };
        }
        if pipeline::signal().is_some() || fd.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0 {
            return Ok(true);
        }
        if fd.revents & libc::POLLIN != 0 {
            let mut bytes = [0; 256];
            // SAFETY: writes to `bytes`, which are ours and as long.
            let read = unsafe { libc::read(libc::STDIN_FILENO, bytes.as_mut_ptr().cast(), bytes.len()) };
            match usize::try_from(read) {
                Ok(0) => return Ok(true), // the terminal is gone: no more keys
                Ok(len) => match chosen.press(&bytes[..len.min(bytes.len())]) {
                    Pressed::End => return Ok(true),
                    Pressed::Other => return Ok(false),
                    Pressed::Nothing => {}
                },
                Err(_) => match io::Error::last_os_error() {
                    e if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                    e => return Err(e),
                },
            }
        }
        if left.is_zero() || terminal::size().ok() != size {
            return Ok(false);
        }
    }
}

/// The effect of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pressed {
    End,
    /// The view has changed.
    Other,
    Nothing,
}

impl Chosen {
    /// Handles all keys of one read, as a terminal in raw mode sends them: a letter is one byte, an
    /// arrow three bytes from Escape on.
    fn press(&mut self, mut bytes: &[u8]) -> Pressed {
        let mut done = Pressed::Nothing;
        loop {
            let (len, pressed) = match bytes {
                [] => return done,
                [0x1b, b'[' | b'O', b'A', ..] => (3, self.scroll(-1)),
                [0x1b, b'[' | b'O', b'B', ..] => (3, self.scroll(1)),
                [0x1b, b'[' | b'O', ..] => {
                    // Another key with a sequence, which ends with a letter or a tilde.
                    let end = bytes.iter().skip(2).position(|byte| (0x40..0x7f).contains(byte));
                    (end.map_or(bytes.len(), |at| at + 3), Pressed::Nothing)
                }
                // Escape; or Ctrl-C.
                [0x1b | 0x03 | b'q', ..] => return Pressed::End,
                [b'0', ..] => (1, self.turn_to(0)),
                [b'1', ..] => (1, self.turn_to(1)),
                [b'k', ..] => (1, self.scroll(-1)),
                [b'j', ..] => (1, self.scroll(1)),
                [_, ..] => (1, Pressed::Nothing),
            };
            if pressed != Pressed::Nothing {
                done = pressed;
            }
            bytes = &bytes[len..];
        }
    }

    const fn turn_to(&mut self, book: usize) -> Pressed {
        self.book = book;
        Pressed::Other
    }

    /// Scrolls; the limit is applied when the view is drawn.
    const fn scroll(&mut self, lines: isize) -> Pressed {
        self.scrolled = self.scrolled.saturating_add_signed(lines);
        Pressed::Other
    }
}

/// Draws the title and below it all panels, in one column or two; the rest is reached by scrolling.
fn draw(frame: &mut Frame<'_>, shown: &Shown, dir: &str, chosen: &mut Chosen) {
    let [title, below] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(frame.area());
    let wide = below.width >= TWO_COLUMNS;
    let columns =
        if wide { [Constraint::Length(LEFT), Constraint::Min(0)] } else { [Constraint::Min(0), Constraint::Length(0)] };
    let [left, right] = Layout::horizontal(columns).areas(below);
    let (width, height) = (usize::from(left.width), usize::from(left.height));
    // A blank column between the two.
    let mut lines = panels::counters(shown, if wide { width.saturating_sub(2) } else { width });
    if wide {
        let ladder = panels::ladder(shown, chosen.book, usize::from(right.width), usize::from(right.height));
        frame.render_widget(Text::from(ladder), right);
    } else {
        let room = height.saturating_sub(lines.len());
        let room = if room > LADDER_ROWS_MIN { room } else { usize::MAX };
        lines.extend(panels::ladder(shown, chosen.book, width, room));
    }
    let hidden = lines.len().saturating_sub(height);
    chosen.scrolled = chosen.scrolled.min(hidden);
    frame.render_widget(panels::title(shown, dir, usize::from(title.width), hidden > 0), title);
    frame.render_widget(Text::from_iter(lines.into_iter().skip(chosen.scrolled)), left);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::outside::Outside;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use vvp_std_adapter::pipeline::processes::{LevelSummary, PipelineStatus};

    fn shown(publishers: u64) -> Shown {
        let mut now = PipelineStatus {
            commands: 1_234_567,
            publishers,
            allocations: 7,
            preempted: 3,
            ..PipelineStatus::default()
        };
        (now.orders_queue.depth, now.events_queue[1].refused, now.matching.p99_ns) = (41, 99, 2_345);
        (now.to_matcher.p50_ns, now.to_matcher.count, now.matching.count) = (12_345_678_901, 1, 1);
        for n in 0..8 {
            now.books[1].bids[n as usize] = LevelSummary { price: 998 - n, qty: 40, orders: 2 };
            now.books[1].asks[n as usize] = LevelSummary { price: 1_003 + n, qty: 20, orders: 1 };
        }
        Shown { state: "running", now, rates: [Some(5_000), Some(6_000), None], seen: Outside::new().sample(None) }
    }

    fn screen(width: u16, height: u16, scrolled: usize) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("no terminal is needed");
        let mut chosen = Chosen { book: 1, scrolled };
        terminal.draw(|frame| draw(frame, &shown(2), "/dev/shm/x", &mut chosen)).expect("no terminal is needed");
        let buffer = terminal.backend().buffer();
        let lines = buffer.content().chunks(usize::from(width));
        lines.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
    }

    #[test]
    fn all_panels_are_there() {
        let words =
            ["running", "1,234,567", "5,000", "41", "99", "2,345", "pressure", "pauses", "allocations", " 998 "];
        for (width, height) in [(130, 40), (110, 60), (80, 50), (40, 50)] {
            let screen = screen(width, height, 0);
            for word in words {
                assert!(screen.contains(word), "{word} at {width}x{height}:\n{screen}");
            }
            let line = |word: &str| screen.lines().position(|line| line.contains(word));
            assert!(line(" 1003 ") < line(" 998 "), "asks above bids:\n{screen}");
        }
    }

    #[test]
    fn small_screen_can_be_scrolled() {
        let (first, last) = (screen(40, 10, 0), screen(40, 10, usize::MAX));
        assert!(first.contains("1,234,567") && !first.contains(" 991 "), "{first}");
        assert!(last.contains(" 991 ") && !last.contains("1,234,567"), "{last}");
    }

    #[test]
    fn a_number_that_does_not_fit_is_rounded_and_not_cut() {
        let screen = screen(40, 20, 0);
        assert!(screen.lines().any(|line| line.starts_with("to matcher") && line.contains(" 12.3G ")), "{screen}");
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let screen = screen(80, 50, 0);
        assert!(screen.contains("– a second"), "{screen}");
        let line = screen.lines().find(|line| line.starts_with("to publisher ")).unwrap_or_default();
        assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["to", "publisher", "–", "–", "–", "–"], "{screen}");
        let line = screen.lines().find(|line| line.starts_with("orders ")).unwrap_or_default();
        assert_eq!(line.split_whitespace().take(3).collect::<Vec<_>>(), ["orders", "41", "41"], "{screen}");
    }

    #[test]
    fn keys_have_their_documented_effect() {
        let press = |keys: &[u8]| {
            let mut chosen = Chosen { book: 0, scrolled: 5 };
            (chosen.press(keys), chosen.book, chosen.scrolled)
        };
        assert_eq!(press(b"j\x1b[B\x1bOBk1"), (Pressed::Other, 1, 7));
        assert_eq!(press(b"kkkkkkkkk\x1b[A"), (Pressed::Other, 0, 0));
        // Keys with sequences that mean nothing here: Home, Delete, F5, Shift-Up.
        assert_eq!(press(b"x\x1b[H\x1b[3~\x1b[15~\x1b[1;2A "), (Pressed::Nothing, 0, 5));
        for end in [&b"q"[..], b"\x1b", b"\x03", b"j\x1b[3~q1"] {
            assert_eq!(press(end).0, Pressed::End, "{end:?}");
        }
    }

    #[test]
    fn a_small_screen_is_no_error() {
        for (width, height) in [(1, 1), (2, 60), (20, 5), (80, 24), (112, 3), (300, 10)] {
            screen(width, height, 0);
        }
    }
}
