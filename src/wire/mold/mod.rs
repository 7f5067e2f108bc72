//! MoldUDP64 1.00: numbered messages in datagrams, from two redundant lines.
//!
//! [`Packet`] decodes a datagram; [`Merge`] arbitrates between the lines (and answers to requests):
//! each message once, in order of its number, and losses as a [`Gap`]. [`request`] builds the
//! packet that asks a server for them.
//!
//! ```text
//! offset 0 session (10)   10 number of the first message (8)   18 count (2)   20 blocks: length (2), message
//! ```
//! A count of 0 is a heartbeat, 65,535 the end of the session; both carry the next number. A header
//! that counts messages without any after it is a request: it goes to a server, and captures
//! contain such packets as well.

mod merge;
mod packet;

pub use merge::{Accepted, Gap, Merge, MergeStats, Refused};
pub use packet::{BadPacket, Blocks, Header, Kind, Packet, Session, encode, request};
