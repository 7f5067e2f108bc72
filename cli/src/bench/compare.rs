//! Compares two runs.

use super::Group;
use super::row::{FORM, Results, Row};

/// Reason why two runs cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotComparable {
    /// The other run has another version of the JSON form.
    Form(u32),
    /// One is a quick run and the other is not.
    Quick,
    /// The other run has no rows.
    Empty,
    /// The other run has this row, group and name, twice.
    Twice(String),
    /// The numbers of this row of the other run, group and name, cannot have been measured.
    Nonsense(String),
    /// No row is in both.
    NothingInCommon,
}

impl core::fmt::Display for NotComparable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Form(form) => {
                write!(
                    f,
                    "it is of form {form}, this program writes form {FORM}; measure the old version again with --json"
                )
            }
            Self::Quick => f.write_str("one run is --quick and the other is not; measure both alike"),
            Self::Empty => f.write_str("it has no rows to compare with; measure the old version again with --json"),
            Self::Twice(row) => write!(f, "the row '{row}' is there twice; measure the old version again with --json"),
            Self::Nonsense(row) => write!(
                f,
                "the row '{row}' cannot have been measured: times must be above 0, fastest <= median <= slowest; measure the old version again with --json"
            ),
            Self::NothingInCommon => f.write_str(
                "it has no row in common with what is measured now; name the groups that it was measured with",
            ),
        }
    }
}

impl core::error::Error for NotComparable {}

/// The change of a row between two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The ranges of the two runs overlap, or the medians are within a twentieth.
    Same,
    /// Every new round is faster than every old one, and the medians differ by more than a
    /// twentieth.
    Faster,
    /// Every new round is slower than every old one, and the medians differ by more than a
    /// twentieth.
    Slower,
    /// A cache line's round trip differs by more than half between the runs, so they are not
    /// comparable.
    OtherHost,
}

/// One row of both runs.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The earlier run's row.
    pub old: &'a Row,
    /// The new run's row.
    pub new: &'a Row,
    /// New median divided by the old one.
    pub ratio: f64,
    /// The verdict.
    pub change: Change,
}

/// Checks, before a run, whether a run of these groups can be compared with `old`.
///
/// # Errors
/// [`NotComparable`].
pub fn comparable(old: &Results, quick: bool, groups: &[Group]) -> Result<(), NotComparable> {
    if old.form != FORM {
        return Err(NotComparable::Form(old.form));
    }
    if old.rows.is_empty() {
        return Err(NotComparable::Empty);
    }
    let called = |row: &Row| format!("{}: {}", row.group, row.name);
    let mut known = std::collections::HashSet::new();
    for row in &old.rows {
        if !known.insert((&row.group, &row.name)) {
            return Err(NotComparable::Twice(called(row)));
        }
        if !row.is_plausible() {
            return Err(NotComparable::Nonsense(called(row)));
        }
    }
    if old.quick != quick {
        return Err(NotComparable::Quick);
    }
    if !old.rows.iter().any(|row| groups.iter().any(|group| group.name() == row.group)) {
        return Err(NotComparable::NothingInCommon);
    }
    Ok(())
}

/// Returns the rows that both runs have; at least one.
///
/// # Errors
/// [`NotComparable`].
pub fn compare<'a>(old: &'a Results, new: &'a Results) -> Result<Vec<Comparison<'a>>, NotComparable> {
    comparable(old, new.quick, &Group::ALL)?;
    let both = new.rows.iter().filter_map(|row| Some((old.row(&row.group, &row.name)?, row)));
    let rows: Vec<Comparison<'a>> = both
        .map(|(old, new)| Comparison { old, new, ratio: new.median_ns / old.median_ns, change: change(old, new) })
        .collect();
    if rows.is_empty() { Err(NotComparable::NothingInCommon) } else { Ok(rows) }
}

fn change(old: &Row, new: &Row) -> Change {
    if let (Some(old), Some(new)) = (old.line_ns, new.line_ns) {
        let (old, new) = ((old[0] + old[1]) / 2.0, (new[0] + new[1]) / 2.0);
        if old.max(new) > 1.5 * old.min(new) {
            return Change::OtherHost;
        }
    }
    let ratio = new.median_ns / old.median_ns;
    if new.min_ns > old.max_ns && ratio > 1.05 {
        Change::Slower
    } else if new.max_ns < old.min_ns && ratio < 0.95 {
        Change::Faster
    } else {
        Change::Same
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(min_ns: f64, median_ns: f64, max_ns: f64, line: f64) -> Row {
        Row {
            group: "g".into(),
            name: "n".into(),
            median_ns,
            min_ns,
            max_ns,
            rounds: 7,
            repeated: 0,
            disturbed: 0,
            line_ns: Some([line, line]),
        }
    }

    fn any_row() -> impl Strategy<Value = Row> {
        (1.0..100.0, 0.0..50.0, 0.0..50.0, 50.0..400.0)
            .prop_map(|(min, a, b, line)| row(min, min + a, min + a + b, line))
    }

    proptest! {
        /// Comparison is antisymmetric, and a run compared with itself is the same.
        #[test]
        fn a_change_has_two_sides(a in any_row(), b in any_row()) {
            let mirrored = match change(&b, &a) {
                Change::Faster => Change::Slower,
                Change::Slower => Change::Faster,
                other => other,
            };
            // The two thresholds are reciprocal but for rounding.
            let near = (a.median_ns / b.median_ns - 1.05).abs() < 0.01 || (b.median_ns / a.median_ns - 1.05).abs() < 0.01;
            prop_assert!(near || change(&a, &b) == mirrored);
            prop_assert_eq!(change(&a, &a), Change::Same);
        }
    }

    fn results(rows: Vec<Row>) -> Results {
        Results {
            form: FORM,
            version: "0".into(),
            unix_time: 0,
            quick: false,
            host: vec![],
            warnings: vec![],
            rows,
            curves: vec![],
            loads: vec![],
            stalls: vec![],
            memory: vec![],
        }
    }

    fn pools(min_ns: f64, median_ns: f64, max_ns: f64) -> Row {
        Row { group: "pools".into(), ..row(min_ns, median_ns, max_ns, 100.0) }
    }

    #[test]
    fn numbers_that_cannot_have_been_measured_are_refused() {
        let good = pools(1.0, 2.0, 3.0);
        assert_eq!(comparable(&results(vec![good.clone()]), false, &Group::ALL), Ok(()));
        assert_eq!(comparable(&results(vec![pools(2.0, 2.0, 2.0)]), false, &[Group::Pools]), Ok(()));
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let mut bad: Vec<Row> = [
            (0.0, 0.0, 0.0),
            (0.0, 1.0, 2.0),
            (-1.0, 1.0, 2.0),
            (-3.0, -2.0, -1.0),
            (1.0, nan, 3.0),
            (nan, 2.0, 3.0),
            (1.0, 2.0, nan),
            (1.0, 2.0, inf),
            (inf, inf, inf),
            (2.0, 1.0, 3.0),
            (1.0, 4.0, 3.0),
            (3.0, 2.0, 1.0),
        ]
        .map(|(min, median, max)| pools(min, median, max))
        .into();
        bad.extend([0.0, -1.0, nan, inf].map(|line| Row { line_ns: Some([100.0, line]), ..good.clone() }));
        bad.push(Row { rounds: 0, ..good.clone() });
        for row in bad {
            let old = results(vec![pools(1.0, 2.0, 3.0), Row { name: "m".into(), ..row }]);
            let refused = NotComparable::Nonsense("pools: m".into());
            assert_eq!(comparable(&old, false, &Group::ALL), Err(refused.clone()), "{old:?}");
            assert_eq!(compare(&old, &results(vec![good.clone()])).err(), Some(refused));
        }
    }

    #[test]
    fn results_without_a_row_to_compare_are_refused() {
        let good = pools(1.0, 2.0, 3.0);
        let of = |old: Results, groups: &[Group]| comparable(&old, false, groups).err();
        assert_eq!(of(results(vec![]), &Group::ALL), Some(NotComparable::Empty));
        let twice = results(vec![good.clone(), good.clone()]);
        assert_eq!(of(twice, &Group::ALL), Some(NotComparable::Twice("pools: n".into())));
        assert_eq!(of(results(vec![good.clone()]), &[Group::Maps]), Some(NotComparable::NothingInCommon));
        assert_eq!(of(results(vec![good.clone()]), &[Group::Pipeline]), Some(NotComparable::NothingInCommon));
        assert_eq!(of(Results { form: 2, ..results(vec![]) }, &Group::ALL), Some(NotComparable::Form(2)));
        assert_eq!(of(Results { quick: true, ..results(vec![good.clone()]) }, &Group::ALL), Some(NotComparable::Quick));
        // The same group, but none of its rows.
        let (old, new) = (results(vec![good.clone()]), results(vec![Row { name: "m".into(), ..good }]));
        assert_eq!(compare(&old, &new).err(), Some(NotComparable::NothingInCommon));
    }

    #[test]
    fn only_disjoint_ranges_count_as_changed() {
        let base = row(10.0, 11.0, 12.0, 100.0);
        assert_eq!(change(&base, &row(12.5, 13.0, 14.0, 100.0)), Change::Slower);
        assert_eq!(change(&base, &row(11.5, 13.0, 14.0, 100.0)), Change::Same);
        assert_eq!(change(&base, &row(8.0, 9.0, 9.5, 100.0)), Change::Faster);
        assert_eq!(change(&base, &row(8.0, 9.0, 9.5, 400.0)), Change::OtherHost);
    }
}
