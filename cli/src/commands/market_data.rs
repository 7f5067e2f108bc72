//! `vvpx decode` for market data: the records that `vvpx replay --out bin` writes, without a
//! header.

use crate::commands::decode::Ended;
use crate::diagnostic::Place;
use crate::io::files::Complaints;
use crate::io::output::OutFile;
use std::io::{self, Read};
use vvp_core::book::{InstrumentSpec, Symbol, Tick};
use vvp_core::market_data::Record;
use vvpx::text::{FEED_LINE_MAX, LineWriter, RECORD, RecordReader, Whole, feed_line};

/// Reads the first record's bytes; fewer at the end of the input.
pub(crate) fn head(whole: &mut Whole<'_>) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(RECORD);
    whole.by_ref().take(RECORD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Returns whether a file begins with the first record of market data, which has the number 1.
pub(crate) fn is_feed(head: &[u8]) -> bool {
    let record = head.first_chunk::<RECORD>().and_then(|bytes| Record::from_record(bytes).ok());
    record.is_some_and(|record| record.number_low() == 1)
}

/// Writes the records as lines. Their instrument is the stock's locate, named `#` and the number;
/// their prices are in ten-thousandths of a dollar.
pub(crate) fn lines(
    records: &mut RecordReader<Whole<'_>>,
    out: &mut LineWriter<OutFile>,
    complaints: &mut Complaints<'_>,
) -> Result<(), Ended> {
    let mut number: u64 = 0;
    while let Some(bytes) = records.next_record()? {
        let at = number * RECORD as u64;
        number += 1;
        let record = match Record::from_record(bytes) {
            Ok(record) if record.number_low() == number as u32 => record,
            Ok(record) => {
                let got = record.number_low();
                let what = format!("record {got} where record {number} should be");
                complaints.add(&what, |file| Place::Byte(file, at));
                return Ok(());
            }
            Err(bad) => {
                complaints.add(&bad, |file| Place::Byte(file, at));
                continue;
            }
        };
        let name = format!("#{}", record.instrument().get());
        let symbol = Symbol::new(name.as_bytes()).unwrap_or(Symbol::X);
        let tick = Tick::new(1, 4).unwrap_or(Tick::ONE);
        let spec = InstrumentSpec { tick, ..InstrumentSpec::new(symbol) };
        out.line(FEED_LINE_MAX, |line| feed_line(number, &record, &spec, line)).map_err(Ended::Output)?;
    }
    Ok(())
}
