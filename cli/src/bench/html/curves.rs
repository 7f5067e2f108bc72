//! Latency by rate, and latency by percentile, on scales of powers of ten.

use super::super::path::load_title;
use super::super::row::{Load, Results};
use super::{Decades, ns, rate, text};
use core::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 76.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 14.0;

/// Colours, by their names in the style sheet.
const COLOURS: [&str; 4] = ["a", "b", "c", "d"];

struct Frame {
    y: Decades,
}

impl Frame {
    fn x(&self, part: f64) -> f64 {
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value_ns: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value_ns) * (HEIGHT - BOTTOM - TOP)
    }

    fn open(&self, out: &mut String, label: &str) -> core::fmt::Result {
        write!(out, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", text(label))?;
        for tick in self.y.ticks() {
            let y = self.y(tick);
            write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                short(tick)
            )?;
        }
        Ok(())
    }

    fn under(&self, out: &mut String, part: f64, label: &str) -> core::fmt::Result {
        let x = self.x(part);
        write!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.0}\"/>\
             <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"{}\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 18.0,
            if part < 0.99 { "middle" } else { "end" },
            text(label)
        )
    }

    fn line(&self, out: &mut String, colour: usize, points: &[(f64, f64, String)]) -> core::fmt::Result {
        let class = COLOURS[colour % COLOURS.len()];
        write!(out, "<polyline class=\"{class}\" points=\"")?;
        for (x, y, _) in points {
            write!(out, "{:.1},{:.1} ", self.x(*x), self.y(*y))?;
        }
        out.push_str("\"/>");
        for (x, y, what) in points {
            write!(
                out,
                "<circle class=\"dot f{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.2\"><title>{}</title></circle>",
                self.x(*x),
                self.y(*y),
                text(what)
            )?;
        }
        Ok(())
    }
}

fn short(value_ns: f64) -> String {
    match value_ns {
        v if v < 1e3 => format!("{v:.0} ns"),
        v if v < 1e6 => format!("{:.0} \u{b5}s", v / 1e3),
        v if v < 1e9 => format!("{:.0} ms", v / 1e6),
        v => format!("{:.0} s", v / 1e9),
    }
}

fn key(out: &mut String, names: &[&str]) -> core::fmt::Result {
    out.push_str("<div class=\"key\">");
    for (i, name) in names.iter().enumerate() {
        write!(out, "<span><i class=\"k{}\"></i>{}</span>", COLOURS[i % COLOURS.len()], text(name))?;
    }
    out.push_str("</div>");
    Ok(())
}

const SHOWN: [(f64, &str); 4] = [(50.0, "p50"), (99.0, "p99"), (99.9, "p99.9"), (99.99, "p99.99")];

/// Writes a chart and a table for each path.
pub(super) fn loads(out: &mut String, loads: &[Load]) -> core::fmt::Result {
    let mut paths: Vec<&str> = Vec::new();
    for load in loads {
        if !paths.contains(&load.path.as_str()) {
            paths.push(&load.path);
        }
    }
    for path in paths {
        let steps: Vec<&Load> = loads.iter().filter(|load| load.path == path && load.offered_per_s > 0.0).collect();
        let most = loads.iter().find(|load| load.path == path && load.offered_per_s <= 0.0);
        let widest = steps.iter().map(|load| load.offered_per_s).fold(1.0, f64::max);
        write!(
            out,
            "<section><h2>{}</h2><p>From when an order was due to its last event encoded, by rate",
            text(&load_title(path))
        )?;
        if let Some(most) = most {
            write!(out, "; at full speed {}", rate(most.answered_per_s))?;
        }
        let lines: Vec<f64> = steps.iter().filter_map(|load| load.line_ns).flatten().collect();
        if let (Some(least), Some(greatest)) =
            (lines.iter().copied().reduce(f64::min), lines.iter().copied().reduce(f64::max))
        {
            write!(out, "; a cache line there and back: {} to {}", ns(least), ns(greatest))?;
        }
        out.push_str(".</p>");
        key(out, &SHOWN.map(|(_, name)| name))?;
        let values = steps.iter().flat_map(|load| SHOWN.iter().filter_map(|(p, _)| load.at(*p))).map(|v| v as f64);
        let frame = Frame { y: Decades::around(values) };
        frame.open(out, &format!("latency by rate, {path}"))?;
        for quarter in 0..=4 {
            let part = f64::from(quarter) / 4.0;
            frame.under(out, part, &rate(part * widest))?;
        }
        for (i, (percentile, name)) in SHOWN.iter().enumerate() {
            let points: Vec<(f64, f64, String)> = steps
                .iter()
                .filter_map(|load| {
                    let value = load.at(*percentile)? as f64;
                    let what = format!("{name} at {}: {}", rate(load.offered_per_s), ns(value));
                    Some((load.offered_per_s / widest, value, what))
                })
                .collect();
            frame.line(out, i, &points)?;
        }
        out.push_str("</svg><table><tr><th>offered</th><th>answered</th>");
        SHOWN.iter().for_each(|(_, name)| out.extend(["<th>", name, "</th>"]));
        out.push_str("<th>worst</th></tr>");
        for load in steps {
            let class = if load.sustained { "" } else { " class=\"over\"" };
            write!(out, "<tr{class}><td>{}</td><td>{}</td>", rate(load.offered_per_s), rate(load.answered_per_s))?;
            for p in SHOWN.iter().map(|(p, _)| *p).chain([100.0]) {
                write!(out, "<td>{}</td>", load.at(p).map_or_else(String::new, |v| ns(v as f64)))?;
            }
            out.push_str("</tr>");
        }
        out.push_str("</table></section>");
    }
    Ok(())
}

/// Returns the position of a percentile: each additional nine has the same width.
fn nines(percentile: f64) -> f64 {
    let rest = (100.0 - percentile).max(0.001) / 100.0;
    -rest.log10() / 5.0
}

/// Writes one chart of all operations with a distribution, and of the lightest load of each path.
pub(super) fn percentiles(out: &mut String, results: &Results) -> core::fmt::Result {
    let mut lines: Vec<(String, &[(f64, u64)])> =
        results.curves.iter().map(|c| (format!("{}: {}", c.group, c.name), c.percentiles.as_slice())).collect();
    for path in ["one thread", "two threads"] {
        if let Some(load) = results.loads.iter().find(|load| load.path == path && load.offered_per_s > 0.0) {
            lines.push((format!("whole path, {path}, {}", rate(load.offered_per_s)), &load.percentiles));
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    out.push_str(
        "<section><h2>Latency by percentile</h2><p>Each step to the right is a tenth of the operations before it.</p>",
    );
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    key(out, &names)?;
    let frame = Frame { y: Decades::around(lines.iter().flat_map(|(_, line)| line.iter().map(|&(_, v)| v as f64))) };
    frame.open(out, "latency by percentile")?;
    for (percentile, label) in
        [(0.0, "0"), (90.0, "90 %"), (99.0, "99 %"), (99.9, "99.9 %"), (99.99, "99.99 %"), (99.999, "99.999 %")]
    {
        frame.under(out, nines(percentile), label)?;
    }
    for (i, (name, line)) in lines.iter().enumerate() {
        let points: Vec<(f64, f64, String)> = line
            .iter()
            .filter(|(p, _)| *p < 100.0)
            .map(|&(p, v)| (nines(p), v as f64, format!("{name}, {p} %: {}", ns(v as f64))))
            .collect();
        frame.line(out, i, &points)?;
    }
    out.push_str("</svg></section>");
    Ok(())
}
