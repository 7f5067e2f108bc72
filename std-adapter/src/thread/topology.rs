//! Processor topology: cores, siblings, NUMA nodes and isolation.

use crate::os::System;

/// A processor, as far as thread placement is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Its number.
    pub number: usize,
    /// Whether the scheduler keeps other threads off it (`isolcpus`).
    pub isolated: bool,
    /// Its NUMA node; 0 if the system does not report it.
    pub node: usize,
    /// The processors of its core, itself included.
    pub siblings: Vec<usize>,
}

/// The online processors of a machine, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Topology {
    cpus: Vec<Cpu>,
}

impl Topology {
    /// Reads the topology from `/sys`; empty if the system does not report it.
    #[must_use]
    pub fn of(system: &System) -> Self {
        let folder = "sys/devices/system";
        let isolated = system.list(format!("{folder}/cpu/isolated")).unwrap_or_default();
        let nodes = system.list(format!("{folder}/node/online")).unwrap_or_default();
        let cpus_of = |node: &usize| system.list(format!("{folder}/node/node{node}/cpulist")).unwrap_or_default();
        let nodes: Vec<(usize, Vec<usize>)> = nodes.iter().map(|node| (*node, cpus_of(node))).collect();
        let online = system.list(format!("{folder}/cpu/online")).unwrap_or_default();
        let cpu = |number| {
            let siblings = system.list(format!("{folder}/cpu/cpu{number}/topology/thread_siblings_list"));
            Cpu {
                number,
                isolated: isolated.contains(&number),
                node: nodes.iter().find(|(_, cpus)| cpus.contains(&number)).map_or(0, |(node, _)| *node),
                siblings: siblings.filter(|s| s.contains(&number)).unwrap_or_else(|| vec![number]),
            }
        };
        Self { cpus: online.into_iter().map(cpu).collect() }
    }

    /// Returns all processors.
    #[must_use]
    pub fn cpus(&self) -> &[Cpu] {
        &self.cpus
    }

    /// Returns the best processor for one more hot thread, when those in `taken` are in use: of
    /// those that satisfy `suits`, one whose whole core is free first, then isolated ones, then the
    /// lowest number. `None` if none is left.
    #[must_use]
    pub fn pick(&self, taken: &[usize], suits: impl Fn(&Cpu) -> bool) -> Option<usize> {
        let free = self.cpus.iter().filter(|cpu| !taken.contains(&cpu.number) && suits(cpu));
        let shares_a_core = |cpu: &Cpu| cpu.siblings.iter().any(|s| taken.contains(s));
        free.min_by_key(|cpu| (shares_a_core(cpu), !cpu.isolated, cpu.number)).map(|cpu| cpu.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two nodes of two cores with two threads each; 2, 3, 6, 7 are isolated.
    fn machine() -> Topology {
        let cpu = |number: usize| Cpu {
            number,
            isolated: number & 2 != 0,
            node: number >> 1 & 1,
            siblings: vec![number & 3, number & 3 | 4],
        };
        Topology { cpus: (0..8).map(cpu).collect() }
    }

    #[test]
    fn whole_cores_precede_siblings_and_isolated_ones_precede_others() {
        let (machine, mut taken) = (machine(), Vec::new());
        while let Some(cpu) = machine.pick(&taken, |_| true) {
            taken.push(cpu);
        }
        assert_eq!(taken, [2, 3, 0, 1, 6, 7, 4, 5]);
        assert_eq!(machine.pick(&[2], |cpu| cpu.isolated), Some(3));
        assert_eq!(machine.pick(&[2, 3, 6, 7], |cpu| cpu.isolated), None);
        assert_eq!(machine.pick(&[], |cpu| cpu.node == 0), Some(0));
    }

    #[test]
    fn siblings_of_each_processor_include_itself() {
        let here = Topology::of(&System::this());
        for cpu in here.cpus() {
            assert!(cpu.siblings.contains(&cpu.number));
        }
        assert_eq!(Topology::of(&System::at("/nonexistent")), Topology::default());
    }
}
