//! The `vvpx` command line: parses the arguments and dispatches to one file per subcommand.

mod args;
mod commands;
mod failure;
mod io;
mod tui;

use args::Sub;
use commands::{bench, decode, doctor, encode, matching, replay, run, sizing, stage, stress, top};
use failure::{Failure, Outcome};
use io::files;
use std::process::ExitCode;
use vvp_std_adapter::memory::CountingAllocator;

/// Counts, so that the summary can show that nothing is allocated after start-up.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(failure) => {
            let (message, code) = match failure {
                Failure::Usage(message) => (message, 2),
                Failure::Error(message) => (message, 1),
            };
            // One line, whatever a file name holds.
            files::complain(&format!("vvpx: {message}"));
            ExitCode::from(code)
        }
    }
}

fn dispatch() -> Outcome {
    let subcommand = match args::parse(std::env::args_os()) {
        Ok(subcommand) => subcommand,
        Err(Ok(text)) => return failure::say(&text),
        Err(Err(failure)) => return Err(failure),
    };
    // These may have another output.
    if !matches!(subcommand, Sub::Encode(_) | Sub::Decode(_) | Sub::Stage(_)) {
        files::is_open(1).map_err(|e| Failure::at("standard output", &e))?;
    }
    match subcommand {
        Sub::Run(request) => run::main(&request),
        Sub::Match(request) => matching::main(request),
        Sub::Replay(request) => Ok(replay::run(&request)),
        Sub::Doctor(request) => doctor::main(&request),
        Sub::Stress(request) => stress::main(&request),
        Sub::Top(request) => top::main(&request),
        Sub::Stage(request) => stage::main(&request),
        Sub::Bench(request) => bench::main(request),
        Sub::Encode(request) => encode::run(request),
        Sub::Decode(request) => decode::run(request),
        Sub::Size(request) => sizing::main(&request),
        Sub::Completions(request) => args::completions(&request),
        Sub::Man(request) => args::man(&request),
    }
}
