//! Codecs over borrowed bytes: market data as exchanges send it, read where it lies and written the same way.
//!
//! Nothing is copied and nothing is allocated: a decoded message is a typed view of the caller's bytes, whose getters
//! answer in the field's own units. What comes from outside is never trusted: no input makes a decoder panic, and
//! whatever is wrong is a small error that says where.
//!
//! | module | what |
//! |---|---|
//! | [`itch`] | NASDAQ TotalView-ITCH 5.0: all messages, both ways |
//! | [`frame`] | messages with a length of two bytes before each, as in files |
//! | [`mold`] | MoldUDP64: numbered messages in datagrams, over two lines |
//! | [`capture`] | pcap and pcapng files, and UDP in their packets |

pub mod capture;
pub mod field;
pub mod frame;
pub mod itch;
pub mod mold;
