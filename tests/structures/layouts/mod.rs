//! `docs/layouts.md` gives every shared structure byte by byte, as the code has it; no field lies
//! in its padding.
//!
//! A failure names the row of the page that is wrong.
#![cfg(all(not(loom), not(target_arch = "x86")))] // x86 aligns a u64 to 4 bytes: the page is for all other targets

mod page;

use page::{PAGE, check};
use vvp_core::layout::Layout;
use vvp_core::queue::{Mpsc, SequencedSpsc, Spsc};

#[test]
fn page_agrees_with_every_field() {
    assert_eq!(check(PAGE), Ok(97));
}

#[test]
fn wrong_pages_are_refused() {
    assert_eq!(check(&PAGE.replace("| `consumer.head` | 128 |", "| `consumer.head` | 136 |")), Err(("Spsc", 5)));
    assert_eq!(check(&PAGE.replace("`slots[i].sequence`", "`slots[i].sequences`")), Err(("SequencedSpsc", 9)));
    assert_eq!(check(""), Err(("Spsc", 0)));
}

/// Fields ascend without overlap, and the consumer's begin on a 128-byte line of their own.
#[test]
fn fields_do_not_overlap() {
    for fields in [Spsc::<u64, 4>::FIELDS, SequencedSpsc::<u64, 4>::FIELDS, Mpsc::<u64, 4>::FIELDS] {
        for pair in fields.windows(2) {
            assert!(pair[0].offset + pair[0].width <= pair[1].offset, "{pair:?}");
        }
        let first_of_consumer = fields.iter().find(|field| field.name == "consumer.head").expect("it has one");
        assert_eq!(first_of_consumer.offset % 128, 0);
    }
}
