//! `vvpx doctor`: checks whether this machine is set up for low latency.

use crate::args::Doctor;
use crate::diagnostic::{Diagnostic, Outcome};
use crate::io::output;
use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;
use vvp_replay::json;
use vvp_std_adapter::os::System;
use vvpx::doctor::{Finding, Level, examine, worst};

pub(crate) fn main(request: &Doctor) -> Outcome {
    let system = match &request.root {
        None => System::this(),
        Some(root) => {
            if !root.is_dir() {
                return Err(Diagnostic::error("there is no such directory")
                    .argument(format!("--root {}", root.display()))
                    .remedy("give one with a copy of /proc and /sys"));
            }
            System::at(root)
        }
    };
    let findings = examine(&system);
    let mut out = Vec::new();
    if request.json {
        out = as_json(&findings).into_bytes();
    } else {
        as_text(&mut out, &findings, output::colour(&io::stdout())).map_err(|e| output::stdout_failed(&e))?;
    }
    output::print(&out)?;
    Ok(ExitCode::from(worst(&findings).exit_code()))
}

/// The findings as JSON.
#[derive(Serialize)]
struct Json<'a> {
    worst: &'static str,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    id: &'static str,
    level: &'static str,
    title: &'static str,
    found: &'a str,
    best: &'static str,
    remedy: &'static str,
    why: &'static str,
}

fn as_json(findings: &[Finding]) -> String {
    fn finding(f: &Finding) -> FindingJson<'_> {
        FindingJson {
            id: f.id,
            level: f.level.word(),
            title: f.title,
            found: &f.found,
            best: f.best,
            remedy: f.remedy,
            why: f.why,
        }
    }
    json::line(&Json { worst: worst(findings).word(), findings: findings.iter().map(finding).collect() })
}

fn as_text(out: &mut Vec<u8>, findings: &[Finding], colour: bool) -> io::Result<()> {
    for f in findings {
        let (on, off) = match f.level {
            _ if !colour => ("", ""),
            Level::Good => ("\x1b[32m", "\x1b[0m"),
            Level::Unknown => ("\x1b[2m", "\x1b[0m"),
            Level::Advice => ("\x1b[36m", "\x1b[0m"),
            Level::Warning => ("\x1b[33m", "\x1b[0m"),
            Level::Critical => ("\x1b[31m", "\x1b[0m"),
        };
        // Text from files may contain anything; only printable text goes to a terminal.
        let found: String = f.found.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        writeln!(out, "{on}{:<8}{off}  {}: {found}", f.level, f.title)?;
        if f.level > Level::Good {
            writeln!(out, "          best  {}", f.best)?;
            writeln!(out, "          do    {}", f.remedy)?;
            writeln!(out, "          why   {}", f.why)?;
        }
    }
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    writeln!(
        out,
        "\n{} good, {} unknown, {} advice, {} warning, {} critical",
        count(Level::Good),
        count(Level::Unknown),
        count(Level::Advice),
        count(Level::Warning),
        count(Level::Critical)
    )
}
