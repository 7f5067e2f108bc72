//! `vvp bench` as a user runs it. What it measures is not tested: numbers are the machine's.

use std::path::PathBuf;
use std::process::{Command, Output};

fn vvp(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vvp")).arg("bench").args(words).output().expect("vvp runs")
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("").to_owned()
}

#[test]
fn results_go_to_files_and_compare_with_themselves() {
    let (json, html) = (path("bench.json"), path("bench.html"));
    let (json, html) = (json.to_str().expect("UTF-8"), html.to_str().expect("UTF-8"));
    let first = vvp(&["pools", "--quick", "--json", json, "--html", html]);
    assert!(first.status.success(), "{}", last_line(&first));
    let text = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(text.contains("Slab, insert and remove"), "{text}");

    let results: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).expect("written")).expect("one JSON object");
    let rows = results["rows"].as_array().expect("rows");
    assert!(!rows.is_empty());
    for row in rows {
        let ns = |key: &str| row[key].as_f64().expect("a number");
        assert!(0.0 < ns("min_ns") && ns("min_ns") <= ns("median_ns") && ns("median_ns") <= ns("max_ns"), "{row}");
        assert_eq!(row["rounds"], 3);
    }
    let page = std::fs::read_to_string(html).expect("written");
    assert!(page.starts_with("<!doctype html>") && page.contains("Slab, insert and remove"));

    // Another run of other rows: nothing to compare, nothing slower.
    let other = vvp(&["maps", "--quick", "--compare", json, "--json", "-"]);
    assert!(other.status.success(), "{}", last_line(&other));
    serde_json::from_slice::<serde_json::Value>(&other.stdout).expect("only JSON on standard output");
}

#[test]
fn mistakes_are_said_before_anything_is_measured() {
    let broken = path("broken.json");
    std::fs::write(&broken, "{\"form\":1").expect("written");
    let broken = broken.to_str().expect("UTF-8");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["queue"], 2, "possible values: queues, pools, maps, book, pipeline, all]; a similar value exists: 'queues'"),
        (&["--fast"], 2, "vvp: unexpected argument '--fast' found; try 'vvp bench --help'"),
        (
            &["--prove", "book"],
            2,
            "vvp: the argument '--prove' cannot be used with '[GROUP]...'; try 'vvp bench --help'",
        ),
        (&["--json", "/nowhere/x.json"], 1, "vvp: /nowhere/x.json: no such file or directory; check the name"),
        (&["--compare", "/nowhere/x.json"], 1, "vvp: /nowhere/x.json: no such file or directory; check the name"),
        (&["--compare", broken], 1, "not results of 'vvp bench --json'"),
    ];
    for (words, code, message) in cases {
        let output = vvp(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert!(last_line(&output).contains(message), "{words:?}: {}", last_line(&output));
        assert!(output.stdout.is_empty());
    }
}

/// What is counted is up to the machine; that the exit code says what the page says is not.
#[test]
fn the_proof_and_its_exit_code_agree() {
    let output = vvp(&["--prove", "--quick"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("allocations of the process") && text.contains("system calls of the matcher"), "{text}");
    let shown = text.contains("never: shown");
    assert_eq!(output.status.code(), Some(i32::from(!shown)), "{text}");
    assert!(shown != text.contains("NOT shown"));
}
