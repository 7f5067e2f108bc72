//! Two threads and a `SequencedSpsc` between them, at full speed, with checksums. `.ci/tsan` runs
//! this under ThreadSanitizer, and then its mutants, where it must report a race.

use crate::one_to_one::{Check, ROUNDS};
use crate::values::nth;
use std::thread;
use vvp_core::queue::{PopError, SequencedSpsc};

one_to_one!(SequencedSpsc);
