//! The definition of the command line, from which parser, help, completions and man pages are
//! generated.

use crate::commands::replay_itch;
use crate::commands::size::Wanted;
use crate::diagnostic::{Diagnostic, Outcome};
use crate::io::output;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ErrorKind};
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueHint};
use std::ffi::OsString;
use std::io;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use vvp_core::wire::mold::Session;
use vvp_replay::itch::Every;
use vvp_std_adapter::pipeline::processes::{GATEWAYS_MAX, PUBLISHERS_MAX, PipelineStatus};
use vvpx::bench::Group;
use vvpx::text::{Format, InputFormat};

const TEMPLATE: &str = "{bin} - {about}\n\n{usage-heading} {usage}\n\n{all-args}{after-help}";

const EXIT_CODES: &str = "\
Without a subcommand, 'vvpx' is 'vvpx run'.

Exit codes: 0 done; 1 bad input or an error; 2 a usage error; 130 stopped by Ctrl-C.
doctor has its own.";

/// Matches orders.
#[derive(Debug, Parser)]
#[command(name = "vvpx", bin_name = "vvpx", version, about = "order matching at the command line")]
#[command(help_template = TEMPLATE, after_help = EXIT_CODES, subcommand_required = true, max_term_width = 100)]
pub(crate) struct Vvp {
    #[command(subcommand)]
    pub(crate) subcommand: Sub,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sub {
    /// plays an order file through the pipeline; shows the book and a summary
    Run(Run),
    /// reads commands, prints events
    Match(Match),
    /// rebuilds books from recorded market data: NASDAQ ITCH 5.0, LOBSTER
    Replay(Replay),
    /// checks this machine's set-up for low latency, and lists remedies
    Doctor(Doctor),
    /// kills stages of a pipeline of processes at random, and proves that nothing was lost
    Stress(Stress),
    /// shows the state of a running pipeline of processes
    Top(Top),
    /// runs one stage of a pipeline of processes
    #[command(hide = true)]
    Stage(StageArgs),
    /// measures this machine: every structure, and orders through the whole path at fixed rates
    Bench(Bench),
    /// converts text into binary records
    Encode(Encode),
    /// converts binary records into text
    Decode(Decode),
    /// computes the type and the bytes of an engine for a number of orders and symbols
    Size(Size),
    /// prints a completion script for a shell
    Completions(Completions),
    /// prints the man page of vvpx or of a subcommand
    Man(Man),
}

impl Sub {
    /// The word of the command line that chooses it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Match(_) => "match",
            Self::Replay(_) => "replay",
            Self::Doctor(_) => "doctor",
            Self::Stress(_) => "stress",
            Self::Top(_) => "top",
            Self::Stage(_) => "stage",
            Self::Bench(_) => "bench",
            Self::Encode(_) => "encode",
            Self::Decode(_) => "decode",
            Self::Size(_) => "size",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
Commands are decoded from text and matched; every event is formatted as text and discarded ('vvpx match' prints it).
Exit code 1 if a line was not a command. At the end, standard error lists how many commands of FILE were refused, by
reason.")]
pub(crate) struct Run {
    /// commands, - for standard input; without it, a built-in session of 25,000 commands
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<String>,
    /// print only the summary, as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// run on one thread
    #[arg(long)]
    pub(crate) inline: bool,
    /// format of the commands; detected if absent
    #[arg(long, value_parser = input_format())]
    pub(crate) format: Option<InputFormat>,
    #[command(flatten)]
    pub(crate) size: Wanted,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
Each command is answered immediately, for interactive use. Exit code 1 if a line was not a command; such a
line is answered in sequence and reported on standard error, and the run goes on. At the end, standard error lists how
many commands were refused, by reason. The default capacity needs 1 GiB of address space (ulimit -v 1048576); memory is
used only for pages that hold orders.")]
pub(crate) struct Match {
    /// commands; - is standard input
    #[arg(default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: String,
    /// after the events, print the book of each instrument as a line of JSON
    #[arg(long)]
    pub(crate) book: bool,
    /// format of the commands: jsonl, csv, or bin (see vvpx encode); detected if absent
    #[arg(long, value_parser = input_format())]
    pub(crate) format: Option<InputFormat>,
    /// format of the events
    #[arg(long, value_parser = input_format(), default_value = "jsonl")]
    pub(crate) out_format: InputFormat,
    /// run on one thread; the output is the same
    #[arg(long)]
    pub(crate) inline: bool,
    /// print market data instead of events, a line of JSON a record: l1 best bid and ask, l2 price
    /// levels, l3 single orders; on one thread
    #[arg(long, value_name = "VIEW", value_parser = ["l1", "l2", "l3"])]
    pub(crate) feed: Option<String>,
    /// at the end, print a line of JSON on standard error with a 64-bit hash of the engine's state:
    /// equal for two runs if the engines would answer all further commands alike
    #[arg(long)]
    pub(crate) state_hash: bool,
    #[command(flatten)]
    pub(crate) size: Wanted,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
itch: NASDAQ TotalView-ITCH 5.0, every stock of the day; several files are one day in parts. pcap and pcapng files with
MoldUDP64 open as well, several of them together (line A and line B). What was not read is reported at the end, in one
line on standard error, and the exit code is 1.
lobster: one stock, FILE is its message file; checked against its recorded book.
.gz, .xz and .zst files open directly.")]
pub(crate) struct Replay {
    /// the recorded files; - is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<String>,
    /// format of the files; auto detects it
    #[arg(long, value_parser = ["auto", "itch", "lobster"], default_value = "auto")]
    pub(crate) format: String,
    /// print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// itch: csv, jsonl or bin: write rows to standard output, and the summary to standard error.
    /// lobster: a file: write our book after every event, in the same format; - is standard output
    #[arg(long, value_name = "FORMAT|FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// only this stock in rows, ladders and summary (may be given again)
    #[arg(long, value_name = "SYMBOL", help_heading = "Options of itch")]
    pub(crate) symbol: Vec<String>,
    /// stop after this time (10:30:00.5, US Eastern) and draw the books of the symbols
    #[arg(long, value_name = "TIME", help_heading = "Options of itch", value_parser = replay_itch::time_of_day)]
    pub(crate) at: Option<u64>,
    /// levels a side to write or draw (default: 1 to write, 10 to draw)
    #[arg(long, value_name = "N", help_heading = "Options of itch")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) depth: Option<u16>,
    /// with --out: a row after each event (default), or each 100ms, 1s, 5m, ...
    #[arg(long, value_name = "WHEN", help_heading = "Options of itch", value_parser = replay_itch::every)]
    pub(crate) every: Option<Every>,
    /// of captures: only packets to this address (may be given again: one for each line)
    #[arg(long, value_name = "ADDRESS", help_heading = "Options of itch", value_parser = replay_itch::group)]
    pub(crate) group: Vec<Ipv6Addr>,
    /// of captures: only packets to this UDP port (may be given again)
    #[arg(long, value_name = "N", help_heading = "Options of itch")]
    pub(crate) port: Vec<u16>,
    /// of captures: only packets of this session; default: the one with the most packets
    #[arg(long, value_name = "NAME", help_heading = "Options of itch", value_parser = replay_itch::session)]
    pub(crate) session: Option<Session>,
    /// send the day through the matching engine as well and compare its trades with the tape
    #[arg(long, help_heading = "Options of itch")]
    pub(crate) drive: bool,
    /// end with exit code 1 at the first anomaly
    #[arg(long, help_heading = "Options of itch")]
    pub(crate) strict: bool,
    /// omit bbo_fnv1a64: faster
    #[arg(long, help_heading = "Options of itch")]
    pub(crate) no_checksum: bool,
    /// LOBSTER's order-book file: gives the start, and the levels that enter its window at the edge
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Options of lobster")]
    pub(crate) orderbook: Option<PathBuf>,
    /// compare our book with the order-book file after every event; stop at the first difference
    #[arg(long, help_heading = "Options of lobster")]
    pub(crate) verify: bool,
    /// levels a side to write (default: those of the order-book file)
    #[arg(long, value_name = "N", help_heading = "Options of lobster")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) levels: Option<u16>,
    /// price step in ten-thousandths of a dollar (default: 100, or 1 if the first row needs it)
    #[arg(long, value_name = "N", help_heading = "Options of lobster")]
    #[arg(value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
    pub(crate) tick: Option<i64>,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
For each finding: what is, what is best, the command to get there, and why it matters. Nothing is changed.

Exit codes: the worst finding: 0 good (or unknown), 10 advice, 20 warning, 30 critical;
            1 an error, 2 a usage error")]
pub(crate) struct Doctor {
    /// all findings as one JSON object on one line
    #[arg(long)]
    pub(crate) json: bool,
    /// read a copy of /proc and /sys below DIR instead of this machine's
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) root: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
Prints Rust types for vvp-core. Every structure has its full size from the start, so the engine never takes more bytes.
Exit code 1 if there is no such engine, or it does not fit --memory; the message then names the orders that would fit.")]
pub(crate) struct Size {
    /// resting orders in each book
    #[arg(long, value_name = "N", value_parser = up_to((1 << 27) - 1))]
    pub(crate) orders: usize,
    /// instruments
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = up_to(usize::from(u16::MAX)))]
    pub(crate) symbols: usize,
    /// ticks a side near the best price where a level is found without a search
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = up_to(262_144))]
    pub(crate) ticks: usize,
    /// price levels a side beyond those ticks; default: a quarter of the orders
    #[arg(long, value_name = "N")]
    pub(crate) far_levels: Option<usize>,
    /// untriggered stops in each book; default: an eighth of the orders
    #[arg(long, value_name = "N")]
    pub(crate) stops: Option<usize>,
    /// owners with risk limits
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) owners: usize,
    /// available memory: bytes, or a number with KiB, MiB or GiB
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub(crate) memory: Option<u64>,
    /// pointer width of the target in bits
    #[arg(long, value_name = "BITS", default_value = "64", value_parser = PossibleValuesParser::new(["32", "64"]))]
    pub(crate) target: String,
    /// print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Parses a size: `512KiB`, `64 MiB`, `1048576`.
fn memory(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let unit = match text[digits.len()..].trim_start() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        other => return Err(format!("'{other}' is no unit; use B, KiB, MiB or GiB")),
    };
    let number: u64 = digits.parse().map_err(|_| "not a whole number of bytes, KiB, MiB or GiB".to_owned())?;
    number.checked_mul(unit).filter(|&n| n > 0).ok_or_else(|| "must be from 1 byte to 16 EiB".to_owned())
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
Gateways send generated commands to a matcher, which sends events to publishers; each is a process. Repeatedly one of them
is killed (SIGKILL) and restarted, or stopped for a moment, so that the queues before it fill up. At the end:
  - the journal must hold each gateway's commands once, in order, and unchanged;
  - an undisturbed engine to which the journal is applied must have the matcher's state hash;
  - it must produce exactly the events that each publisher received, each once.
What a killed 'vvpx stress' has left in /dev/shm is removed first.
At Ctrl-C or SIGTERM the gateways are asked to stop; what they have sent is processed, and proved in the same way.

Exit code 1 if anything was lost, duplicated or changed.")]
pub(crate) struct Stress {
    /// commands that each gateway sends
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) commands: u64,
    /// gateways, each a process
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = up_to(GATEWAYS_MAX))]
    pub(crate) gateways: usize,
    /// publishers, each a process
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = up_to(PUBLISHERS_MAX))]
    pub(crate) publishers: usize,
    /// seed of commands and kills
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// maximum milliseconds between two disturbances
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) pause_ms: u64,
    /// in phases, evict a file of this size from memory and read it back, to create memory pressure
    /// (0: none)
    #[arg(long, value_name = "MIB", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=1 << 20))]
    pub(crate) pressure: u64,
    /// give up after this many seconds
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    pub(crate) limit_s: u64,
    /// print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
On a terminal it draws the state twice a second: 0 and 1 choose the book, the arrows scroll, q quits.
Elsewhere it prints the state.
The region is mapped read-only, so the pipeline is not disturbed; 'top' ends when the pipeline has ended.
Exit code 1 if there is no such pipeline, or with --once if it has no state yet.")]
pub(crate) struct Top {
    /// directory of the pipeline; 'vvpx stress' prints it
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) dir: String,
    /// show the state once and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// show the ladder of this instrument
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = book_number())]
    pub(crate) book: usize,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
A stage that was killed and is restarted resumes at the exact sequence position. It ends after the stage before it. At
SIGTERM or Ctrl-C a gateway stops sending, and the others end when everything sent is processed; a stage that is stopped
alone ends after some seconds, and its successor resumes.
'vvpx stress' creates the regions in DIR and starts all stages; 'vvpx top DIR' shows the state.")]
pub(crate) struct StageArgs {
    #[command(subcommand)]
    pub(crate) which: Stage,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Stage {
    /// sends COUNT generated commands through a lane
    Gateway { dir: String, lane: usize, seed: u64, count: u64 },
    /// journals commands, matches them, publishes their events
    Matcher { dir: String },
    /// receives the events, as publisher WHICH
    Publisher {
        dir: String,
        #[arg(default_value_t = 0)]
        which: usize,
    },
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
Each row: nanoseconds per operation, the median of the rounds with the fastest and the slowest, and operations a second.
Rows of two processors show a cache line's round trip before and after; if it changes, the host has moved a processor.
pipeline sends orders through the whole path at fixed rates, on one thread and on two, up to saturation and beyond; then
orders that are not processed, whose latency is that of the machine itself.")]
pub(crate) struct Bench {
    /// what to measure; default: everything
    #[arg(value_name = "GROUP", value_parser = groups())]
    pub(crate) groups: Vec<String>,
    /// a tenth of the operations, three rounds instead of seven
    #[arg(long)]
    pub(crate) quick: bool,
    /// use the real-time class (SCHED_FIFO) for better numbers; on a machine with two processors
    /// nothing else runs meanwhile
    #[arg(long)]
    pub(crate) real_time: bool,
    /// also write the results to FILE (- for standard output, and nothing else there)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "prove")]
    pub(crate) json: Option<String>,
    /// also write a self-contained HTML report
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "prove")]
    pub(crate) html: Option<String>,
    /// compare with the results of an earlier --json; exit code 1 if a row is slower beyond both
    /// ranges
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "prove")]
    pub(crate) compare: Option<String>,
    /// prove with 10,000,000 orders that there is no allocation, and on the matcher's thread no
    /// page fault, no wait and no system call; exit code 1 if there was one, or if it cannot be
    /// counted here; with --quick 1,000,000 orders
    #[arg(long, conflicts_with = "groups")]
    pub(crate) prove: bool,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
Commands as text become 64-byte binary records. A bad line becomes a record of its refusal, is reported on standard error,
and makes the exit code 1. A file OUT is replaced when everything is written, and unchanged after an error.")]
pub(crate) struct Encode {
    /// the commands; - is standard input; .gz, .xz and .zst are unpacked
    #[arg(default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: String,
    /// output of the records; default: standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<String>,
    /// format of the text; detected if absent
    #[arg(long, value_parser = text_format())]
    pub(crate) format: Option<Format>,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
The records are commands, events, or the market data that 'vvpx replay --out bin' writes; this is detected.
A file OUT is replaced when everything is written, and unchanged after an error.")]
pub(crate) struct Decode {
    /// the records; - is standard input; .gz, .xz and .zst are unpacked
    #[arg(default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) file: String,
    /// output of the text; default: standard output
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<String>,
    /// format of the text: jsonl (default) or csv; market data is written as jsonl only
    #[arg(long, value_parser = text_format())]
    pub(crate) format: Option<Format>,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "\
bash:  vvpx completions bash > ~/.local/share/bash-completion/completions/vvpx
zsh:   vvpx completions zsh > _vvp, in a folder of $fpath
fish:  vvpx completions fish > ~/.config/fish/completions/vvpx.fish")]
pub(crate) struct Completions {
    /// the shell
    #[arg(value_parser = shells())]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, after_help = "To read it: vvpx man match | man -l -")]
pub(crate) struct Man {
    /// the subcommand; default: the page of vvpx itself
    #[arg(action = ArgAction::Set)]
    pub(crate) subcommand: Option<String>,
}

fn input_format() -> impl TypedValueParser<Value = InputFormat> {
    PossibleValuesParser::new(["jsonl", "csv", "bin"]).map(|word| InputFormat::from_word(&word).unwrap_or_default())
}

fn text_format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["jsonl", "csv"]).map(|word| Format::from_word(&word).unwrap_or(Format::Jsonl))
}

fn groups() -> PossibleValuesParser {
    PossibleValuesParser::new(Group::ALL.into_iter().map(Group::name).chain(["all"]))
}

fn shells() -> impl TypedValueParser<Value = clap_complete::Shell> {
    clap::value_parser!(clap_complete::Shell)
}

/// Returns a parser of counts from 1 to `most`.
pub(crate) fn up_to(most: usize) -> impl TypedValueParser<Value = usize> {
    move |word: &str| {
        let count = word.parse().ok().filter(|count| (1..=most).contains(count));
        count.ok_or_else(|| format!("not a whole number from 1 to {most}"))
    }
}

/// Returns a parser of the numbers of the books that a pipeline shows.
fn book_number() -> impl TypedValueParser<Value = usize> {
    let most = PipelineStatus::default().books.len().saturating_sub(1);
    clap::value_parser!(u64).range(..=most as u64).map(|book| usize::try_from(book).unwrap_or(usize::MAX))
}

/// Parses a command line: a subcommand; or else a help text, or the usage error.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Sub, Result<String, Diagnostic>> {
    let mut words: Vec<OsString> = words.collect();
    // Without a subcommand, all arguments are those of `run`.
    let first = words.get(1).and_then(|word| word.to_str());
    let tops = ["-h", "--help", "-V", "--version"];
    if first.is_none_or(|word| word.starts_with('-') && !tops.contains(&word)) && words.get(1).is_none_or(is_utf8) {
        words.insert(words.len().min(1), "run".into());
    }
    Vvp::try_parse_from(&words).map(|parsed| parsed.subcommand).map_err(|error| {
        if !error.use_stderr() {
            return Ok(error.to_string());
        }
        let word = words.get(1).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        let known = Vvp::command().find_subcommand(&word).is_some();
        if !known && std::path::Path::new(&word).exists() {
            let remedy = format!("to play that file, say 'vvpx run {word}'");
            return Err(Diagnostic::usage("not a subcommand").argument(word).remedy(remedy));
        }
        Err(usage(&error).of(if known { word } else { String::new() }))
    })
}

fn is_utf8(word: &OsString) -> bool {
    word.to_str().is_some()
}

/// Returns the parser's error in the one shape of messages, with its tips as remedies.
fn usage(error: &clap::Error) -> Diagnostic {
    let context = |kind| error.get(kind).map(ToString::to_string).filter(|text| !text.is_empty());
    let value = || context(ContextKind::InvalidValue);
    let values = context(ContextKind::ValidValue).map_or_else(String::new, |all| format!(" [possible values: {all}]"));
    let what = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Diagnostic::usage("a subcommand is missing").remedy("say what is to be done");
        }
        ErrorKind::UnknownArgument => Some("unexpected argument".to_owned()),
        ErrorKind::InvalidSubcommand => Some("unrecognized subcommand".to_owned()),
        ErrorKind::MissingRequiredArgument => Some("a required argument is missing".to_owned()),
        ErrorKind::InvalidValue => Some(match value() {
            Some(value) => format!("invalid value '{value}'{values}"),
            None => format!("a value is required{values}"),
        }),
        ErrorKind::ValueValidation => value().map(|value| match std::error::Error::source(error) {
            Some(why) => format!("invalid value '{value}': {why}"),
            None => format!("invalid value '{value}'"),
        }),
        ErrorKind::TooManyValues => value().map(|value| format!("unexpected value '{value}'")),
        ErrorKind::ArgumentConflict => {
            context(ContextKind::PriorArg).map(|other| format!("cannot be used with '{other}'"))
        }
        _ => None,
    };
    let place = context(ContextKind::InvalidArg).or_else(|| context(ContextKind::InvalidSubcommand));
    let text = error.to_string();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let failed = match (what, place) {
        (Some(what), Some(place)) => Diagnostic::usage(what).argument(place),
        // The parser's own sentence names the argument.
        _ => Diagnostic::usage(lines().next().map_or("", |line| line.strip_prefix("error: ").unwrap_or(line))),
    };
    lines().filter_map(|line| line.strip_prefix("tip: ")).fold(failed, Diagnostic::remedy)
}

/// `vvpx completions`.
pub(crate) fn completions(request: &Completions) -> Outcome {
    let mut out = Vec::new();
    clap_complete::generate(request.shell, &mut Vvp::command(), "vvpx", &mut out);
    output::say(&String::from_utf8_lossy(&out))
}

/// `vvpx man`.
pub(crate) fn man(request: &Man) -> Outcome {
    let name = request.subcommand.as_deref();
    let Some(page) = man_page(name) else {
        return Err(Diagnostic::usage("there is no such subcommand").argument(name.unwrap_or_default()));
    };
    let page = page.map_err(|e| Diagnostic::error(e.to_string()))?;
    output::say(&String::from_utf8_lossy(&page))
}

/// Renders the page of a subcommand, or of `vvpx` itself; `None` if there is no such subcommand.
fn man_page(subcommand: Option<&str>) -> Option<io::Result<Vec<u8>>> {
    let mut all = Vvp::command();
    all.build();
    let command = match subcommand {
        None => all,
        Some(name) => all.find_subcommand(name)?.clone(),
    };
    let mut out = Vec::new();
    Some(clap_mangen::Man::new(command).render(&mut out).map(|()| out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &[&str]) -> String {
        match parse(words.iter().map(OsString::from)) {
            Err(Err(failure)) => failure.to_string(),
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Vvp::command().debug_assert();
    }

    #[test]
    fn misspelled_words_get_a_suggestion() {
        for (words, says) in [
            (&["vvpx", "mtach"][..], "a similar subcommand exists: 'match'; try 'vvpx --help'"),
            (&["vvpx", "match", "--lvels", "3"], "a similar argument exists: '--levels'; try 'vvpx match --help'"),
            (&["vvpx", "bench", "queue"], "a similar value exists: 'queues'; try 'vvpx bench --help'"),
            (&["vvpx", "--jsn"], "a similar argument exists: '--json'; try 'vvpx run --help'"),
            (&["vvpx", "stage"], "a subcommand is missing: say what is to be done; try 'vvpx stage --help'"),
        ] {
            let message = refused(words);
            assert!(message.ends_with(says) && !message.contains('\n'), "{words:?}: {message}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_the_range() {
        for (words, range) in [
            (&["vvpx", "stress", "--limit-s", "0"][..], "1..=4294967296"),
            (&["vvpx", "stress", "--gateways", "5"], "from 1 to 4"),
            (&["vvpx", "top", "dir", "--book", "2"], "0..=1"),
            (&["vvpx", "replay", "x", "--levels", "1001"], "1..=1000"),
        ] {
            let message = refused(words);
            assert!(message.contains(range), "{words:?}: {message}");
        }
    }

    #[test]
    fn help_of_a_subcommand_comes_in_both_ways() {
        for sub in Vvp::command().get_subcommands().map(|sub| sub.get_name().to_owned()) {
            let say = |words: [&str; 3]| match parse(words.iter().map(OsString::from)) {
                Err(Ok(text)) => text,
                other => panic!("{words:?}: {other:?}"),
            };
            let (help, dashes) = (say(["vvpx", "help", &sub]), say(["vvpx", &sub, "--help"]));
            assert_eq!(help, dashes);
            assert!(help.contains(&format!("Usage: vvpx {sub}")), "{help}");
        }
    }

    #[test]
    fn completions_and_man_pages_know_every_subcommand() {
        for shell in ["bash", "zsh", "fish"] {
            let shell = clap::ValueEnum::from_str(shell, false).expect("a shell");
            let mut out = Vec::new();
            clap_complete::generate::<clap_complete::Shell, _>(shell, &mut Vvp::command(), "vvpx", &mut out);
            let script = String::from_utf8(out).expect("text");
            for word in ["match", "replay", "state-hash", "orderbook", "completions"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
        for sub in Vvp::command().get_subcommands() {
            let page = man_page(Some(sub.get_name())).expect("a page").expect("rendered");
            assert!(String::from_utf8_lossy(&page).contains(".SH OPTIONS"));
        }
        assert!(man_page(Some("mtach")).is_none());
    }
}
