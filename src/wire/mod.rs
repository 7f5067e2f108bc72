//! Codecs of exchange protocols over borrowed bytes: decoded in place, and encoded the same way.
//!
//! Nothing is copied or allocated: a decoded message is a typed view of the caller's bytes, whose
//! getters return the field's own units. Input is never trusted: none makes a decoder panic, and
//! every error is a small value with its position.
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
