//! Files and standard streams: names, inputs, outputs, progress.

pub(crate) mod files;
pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod publish;
pub(crate) mod source;
