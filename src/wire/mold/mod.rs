//! MoldUDP64 1.00: numbered messages in datagrams, from two lines at once.
//!
//! [`Packet`] reads a datagram; [`Merge`] puts the packets of all lines (and of answers to requests) in order: each
//! message once, by its number, and what is lost said as a [`Gap`]. [`request`] makes the packet that asks for it.
//!
//! ```text
//! offset 0 session (10)   10 number of the first message (8)   18 count (2)   20 blocks: length (2), message
//! ```
//! A count of 0 is a heartbeat, of 65,535 the end of the session; both carry the number that comes
//! next. A header that counts messages and has none behind it is a request: it goes to a server,
//! and a capture holds it as well.

mod merge;
mod packet;

pub use merge::{Accepted, Gap, Merge, MergeStats, Refused};
pub use packet::{BadPacket, Blocks, Header, Kind, Packet, Session, encode, request};
