//! `vvpx stage`: one stage of a pipeline of processes.

use crate::args::{Stage, StageArgs};
use crate::commands::host;
use crate::diagnostic::{Diagnostic, Outcome};
use std::path::Path;
use std::process::ExitCode;
use vvp_std_adapter::pipeline::processes::{self, PipelineDirectory};

pub(crate) fn main(request: &StageArgs) -> Outcome {
    let (Stage::Gateway { dir, .. } | Stage::Matcher { dir } | Stage::Publisher { dir, .. }) = &request.which;
    let fault = |e: processes::StageError| Diagnostic::from_adapter(&e).in_file(dir);
    let stop = host::stop_on_signals()?;
    let directory = PipelineDirectory::open(Path::new(dir)).map_err(fault)?;
    match &request.which {
        Stage::Gateway { lane, seed, count, .. } => processes::gateway(&directory, *lane, *seed, *count, &stop),
        Stage::Matcher { .. } => processes::matcher(&directory, &stop),
        Stage::Publisher { which, .. } => processes::publisher(&directory, *which, &stop),
    }
    .map_err(fault)?;
    Ok(ExitCode::SUCCESS)
}
