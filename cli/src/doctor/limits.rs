//! Limits of the process.

use super::Level::{Advice, Critical, Good, Warning};
use super::{Level, Topic, size};
use vvp_std_adapter::os::System;

type Outcome = Option<(Level, String)>;

pub(super) const TOPICS: &[Topic] = &[
    Topic {
        id: "memlock",
        title: "locked memory limit",
        best: "unlimited",
        remedy: "ulimit -l unlimited, LimitMEMLOCK=infinity in the unit, or the capability CAP_IPC_LOCK",
        why: "memory that is not locked may be reclaimed and must be read back from disk",
        check: memlock,
    },
    Topic {
        id: "rtprio",
        title: "real-time priority limit",
        best: "1 or more",
        remedy: "ulimit -r 50, LimitRTPRIO=50 in the unit, or the capability CAP_SYS_NICE",
        why: "without it any other thread may preempt the hot thread",
        check: rtprio,
    },
    Topic {
        id: "rt_throttling",
        title: "real-time throttling",
        best: "none (-1) where hot threads spin under SCHED_FIFO on cores of their own",
        remedy: "sysctl -w kernel.sched_rt_runtime_us=-1, only if other threads have other cores",
        why: "by default a real-time thread that spins may be stopped for 50 ms of every second",
        check: rt_throttling,
    },
    Topic {
        id: "timer_slack",
        title: "timer slack",
        best: "1 ns in threads that sleep",
        remedy: "vvpx sets it for its own threads; for others: prctl(PR_SET_TIMERSLACK, 1)",
        why: "by default a sleeper is woken up to 50 us late, to save power",
        check: timer_slack,
    },
    Topic {
        id: "cgroup_cpu",
        title: "processor quota of the control group",
        best: "none",
        remedy: "write 'max' to cpu.max (v1: -1 to cpu.cfs_quota_us), or remove CPUQuota= from the unit; no CPU limit in Kubernetes",
        why: "a group that has used its quota is stopped for the rest of the period, usually 100 ms",
        check: cgroup_cpu,
    },
];

const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_NICE: u32 = 23;

/// Returns whether the process has a capability; false if that is unknown.
fn capable(system: &System, capability: u32) -> bool {
    let status = system.text("proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).is_some_and(|m| m >> capability & 1 != 0)
}

/// Returns the soft limit of a line of `limits`; the inner `None` is "unlimited".
fn soft_limit(system: &System, name: &str) -> Option<Option<u64>> {
    let text = system.text("proc/self/limits")?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    match rest.split_ascii_whitespace().next()? {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

fn memlock(system: &System) -> Outcome {
    let limit = soft_limit(system, "Max locked memory")?;
    Some(match limit {
        None => (Good, "unlimited".to_owned()),
        Some(bytes) if capable(system, CAP_IPC_LOCK) => (Good, format!("{}, but CAP_IPC_LOCK lifts it", size(bytes))),
        Some(bytes) => (if bytes < 1 << 30 { Warning } else { Advice }, size(bytes)),
    })
}

fn rtprio(system: &System) -> Outcome {
    let limit = soft_limit(system, "Max realtime priority")?;
    Some(match limit {
        _ if capable(system, CAP_SYS_NICE) => (Good, "any, by CAP_SYS_NICE".to_owned()),
        Some(0) => (Warning, "none".to_owned()),
        Some(most) => (Good, format!("up to {most}")),
        None => (Good, "any".to_owned()),
    })
}

fn rt_throttling(system: &System) -> Outcome {
    let runtime: i64 = system.text("proc/sys/kernel/sched_rt_runtime_us")?.parse().ok()?;
    let period = system.number("proc/sys/kernel/sched_rt_period_us").unwrap_or(1_000_000);
    let period = i64::try_from(period).unwrap_or(i64::MAX);
    Some(if runtime < 0 || runtime >= period {
        (Good, "none".to_owned())
    } else {
        (Advice, format!("{} us of every {period}", period - runtime))
    })
}

fn timer_slack(system: &System) -> Outcome {
    let ns = system.number("proc/self/timerslack_ns")?;
    Some((if ns > 1_000 { Advice } else { Good }, format!("{ns} ns in this thread")))
}

fn cgroup_cpu(system: &System) -> Outcome {
    let groups = system.text("proc/self/cgroup")?;
    let path = |line: &str| line.splitn(3, ':').nth(2).unwrap_or("/").trim_start_matches('/').to_owned();
    // v2: "quota period" or "max period", in the group or in one above it.
    if let Some(group) = groups.lines().find(|l| l.starts_with("0::")).map(path) {
        for folder in std::path::Path::new(&group).ancestors() {
            let Some(text) = system.text(std::path::Path::new("sys/fs/cgroup").join(folder).join("cpu.max")) else {
                continue;
            };
            let mut words = text.split_ascii_whitespace();
            if let (Some(Ok(quota)), Some(Ok(period))) = (words.next().map(str::parse), words.next().map(str::parse)) {
                return Some(quota_found(quota, period));
            }
        }
    }
    let v1 = groups.lines().find(|l| l.split(':').nth(1).is_some_and(|c| c.split(',').any(|c| c == "cpu")));
    if let Some(group) = v1.map(path) {
        for mount in ["cpu", "cpu,cpuacct"] {
            for folder in std::path::Path::new(&group).ancestors() {
                let folder = std::path::Path::new("sys/fs/cgroup").join(mount).join(folder);
                let quota = system.text(folder.join("cpu.cfs_quota_us")).and_then(|t| t.parse::<i64>().ok());
                let period = system.number(folder.join("cpu.cfs_period_us"));
                if let (Some(quota), Some(period)) = (quota.and_then(|q| u64::try_from(q).ok()), period) {
                    return Some(quota_found(quota, period));
                }
            }
        }
    }
    Some((Good, "none".to_owned()))
}

fn quota_found(quota_us: u64, period_us: u64) -> (Level, String) {
    (Critical, format!("{quota_us} us of processor time in {period_us} us"))
}
