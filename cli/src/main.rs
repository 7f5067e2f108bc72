//! The `vvpx` command line: parses the arguments and dispatches to one file per subcommand.

mod args;
mod commands;
mod diagnostic;
mod io;
mod tui;

use args::Sub;
use commands::{bench, decode, doctor, encode, matching, replay, run, sizing, stage, stress, top};
use diagnostic::Outcome;
use io::{files, output};
use std::process::ExitCode;
use vvp_std_adapter::memory::CountingAllocator;

/// Counts allocations, so that the summary can show that there are none after start-up.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let result = match args::parse(std::env::args_os()) {
        Ok(subcommand) => {
            let name = subcommand.name();
            dispatch(subcommand).map_err(|failure| failure.of(name))
        }
        Err(Ok(text)) => output::say(&text),
        Err(Err(failure)) => Err(failure),
    };
    result.unwrap_or_else(|failure| {
        failure.tell();
        failure.exit_code()
    })
}

fn dispatch(subcommand: Sub) -> Outcome {
    // These may have another output.
    if !matches!(subcommand, Sub::Encode(_) | Sub::Decode(_) | Sub::Stage(_)) {
        files::check_stdout()?;
    }
    match subcommand {
        Sub::Run(request) => run::main(&request),
        Sub::Match(request) => matching::main(request),
        Sub::Replay(request) => replay::main(&request),
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
