//! The order file of the README, and its expected events.

use crate::common::run;

/// The first block of text behind `marker`.
fn block<'a>(page: &'a str, marker: &str) -> &'a str {
    let behind = page.split_once(marker).expect("the marker stands in the README").1;
    let text = behind.split_once("```text\n").expect("a block follows").1;
    text.split_once("```").expect("the block ends").0
}

#[test]
fn readme_order_file_gives_the_shown_events() {
    let page = include_str!("../../../README.md");
    let orders = block(page, "With this in `orders.jsonl`");
    let answer = block(page, "`vvpx match orders.jsonl --book` prints");
    let ran = run(&["match", "--book"], orders.as_bytes());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, answer), "{}", ran.stderr);
}
