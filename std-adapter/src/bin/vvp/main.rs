//! The `vvp` command line: one file per subcommand, dispatched here.

mod args;
mod bench;
mod cli;
mod decode;
mod doctor;
mod encode;
mod feed;
mod files;
mod host;
mod ladder;
mod leftover;
#[cfg(feature = "tui")]
mod live;
mod market_data;
mod matching;
mod output;
mod outside;
#[cfg(feature = "tui")]
mod panels;
mod progress;
mod publish;
mod refusals;
mod replay;
mod replay_itch;
mod replay_unread;
mod run;
mod size;
mod source;
mod squeeze;
mod stage;
mod stress;
mod summary;
mod top;

use args::Sub;
use cli::{Failure, Outcome};
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
            files::complain(&format!("vvp: {message}"));
            ExitCode::from(code)
        }
    }
}

fn dispatch() -> Outcome {
    let subcommand = match args::parse(std::env::args_os()) {
        Ok(subcommand) => subcommand,
        Err(Ok(text)) => return cli::say(&text),
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
        Sub::Completions(request) => args::completions(&request),
        Sub::Man(request) => args::man(&request),
    }
}
