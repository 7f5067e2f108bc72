//! Memory: page sizes, nodes, swap, and pressure.

use super::Level::{Advice, Critical, Good, Warning};
use super::{Level, Topic, chosen, size};
use vvp_std_adapter::os::{Cgroup, CgroupVersion, System};

type Outcome = Option<(Level, String)>;

pub(super) const TOPICS: &[Topic] = &[
    Topic {
        id: "thp",
        title: "transparent huge pages",
        best: "madvise",
        remedy: "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        why: "'always' stalls a thread while the kernel finds or clears 2 MiB; with 'never' the book has none and is a third slower",
        check: thp,
    },
    Topic {
        id: "thp_defrag",
        title: "defragmentation for huge pages",
        best: "madvise, defer or never",
        remedy: "echo madvise > /sys/kernel/mm/transparent_hugepage/defrag",
        why: "'always' compacts memory inside a page fault: milliseconds",
        check: defrag,
    },
    Topic {
        id: "hugepages",
        title: "reserved huge pages",
        best: "as many as the shared regions need",
        remedy: "sysctl -w vm.nr_hugepages=512 (1 GiB), best at boot, while memory is not fragmented",
        why: "only reserved pages are guaranteed to be available for a region",
        check: hugepages,
    },
    Topic {
        id: "numa",
        title: "memory nodes (NUMA)",
        best: "one node, or automatic balancing off",
        remedy: "sysctl -w kernel.numa_balancing=0, and keep threads and their memory on one node",
        why: "balancing unmaps pages to sample accesses: a fault of some microseconds each; a remote node has twice the memory latency",
        check: numa,
    },
    Topic {
        id: "swap",
        title: "swap",
        best: "none",
        remedy: "swapoff -a, and remove it from /etc/fstab",
        why: "reading back a page that was swapped out takes milliseconds",
        check: swap,
    },
    Topic {
        id: "psi",
        title: "pressure stall information",
        best: "available, and no stalls",
        remedy: "boot with psi=1; if it shows stalls, find the process that takes the memory (PressureMonitor reports when)",
        why: "it is the kernel's measure of the time that threads waited for memory",
        check: psi,
    },
    Topic {
        id: "cgroup_memory",
        title: "memory limit of the control group",
        best: "none, or a fifth more than is used",
        remedy: "raise memory.max (v1: memory.limit_in_bytes) of the group, or MemoryMax= of the unit",
        why: "near the limit the kernel reclaims in the middle of an allocation; at the limit it kills",
        check: cgroup_memory,
    },
];

fn thp(system: &System) -> Outcome {
    let text = system.text("sys/kernel/mm/transparent_hugepage/enabled")?;
    let mode = chosen(&text)?;
    Some((if mode == "madvise" { Good } else { Advice }, mode.to_owned()))
}

fn defrag(system: &System) -> Outcome {
    let text = system.text("sys/kernel/mm/transparent_hugepage/defrag")?;
    let mode = chosen(&text)?;
    Some((if mode == "always" { Warning } else { Good }, mode.to_owned()))
}

fn hugepages(system: &System) -> Outcome {
    let info = system.text("proc/meminfo")?;
    let of = |name| vvp_std_adapter::os::field(&info, name);
    let (total, free, each) = (of("HugePages_Total")?, of("HugePages_Free")?, of("Hugepagesize")?);
    Some(if total == 0 {
        (Advice, "none".to_owned())
    } else {
        (if free == 0 { Advice } else { Good }, format!("{free} of {total} free, {} each", size(each)))
    })
}

fn numa(system: &System) -> Outcome {
    let nodes = system.list("sys/devices/system/node/online")?.len();
    let balancing = system.number("proc/sys/kernel/numa_balancing").is_some_and(|n| n != 0);
    Some(match (nodes, balancing) {
        (..=1, _) => (Good, "one node".to_owned()),
        (n, false) => (Good, format!("{n} nodes, balancing off")),
        (n, true) => (Warning, format!("{n} nodes, balancing on")),
    })
}

fn swap(system: &System) -> Outcome {
    let info = system.text("proc/meminfo")?;
    let total = vvp_std_adapter::os::field(&info, "SwapTotal")?;
    let used = total.saturating_sub(vvp_std_adapter::os::field(&info, "SwapFree")?);
    Some(match (total, used) {
        (0, _) => (Good, "none".to_owned()),
        (_, 0) => (Warning, format!("{}, none of it used", size(total))),
        _ => (Critical, format!("{}, {} of it used", size(total), size(used))),
    })
}

fn psi(system: &System) -> Outcome {
    let text = system.text("proc/pressure/memory")?;
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let average = some.split_ascii_whitespace().find_map(|word| word.strip_prefix("avg60="))?;
    let (percent, _) = average.split_once('.')?;
    let level = match percent.parse::<u32>().ok()? {
        0 => Good,
        1..10 => Warning,
        _ => Critical,
    };
    Some((level, format!("threads waited for memory {average} % of the last minute")))
}

fn cgroup_memory(system: &System) -> Outcome {
    // Without this file it is unknown whether there is a group, and so whether there is a limit.
    system.text("proc/self/cgroup")?;
    let Some(group) = Cgroup::of_memory(system) else { return Some((Good, "no memory group".to_owned())) };
    let version = match group.version() {
        CgroupVersion::V1 => "v1",
        CgroupVersion::V2 => "v2",
    };
    let used = group.usage_bytes(system)?;
    let killed = group.events(system).map_or(0, |e| e.oom_kill);
    let Some(limit) = group.limit_bytes(system) else {
        return Some((Good, format!("no limit ({version}), {} used", size(used))));
    };
    let percent = used.saturating_mul(100).checked_div(limit).unwrap_or(100);
    let level = match percent {
        _ if killed > 0 => Critical,
        0..80 => Good,
        80..95 => Warning,
        _ => Critical,
    };
    let kills = if killed > 0 { format!(", {killed} killed for lack of memory") } else { String::new() };
    Some((level, format!("{} of {} used ({version}){kills}", size(used), size(limit))))
}
