//! The hot path of the pipeline under RealtimeSanitizer: no call for memory, no lock, no call that
//! may block, from the first command on. `.ci/run rtsan` builds it; elsewhere this file is empty.
//!
//! What is watched says so where it stands: `#[sanitize(realtime = "nonblocking")]`, on the
//! matching of a batch (`pipeline/stages.rs`), on one command of the matcher with a journal
//! (`pipeline/processes/matcher.rs`), and here on the decoding of a command with its way into the
//! queue, and on the encoding of an event. A full queue makes its sender wait, which is a blocking
//! call, so no queue is ever full here.

#![cfg(rtsan)]
#![feature(sanitize)]

use std::io;
use std::process::Command as Process;
use std::sync::{Condvar, Mutex};
use std::time::Duration;
use vvp_core::book::{Command, Event};
use vvp_std_adapter::clock::Clock;
use vvp_std_adapter::engine::SmallEngine;
use vvp_std_adapter::memory::{Pages, Zeroed};
use vvp_std_adapter::pipeline::processes::{self, EventSum, PipelineDirectory};
use vvp_std_adapter::pipeline::{self, Commands, End, Publish, Setup, Source, Stop};
use vvp_std_adapter::thread::{SpinThenSleep, ThreadLayout, Wait};
use vvpx::text::{EVENT_LINE_MAX, EventWriter, Format, Input, InputError, InputFormat, LineWriter, Step};

struct Lines<'a>(Input<Source<'a>>);

impl Commands for Lines<'_> {
    type Error = InputError;

    #[sanitize(realtime = "nonblocking")]
    fn step(&mut self, emit: impl FnMut(Command)) -> Result<bool, InputError> {
        Ok(!matches!(self.0.step(emit)?, Step::End))
    }

    fn is_stop(_: &InputError) -> bool {
        false
    }

    fn is_buffered(&mut self) -> bool {
        self.0.is_buffered()
    }
}

struct Text(LineWriter<io::Sink>, EventWriter);

impl Publish for Text {
    #[sanitize(realtime = "nonblocking")]
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.0.line(EVENT_LINE_MAX, |buf| self.1.line(event, buf))
    }

    #[sanitize(realtime = "nonblocking")]
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Commands a run: fewer than a queue has room for.
const AT_ONCE: usize = 900;

#[test]
fn the_pipeline_of_threads_calls_for_nothing_that_may_block() {
    let orders = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/session.jsonl")).expect("ours");
    let lines: Vec<&str> = orders.lines().collect();
    let (definitions, rest): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.contains("\"instrument\""));
    assert!(!definitions.is_empty() && rest.len() > 20_000);
    let mut engine = Zeroed::<SmallEngine>::new(Pages::READY).expect("memory");
    let mut done = 0;
    for part in rest.chunks(AT_ONCE) {
        let text = [&definitions[..], part].concat().join("\n");
        let stop = Stop::new().expect("a descriptor");
        let mut commands =
            Lines(Input::new(Source::memory(text.as_bytes(), &stop), InputFormat::Text(Format::Jsonl), 8));
        let mut events = Text(LineWriter::new(io::sink()), EventWriter::new(Format::Jsonl, 8));
        let setup = Setup { clock: Clock::kernel(), layout: ThreadLayout::FREE, stop: &stop, populate_max_bytes: 0 };
        let report = pipeline::run(&setup, &mut commands, &mut *engine, &mut events, |_| ()).expect("it starts");
        assert!(matches!(report.end, End::Finished), "{:?}", report.end);
        done += report.commands;
    }
    assert!(done > 20_000);
}

#[test]
fn the_matcher_with_a_journal_calls_for_nothing_that_may_block() {
    let dir = format!("/dev/shm/vvp-test-realtime-{}", std::process::id());
    let _ = std::fs::remove_dir_all(&dir);
    let directory = PipelineDirectory::create(dir.as_ref(), 500).expect("room");
    directory.expect_publishers(2).expect("two are allowed");
    let stop = Stop::new().expect("a descriptor");
    // One after the other: each finds room in its queue, so that none of them waits.
    processes::gateway(&directory, 0, 7, 500, &stop).expect("there");
    processes::matcher(&directory, &stop).expect("there");
    for publisher in 0..2 {
        processes::publisher(&directory, publisher, &stop).expect("there");
        assert!(EventSum::of(&directory, publisher).expect("there").count > 500);
    }
    std::fs::remove_dir_all(&dir).expect("ours");
}

const CULPRIT: &str = "VVP_CULPRIT";

/// A blocking call that must be caught.
#[sanitize(realtime = "nonblocking")]
fn culprit(which: &str) {
    match which {
        "malloc" => drop(std::hint::black_box(Box::new(7))),
        // The wait of a sender to a full queue.
        "sleep" => SpinThenSleep::new(true).wait(0),
        "open" => drop(std::fs::File::open("/dev/null")),
        "lock" => {
            let (lock, condition) = (Mutex::new(()), Condvar::new());
            let guard = lock.lock().expect("free");
            drop(condition.wait_timeout(guard, Duration::from_millis(1)));
        }
        _ => {}
    }
}

#[test]
fn part_culprit() {
    if let Ok(which) = std::env::var(CULPRIT) {
        culprit(&which);
    }
}

#[test]
fn what_may_block_is_caught_and_what_does_not_is_not() {
    let this = std::env::current_exe().expect("this program");
    for (which, call) in
        [("malloc", "`malloc`"), ("sleep", "sleep_step`"), ("open", "`open"), ("lock", "`syscall`"), ("nothing", "")]
    {
        let output = Process::new(&this)
            .args(["part_culprit", "--exact", "--nocapture"])
            .env(CULPRIT, which)
            .output()
            .expect("a child");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), which == "nothing", "{which}: {said}");
        assert!(which == "nothing" || (said.contains("RealtimeSanitizer") && said.contains(call)), "{which}: {said}");
    }
}
