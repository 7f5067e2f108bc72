//! The `vvp` command line.

mod decode;
mod encode;
mod files;
mod replay;

use lexopt::prelude::*;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = lexopt::Parser::from_env();
    match args.next() {
        Ok(Some(Value(command))) if command == "encode" => encode::run(args),
        Ok(Some(Value(command))) if command == "decode" => decode::run(args),
        Ok(Some(Value(command))) if command == "replay" => replay::run(args),
        Ok(Some(arg)) => {
            eprintln!("vvp: {}", arg.unexpected());
            ExitCode::from(2)
        }
        Ok(None) => {
            eprintln!("vvp: give a command: encode, decode, replay");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("vvp: {error}");
            ExitCode::from(2)
        }
    }
}
