//! Compares `docs/layouts.md` with the code. Without std: the firmware for a Cortex-M3 uses it too,
//! for the 32-bit columns.

use vvp_core::cell::Latest;
use vvp_core::layout::{Field, Layout};
use vvp_core::map::ConcurrentMap;
use vvp_core::metrics::{Gauge, Histogram};
use vvp_core::pool::Pool;
use vvp_core::queue::{FanIn, Frames, Mpsc, RobustMpsc, SequencedSpsc, Spsc};

/// The page.
pub(crate) const PAGE: &str = include_str!("../../../docs/layouts.md");

/// Returns how many fields agree; else the heading and the row (from 0) of the first that does not.
pub(crate) fn check(page: &str) -> Result<usize, (&'static str, usize)> {
    let mut fields = 0;
    for (heading, rows) in [
        ("Spsc", Spsc::<u64, 4>::FIELDS),
        ("SequencedSpsc", SequencedSpsc::<u64, 4>::FIELDS),
        ("Latest", Latest::<[u64; 3]>::FIELDS),
        ("Mpsc", Mpsc::<u64, 4>::FIELDS),
        ("RobustMpsc", RobustMpsc::<u64, 4, 3>::FIELDS),
        ("FanIn", FanIn::<u64, 4, 3>::FIELDS),
        ("Frames", Frames::<1024>::FIELDS),
        ("Marks of Frames", Frames::<1024>::MARKS),
        ("Pool", Pool::<u64, 32>::FIELDS),
        ("ConcurrentMap", ConcurrentMap::<u64, u64, 4>::FIELDS),
        ("Gauge", Gauge::FIELDS),
        ("Histogram", Histogram::FIELDS),
    ] {
        let mut lines = table(page, heading);
        for (row, field) in rows.iter().enumerate() {
            if !lines.next().is_some_and(|line| agrees(line, field)) {
                return Err((heading, row));
            }
            fields += 1;
        }
        if lines.next().is_some() {
            return Err((heading, rows.len()));
        }
    }
    Ok(fields)
}

/// Returns the rows of the table below a heading.
fn table<'p>(page: &'p str, heading: &str) -> impl Iterator<Item = &'p str> {
    let below = page.split("\n## ").find(|part| part.lines().next() == Some(heading)).unwrap_or_default();
    below.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'))
}

/// Returns whether a row agrees with a field. Its cells: field, 64-bit offset and bytes, 32-bit
/// offset and bytes, strides of both widths with a comma, writer, ordering; the last two must not
/// be empty.
fn agrees(line: &str, field: &Field) -> bool {
    let mut cells = line.split('|').map(str::trim).skip(1);
    let mut next = || cells.next().unwrap_or_default();
    let name = next().trim_matches('`');
    let (wide, narrow) = ((next(), next()), (next(), next()));
    let strides = next();
    let prose = !next().is_empty() && !next().is_empty();
    let mut strides = strides.split(", ").map(|cell| cell.parse().unwrap_or(0));
    let (wide_stride, narrow_stride) = (strides.next().unwrap_or(0), strides.next().unwrap_or(0));
    let ((offset, width), stride) =
        if cfg!(target_pointer_width = "64") { (wide, wide_stride) } else { (narrow, narrow_stride) };
    prose
        && name == field.name
        && offset.parse() == Ok(field.offset)
        && width.parse() == Ok(field.width)
        && stride == field.stride
}
