//! `vvp stage`: one stage of a pipeline of processes.

use super::cli::{self, Failure, Outcome};
use lexopt::prelude::*;
use std::path::Path;
use std::process::ExitCode;
use vvp_std_adapter::pipeline::Stop;
use vvp_std_adapter::pipeline::processes::{self, Meeting};

const HELP: &str = "\
vvp stage - one stage of a pipeline of processes, whose regions lie in DIR

usage: vvp stage gateway DIR LANE SEED COUNT    send COUNT made-up commands through a lane
       vvp stage matcher DIR                    journal them, match them, publish their events
       vvp stage publisher DIR [N]              take the events, as publisher N (0 unless given)

A stage that was killed and is started again goes on at the exact place. It ends when the stage before it has. At SIGTERM or
Ctrl-C a gateway sends no more, and the others end when what was sent is done; a stage that is asked to end alone does so
after some seconds, and whoever is started in its place goes on.
'vvp stress' starts all of them; 'vvp top DIR' shows the state.
";

pub(crate) fn main(mut arguments: lexopt::Parser) -> Outcome {
    let mut words = Vec::new();
    while let Some(argument) = arguments.next().map_err(|e| Failure::usage(e, "stage"))? {
        match argument {
            Value(word) => words.push(cli::text(word, "the argument", "stage")?),
            Short('h') | Long("help") => return cli::say(HELP),
            other => return Err(Failure::usage(other.unexpected(), "stage")),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number =
        |word: &str| word.parse::<u64>().map_err(|_| Failure::usage(format!("'{word}' is no number"), "stage"));
    let fault = |e: processes::StageError| Failure::Error(e.to_string());
    let open = |path: &str| Meeting::open(Path::new(path)).map_err(fault);
    let stop = Stop::new().map_err(|e| Failure::at("a descriptor", &e))?;
    stop.on_signals();
    match *words.as_slice() {
        ["gateway", dir, lane, seed, count] => {
            let lane = usize::try_from(number(lane)?).unwrap_or(usize::MAX);
            processes::gateway(&open(dir)?, lane, number(seed)?, number(count)?, &stop).map_err(fault)?;
        }
        ["matcher", dir] => processes::matcher(&open(dir)?, &stop).map_err(fault)?,
        ["publisher", dir] => processes::publisher(&open(dir)?, 0, &stop).map_err(fault)?,
        ["publisher", dir, which] => {
            let which = usize::try_from(number(which)?).unwrap_or(usize::MAX);
            processes::publisher(&open(dir)?, which, &stop).map_err(fault)?;
        }
        _ => return Err(Failure::usage("say which stage, and where", "stage")),
    }
    Ok(ExitCode::SUCCESS)
}
