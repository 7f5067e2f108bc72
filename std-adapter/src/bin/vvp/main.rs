//! The `vvp` command line.

fn main() {}
