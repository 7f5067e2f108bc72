//! Errors of sending and receiving.

/// Reason why a message was not sent; contains the message.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError<T> {
    /// The queue is full and the receiver's process is dead. Send again once a successor has taken
    /// over.
    PeerDied(T, u32),
    /// The receiver has closed.
    Closed(T),
}

impl<T> core::fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::PeerDied(_, pid) => write!(f, "PeerDied(.., {pid})"),
            Self::Closed(_) => f.write_str("Closed(..)"),
        }
    }
}

impl<T> core::fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::PeerDied(_, pid) => {
                write!(f, "the queue is full and its receiver, process {pid}, is dead: restart it")
            }
            Self::Closed(_) => f.write_str("the receiver has closed the channel: stop sending"),
        }
    }
}

impl<T> core::error::Error for SendError<T> {}

/// Reason why no message was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// The queue is empty and the sender's process, of this number, is dead. Receive again once a
    /// successor has taken over.
    PeerDied(u32),
    /// The queue is empty, and the sender has closed it.
    Closed,
}

impl core::fmt::Display for RecvError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::PeerDied(pid) => write!(f, "the queue is empty and its sender, process {pid}, is dead: restart it"),
            Self::Closed => f.write_str("the queue is empty and its sender has closed it: stop receiving"),
        }
    }
}

impl core::error::Error for RecvError {}
