//! `vvpx stage`: one stage of a pipeline of processes.

use crate::args::{Stage, StageArgs};
use crate::failure::{Failure, Outcome};
use std::path::Path;
use std::process::ExitCode;
use vvp_std_adapter::pipeline::Stop;
use vvp_std_adapter::pipeline::processes::{self, PipelineDirectory};

pub(crate) fn main(request: &StageArgs) -> Outcome {
    let fault = |e: processes::StageError| Failure::Error(e.to_string());
    let open = |path: &str| PipelineDirectory::open(Path::new(path)).map_err(fault);
    let stop = Stop::new().map_err(|e| Failure::at("a descriptor", &e))?;
    stop.on_signals();
    match &request.which {
        Stage::Gateway { dir, lane, seed, count } => processes::gateway(&open(dir)?, *lane, *seed, *count, &stop),
        Stage::Matcher { dir } => processes::matcher(&open(dir)?, &stop),
        Stage::Publisher { dir, which } => processes::publisher(&open(dir)?, *which, &stop),
    }
    .map_err(fault)?;
    Ok(ExitCode::SUCCESS)
}
