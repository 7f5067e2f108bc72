//! `vvpx doctor` on copies of the text files of machines.

use crate::tree::{Tree, files};
use proptest::prelude::*;
use vvpx::doctor::{Level, examine, worst};

#[test]
fn tuned_machine_gets_no_advice() {
    let tree = Tree::of("tuned");
    for f in examine(&tree.system()) {
        assert_eq!(f.level, Level::Good, "{f:#?}");
    }
}

#[test]
fn untuned_machine_gets_a_finding_for_every_check() {
    let tree = Tree::of("laptop");
    let findings = examine(&tree.system());
    let levels: Vec<(&str, Level, &str)> = findings.iter().map(|f| (f.id, f.level, f.found.as_str())).collect();
    use Level::{Advice, Critical, Warning};
    let expected = [
        ("tsc", Critical, "the counter changes its rate"),
        ("clocksource", Critical, "hpet"),
        ("governor", Warning, "powersave on processors 1-2"),
        ("turbo", Advice, "on"),
        ("isolated", Warning, "none"),
        ("nohz", Advice, "no core is free of the tick"),
        ("smt", Advice, "on"),
        ("mitigations", Advice, "active against meltdown, spectre_v2"),
        ("irqbalance", Advice, "running"),
        ("thp", Advice, "always"),
        ("thp_defrag", Warning, "always"),
        ("hugepages", Advice, "none"),
        ("numa", Warning, "2 nodes, balancing on"),
        ("swap", Critical, "7 GiB, 976 MiB of it used"),
        ("psi", Critical, "threads waited for memory 12.50 % of the last minute"),
        ("cgroup_memory", Critical, "92 MiB of 95 MiB used (v1), 2 killed for lack of memory"),
        ("memlock", Warning, "64 KiB"),
        ("rtprio", Warning, "none"),
        ("rt_throttling", Advice, "50000 us of every 1000000"),
        ("timer_slack", Advice, "50000 ns in this thread"),
        ("cgroup_cpu", Critical, "50000 us of processor time in 100000 us"),
    ];
    assert_eq!(levels, expected);
}

#[test]
fn one_worse_file_changes_one_finding() {
    let cases = [
        (
            "sys/devices/system/clocksource/clocksource0/current_clocksource",
            "kvm-clock\n",
            "clocksource",
            Level::Advice,
        ),
        ("sys/devices/system/cpu/nohz_full", "0\n", "nohz", Level::Advice),
        (
            "proc/self/limits",
            "Max locked memory  4294967296 4294967296 bytes\nMax realtime priority 9 9\n",
            "memlock",
            Level::Advice,
        ),
        ("sys/fs/cgroup/trading/memory.max", "1100000\n", "", Level::Good),
        ("sys/fs/cgroup/trading/cpu.max", "5000 10000\n", "cgroup_cpu", Level::Critical),
        ("sys/fs/cgroup/trading/matcher/memory.events", "oom_kill 1\n", "", Level::Good),
        ("sys/fs/cgroup/trading/matcher/memory.max", "1200000\n", "cgroup_memory", Level::Warning),
        ("proc/pressure/memory", "some avg10=0.00 avg60=1.20 avg300=0.00 total=9\n", "psi", Level::Warning),
    ];
    for (path, text, id, level) in cases {
        let tree = Tree::of("tuned");
        tree.write(path, text.as_bytes());
        let bad: Vec<_> = examine(&tree.system()).into_iter().filter(|f| f.level != Level::Good).collect();
        match bad.as_slice() {
            [] => assert_eq!(id, "", "{path}"),
            [one] => assert_eq!((one.id, one.level), (id, level), "{path}: {one:?}"),
            more => panic!("{path}: {more:#?}"),
        }
    }
}

#[test]
fn doctor_prints_text_or_json_and_exits_with_the_worst_level() {
    for (name, code) in [("tuned", 0), ("laptop", 30)] {
        let tree = Tree::of(name);
        let text = crate::common::run(&["doctor", "--root", tree.root()], b"");
        assert_eq!((text.code, text.stderr.as_str()), (code, ""));
        let json = crate::common::run(&["doctor", "--json", "--root", tree.root()], b"");
        assert_eq!((json.code, json.stdout.lines().count()), (code, 1));
        let value: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
        let findings = examine(&tree.system());
        assert_eq!(value["worst"], worst(&findings).word());
        let listed = value["findings"].as_array().expect("a list");
        assert_eq!(listed.len(), findings.len());
        for (one, f) in listed.iter().zip(&findings) {
            assert_eq!(one["id"], f.id);
            assert_eq!(one["level"], f.level.word());
            assert_eq!(one["found"], f.found.as_str());
            assert_eq!(one["remedy"], f.remedy);
            assert!(text.stdout.contains(&f.found), "{} is missing", f.found);
            assert_eq!(text.stdout.contains(f.why), f.level > Level::Good);
        }
    }
    let empty = Tree::empty();
    assert_eq!(crate::common::run(&["doctor", "--root", empty.root()], b"").code, 0);
    let missing = crate::common::run(&["doctor", "--root", "/nonexistent"], b"");
    assert_eq!((missing.code, missing.stdout.as_str()), (1, ""));
    assert!(missing.stderr.contains("/nonexistent") && missing.stderr.lines().count() == 1, "{missing:?}");
    assert_eq!(crate::common::run(&["doctor", "--nonsense"], b"").code, 2);
    let here = crate::common::run(&["doctor"], b"");
    assert!([0, 10, 20, 30].contains(&here.code), "{here:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn arbitrary_file_content_does_not_stop_the_doctor(
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "[-0-9, max:=./\\[\\]\n]{0,40}".prop_map(String::into_bytes),
        ]), 1..12),
    ) {
        let tree = Tree::of("laptop");
        let all = files("laptop");
        for (which, bytes) in &changes {
            tree.write(&which.get(&all).0, bytes);
        }
        prop_assert_eq!(examine(&tree.system()).len(), 21);
    }
}
