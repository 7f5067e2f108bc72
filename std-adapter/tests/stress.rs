//! A pipeline of processes that is killed and looked at while it works.

mod common;

use common::vvp;
use std::process::Child;
use std::time::{Duration, Instant};
use vvp_std_adapter::memory::region::RegionError;
use vvp_std_adapter::pipeline::processes::{EventSum, Meeting, StageError};

#[test]
fn nothing_is_lost_or_doubled_however_often_stages_are_killed() {
    let args = ["stress", "--json", "--commands", "15000", "--seed", "7", "--pause-ms", "8", "--limit-s", "200"];
    let output = vvp(&args).output().expect("vvp runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert!(output.status.success() && json["holds"] == true, "{json} {said}");
    assert_eq!((&json["commands"], &json["commands_wrong"]), (&45_000.into(), &0.into()));
    assert_eq!(json["events"], json["events_published"]);
    let number = |name: &str| json[name].as_u64().expect("a number");
    assert!(number("gateways_killed") + number("publishers_killed") + number("matchers_killed") > 0, "{json}");
}

/// A stage that does not outlive the test.
struct Stage(Child);

impl Stage {
    fn start(words: &[&str]) -> Self {
        Self(vvp(&["stage"]).args(words).spawn().expect("vvp runs"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(200), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn top_shows_a_pipeline_that_runs_and_one_that_is_done() {
    let dir = format!("/dev/shm/vvp-test-top-{}", std::process::id());
    let _ = std::fs::remove_dir_all(&dir);
    let meeting = Meeting::create(dir.as_ref(), 10_000).expect("room");
    assert!(matches!(Meeting::create(dir.as_ref(), 1), Err(StageError::Region(RegionError::Exists))));
    let top = |args: &[&str]| vvp(&["top", &dir, "--once"]).args(args).output().expect("vvp runs");
    assert_eq!(top(&[]).status.code(), Some(1), "nothing was written yet");
    let json = || serde_json::from_slice::<serde_json::Value>(&top(&["--json", "--book", "1"]).stdout).ok();
    // Without a publisher the matcher comes to a stop when the queue of events is full.
    let mut gateway = Stage::start(&["gateway", &dir, "0", "1", "8000"]);
    let mut matcher = Stage::start(&["matcher", &dir]);
    until("a running matcher", || json().is_some_and(|json| json["state"] == "running"));
    let text = top(&[]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("commands") && text.contains("latency in ns") && text.contains("matcher: "), "{text}");
    matcher.0.kill().expect("ours");
    matcher.0.wait().expect("ours");
    until("a dead matcher", || json().is_some_and(|json| json["state"] == "its matcher is dead"));
    let mut matcher = Stage::start(&["matcher", &dir]);
    let mut publisher = Stage::start(&["publisher", &dir]);
    until("the end", || json().is_some_and(|json| json["state"] == "done"));
    for stage in [&mut gateway, &mut matcher, &mut publisher] {
        assert!(stage.0.wait().expect("ours").success());
    }
    let json = json().expect("its last state");
    assert_eq!((&json["commands"], &json["queues"]["orders"]["passed"]), (&8_000.into(), &8_000.into()));
    assert!(json["latency_ns"]["matching"]["p99"].as_u64() > Some(0), "{json}");
    assert!(json["book"]["bids"][0]["orders"].as_u64() > Some(0) && json["book"]["asks"].is_array(), "{json}");
    let sum = EventSum::of(&meeting).expect("there");
    assert_eq!((Some(sum.count), meeting.journal().expect("there").len()), (json["events"].as_u64(), 8_000));
    std::fs::remove_dir_all(&dir).expect("ours");
    assert_eq!(top(&[]).status.code(), Some(1), "it is gone");
}

#[test]
fn what_makes_no_sense_is_said() {
    for args in
        [&["top"][..], &["top", "/tmp", "--book", "9"], &["stage"], &["stage", "gateway", "/tmp", "x", "1", "1"]]
    {
        assert_eq!(vvp(args).output().expect("vvp runs").status.code(), Some(2), "{args:?}");
    }
    for args in [&["stress", "--gateways", "5"][..], &["stress", "--gateways", "0"], &["stress", "more"]] {
        assert_eq!(vvp(args).output().expect("vvp runs").status.code(), Some(2), "{args:?}");
    }
    for args in
        [&["top", "/nonexistent", "--once"][..], &["stage", "matcher", "/nonexistent"], &["stage", "publisher", "/tmp"]]
    {
        assert_eq!(vvp(args).output().expect("vvp runs").status.code(), Some(1), "{args:?}");
    }
}
