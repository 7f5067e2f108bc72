//! `cell::Latest`: everything, for a value that is one atomic and for one that is not.
#![no_std]
#![no_main]

use core::hint::black_box;
use vvp_core::cell::Latest;
use vvp_core::sync::Plain;

static NUMBER: Latest<u64> = Latest::new();
static RECORD: Latest<[u64; 5]> = Latest::new();

fn ends<T: Plain>(latest: &'static Latest<T>, value: T) -> usize {
    let mut reader = latest.reader();
    let Some(mut writer) = latest.writer() else { return 0 };
    let writer_hidden = black_box(&mut writer);
    writer_hidden.write(value);
    let reader_hidden = black_box(&mut reader);
    let mut done = usize::from(reader_hidden.try_read().is_ok()) + usize::from(reader_hidden.read().is_ok());
    done += usize::from(reader_hidden.read_if_newer().is_some()) + usize::from(reader_hidden.has_news());
    done += reader_hidden.seen() + usize::from(reader_hidden.is_closed()) + latest.version() + latest.stats().depth;
    writer.close();
    done
}

vvp_no_panic::cannot_panic!(ends(black_box(&NUMBER), black_box(1)), ends(black_box(&RECORD), black_box([1; 5])));
