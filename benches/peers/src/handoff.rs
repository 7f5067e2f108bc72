//! A gateway's messages in, reports out to a second core: `vvp-peers handoff`.
//!
//! ```text
//! vvp-peers handoff [--rounds N] [--only NAME,..] [--reader-pause N] [SCENARIO ..]
//! ```
//!
//! One core reads messages of 32 bytes, hands them to a book and puts its reports, 64 bytes each,
//! into our `Spsc` queue. A second core takes them out immediately and folds every field into a
//! checksum. The time is that from the first message until the second core has the last report.
//! With `--reader-pause` the second core pauses after each small batch, so that it does not take
//! lines that the first one is still filling.
//!
//! - `hand-off alone`: no book, one report for each message.
//! - `floor`: the bare ladder.
//! - `vvp one by one`: natural use, one command for each message.
//! - `vvp in slices`: the same without a call for each message.
//! - `matchcore 0.4`: its own reports, which differ in number.
//!
//! All take turns in one process. The reports of floor and engine must be equal in every field, or
//! the program panics.

use crate::support::adapter::Gateway;
use crate::support::bare_gateway::{BareLadder, NoBook};
use crate::support::gateway::{self, Message, MessageBook, Outbox, Report};
use crate::support::{challenge, host};
use crate::{CORE, Options, matchcore_gateway::Matchcore};
use std::sync::Barrier;
use vvp_core::queue::{Full, PopError, Producer, Spsc};

/// Scenarios, and the swing of the mid of the stream `challenge/*` that each has.
pub const SCENARIOS: [(&str, f64); 5] =
    [("static", 0.0), ("normal", 0.02), ("swing-25", 0.25), ("swing-40", 0.40), ("flash-crash", 0.60)];

const SLOTS: usize = 65_536;
static QUEUE: Spsc<Report, SLOTS> = Spsc::new();

/// Reports staged before they are published, as `QueueSink` does.
const STAGED: u32 = 16;

/// The first core's end of the queue.
struct Publisher {
    queue: Producer<'static, Report, SLOTS>,
    staged: u32,
}

impl Publisher {
    #[cold]
    fn wait(&mut self, mut report: Report) {
        self.queue.publish();
        while let Err(Full(back)) = self.queue.stage(report) {
            report = back;
            core::hint::spin_loop();
        }
    }
}

impl Outbox for Publisher {
    #[inline(always)]
    fn put(&mut self, report: Report) {
        if let Err(Full(report)) = self.queue.stage(report) {
            self.wait(report);
        }
        self.staged += 1;
        if self.staged == STAGED {
            self.staged = 0;
            self.queue.publish();
        }
    }
}

/// What the second core has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Received {
    reports: u64,
    sum: u64,
}

/// Reads to the end, with this many pauses of the processor after a read of fewer than 128 reports.
fn drain(pause: usize) -> Received {
    let mut queue = QUEUE.consumer().expect("not claimed");
    let mut got = Received::default();
    loop {
        let batch = queue.read_up_to(256);
        let n = batch.len();
        for report in batch.iter() {
            got.sum = report.fold(got.sum);
        }
        batch.release();
        got.reports += n as u64;
        if n < 128 {
            for _ in 0..pause {
                core::hint::spin_loop();
            }
        }
        if n == 0 {
            core::hint::spin_loop();
            match queue.pop() {
                Ok(report) => {
                    got.sum = report.fold(got.sum);
                    got.reports += 1;
                }
                Err(PopError::Closed) => return got,
                Err(_) => {}
            }
        }
    }
}

/// Ticks of one run, and what arrived.
fn once(book: &mut dyn MessageBook<Publisher>, messages: &[Message], pause: usize) -> (u64, Received) {
    book.reset();
    // A thread starts on the core of its maker, which must sleep until it has moved.
    let ready = Barrier::new(2);
    // Claimed first: until then the queue is as the last run left it, closed.
    let producer = QUEUE.producer().expect("not claimed");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            host::pin(1 - CORE);
            host::real_time();
            ready.wait();
            drain(pause)
        });
        ready.wait();
        let mut out = Publisher { queue: producer, staged: 0 };
        let start = host::ticks();
        book.run(messages, &mut out);
        out.queue.publish();
        out.queue.close();
        let got = reader.join().expect("a reader that ends");
        (host::ticks() - start, got)
    })
}

fn books(only: &[String]) -> Vec<Box<dyn MessageBook<Publisher>>> {
    let all: Vec<Box<dyn MessageBook<Publisher>>> = vec![
        Box::new(NoBook),
        Box::new(BareLadder::new()),
        Box::new(Gateway::<false>::new()),
        Box::new(Gateway::<true>::new()),
        Box::new(Matchcore::new()),
    ];
    let wanted = |name: &str| {
        only.is_empty()
            || name == "floor"
            || name.starts_with("vvp")
            || only.iter().any(|o| name.starts_with(o.as_str()))
    };
    all.into_iter().filter(|book| wanted(book.name())).collect()
}

/// Runs the scenarios that the options name, all if they name none.
pub fn run(o: &Options) {
    let ticks_per_ns = host::ticks_per_ns();
    let mut books = books(&o.only);
    for (name, swing) in SCENARIOS {
        if o.streams.is_empty() || o.streams.iter().any(|wanted| wanted == name) {
            scenario(name, swing, o, ticks_per_ns, &mut books);
        }
    }
}

fn scenario(
    name: &'static str,
    swing: f64,
    o: &Options,
    ticks_per_ns: f64,
    books: &mut [Box<dyn MessageBook<Publisher>>],
) {
    let messages = gateway::messages(&challenge::stream(name, swing, 1_000_000).commands);
    let mut times: Vec<Vec<f64>> = vec![vec![]; books.len()];
    let mut received = vec![Received::default(); books.len()];
    for _ in 0..o.rounds {
        for ((book, times), received) in books.iter_mut().zip(&mut times).zip(&mut received) {
            let mut ticks = 0;
            for _ in 0..3 {
                let before = host::preemptions();
                (ticks, *received) = once(book.as_mut(), &messages, o.reader_pause);
                if host::preemptions() == before {
                    break;
                }
            }
            times.push(ticks as f64 / ticks_per_ns / messages.len() as f64);
        }
    }
    let at = books.iter().position(|book| book.name() == "floor").expect("the floor is among them");
    println!("handoff/{name}: {} messages, {} rounds; share of the floor's rate", messages.len(), o.rounds);
    for (book, got) in books.iter().zip(&received).filter(|(book, _)| book.name().starts_with("vvp")) {
        assert_eq!(*got, received[at], "{}: reports of {} and of the floor", name, book.name());
    }
    // Of each round, the floor's time over the other's: what disturbs a round disturbs both.
    let floor = times[at].clone();
    for ((book, times), got) in books.iter().zip(&mut times).zip(&received) {
        let mut shares: Vec<f64> = floor.iter().zip(times.iter()).map(|(floor, time)| floor / time).collect();
        shares.sort_by(f64::total_cmp);
        times.sort_by(f64::total_cmp);
        let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
        let note = match got {
            got if *got == received[at] => "reports as the floor's".into(),
            got => format!("{} reports, the floor's {}", got.reports, received[at].reports),
        };
        println!(
            "  {:16} {median:7.1} ns [{:.1} .. {last:.1}] {:6.1} M/s  {:5.2} x [{:.2} .. {:.2}]  {note}",
            book.name(),
            times[0],
            1000.0 / median,
            shares[shares.len() / 2],
            shares[0],
            shares[shares.len() - 1],
        );
    }
}
