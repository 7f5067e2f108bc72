//! Queues between processes, in shared regions.
//!
//! | channel | from | to | effect of a sender that dies during a push |
//! |---|---|---|---|
//! | [`SpscChannel`] | one sender | one receiver | none |
//! | [`FanInChannel`] | many senders, one lane each | one receiver | none |
//! | [`MpscChannel`] | many senders, one order for all | one receiver | its slot is skipped |
//! | [`LatestCell`] | one writer | any number of readers | readers keep the value before |
//!
//! One side creates the channel, the other opens it by name (or by the descriptor of an anonymous
//! one), and each claims its endpoint:
//!
//! ```
//! use vvp_std_adapter::ipc::SpscChannel;
//! use vvp_std_adapter::memory::region::RegionOptions;
//! let channel = SpscChannel::<u64, 1024>::anonymous(&RegionOptions::READY)?;
//! let (mut tx, mut rx) = (channel.sender()?, channel.receiver()?);
//! tx.push(7).expect("room");
//! assert_eq!(rx.pop(), Ok(7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a process dies
//! Messages that it published stay and are delivered; a message that it was writing was never in
//! the queue. The peer detects the death when it asks (`peer`, under 1 µs), or, while it waits
//! (`send`, `recv`), within [`PEER_CHECK`] plus one sleep of its wait strategy. A process that
//! claims the endpoint of a dead one resumes at the exact position: after the last message
//! published, or at the first whose slot was not released. A claim fails while a live process owns
//! the endpoint. A stopped or hanging process counts as alive; its heartbeat stands still.
//!
//! The kernel decides which owners are alive: an owner holds a lock on its endpoint's bytes of the
//! region's file, and loses it when it dies and in no other way. The query takes no descriptor and
//! no `/proc`, and gives the same result in every namespace; if it fails, the owner counts as
//! alive. Two limits follow from descriptors that processes share:
//! - A child of `fork` that continues without `exec` has its parent's descriptors and mappings.
//!   Until it ends, the parent appears alive. The parent's handles have no effect in the child,
//!   which must open what it uses again. In a channel of its parent's it can claim free endpoints,
//!   but its own death is not detected there, and it cannot detect the death of others.
//! - An anonymous channel received by descriptor is opened again through `/proc`. Without `/proc`
//!   the same limit holds for the process that received it.
//!   [`sees_deaths`](crate::memory::region::SharedRegion::sees_deaths) reports it.
//!
//! Process numbers are for messages only: each is valid in its owner's PID namespace.
//!
//! # What a faulty process can do
//! It can lose, repeat or corrupt messages, and make the queue appear full or empty. It cannot make
//! this process access memory outside the queue: slot indices are masked, lengths are bounded by
//! the capacity, and any bytes are a valid message ([`Message`]). Messages are copied out before
//! they are examined, never borrowed.
//!
//! [`Message`]: crate::memory::region::Message

mod constructors;
mod endpoint;
mod error;
mod fan_in;
mod latest;
mod mpsc;
mod spsc;

pub use endpoint::{ClaimError, PEER_CHECK, Peer};
pub use error::{RecvError, SendError};
pub use fan_in::{FanInChannel, FanInReceiver, FanInSender};
pub use latest::{LatestCell, LatestReader, LatestView, LatestWriter};
pub use mpsc::{MpscChannel, MpscReceiver, MpscSender};
pub use spsc::{SpscChannel, SpscReceiver, SpscSender};
