//! Queues between processes, in shared regions.
//!
//! | channel | from | to | a sender that dies in the middle of a push |
//! |---|---|---|---|
//! | [`SpscChannel`] | one sender | one receiver | holds nobody up |
//! | [`FanIn`] | many senders, a lane each | one receiver | holds nobody up |
//! | [`MpscChannel`] | many senders, one order for all | one receiver | its slot is passed over once it is known to be dead |
//! | [`LatestCell`] | one writer, the newest value only | any number of readers | readers keep the value before |
//!
//! One side creates it, the other opens it by name (or by the descriptor of an anonymous one), and each claims its end:
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
//! What it had published stays and is delivered; what it was writing was never in the queue. The other side learns of the
//! death when it asks (`peer`, under 1 µs), and while it waits (`send`, `recv`) within
//! [`PEER_CHECK`] and the length of one nap
//! of its waiting. A process that claims the end of a dead one goes on at the exact place: at the value after the last
//! published, or the first that was not given back. An end that a live process holds is refused. A process that was stopped,
//! or hangs, is alive; its beats stand still.
//!
//! Who is alive the kernel says: an owner holds a lock on its end's part of the region's file, and
//! loses it when it dies and in no other way. To ask takes no descriptor and no `/proc`, and means
//! the same in every namespace; where the answer cannot be had, the owner is taken for alive. Two
//! limits come from descriptors that processes share:
//! - A child of `fork` that goes on without `exec` has its parent's descriptors and mappings. As
//!   long as it does, the parent looks alive. The parent's handles are nothing there: what the
//!   child wants to use it opens again. In a channel of its parent's it can claim free ends, but
//!   its death is not seen, nor does it see others' deaths.
//! - An anonymous channel that came by descriptor is opened again through `/proc`. Where `/proc` is
//!   not there, the same holds for who received it.
//!   [`sees_deaths`](crate::memory::region::SharedRegion::sees_deaths) tells.
//!
//! Process numbers are for messages: each is its owner's in its own PID namespace.
//!
//! # What a faulty process can do
//! It can lose, double or falsify values, and let the queue look full or empty. It cannot make this side touch memory outside the
//! queue: slots are chosen by masked indices, lengths are bounded by the capacity, and any bytes are a value ([`Message`]).
//! Values are copied out before they are looked at, never lent.
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
