//! A pipeline of processes under kills, and `vvpx top` beside it.

use crate::common::vvpx;
use std::process::Child;
use std::time::{Duration, Instant};
use vvp_std_adapter::memory::region::RegionError;
use vvp_std_adapter::pipeline::processes::{EventSum, PipelineDirectory, StageError};

#[test]
fn killed_stages_lose_and_duplicate_nothing() {
    let args = ["stress", "--json", "--commands", "15000", "--seed", "7", "--pause-ms", "8", "--limit-s", "200"];
    let args = [&args[..], &["--publishers", "3", "--pressure", "4"]].concat();
    let output = vvpx(&args).output().expect("vvpx runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert!(output.status.success() && json["holds"] == true, "{json} {said}");
    assert_eq!((&json["commands"], &json["commands_wrong"]), (&45_000.into(), &0.into()));
    assert_eq!(json["events"], json["events_published"]);
    let number = |name: &str| json[name].as_u64().expect("a number");
    assert!(number("pressure_phases") > 0 && number("publishers") == 3, "{json}");
    assert!(number("gateways_killed") + number("publishers_killed") + number("matchers_killed") > 0, "{json}");
}

/// A stage that does not outlive the test.
struct Stage(Child);

impl Stage {
    fn start(words: &[&str]) -> Self {
        Self(vvpx(&["stage"]).args(words).spawn().expect("vvpx runs"))
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
    let directory = PipelineDirectory::create(dir.as_ref(), 10_000).expect("room");
    assert!(matches!(PipelineDirectory::create(dir.as_ref(), 1), Err(StageError::Region(RegionError::Exists))));
    let top = |args: &[&str]| vvpx(&["top", &dir, "--once"]).args(args).output().expect("vvpx runs");
    assert_eq!(top(&[]).status.code(), Some(1), "nothing was written yet");
    let json = || serde_json::from_slice::<serde_json::Value>(&top(&["--json", "--book", "1"]).stdout).ok();
    // Without a publisher the matcher waits when the event queue is full.
    let mut gateway = Stage::start(&["gateway", &dir, "0", "1", "8000"]);
    let mut matcher = Stage::start(&["matcher", &dir]);
    until("a running matcher", || json().is_some_and(|json| json["state"] == "running"));
    let text = top(&[]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("commands") && text.contains("latency in ns") && text.contains("matcher: "), "{text}");
    for panel in ["pressure", "pauses", "allocations", "waiting for memory", "without a processor"] {
        assert!(text.contains(panel), "{panel}: {text}");
    }
    let now = json().expect("it runs");
    assert!(now["pressure"]["level"].is_string(), "{now}");
    // Regions, engine and program: some megabytes, in bytes.
    assert!((1 << 20..1 << 30).contains(&now["pressure"]["rss_bytes"].as_u64().unwrap_or(0)), "{now}");
    assert!(now["pauses"]["waited_ns"].is_u64() && now["pauses"]["cores"].is_array(), "{now}");
    assert_eq!((&now["allocations"], &now["allocated_bytes"]), (&0.into(), &0.into()), "{now}");
    // While it waits for room, the snapshots are still updated.
    until("a full queue", || json().is_some_and(|json| json["queues"]["events"]["depth"].as_u64() > Some(1_000)));
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
    let sum = EventSum::of(&directory, 0).expect("there");
    assert_eq!((Some(sum.count), directory.journal().expect("there").len()), (json["events"].as_u64(), 8_000));
    std::fs::remove_dir_all(&dir).expect("ours");
    assert_eq!(top(&[]).status.code(), Some(1), "it is gone");
}

/// SIGTERM; the child must not have been waited for.
fn terminate(child: &Child) {
    let pid = libc::pid_t::try_from(child.id()).expect("a number of a process");
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
}

fn ended_well(what: &str, child: &mut Child) {
    let mut status = None;
    until(what, || {
        status = child.try_wait().expect("ours");
        status.is_some()
    });
    assert!(status.is_some_and(|status| status.success()), "{what}: {status:?}");
}

/// The output of `vvpx top --once --json`.
fn last_state(dir: &str) -> Option<serde_json::Value> {
    serde_json::from_slice(&vvpx(&["top", dir, "--once", "--json"]).output().expect("vvpx runs").stdout).ok()
}

fn commands(dir: &str) -> u64 {
    last_state(dir).and_then(|json| json["commands"].as_u64()).unwrap_or(0)
}

#[test]
fn stopped_pipeline_processes_everything_sent() {
    let dir = format!("/dev/shm/vvp-test-drain-{}", std::process::id());
    let _ = std::fs::remove_dir_all(&dir);
    let directory = PipelineDirectory::create(dir.as_ref(), 200_000).expect("room");
    directory.expect_publishers(2).expect("two are allowed");
    let gateways = [0, 1].map(|lane: u64| Stage::start(&["gateway", &dir, &lane.to_string(), "1", "100000"]));
    let [matcher, first] = [&["matcher", dir.as_str()][..], &["publisher", &dir]].map(Stage::start);
    let second = Stage::start(&["publisher", &dir, "1"]);
    until("a thousand commands", || commands(&dir) > 1_000);
    let [one, two] = gateways;
    let mut all = [one, two, matcher, first, second];
    // All at the same time, like Ctrl-C in a terminal or the stop of a service.
    all.iter().for_each(|stage| terminate(&stage.0));
    for (stage, what) in all.iter_mut().zip(["gateway 0", "gateway 1", "the matcher", "publisher 0", "publisher 1"]) {
        ended_well(what, &mut stage.0);
    }
    let (json, sent) = (last_state(&dir).expect("its last state"), directory.commands_sent().expect("there"));
    assert_eq!((&json["state"], &json["commands"]), (&"done".into(), &sent.into()), "{json}");
    assert!(sent < 200_000, "it was stopped before its end");
    assert_eq!(directory.journal().expect("there").len() as u64, sent);
    for publisher in 0..2 {
        assert_eq!(Some(EventSum::of(&directory, publisher).expect("there").count), json["events"].as_u64());
    }
    std::fs::remove_dir_all(&dir).expect("ours");
}

#[test]
fn stopped_stage_is_resumed_by_its_successor() {
    let dir = format!("/dev/shm/vvp-test-alone-{}", std::process::id());
    let _ = std::fs::remove_dir_all(&dir);
    let directory = PipelineDirectory::create(dir.as_ref(), 4_000).expect("room");
    // No gateway closes, and no publisher receives: the event queue is full when the matcher is
    // asked to stop.
    let mut gateway = Stage::start(&["gateway", &dir, "0", "1", "4000"]);
    let mut matcher = Stage::start(&["matcher", &dir]);
    until("commands", || directory.journal().expect("there").len() > 100);
    terminate(&matcher.0);
    ended_well("a matcher without a publisher", &mut matcher.0);
    // Without a matcher, a publisher ends once it has received the queued events.
    let mut publisher = Stage::start(&["publisher", &dir]);
    until("events", || EventSum::of(&directory, 0).expect("there").count >= 2_000);
    terminate(&publisher.0);
    ended_well("a publisher without a matcher", &mut publisher.0);
    // Their successors run to the end.
    let mut stages = [&["matcher", dir.as_str()][..], &["publisher", &dir]].map(Stage::start);
    ended_well("the gateway", &mut gateway.0);
    for stage in &mut stages {
        ended_well("its successor", &mut stage.0);
    }
    let json = last_state(&dir).expect("its last state");
    assert_eq!((&json["state"], &json["commands"]), (&"done".into(), &4_000.into()), "{json}");
    assert_eq!(Some(EventSum::of(&directory, 0).expect("there").count), json["events"].as_u64());
    std::fs::remove_dir_all(&dir).expect("ours");
}

#[test]
fn stopped_stress_proves_what_was_sent() {
    let args = ["stress", "--json", "--commands", "80000", "--gateways", "2", "--pause-ms", "8", "--limit-s", "200"];
    let child = vvpx(&args).stdout(std::process::Stdio::piped()).spawn().expect("vvpx runs");
    let dir = format!("/dev/shm/vvp-stress-{}", child.id());
    let child = Stage(child);
    until("a thousand commands", || commands(&dir) > 1_000);
    terminate(&child.0);
    let mut child = child;
    ended_well("vvpx stress", &mut child.0);
    let mut out = String::new();
    std::io::Read::read_to_string(child.0.stdout.as_mut().expect("piped"), &mut out).expect("text");
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&json["holds"], &json["drained"]), (&true.into(), &true.into()), "{json}");
    assert_eq!(json["commands"], json["commands_expected"]);
    assert!(json["commands"].as_u64() < Some(160_000), "it was stopped before its end: {json}");
    assert!(!std::path::Path::new(&dir).exists(), "nothing is left behind");
}

/// A stress that goes on until it is killed, and its directory.
fn endless_stress() -> (Stage, String) {
    let child = vvpx(&["stress", "--json", "--commands", "200000", "--limit-s", "200"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("vvpx runs");
    let dir = format!("/dev/shm/vvp-stress-{}", child.id());
    let child = Stage(child);
    until("a directory with everything", || std::path::Path::new(&dir).join("journal").exists());
    (child, dir)
}

#[test]
fn leftovers_of_a_killed_stress_are_removed_and_nothing_else() {
    let is_there = |dir: &str| std::path::Path::new(dir).exists();
    let (live, of_live) = endless_stress();
    let (mut killed, of_killed) = endless_stress();
    killed.0.kill().expect("ours");
    killed.0.wait().expect("ours");
    // A directory of the name that holds something else, one that others may read, and one that was
    // just begun.
    let made = |n: u32, mode: u32| {
        let dir = format!("/dev/shm/vvp-stress-{}-{n}", std::process::id());
        let _ = std::fs::remove_dir_all(&dir);
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), mode).create(&dir).expect("room");
        dir
    };
    let (others, open, begun) = (made(1, 0o700), made(2, 0o755), made(3, 0o700));
    std::fs::write(format!("{others}/journal"), b"x").expect("room");
    std::fs::write(format!("{others}/of-another-program"), b"x").expect("room");
    let output = vvpx(&["stress", "--json", "--commands", "300", "--limit-s", "200"]).output().expect("vvpx runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // This run removed it, or one that another test has started.
    assert!(!is_there(&of_killed) && !is_there(&begun));
    assert!(is_there(&of_live) && is_there(&format!("{of_live}/journal")), "its lock is held");
    assert!(is_there(&format!("{others}/journal")) && is_there(&open), "not such a directory");
    for dir in [others, open] {
        std::fs::remove_dir_all(dir).expect("ours");
    }
    drop(live);
    // The next one would.
    let _ = std::fs::remove_dir_all(of_live);
}

#[test]
fn process_subcommands_reject_bad_arguments() {
    for args in
        [&["top"][..], &["top", "/tmp", "--book", "9"], &["stage"], &["stage", "gateway", "/tmp", "x", "1", "1"]]
    {
        assert_eq!(vvpx(args).output().expect("vvpx runs").status.code(), Some(2), "{args:?}");
    }
    for args in [
        &["stress", "--gateways", "5"][..],
        &["stress", "--gateways", "0"],
        &["stress", "--publishers", "5"],
        &["stress", "more"],
    ] {
        assert_eq!(vvpx(args).output().expect("vvpx runs").status.code(), Some(2), "{args:?}");
    }
    for args in
        [&["top", "/nonexistent", "--once"][..], &["stage", "matcher", "/nonexistent"], &["stage", "publisher", "/tmp"]]
    {
        assert_eq!(vvpx(args).output().expect("vvpx runs").status.code(), Some(1), "{args:?}");
    }
}
