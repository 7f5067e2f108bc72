//! Memory after each group, and the longest stalls of the processor.

use super::super::row::{Memory, Stall};
use super::{Decades, ns, text};
use core::fmt::Write;

/// Maximum height of a column, in rem.
const TALL: f64 = 3.2;

pub(super) fn memory(out: &mut String, memory: &[Memory]) -> core::fmt::Result {
    if memory.is_empty() {
        return Ok(());
    }
    let most = memory.iter().map(|m| m.resident_bytes).max().unwrap_or(0).max(1) as f64;
    out.push_str("<section><h2>Memory</h2><p>Resident after each group; page faults and allocations since the start.</p><div class=\"strip\">");
    for m in memory {
        let bytes = m.resident_bytes as f64;
        write!(
            out,
            "<div>{:.0} MiB<i style=\"height:{:.2}rem\"></i>{}<br/>{} faults, {} allocations</div>",
            bytes / 1_048_576.0,
            TALL * bytes / most,
            text(&m.after),
            m.page_faults,
            m.allocations
        )?;
    }
    out.push_str("</div></section>");
    Ok(())
}

pub(super) fn stalls(out: &mut String, stalls: &[Stall]) -> core::fmt::Result {
    if stalls.is_empty() {
        return Ok(());
    }
    let scale = Decades::around(stalls.iter().map(|stall| stall.longest_ns as f64));
    out.push_str(
        "<section><h2>Pauses</h2><p>The longest time for which a spinning thread did not run, in a tenth of a second after each \
         group.</p><div class=\"strip\">",
    );
    for stall in stalls {
        let longest = stall.longest_ns as f64;
        write!(
            out,
            "<div>{}<i style=\"height:{:.2}rem\"></i>{:.1} s</div>",
            ns(longest),
            TALL * scale.place(longest).max(0.02),
            stall.at_ms as f64 / 1e3
        )?;
    }
    out.push_str("</div></section>");
    Ok(())
}
