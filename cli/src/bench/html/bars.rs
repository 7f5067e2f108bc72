//! A bar for each row: its median, and a thin line from the fastest to the slowest round.

use super::super::row::Row;
use super::{Decades, ns, rate, text};
use core::fmt::Write;

pub(super) fn groups(out: &mut String, rows: &[Row]) -> core::fmt::Result {
    let mut groups: Vec<&str> = Vec::new();
    for row in rows {
        if !groups.contains(&row.group.as_str()) {
            groups.push(&row.group);
        }
    }
    for group in groups {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.group == group).collect();
        let scale = Decades::around(rows.iter().flat_map(|row| [row.min_ns, row.max_ns]));
        write!(
            out,
            "<section><h2>{}</h2><p>Nanoseconds for one, median of the rounds; the line is from the fastest to the slowest; \
             a scale of powers of ten from {} to {}.</p><div class=\"bars\" style=\"--step:{:.2}%\">",
            text(group),
            ns(10f64.powi(scale.from)),
            ns(10f64.powi(scale.to)),
            100.0 / f64::from(scale.to - scale.from),
        )?;
        for row in rows {
            let percent = |value: f64| 100.0 * scale.place(value);
            let line = row.line_ns.map_or_else(String::new, |[a, b]| format!(", line {a:.0} and {b:.0} ns"));
            write!(
                out,
                "<div class=\"row\"><span>{}<small>{}{line}</small></span><div class=\"track\"><i style=\"width:{:.1}%\"></i>\
                 <u style=\"left:{:.1}%;width:{:.1}%\"></u></div><b>{}<small>{} .. {}</small></b></div>",
                text(&row.name),
                rate(row.per_second()),
                percent(row.median_ns),
                percent(row.min_ns),
                (percent(row.max_ns) - percent(row.min_ns)).max(0.3),
                ns(row.median_ns),
                ns(row.min_ns),
                ns(row.max_ns),
            )?;
        }
        out.push_str("</div></section>");
    }
    Ok(())
}
