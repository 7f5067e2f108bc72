//! Measures how much `vvpx top` slows down a pipeline: commands matched a second, alternately
//! without `top` and with one that samples twice a second.
//!
//! `cargo build --release && cargo run --release -p vvpx --example top_cost`

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vvp_std_adapter::pipeline::processes::PipelineDirectory;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(500);
const COMMANDS_MAX: usize = 40_000_000;

/// A child that does not outlive this.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // std sends nothing once the child was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn vvpx(words: &[&str]) -> Killed {
    let this = std::env::current_exe().expect("this program");
    let vvpx = this.parent().and_then(|examples| examples.parent()).expect("a target folder").join("vvpx");
    Killed(Command::new(vvpx).args(words).stdout(Stdio::null()).spawn().expect("cargo build --release first"))
}

fn main() {
    let dir = format!("/dev/shm/vvp-top-cost-{}", std::process::id());
    let directory = PipelineDirectory::create(dir.as_ref(), COMMANDS_MAX).expect("room");
    let all = COMMANDS_MAX.to_string();
    let stages = [
        vvpx(&["stage", "publisher", &dir]),
        vvpx(&["stage", "matcher", &dir]),
        vvpx(&["stage", "gateway", &dir, "0", "1", &all]),
    ];
    let mut view = directory.view().expect("there");
    let mut commands = || view.read().map_or(0, |snapshot| snapshot.commands);
    std::thread::sleep(ROUND);
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (which, rates) in rates.iter_mut().enumerate() {
            let _top = (which == 1).then(|| vvpx(&["top", &dir]));
            // Its start is no part of it.
            std::thread::sleep(ROUND / 10);
            let (start, before) = (Instant::now(), commands());
            std::thread::sleep(ROUND);
            let done = u128::from(commands() - before);
            rates.push(done * 1_000_000 / start.elapsed().as_micros().max(1));
        }
    }
    assert!(commands() < COMMANDS_MAX as u64, "it has ended: allow more commands");
    let mut medians = [0; 2];
    for ((name, rates), median) in ["without top", "with vvpx top"].into_iter().zip(&mut rates).zip(&mut medians) {
        rates.sort_unstable();
        *median = rates[ROUNDS / 2];
        println!("{name}: {median} commands/s [{}..{}]", rates[0], rates[ROUNDS - 1]);
    }
    println!("with top, {} per mille of the rate without it", medians[1] * 1_000 / medians[0].max(1));
    drop(stages);
    std::fs::remove_dir_all(&dir).expect("ours");
}
