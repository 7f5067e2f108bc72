//! Two threads and a queue with turns between them, at full speed, with checksums. `.ci/tsan` runs this under the thread
//! sanitizer, and then its broken twins, where it must report a race.

use crate::one_to_one::{Check, ROUNDS, nth};
use std::thread;
use vvp_core::queue::{PopError, SequencedSpsc};

one_to_one!(SequencedSpsc);
