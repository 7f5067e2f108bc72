//! `vvpx size`: the printed types have the printed sizes.

use crate::common::run;
use proptest::prelude::*;
use vvp_core::book::Sizing;
use vvp_core::book_type;
use vvp_core::engine::Engine;

fn json(args: &str) -> serde_json::Value {
    let words: Vec<&str> = args.split_whitespace().collect();
    let ran = run(&words, b"");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

#[test]
fn size_prints_the_bytes_of_the_type_it_names() {
    type OneBook = book_type!(orders: 1000, ticks_per_side: 1024, far_levels: 250, stops: 125);
    let said = json("size --orders 1000 --symbols 3 --owners 5 --json");
    assert_eq!(said["book_bytes"].to_string(), size_of::<OneBook>().to_string());
    assert_eq!(said["engine_bytes"].to_string(), size_of::<Engine<OneBook, 3, 5>>().to_string());
    assert_eq!(
        said["book_type"],
        "vvp_core::book_type!(orders: 1000, ticks_per_side: 1024, far_levels: 250, stops: 125)"
    );
}

#[test]
fn size_beyond_the_memory_names_the_most_orders_that_fit() {
    let ran = run(&["size", "--orders", "10000", "--symbols", "16", "--memory", "1MiB", "--target", "32"], b"");
    assert_eq!(ran.code, 1);
    let most = ran.stderr.trim_end().strip_suffix(" fits").expect("a remedy");
    let most: usize = most.rsplit_once("--orders ").expect("an option").1.parse().expect("a number");
    let bytes = |orders: usize| {
        let sizing = Sizing { orders, ticks_per_side: 1024, far_levels: orders.div_ceil(4), stops: orders.div_ceil(8) };
        sizing.engine_bytes(16, 64).expect("legal")
    };
    assert!(bytes(most) <= 1 << 20 && bytes(most + 1) > 1 << 20, "{most}");
}

#[test]
fn size_out_of_range_names_the_option() {
    for (args, says) in [
        ("--orders 0", "not a whole number from 1 to 134217727: --orders <N>: "),
        ("--orders 10 --ticks 262145", "not a whole number from 1 to 262144: --ticks <N>: "),
        ("--orders 10 --symbols 0", "not a whole number from 1 to 65535: --symbols <N>: "),
        ("--orders 1000000 --symbols 64 --target 32", "no type on a target of 32 bits is that large"),
        ("--orders 10 --memory 5furlong", "'furlong' is no unit"),
    ] {
        let words: Vec<&str> = ["size"].into_iter().chain(args.split_whitespace()).collect();
        let ran = run(&words, b"");
        assert!(ran.code != 0 && ran.stderr.contains(says), "{args}: {}", ran.stderr);
        assert!(ran.stderr.lines().next().is_some_and(|line| line.starts_with("vvpx size: ")), "{}", ran.stderr);
    }
}

proptest! {
    #[test]
    fn more_orders_never_take_fewer_bytes(orders in 1usize..1 << 20, more in 1usize..1000) {
        let bytes = |orders| {
            Sizing { orders, ticks_per_side: 64, far_levels: orders / 4, stops: orders / 8 }.engine_bytes(4, 4)
        };
        prop_assert!(bytes(orders) <= bytes(orders + more));
    }
}
