//! The parts of a file that a replay did not read, a sentence each, for the message at its end.

use crate::io::files;
use vvp_replay::itch::market::{Anomaly, DayMarket};
use vvp_replay::itch::{Destination, Feeds, Lines, Name, Odd, Wanted};

/// Maximum number of feeds that a sentence names.
const NAMED: usize = 8;

/// Returns the number of valid messages so far.
pub(super) fn valid_messages(market: &DayMarket) -> u64 {
    let anomalies = market.anomalies();
    market.totals().messages - anomalies.count(Anomaly::WrongLength) - anomalies.count(Anomaly::UnknownType)
}

/// Returns the unread parts of captures: packets by kind, and files without a packet of the feed.
pub(super) fn of_captures(names: &[String], lines: &Lines<'_>, wanted: &Wanted, is_whole: bool) -> Vec<String> {
    let stats = lines.stats();
    let name = |capture: usize| names.get(capture).map_or("", |name| files::called(name));
    let of_kind = |(kind, count): (Odd, u64)| {
        let (file, at) = (name(stats.first_odd_capture[kind as usize]), stats.first_odd[kind as usize]);
        let packets = if count == 1 { "packet" } else { "packets" };
        let more = match kind {
            Odd::OtherSession => {
                format!(" ({}; name a feed with --session, --group or --port)", left_out(lines.feeds()))
            }
            Odd::Short => "; capture whole packets".into(),
            _ => String::new(),
        };
        format!("{count} {packets} {} ({}), first at byte {at} of {file}{more}", kind.meaning(), kind.name())
    };
    let mut found: Vec<String> = stats.unread(wanted).map(of_kind).collect();
    if is_whole && names.len() > 1 {
        found.extend(lines.unused().map(|capture| format!("no packet of the feed in {}", name(capture))));
    }
    found
}

/// Returns the sentence about bytes after a length of zero.
pub(super) fn after_end(name: &str, (at, bytes): (u64, u64)) -> String {
    format!("{bytes} bytes after a zero length at byte {at} of {}", files::called(name))
}

/// Returns the sentences about frames without a valid message.
pub(super) fn bad_frames(market: &DayMarket) -> Vec<String> {
    let sentence = |(kind, what): (Anomaly, &str)| {
        let (count, at) = (market.anomalies().count(kind), market.anomalies().places(kind).first()?);
        Some(format!("{count} frames of {what} ({}), first at byte {at}", kind.name()))
    };
    let kinds = [(Anomaly::WrongLength, "a wrong length"), (Anomaly::UnknownType, "an unknown type")];
    kinds.into_iter().filter_map(sentence).collect()
}

fn left_out(feeds: &Feeds) -> String {
    several(feeds.flows().iter().filter(|flow| flow.read == 0).map(ToString::to_string), feeds.others())
}

/// Returns the list of all feeds.
pub(super) fn held(feeds: &Feeds) -> String {
    if feeds.flows().is_empty() {
        return "it holds no packet of MoldUDP64".into();
    }
    format!("it holds {}", several(feeds.flows().iter().map(ToString::to_string), feeds.others()))
}

fn several(mut names: impl Iterator<Item = String>, others: u64) -> String {
    let mut list = names.by_ref().take(NAMED).collect::<Vec<_>>().join(", ");
    let more = names.count();
    if more > 0 || others > 0 {
        list += &format!(", and {more} more feeds with {others} packets beside");
    }
    list
}

/// Returns a selection of packets as command-line options.
pub(super) fn choice(wanted: &Wanted) -> String {
    let mut words = Vec::new();
    for &ip in &wanted.groups {
        let address = Destination(vvp_core::wire::capture::Address { ip, port: 0 }).to_string();
        let address = address.strip_suffix(":0").unwrap_or(&address).trim_matches(['[', ']']);
        words.push(format!("--group {address}"));
    }
    words.extend(wanted.ports.iter().map(|port| format!("--port {port}")));
    words.extend(wanted.session.map(|session| format!("--session {}", Name(session))));
    words.join(" ")
}
