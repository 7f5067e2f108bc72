//! `docs/layouts.md` gives every shared structure byte by byte, and is true; what it calls padding nobody uses.
//!
//! On failure: the row of the page that is wrong, and what the code has.
#![cfg(all(not(loom), not(target_arch = "x86")))] // which aligns a u64 to 4 bytes: the page is for all others

mod page;

use page::{PAGE, check};
use vvp_core::layout::Layout;
use vvp_core::queue::{Mpsc, SequencedSpsc, Spsc};

#[test]
fn the_page_says_where_every_field_is() {
    assert_eq!(check(PAGE), Ok(97));
}

#[test]
fn a_page_that_is_wrong_is_noticed() {
    assert_eq!(check(&PAGE.replace("| `consumer.head` | 128 |", "| `consumer.head` | 136 |")), Err(("Spsc", 5)));
    assert_eq!(check(&PAGE.replace("`slots[i].sequence`", "`slots[i].sequences`")), Err(("SequencedSpsc", 9)));
    assert_eq!(check(""), Err(("Spsc", 0)));
}

/// Fields in ascending order, none over another, and lines of 128 bytes with one writer each.
#[test]
fn fields_do_not_meet() {
    for fields in [Spsc::<u64, 4>::FIELDS, SequencedSpsc::<u64, 4>::FIELDS, Mpsc::<u64, 4>::FIELDS] {
        for pair in fields.windows(2) {
            assert!(pair[0].offset + pair[0].width <= pair[1].offset, "{pair:?}");
        }
        let first_of_consumer = fields.iter().find(|field| field.name == "consumer.head").expect("it has one");
        assert_eq!(first_of_consumer.offset % 128, 0);
    }
}
