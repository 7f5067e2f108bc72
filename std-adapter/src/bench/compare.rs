//! Two runs beside each other.

use super::row::{FORM, Results, Row};

/// Why two runs cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotComparable {
    /// The other one is written in this form.
    Form(u32),
    /// One is a quick run and the other is not.
    Quick,
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
        }
    }
}

impl core::error::Error for NotComparable {}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The ranges of the two runs overlap, or the medians are within a twentieth.
    Same,
    /// Every round now is faster than every round then, and the medians are more than a twentieth apart.
    Faster,
    /// The same the other way round.
    Slower,
    /// A cache line took more than half as long again in one run as in the other: nothing can be said.
    OtherHost,
}

/// One row of both runs.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// Then.
    pub old: &'a Row,
    /// Now.
    pub new: &'a Row,
    /// New median over old.
    pub ratio: f64,
    /// What that means.
    pub change: Change,
}

/// The rows that both runs have.
///
/// # Errors
/// [`NotComparable`].
pub fn compare<'a>(old: &'a Results, new: &'a Results) -> Result<Vec<Comparison<'a>>, NotComparable> {
    if old.form != FORM {
        return Err(NotComparable::Form(old.form));
    }
    if old.quick != new.quick {
        return Err(NotComparable::Quick);
    }
    let both = new.rows.iter().filter_map(|row| Some((old.row(&row.group, &row.name)?, row)));
    Ok(both
        .map(|(old, new)| Comparison { old, new, ratio: new.median_ns / old.median_ns, change: change(old, new) })
        .collect())
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
        /// Who changes the sides changes the sign, and a run beside itself is the same.
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

    #[test]
    fn only_what_lies_apart_has_changed() {
        let base = row(10.0, 11.0, 12.0, 100.0);
        assert_eq!(change(&base, &row(12.5, 13.0, 14.0, 100.0)), Change::Slower);
        assert_eq!(change(&base, &row(11.5, 13.0, 14.0, 100.0)), Change::Same);
        assert_eq!(change(&base, &row(8.0, 9.0, 9.5, 100.0)), Change::Faster);
        assert_eq!(change(&base, &row(8.0, 9.0, 9.5, 400.0)), Change::OtherHost);
    }
}
