//! Captures of network traffic: packets from pcap and pcapng files, datagrams from packets.
//!
//! [`CaptureFile`] reads the blocks of a file of either format (pcap also in its "modified" form,
//! magic a1b2cd34) and either byte order, with any number of interfaces for which its caller has a
//! table; [`Datagram::of`] finds UDP in a packet: Ethernet with up to [`TAGS_MAX`] VLAN tags, Linux
//! "cooked" captures, BSD loopback or bare IP; IPv4 and IPv6.
//!
//! Source of the formats: the Internet-Drafts draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
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
