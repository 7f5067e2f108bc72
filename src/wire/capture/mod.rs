//! Captures of network traffic: packets out of pcap and pcapng files, datagrams out of packets.
//!
//! [`CaptureFile`] walks the blocks of a file, whichever of the two formats it has (pcap also in
//! its "modified" form, magic a1b2cd34) and whichever way round its bytes are, with any number of
//! interfaces for which its caller gives a table; [`Datagram::of`] looks for UDP in a packet:
//! Ethernet with any number of VLAN tags up to [`TAGS_MAX`], Linux "cooked" captures, BSD loopback
//! or bare IP; IPv4 and IPv6.
//!
//! ```
//! use vvp_core::wire::capture::{CaptureFile, Step};
//! // A pcap file of microseconds and Ethernet that has no packet.
//! let file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0";
//! let mut capture = CaptureFile::new();
//! assert_eq!(capture.next(&file[..3]), Ok(Step::More { bytes: 4 }));
//! assert_eq!(capture.next(file), Ok(Step::Other { bytes: 24 }));
//! ```

mod file;
mod interfaces;
mod ng;
mod udp;

pub use file::{BLOCK_BYTES_MAX, CaptureError, CaptureFile, Captured, Fault, Step};
pub use interfaces::{INTERFACES_MAX, Interface, InterfaceTable, Interfaces};
pub use udp::{Address, Datagram, NotUdp, TAGS_MAX};
