//! The HTML report: one self-contained file, for light and dark, wide and narrow screens.

mod bars;
mod curves;
mod strips;

use super::path::is_matched;
use super::row::Results;
use core::fmt::Write;

/// Returns the report of a run.
#[must_use]
pub fn page(results: &Results) -> String {
    let mut out = String::with_capacity(64 << 10);
    write_page(&mut out, results).unwrap_or_default(); // a String takes everything
    out
}

const STYLE: &str = include_str!("style.css");

fn write_page(out: &mut String, results: &Results) -> core::fmt::Result {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>VVP Core {version}: the numbers of this machine</title><style>{STYLE}</style></head><body><main>\
         <header><h1>VVP Core <small>{version}</small></h1><p>{date}{quick}, {processor}</p></header>",
        version = text(&results.version),
        date = date(results.unix_time),
        quick = if results.quick { ", a quick run" } else { "" },
        processor = text(results.host.first().map_or("", |(_, value)| value)),
    )?;
    headline(out, results)?;
    if !results.warnings.is_empty() {
        out.push_str("<section class=\"warn\"><h2>Read with care</h2><ul>");
        for warning in &results.warnings {
            write!(out, "<li>{}</li>", text(warning))?;
        }
        out.push_str("</ul></section>");
    }
    curves::loads(out, &results.loads)?;
    curves::percentiles(out, results)?;
    bars::groups(out, &results.rows)?;
    strips::memory(out, &results.memory)?;
    strips::stalls(out, &results.stalls)?;
    out.push_str("<section><h2>The machine</h2><table class=\"host\">");
    for (name, value) in &results.host {
        write!(out, "<tr><th>{}</th><td>{}</td></tr>", text(name), text(value))?;
    }
    out.push_str("</table></section></main></body></html>\n");
    Ok(())
}

/// Writes the headline numbers.
fn headline(out: &mut String, results: &Results) -> core::fmt::Result {
    let row = |group, name| results.row(group, name).map(|row| row.median_ns);
    let path = results.loads.iter().find(|load| load.path == "one thread" && load.offered_per_s > 0.0);
    // Orders that are not processed are answered at any rate.
    let matched = results.loads.iter().filter(|load| is_matched(&load.path));
    let most = matched.map(|load| load.answered_per_s).fold(0.0, f64::max);
    let facts = [
        ("a command, matched", row("book", "engine, given together").map(ns)),
        ("an order, bytes to bytes, p50", path.and_then(|load| load.at(50.0)).map(|v| ns(v as f64))),
        ("orders a second through the whole path", (most > 0.0).then(|| rate(most))),
        ("a value to the other processor", row("queues", "Spsc, u64, one by one").map(ns)),
    ];
    out.push_str("<section class=\"facts\">");
    for (what, value) in facts {
        if let Some(value) = value {
            write!(out, "<div><b>{value}</b><span>{what}</span></div>")?;
        }
    }
    out.push_str("</section>");
    Ok(())
}

/// Escapes text for HTML.
fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Returns nanoseconds in a suitable unit.
fn ns(value: f64) -> String {
    match value {
        v if v < 9.95 => format!("{v:.2} ns"),
        v if v < 99.5 => format!("{v:.1} ns"),
        v if v < 9_995.0 => format!("{v:.0} ns"),
        v if v < 999_500.0 => format!("{:.1} \u{b5}s", v / 1e3),
        v => format!("{:.1} ms", v / 1e6),
    }
}

/// Returns a rate a second in a suitable unit.
fn rate(per_second: f64) -> String {
    match per_second {
        v if v >= 1e9 => format!("{:.2} G/s", v / 1e9),
        v if v >= 1e6 => format!("{:.2} M/s", v / 1e6),
        v => format!("{:.0} k/s", v / 1e3),
    }
}

/// Returns the date of a number of seconds since 1970 (Hinnant's `civil_from_days`).
fn date(unix_time: u64) -> String {
    let days = unix_time / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// A logarithmic scale: from the power of ten at or below `least` to the one at or above `most`.
#[derive(Clone, Copy, Debug)]
struct Decades {
    from: i32,
    to: i32,
}

impl Decades {
    fn around(values: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::MAX, 0.0f64);
        for value in values.filter(|v| *v > 0.0) {
            (least, most) = (least.min(value), most.max(value));
        }
        if most <= 0.0 {
            return Self { from: 0, to: 1 };
        }
        let (from, to) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        Self { from, to: to.max(from + 1) }
    }

    /// Returns the position of a value, from 0 to 1.
    fn place(self, value: f64) -> f64 {
        let span = f64::from(self.to - self.from);
        ((value.max(1e-3).log10() - f64::from(self.from)) / span).clamp(0.0, 1.0)
    }

    fn ticks(self) -> impl Iterator<Item = f64> {
        (self.from..=self.to).map(|exponent| 10f64.powi(exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{Curve, FORM, Load, Memory, Row, Stall};
    use super::*;

    fn results() -> Results {
        let row = |name: &str| Row {
            group: "queues".into(),
            name: name.into(),
            median_ns: 12.5,
            min_ns: 10.0,
            max_ns: 20.0,
            rounds: 7,
            repeated: 1,
            disturbed: 0,
            line_ns: Some([90.0, 95.0]),
        };
        let percentiles = vec![(0.0, 80), (50.0, 120), (99.0, 900), (99.9, 4_000), (99.99, 30_000), (100.0, 90_000)];
        let load = |offered_per_s| Load {
            path: "one thread".into(),
            offered_per_s,
            answered_per_s: 1e6,
            orders: 10,
            percentiles: percentiles.clone(),
            line_ns: Some([90.0, 91.0]),
            sustained: true,
        };
        Results {
            form: FORM,
            version: "0".into(),
            unix_time: 1_795_305_600,
            quick: true,
            host: vec![("processor".into(), "a <b> & \"c\"".into())],
            warnings: vec!["<script>".into()],
            rows: vec![row("one"), row("two")],
            curves: vec![Curve { group: "book".into(), name: "each".into(), percentiles: percentiles.clone() }],
            loads: vec![load(0.0), load(1e5), load(2e5)],
            stalls: vec![Stall { at_ms: 5, longest_ns: 70_000 }],
            memory: vec![Memory { after: "queues".into(), resident_bytes: 1 << 20, page_faults: 3, allocations: 4 }],
        }
    }

    /// All tags are closed in order; there are no external links; text is escaped.
    #[test]
    fn a_page_is_well_formed_and_alone() {
        let page = page(&results());
        let mut open = Vec::new();
        let mut rest = page.as_str();
        while let Some(at) = rest.find('<') {
            let end = rest[at..].find('>').expect("a tag ends") + at;
            let tag = &rest[at + 1..end];
            rest = &rest[end + 1..];
            let name: String = tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            match tag {
                t if t.starts_with('!') || t.starts_with("meta") || t.ends_with('/') => {}
                t if t.starts_with('/') => assert_eq!(open.pop(), Some(name), "in {t}"),
                _ => open.push(name),
            }
        }
        assert_eq!(open, Vec::<String>::new());
        assert!(
            !page.contains("<script") && !page.contains("http:") && !page.contains("https:") && !page.contains("url(")
        );
        assert!(!page.contains("NaN") && !page.contains("inf"));
        assert!(page.contains("2026-11-22"));
    }

    #[test]
    fn the_headline_counts_only_orders_that_were_matched() {
        let mut results = results();
        let idle = Load { path: "nothing".into(), answered_per_s: 9e6, ..results.loads[1].clone() };
        results.loads.push(idle.clone());
        let headline = |results: &Results| {
            let mut out = String::new();
            headline(&mut out, results).expect("a String takes everything");
            out
        };
        let both = headline(&results);
        assert!(both.contains("<b>1.00 M/s</b><span>orders a second") && !both.contains("9.00 M/s"), "{both}");
        // Idle loads alone have no headline.
        results.loads = vec![idle];
        assert!(!headline(&results).contains("orders a second"));
    }

    #[test]
    fn a_run_of_nothing_has_a_page_too() {
        let nothing = Results {
            rows: vec![],
            loads: vec![],
            curves: vec![],
            stalls: vec![],
            memory: vec![],
            host: vec![],
            ..results()
        };
        assert!(page(&nothing).ends_with("</html>\n"));
    }

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (time, day) in
            [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (951_868_800, "2000-03-01"), (4_107_542_399, "2100-02-28")]
        {
            assert_eq!(date(time), day);
        }
    }
}
