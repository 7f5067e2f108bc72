//! Runs every file of `tests/scenarios` (of the workspace) through `vvpx match --book`, as a user
//! would, and compares what it prints to the byte.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios")
}

/// The scenarios, by name.
fn scenarios() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("tests/scenarios").map(|e| e.expect("an entry").path());
    let is_input = |name: &str| name.ends_with(".jsonl") && !name.ends_with(".expected.jsonl");
    let mut files: Vec<_> = entries.filter(|p| p.to_str().is_some_and(is_input)).collect();
    files.sort();
    files
}

fn run(options: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vvpx")).arg("match").args(options).arg(file).output().expect("vvpx runs")
}

/// The first line in which two outputs differ.
fn difference(printed: &str, expected: &str) -> Option<String> {
    if printed == expected {
        return None;
    }
    let lines = printed.lines().count().max(expected.lines().count());
    let line = |text: &str, at| text.lines().nth(at).unwrap_or("(nothing)").to_owned();
    let at = (0..lines).find(|&at| line(printed, at) != line(expected, at));
    Some(at.map_or("they end differently".into(), |at| {
        format!("line {}\n  printed  {}\n  expected {}", at + 1, line(printed, at), line(expected, at))
    }))
}

#[test]
fn every_scenario_prints_what_is_expected() {
    let files = scenarios();
    assert!(files.len() >= 34, "only {} scenarios in {}", files.len(), folder().display());
    let mut failures = String::new();
    for file in &files {
        let expected = std::fs::read_to_string(file.with_extension("expected.jsonl")).expect("an expected file");
        // Exit code 1 is for lines that are not commands only.
        let code = i32::from(expected.contains("\"line\":"));
        for options in [&["--book"][..], &["--book", "--inline"]] {
            let output = run(options, file);
            let printed = String::from_utf8_lossy(&output.stdout);
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            if let Some(text) = difference(&printed, &expected) {
                failures += &format!("{name} {options:?}: {text}\n");
            }
            if output.status.code() != Some(code) {
                failures += &format!("{name} {options:?}: {} instead of exit code {code}\n", output.status);
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

/// One order fills 5,000 others at one price, front to back; too long for a file.
#[test]
fn deep_sweep() {
    const MAKERS: u32 = 5000;
    let (mut file, mut expected) = (String::new(), String::new());
    for id in 1..=MAKERS {
        file += &format!("{{\"op\":\"new\",\"id\":{id},\"side\":\"sell\",\"price\":\"100\",\"qty\":1}}\n");
        expected += &format!("{{\"seq\":{id},\"event\":\"accepted\",\"id\":{id}}}\n");
    }
    let taker = MAKERS + 1;
    file += &format!(
        "{{\"op\":\"new\",\"id\":{taker},\"side\":\"buy\",\"price\":\"100\",\"qty\":{MAKERS},\"tif\":\"ioc\"}}\n"
    );
    expected += &format!("{{\"seq\":{taker},\"event\":\"accepted\",\"id\":{taker}}}\n");
    for maker in 1..=MAKERS {
        expected += &format!(
            "{{\"seq\":{},\"event\":\"trade\",\"maker\":{maker},\"taker\":{taker},\"price\":\"100\",\"qty\":1,\"maker_open\":0,\"taker_open\":{}}}\n",
            taker + maker,
            MAKERS - maker,
        );
    }
    expected += "{\"symbol\":\"X\",\"phase\":\"continuous\",\"last\":\"100\",\"bids\":[],\"asks\":[]}\n";
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("deep_sweep.jsonl");
    std::fs::write(&path, file).expect("the scenario is written");
    for options in [&["--book"][..], &["--book", "--inline"]] {
        let output = run(options, &path);
        assert_eq!(difference(&String::from_utf8_lossy(&output.stdout), &expected), None, "{options:?}");
        assert_eq!(output.status.code(), Some(0));
    }
}
