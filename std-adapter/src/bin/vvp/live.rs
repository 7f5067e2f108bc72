//! The live view of `vvp top`, on a terminal.

use super::panels;
use super::top::{EVERY, Shown, Watch};
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::text::{Line, Text};
use std::io;
use std::time::{Duration, Instant};
use vvp_std_adapter::pipeline::{self, Stop};

/// From this width on the ladder stands beside the other panels.
const TWO_COLUMNS: u16 = 112;
/// What the other panels get then.
const LEFT: u16 = 76;
/// A ladder with less room is drawn in full, to be scrolled to.
const LADDER_ROWS_MIN: usize = 4;

/// What the keys chose.
#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    book: usize,
    /// Lines of the left or only column above the screen.
    scrolled: usize,
}

/// Draws until somebody ends it (a key, SIGTERM, SIGINT or SIGHUP), or the pipeline has ended. The terminal is then as it was.
pub(crate) fn run(watch: &mut Watch, dir: &str, book: usize) -> io::Result<()> {
    // A signal must not end the process while the terminal is ours.
    let stop = Stop::new()?;
    stop.on_signals();
    let mut terminal = ratatui::try_init()?;
    let mut chosen = Chosen { book, scrolled: 0 };
    let result = (|| {
        loop {
            let shown = watch.look().ok();
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
    // Once the terminal has hung up there is nothing to draw on, nor to restore.
    if pipeline::signal() == Some(libc::SIGHUP) { Ok(()) } else { result.and(restored) }
}

/// Waits for the next look; whether it is the end. A key that changes what is seen shows it at once.
fn wait(chosen: &mut Chosen) -> io::Result<bool> {
    let until = Instant::now() + EVERY;
    loop {
        // `event::poll` would go on after a signal, and never come back from a terminal that has hung up: it gets only what is
        // there.
        let left = until.saturating_duration_since(Instant::now());
        let mut fd = libc::pollfd { fd: libc::STDIN_FILENO, events: libc::POLLIN, revents: 0 };
        let ms = libc::c_int::try_from(left.as_millis() + 1).unwrap_or(0);
        if pipeline::signal().is_none() {
            // SAFETY: one entry of ours. An error is a signal: then there is nothing in `revents`.
            unsafe { libc::poll(&raw mut fd, 1, ms) };
        }
        if pipeline::signal().is_some() || fd.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0 {
            return Ok(true);
        }
        while event::poll(Duration::ZERO)? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => match chosen.press(key) {
                    Pressed::End => return Ok(true),
                    Pressed::Other => return Ok(false),
                    Pressed::Nothing => {}
                },
                Event::Resize(..) => return Ok(false),
                _ => {}
            }
        }
        if left.is_zero() {
            return Ok(false);
        }
    }
}

/// What a key has done.
enum Pressed {
    End,
    /// Something else is to be seen.
    Other,
    Nothing,
}

impl Chosen {
    fn press(&mut self, key: KeyEvent) -> Pressed {
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Pressed::End,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Pressed::End,
            KeyCode::Char('0') => self.book = 0,
            KeyCode::Char('1') => self.book = 1,
            KeyCode::Down | KeyCode::Char('j') => self.scrolled = self.scrolled.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.scrolled = self.scrolled.saturating_sub(1),
            _ => return Pressed::Nothing,
        }
        Pressed::Other
    }
}

/// The title, and below it all panels, in one column or two. What does not fit below can be scrolled to.
fn draw(frame: &mut Frame<'_>, shown: &Shown, dir: &str, chosen: &mut Chosen) {
    let [title, below] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(frame.area());
    let wide = below.width >= TWO_COLUMNS;
    let columns =
        if wide { [Constraint::Length(LEFT), Constraint::Min(0)] } else { [Constraint::Min(0), Constraint::Length(0)] };
    let [left, right] = Layout::horizontal(columns).areas(below);
    let (width, height) = (usize::from(left.width), usize::from(left.height));
    // A blank column between the two.
    let mut lines = panels::figures(shown, if wide { width.saturating_sub(2) } else { width });
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
    use super::super::outside::Outside;
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use vvp_std_adapter::pipeline::processes::{LadderLevel, Snapshot};

    fn shown(publishers: u64) -> Shown {
        let mut now = Snapshot { commands: 1_234_567, publishers, allocations: 7, preempted: 3, ..Snapshot::default() };
        (now.orders_queue.depth, now.events_queue[1].refused, now.matching.p99_ns) = (41, 99, 2_345);
        now.to_matcher.p50_ns = 12_345_678_901;
        for n in 0..8 {
            now.books[1].bids[n as usize] = LadderLevel { price: 998 - n, qty: 40, orders: 2 };
            now.books[1].asks[n as usize] = LadderLevel { price: 1_003 + n, qty: 20, orders: 1 };
        }
        Shown { state: "running", now, rates: [5_000, 6_000, 1], seen: Outside::new().look(None) }
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
    fn what_is_below_a_small_screen_can_be_scrolled_to() {
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
    fn a_small_screen_is_no_error() {
        for (width, height) in [(1, 1), (2, 60), (20, 5), (80, 24), (112, 3), (300, 10)] {
            screen(width, height, 0);
        }
    }
}
