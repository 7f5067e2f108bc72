//! `vvpx bench` on the command line. The measured numbers depend on the machine and are not tested.

use std::path::PathBuf;
use std::process::{Command, Output};

fn vvpx(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vvpx")).arg("bench").args(words).output().expect("vvpx runs")
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
    let first = vvpx(&["pools", "--quick", "--json", json, "--html", html]);
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

    let again = vvpx(&["pools", "--quick", "--compare", json, "--json", "-"]);
    assert!(matches!(again.status.code(), Some(0 | 1)), "{}", last_line(&again));
    serde_json::from_slice::<serde_json::Value>(&again.stdout).expect("only JSON on standard output");

    // Results that cannot be compared are refused before the measurement.
    let old = std::fs::read_to_string(json).expect("written");
    let with = |name: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut results: serde_json::Value = serde_json::from_str(&old).expect("one JSON object");
        change(&mut results);
        let file = path(name);
        std::fs::write(&file, results.to_string()).expect("written");
        file.to_str().expect("UTF-8").to_owned()
    };
    let renamed = with("bench-renamed.json", &|all| {
        all["rows"].as_array_mut().expect("rows").iter_mut().for_each(|row| row["name"] = "another".into());
        all["rows"].as_array_mut().expect("rows").truncate(1);
    });
    let cases = [
        (with("bench-empty.json", &|all| all["rows"] = serde_json::json!([])), "it has no rows"),
        (with("bench-zero.json", &|all| all["rows"][0]["median_ns"] = 0.into()), "cannot have been measured"),
        (with("bench-negative.json", &|all| all["rows"][0]["min_ns"] = (-1).into()), "cannot have been measured"),
        (with("bench-order.json", &|all| all["rows"][0]["max_ns"] = 1e-9.into()), "cannot have been measured"),
        (with("bench-null.json", &|all| all["rows"][0]["median_ns"] = ().into()), "not results of 'vvpx bench --json'"),
        (with("bench-form.json", &|all| all["form"] = 2.into()), "it is of form 2, this program writes form 1"),
        (with("bench-lacks.json", &|all| *all = serde_json::json!({"form": 2})), "it is of form 2"),
        (with("bench-twice.json", &|all| all["rows"][1] = all["rows"][0].clone()), "is there twice"),
        (with("bench-quick.json", &|all| all["quick"] = false.into()), "one run is --quick and the other is not"),
        (env!("CARGO_TARGET_TMPDIR").to_owned(), "is a directory"),
        ("/dev/zero".to_owned(), "larger than 16 MiB"),
        ("/dev/null".to_owned(), "not results of 'vvpx bench --json'"),
    ];
    for (file, message) in &cases {
        assert_refused(&["pools", "--quick", "--compare", file], file, message);
    }
    // Groups without a row of those that were measured.
    for group in ["maps", "pipeline"] {
        assert_refused(&[group, "--quick", "--compare", json], json, "no row in common with what is measured now");
    }
    for flag in ["--json", "--html"] {
        assert_refused(&["pools", "--quick", "--compare", json, flag, json], json, "it would be overwritten");
    }
    assert_eq!(std::fs::read_to_string(json).expect("there"), old, "refused, so not written");
    // Differing row names are known only after the measurement.
    let renamed = vvpx(&["pools", "--quick", "--compare", &renamed]);
    assert_eq!(renamed.status.code(), Some(1));
    assert!(last_line(&renamed).contains("no row in common"), "{}", last_line(&renamed));
}

/// Exit code 1 and one line, which names the file, before anything is measured.
fn assert_refused(words: &[&str], file: &str, message: &str) {
    let output = vvpx(words);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{words:?}: {stderr}");
    assert!(
        stderr.starts_with("vvpx bench: ") && stderr.contains(&format!(": {file}: ")) && stderr.contains(message),
        "{words:?}: {stderr}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn bad_arguments_are_reported_before_the_measurement() {
    let broken = path("broken.json");
    std::fs::write(&broken, "{\"form\":1").expect("written");
    let broken = broken.to_str().expect("UTF-8");
    let cases: [(&[&str], i32, &str); 6] = [
        (
            &["queue"],
            2,
            "possible values: queues, pools, maps, book, pipeline, all]: [GROUP]...: a similar value exists: 'queues'",
        ),
        (
            &["--fast"],
            2,
            "vvpx bench: unexpected argument: --fast: to pass '--fast' as a value, use '-- --fast'; try 'vvpx bench --help'",
        ),
        (&["--prove", "book"], 2, "vvpx bench: cannot be used with '[GROUP]...': --prove: try 'vvpx bench --help'"),
        (&["--json", "/nowhere/x.json"], 1, "vvpx bench: no such file or directory: /nowhere/x.json: check the name"),
        (
            &["--compare", "/nowhere/x.json"],
            1,
            "vvpx bench: no such file or directory: /nowhere/x.json: check the name",
        ),
        (&["--compare", broken], 1, "not results of 'vvpx bench --json'"),
    ];
    let nothing_made = path("bench-not-made.json");
    let not_made = nothing_made.to_str().expect("UTF-8");
    assert_refused(&["--compare", broken, "--json", not_made], broken, "not results");
    assert!(!nothing_made.exists());
    for (words, code, message) in cases {
        let output = vvpx(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}");
        assert!(last_line(&output).contains(message), "{words:?}: {}", last_line(&output));
        assert!(output.stdout.is_empty());
    }
}

/// The counts depend on the machine; the exit code must agree with the printed verdict.
#[test]
fn the_proof_and_its_exit_code_agree() {
    let output = vvpx(&["--prove", "--quick"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("allocations of the process") && text.contains("system calls of the matcher"), "{text}");
    let shown = text.contains("never: shown");
    assert_eq!(output.status.code(), Some(i32::from(!shown)), "{text}");
    assert!(shown != text.contains("NOT shown"));
}
