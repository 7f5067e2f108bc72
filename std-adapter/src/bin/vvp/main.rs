//! The `vvp` command line.

mod replay;

fn main() -> std::process::ExitCode {
    let mut args = lexopt::Parser::from_env();
    let _ = args.next();
    replay::run(args)
}
