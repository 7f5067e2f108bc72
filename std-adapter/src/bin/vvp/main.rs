//! The `vvp` command line: one file per subcommand, dispatched here.

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

use cli::{Failure, Outcome};
use lexopt::prelude::*;
use std::process::ExitCode;
use vvp_std_adapter::memory::CountingAllocator;

/// Counts, so that the summary can show that nothing is allocated after start-up.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const HELP: &str = "\
vvp - order matching at the command line

usage: vvp [run] [--json] [--inline] [FILE|-]
       vvp match [FILE|-] [options]
       vvp replay FILE... [options]
       vvp doctor [--json]
       vvp stress [--json] [options]
       vvp top DIR [--once] [--json]
       vvp bench [GROUP]... [options]
       vvp encode [FILE|-] [options]
       vvp decode [FILE|-] [options]

subcommands:
  run      play an order file through the pipeline; show the book and a summary (default, with a built-in file)
  match    read commands, print events
  replay   rebuild books from recorded market data: NASDAQ ITCH 5.0, LOBSTER
  doctor   is this machine set up for low latency? what to change, and why
  stress   a pipeline of processes, killed at random, and the proof that nothing was lost
  top      what such a pipeline is doing
  stage    one stage of such a pipeline
  bench    what this machine gives: every structure timed, orders at fixed rates, and what never happens
  encode   text to binary records
  decode   binary records to text

  -h, --help       this text; 'vvp SUBCOMMAND --help' says more
  -V, --version    the version

exit codes: 0 done, 1 bad input or an error, 2 a command line that makes no sense, 130 stopped by Ctrl-C;
            doctor has its own
";

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
    let mut arguments = lexopt::Parser::from_env();
    // The first word is the subcommand; without one, `run` takes all there is.
    let words: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    let first = words.first().and_then(|w| w.to_str()).unwrap_or("");
    match first {
        "-h" | "--help" | "help" => return cli::say(HELP),
        "-V" | "--version" => return cli::say(concat!("vvp ", env!("CARGO_PKG_VERSION"), "\n")),
        // These may have another output.
        "encode" | "decode" | "stage" => {}
        _ => files::is_open(1).map_err(|e| Failure::at("standard output", &e))?,
    }
    let subcommand = match arguments.next() {
        Ok(Some(Value(word))) => word,
        _ => return run::main(lexopt::Parser::from_env()),
    };
    match subcommand.to_str().unwrap_or("") {
        "run" => run::main(arguments),
        "match" => matching::main(arguments),
        "replay" => Ok(replay::run(arguments)),
        "doctor" => doctor::main(arguments),
        "stress" => stress::main(arguments),
        "top" => top::main(arguments),
        "stage" => stage::main(arguments),
        "bench" => bench::main(arguments),
        "encode" => encode::run(arguments),
        "decode" => decode::run(arguments),
        file if std::path::Path::new(file).exists() => {
            Err(Failure::usage(format!("'{file}' is no subcommand; to play that file, say 'vvp run {file}'"), ""))
        }
        other => Err(Failure::usage(format!("unknown subcommand '{other}'"), "")),
    }
}
