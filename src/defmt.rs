//! `defmt::Format` where it cannot be derived: records are shown as what they say, structures as
//! their statistics.

use crate::book::{Command, Event, Op};
use crate::market_data::Record;
use crate::metrics::{Counter, Gauge, Histogram, SharedCounter, SharedGauge};
use crate::queue::{Frames, Mpsc, RobustMpsc, SequencedSpsc, Spsc};
use ::defmt::{Format, Formatter, write};

impl Format for Event {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Event {=u32} {} {} {}", self.seq_low(), self.instrument(), self.ts(), self.body());
    }
}

impl Format for Command {
    fn format(&self, f: Formatter<'_>) {
        match self.op() {
            Op::Replace => write!(f, "Replace {} {} {}", self.instrument_id(), self.id(), self.replacement()),
            Op::Phase => write!(f, "Phase {} {}", self.instrument_id(), self.new_phase()),
            Op::Instrument => write!(f, "Instrument {} {}", self.instrument_id(), self.instrument_spec()),
            Op::Limits => write!(f, "Limits {} {}", self.owner(), self.new_limits()),
            op => write!(
                f,
                "{} {} {} owner {} price {} qty {}",
                op,
                self.instrument_id(),
                self.id(),
                self.owner(),
                self.price_field(),
                self.qty()
            ),
        }
    }
}

impl Format for Record {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Record {=u32} {} {}", self.number_low(), self.instrument(), self.parse());
    }
}

impl Format for Histogram {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Histogram of {=u64} from {=u64} to {=u64}", self.count(), self.min(), self.max());
    }
}

macro_rules! numbers {
    ($($t:ident),*) => { $(
        impl Format for $t {
            fn format(&self, f: Formatter<'_>) {
                write!(f, "{}", self.get());
            }
        }
    )* };
}
numbers!(Counter, Gauge, SharedCounter, SharedGauge);

macro_rules! queues {
    ($($t:ident),*) => { $(
        impl<T, const N: usize> Format for $t<T, N> {
            fn format(&self, f: Formatter<'_>) {
                write!(f, "{=str} of {=usize}: {}", stringify!($t), N, self.stats());
            }
        }
    )* };
}
queues!(Spsc, SequencedSpsc, Mpsc);

impl<T: crate::sync::Plain, const N: usize, const LANES: usize> Format for RobustMpsc<T, N, LANES> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "RobustMpsc of {=usize}: {}", N, self.stats());
    }
}

impl<const N: usize> Format for Frames<N> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Frames of {=usize} bytes: {}", N, self.stats());
    }
}
