//! `vvpx bench`: measures this machine.

use crate::args::Bench;
use crate::diagnostic::{Diagnostic, Outcome, Place};
use crate::io::output::{self, OutFile};
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use vvp_replay::digits::grouped;
use vvpx::bench::{
    Change, Comparison, FORM, Group, Harness, Load, NotComparable, Proof, Results, Row, Step, comparable, compare,
    load_title, page, prove, run,
};

struct Request {
    groups: Vec<Group>,
    quick: bool,
    real_time: bool,
    prove: bool,
    json: Option<String>,
    html: Option<String>,
    compare: Option<String>,
}

pub(crate) fn main(asked: Bench) -> Outcome {
    // Each group once, in the order of `Group::ALL`.
    let all = asked.groups.is_empty() || asked.groups.iter().any(|word| word == "all");
    let is_asked = |group: &Group| all || asked.groups.iter().any(|word| word == group.name());
    let groups = Group::ALL.into_iter().filter(is_asked).collect();
    let Bench { quick, real_time, prove: proving, json, html, compare: earlier, .. } = asked;
    let request = Request { groups, quick, real_time, prove: proving, json, html, compare: earlier };
    // Before the run, which takes a minute: reports immediately a file that cannot be read or
    // written.
    let old = request.compare.as_deref().map(|name| old_results(name, &request)).transpose()?;
    for file in [&request.json, &request.html].into_iter().flatten().filter(|file| *file != "-") {
        drop(OutFile::create(Some(file)).map_err(|e| Diagnostic::io(Place::File(file.into()), &e))?);
    }
    let harness = Harness::new(request.quick);
    let harness = if request.real_time { harness.real_time() } else { harness };
    if request.prove {
        return proof(&harness);
    }
    let memory = |e: vvp_std_adapter::memory::MapError| Diagnostic::from_adapter(&e);
    let chatty = io::stderr().is_terminal();
    let results = run(&harness, &request.groups, &mut |step| progress(step, chatty)).map_err(memory)?;
    if chatty {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }

    let rows = match (&old, &request.compare) {
        (Some(old), Some(name)) => {
            Some((compare(old, &results).map_err(|why| Diagnostic::from_text(&why.to_string()).in_file(name)), name))
        }
        _ => None,
    };
    let json = vvp_replay::json::line(&results);
    let slower = matches!(&rows, Some((Ok(rows), _)) if rows.iter().any(|row| row.change == Change::Slower));
    if request.json.as_deref() == Some("-") {
        let _ = output::say(&json)?;
    } else {
        let mut out = Vec::new();
        let colour = output::colour(&io::stdout());
        let shown = show(&mut out, &results, colour).and_then(|()| match &rows {
            Some((Ok(rows), name)) => beside(&mut out, rows, name, colour),
            _ => Ok(()),
        });
        let _ = output::say(&String::from_utf8_lossy(&out))?;
        shown.map_err(|e| output::stdout_failed(&e))?;
    }
    // The results are written even if they cannot be compared.
    let write = |file: &str, text: &str| {
        output::write_file(file, text.as_bytes()).map_err(|e| Diagnostic::io(Place::File(file.into()), &e))
    };
    if let Some(file) = request.json.as_deref().filter(|file| *file != "-") {
        write(file, &json)?;
    }
    if let Some(file) = &request.html {
        write(file, &page(&results))?;
    }
    if let Some((Err(why), _)) = rows {
        return Err(why);
    }
    Ok(ExitCode::from(u8::from(slower)))
}

/// Maximum size of a file of results, in bytes; a run writes some 30,000.
const RESULTS_MAX: u64 = 16 << 20;

/// Reads the results of an earlier run, if this run can be compared with them.
fn old_results(name: &str, request: &Request) -> Result<Results, Diagnostic> {
    let refused = |why: &dyn core::fmt::Display| Diagnostic::from_text(&why.to_string()).in_file(name);
    let at = |e: io::Error| Diagnostic::io(Place::File(name.into()), &e);
    let file = crate::io::files::open_file(name).map_err(at)?;
    for written in [&request.json, &request.html].into_iter().flatten() {
        output::apart(name, &file, Some(written)).map_err(|_| {
            refused(&format_args!("it would be overwritten by {written}; name another file for the output"))
        })?;
    }
    let mut text = Vec::new();
    file.take(RESULTS_MAX + 1).read_to_end(&mut text).map_err(at)?;
    if text.len() as u64 > RESULTS_MAX {
        return Err(refused(&"not results of 'vvpx bench --json': larger than 16 MiB; name another file"));
    }
    let old: Results = serde_json::from_slice(&text).map_err(|e| {
        // Another form may lack fields of ours.
        let form = serde_json::from_slice::<serde_json::Value>(&text).ok().and_then(|all| all.get("form")?.as_u64());
        match form.and_then(|form| u32::try_from(form).ok()) {
            Some(form) if form != FORM => refused(&NotComparable::Form(form)),
            _ => Diagnostic::error(format!("not results of 'vvpx bench --json' ({e})"))
                .in_file(name)
                .remedy("measure the old version again"),
        }
    })?;
    comparable(&old, request.quick, &request.groups).map_err(|why| refused(&why))?;
    Ok(old)
}

/// Reports a step: on a terminal it overwrites the line, elsewhere each step has a line.
fn progress(step: &Step<'_>, terminal: bool) {
    let _ = if terminal { write!(io::stderr(), "\r\x1b[K  {step}") } else { writeln!(io::stderr(), "{step}") };
}

fn show(out: &mut Vec<u8>, results: &Results, colour: bool) -> io::Result<()> {
    let (bold, off) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    for warning in &results.warnings {
        writeln!(out, "{bold}note{off}  {warning}\n")?;
    }
    let mut group = "";
    for row in &results.rows {
        if row.group != group {
            group = &row.group;
            writeln!(
                out,
                "{bold}{group:<46}{off} {:>9} {:>20} {:>10} {:>6}  line",
                "ns", "fastest .. slowest", "a second", "rounds"
            )?;
        }
        show_row(out, row)?;
    }
    for curve in &results.curves {
        write!(out, "  {:<44}", curve.name)?;
        for (p, ns) in curve.percentiles.iter().filter(|(p, _)| [50.0, 99.0, 99.9, 99.99, 100.0].contains(p)) {
            write!(out, "  p{p} {} ns", grouped(*ns))?;
        }
        writeln!(out)?;
    }
    let mut path = "";
    for load in &results.loads {
        if load.path != path {
            path = &load.path;
            writeln!(
                out,
                "\n{bold}{}{off}\n  {:<22} {:>12} {:>10} {:>10} {:>10} {:>11} {:>11}",
                load_title(path),
                "offered",
                "answered/s",
                "p50 ns",
                "p99 ns",
                "p99.9 ns",
                "p99.99 ns",
                "worst ns"
            )?;
        }
        show_load(out, load)?;
    }
    if let Some(knee) = knee(&results.loads) {
        writeln!(out, "\nThe knee: {knee}")?;
    }
    Ok(())
}

fn show_row(out: &mut Vec<u8>, row: &Row) -> io::Result<()> {
    let range = format!("{:.2} .. {:.2}", row.min_ns, row.max_ns);
    write!(
        out,
        "  {:<44} {:>9.2} {range:>20} {:>9.2}M {:>6}",
        row.name,
        row.median_ns,
        row.per_second() / 1e6,
        row.rounds
    )?;
    if let Some([before, after]) = row.line_ns {
        write!(out, "  {before:.0}, {after:.0} ns")?;
    }
    if row.disturbed > 0 {
        write!(out, "  ({} disturbed)", row.disturbed)?;
    }
    writeln!(out)
}

fn show_load(out: &mut Vec<u8>, load: &Load) -> io::Result<()> {
    if load.offered_per_s <= 0.0 {
        return writeln!(out, "  {:<22} {:>12}", "at full speed", grouped(load.answered_per_s as u64));
    }
    write!(
        out,
        "  {:<22} {:>12}",
        format!("{} /s", grouped(load.offered_per_s as u64)),
        grouped(load.answered_per_s as u64)
    )?;
    for (p, width) in [(50.0, 10), (99.0, 10), (99.9, 10), (99.99, 11), (100.0, 11)] {
        write!(out, " {:>width$}", grouped(load.at(p).unwrap_or(0)))?;
    }
    if let Some([before, after]) = load.line_ns {
        write!(out, "  line {before:.0}, {after:.0} ns")?;
    }
    writeln!(out, "{}", if load.sustained { "" } else { "  beyond the knee" })
}

/// Returns the knee of each path: the highest rate whose median stayed near that of the lowest.
fn knee(loads: &[Load]) -> Option<String> {
    let of = |path: &str| {
        let held = loads.iter().filter(|load| load.path == path && load.offered_per_s > 0.0);
        held.take_while(|load| load.sustained).map(|load| load.offered_per_s).last()
    };
    let parts: Vec<String> = ["one thread", "two threads"]
        .into_iter()
        .filter_map(|path| Some(format!("{path} holds its median up to {} orders/s", grouped(of(path)? as u64))))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn beside(out: &mut Vec<u8>, rows: &[Comparison<'_>], name: &str, colour: bool) -> io::Result<()> {
    let shown: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    writeln!(out, "\nbeside {shown}{:>38} {:>9} {:>7}", "then", "now", "ratio")?;
    for row in rows {
        let (on, off) = match row.change {
            _ if !colour => ("", ""),
            Change::Slower => ("\x1b[31m", "\x1b[0m"),
            Change::Faster => ("\x1b[32m", "\x1b[0m"),
            _ => ("", ""),
        };
        let word = match row.change {
            Change::Same => "",
            Change::Faster => "faster",
            Change::Slower => "slower",
            _ => "another way between the processors: not comparable",
        };
        writeln!(
            out,
            "  {on}{:<44} {:>9.2} {:>9.2} {:>7.2}  {word}{off}",
            row.new.name, row.old.median_ns, row.new.median_ns, row.ratio
        )?;
    }
    Ok(())
}

fn proof(harness: &Harness) -> Outcome {
    let orders = harness.operations(10_000_000);
    let proof = prove(harness, orders).map_err(|e| Diagnostic::from_adapter(&e))?;
    let mut out = Vec::new();
    write_proof(&mut out, &proof).map_err(|e| output::stdout_failed(&e))?;
    let _ = output::say(&String::from_utf8_lossy(&out))?;
    Ok(ExitCode::from(u8::from(!proof.holds())))
}

fn write_proof(out: &mut Vec<u8>, proof: &Proof) -> io::Result<()> {
    let calls = match proof.syscalls {
        Ok(calls) => grouped(calls),
        Err(why) => format!("not counted: {why}"),
    };
    writeln!(
        out,
        "{} orders, {} events, {} orders/s",
        grouped(proof.orders),
        grouped(proof.events),
        grouped(proof.per_second)
    )?;
    writeln!(out, "  allocations of the process          {}", grouped(proof.allocations))?;
    writeln!(out, "  page faults of the matcher          {}", grouped(proof.page_faults))?;
    writeln!(out, "  times the matcher slept or waited   {}", grouped(proof.waits))?;
    writeln!(out, "  system calls of the matcher         {calls}")?;
    writeln!(out, "{}", if proof.holds() { "never: shown" } else { "never: NOT shown" })
}
