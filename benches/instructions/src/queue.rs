//! The queues, both ends on one thread: what an operation costs when nobody is in the way.

use super::Workload;

pub(crate) const WORKLOADS: &[Workload] = &[];
