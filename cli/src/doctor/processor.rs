//! Processors: their clock, their speed, and what else runs on them.

use super::Level::{Advice, Critical, Good, Warning};
use super::{Level, Topic, written};
use vvp_std_adapter::os::System;

type Outcome = Option<(Level, String)>;

pub(super) const TOPICS: &[Topic] = &[
    Topic {
        id: "tsc",
        title: "invariant time-stamp counter",
        best: "constant_tsc and nonstop_tsc",
        remedy: "use a processor with an invariant TSC; on a virtual machine, ask the host to pass it on (-cpu host,+invtsc)",
        why: "without it each reading of the clock is a system call: 25 ns and more instead of 10",
        check: tsc,
    },
    Topic {
        id: "clocksource",
        title: "the kernel's clock",
        best: "tsc (arch_sys_counter on Arm)",
        remedy: "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource, or boot with clocksource=tsc tsc=reliable",
        why: "hpet and acpi_pm cost about a microsecond a reading, and each is a system call",
        check: clocksource,
    },
    Topic {
        id: "governor",
        title: "frequency governor",
        best: "performance",
        remedy: "cpupower frequency-set -g performance",
        why: "other governors slow down an idle core; speeding up again takes tens of microseconds to milliseconds",
        check: governor,
    },
    Topic {
        id: "turbo",
        title: "turbo",
        best: "off for reproducible latency; on if only the mean counts",
        remedy: "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 > /sys/devices/system/cpu/cpufreq/boost",
        why: "the frequency depends on temperature and other cores, and each change stops the core for some 10 us",
        check: turbo,
    },
    Topic {
        id: "isolated",
        title: "isolated cores",
        best: "one core for each hot thread",
        remedy: "boot with isolcpus=managed_irq,domain,2-5 (your cores), then restart",
        why: "on other cores the scheduler may run other threads for milliseconds while the matcher waits",
        check: isolated,
    },
    Topic {
        id: "nohz",
        title: "timer tick on isolated cores",
        best: "off (nohz_full) on each isolated core",
        remedy: "boot with nohz_full=2-5 rcu_nocbs=2-5 (your cores), then restart",
        why: "each tick, 100 to 1,000 times a second, interrupts the thread for 1 to 10 us",
        check: nohz,
    },
    Topic {
        id: "smt",
        title: "two threads a core (SMT)",
        best: "off, or the hot cores' siblings left idle",
        remedy: "echo off > /sys/devices/system/cpu/smt/control, or leave the sibling of each hot core unused",
        why: "a busy sibling takes up to half of the core's execution units and L1 caches",
        check: smt,
    },
    Topic {
        id: "mitigations",
        title: "mitigations of processor vulnerabilities",
        best: "off on a machine that runs only trusted programs",
        remedy: "boot with mitigations=off, if only trusted code ever runs on this machine",
        why: "they lengthen every system call and interrupt by 0.1 to 2 us",
        check: mitigations,
    },
    Topic {
        id: "irqbalance",
        title: "irqbalance",
        best: "not running, or kept away from the hot cores",
        remedy: "systemctl disable --now irqbalance; then write the other cores to /proc/irq/default_smp_affinity",
        why: "it may move an interrupt to a hot core at any moment",
        check: irqbalance,
    },
];

fn tsc(system: &System) -> Outcome {
    let cpuinfo = system.text("proc/cpuinfo")?;
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':'))?.1;
    let has = |name| flags.split_ascii_whitespace().any(|flag| flag == name);
    Some(match (has("constant_tsc"), has("nonstop_tsc")) {
        (true, true) => (Good, "constant_tsc and nonstop_tsc".to_owned()),
        (true, false) => (Warning, "constant_tsc, but it stops in deep sleep".to_owned()),
        _ => (Critical, "the counter changes its rate".to_owned()),
    })
}

fn clocksource(system: &System) -> Outcome {
    let folder = "sys/devices/system/clocksource/clocksource0";
    let current = system.text(format!("{folder}/current_clocksource"))?;
    let level = match current.as_str() {
        "tsc" | "arch_sys_counter" => Good,
        // Also read without a system call, a little slower.
        "kvm-clock" | "hyperv_clocksource_tsc_page" => Advice,
        _ => Critical,
    };
    Some((level, current))
}

/// Returns the online processors.
fn online(system: &System) -> Option<Vec<usize>> {
    system.list("sys/devices/system/cpu/online")
}

fn governor(system: &System) -> Outcome {
    let of = |cpu| system.text(format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"));
    let governors: Vec<(usize, String)> = online(system)?.into_iter().filter_map(|c| Some((c, of(c)?))).collect();
    if governors.is_empty() {
        return None;
    }
    let mut slow = governors.iter().filter(|(_, governor)| governor != "performance");
    Some(match slow.next() {
        None => (Good, "performance".to_owned()),
        Some((_, name)) => {
            let cpus: Vec<usize> = governors.iter().filter(|(_, g)| g != "performance").map(|(c, _)| *c).collect();
            (Warning, format!("{name} on processors {}", written(&cpus)))
        }
    })
}

fn turbo(system: &System) -> Outcome {
    let off = system.number("sys/devices/system/cpu/intel_pstate/no_turbo").map(|n| n != 0);
    let off = off.or_else(|| system.number("sys/devices/system/cpu/cpufreq/boost").map(|n| n == 0))?;
    Some(if off { (Good, "off".to_owned()) } else { (Advice, "on".to_owned()) })
}

fn isolated(system: &System) -> Outcome {
    let cpus = system.list("sys/devices/system/cpu/isolated")?;
    Some(if cpus.is_empty() { (Warning, "none".to_owned()) } else { (Good, written(&cpus)) })
}

fn nohz(system: &System) -> Outcome {
    // A kernel without support has no such file; without the boot parameter it is "(null)" or
    // empty.
    let isolated = system.list("sys/devices/system/cpu/isolated")?;
    let quiet =
        system.text("sys/devices/system/cpu/nohz_full").and_then(|t| vvp_std_adapter::os::list(&t)).unwrap_or_default();
    let ticking: Vec<usize> = isolated.iter().copied().filter(|cpu| !quiet.contains(cpu)).collect();
    Some(if quiet.is_empty() {
        (Advice, "no core is free of the tick".to_owned())
    } else if ticking.is_empty() {
        (Good, written(&quiet))
    } else {
        (Advice, format!("{}, but not the isolated {}", written(&quiet), written(&ticking)))
    })
}

fn smt(system: &System) -> Outcome {
    let on = system.number("sys/devices/system/cpu/smt/active")? != 0;
    Some(if on { (Advice, "on".to_owned()) } else { (Good, "off".to_owned()) })
}

fn mitigations(system: &System) -> Outcome {
    let folder = "sys/devices/system/cpu/vulnerabilities";
    let states: Vec<(String, String)> = system
        .names(folder)
        .into_iter()
        .filter_map(|name| Some((name.clone(), system.text(format!("{folder}/{name}"))?)))
        .collect();
    if states.is_empty() {
        return None;
    }
    let active: Vec<&str> =
        states.iter().filter(|(_, state)| state.contains("Mitigation")).map(|(name, _)| name.as_str()).collect();
    Some(match active.len() {
        0 => (Good, "none is active".to_owned()),
        _ => (Advice, format!("active against {}", active.join(", "))),
    })
}

fn irqbalance(system: &System) -> Outcome {
    let processes = system.names("proc");
    let mut numbers = processes.iter().filter(|name| name.bytes().all(|b| b.is_ascii_digit())).peekable();
    numbers.peek()?;
    let runs = numbers.any(|n| system.text(format!("proc/{n}/comm")).as_deref() == Some("irqbalance"));
    Some(if runs { (Advice, "running".to_owned()) } else { (Good, "not running".to_owned()) })
}
