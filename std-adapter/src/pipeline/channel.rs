//! A queue between two stages, with endpoints that wait. A stage that ends, even by a panic, closes
//! its endpoints.

use crate::thread::SpinThenSleep;
use vvp_core::queue::spsc::ReadGrant;
use vvp_core::queue::{Consumer, Producer, Wait};

/// The other stage has closed the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disconnected;

/// The sending endpoint. Dropping it, also in a panic, closes the channel.
#[derive(Debug)]
pub(super) struct Sender<'q, T, const N: usize> {
    end: Option<Producer<'q, T, N>>,
    wait: SpinThenSleep,
}

impl<'q, T, const N: usize> Sender<'q, T, N> {
    pub(super) fn new(end: Producer<'q, T, N>, wait: SpinThenSleep) -> Self {
        Self { end: Some(end), wait }
    }

    /// Enqueues a value that the receiver sees at the next [`Sender::publish`]; waits while there
    /// is no room.
    #[inline]
    pub(super) fn stage(&mut self, value: T) -> Result<(), Disconnected> {
        let Some(end) = &mut self.end else { return Err(Disconnected) };
        match end.stage(value) {
            Ok(()) => Ok(()),
            Err(full) => self.stage_late(full.0),
        }
    }

    #[cold]
    fn stage_late(&mut self, mut value: T) -> Result<(), Disconnected> {
        let Some(end) = &mut self.end else { return Err(Disconnected) };
        let mut attempt = 0u32;
        loop {
            if end.is_closed() {
                return Err(Disconnected);
            }
            self.wait.wait(attempt);
            attempt = attempt.saturating_add(1);
            match end.stage(value) {
                Ok(()) => return Ok(()),
                Err(full) => value = full.0,
            }
        }
    }

    #[inline]
    pub(super) fn publish(&mut self) {
        if let Some(end) = &mut self.end {
            end.publish();
        }
    }
}

impl<T, const N: usize> Drop for Sender<'_, T, N> {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end.close();
        }
    }
}

/// The receiving endpoint. Dropping it, also in a panic, closes the channel.
#[derive(Debug)]
pub(super) struct Receiver<'q, T, const N: usize> {
    end: Option<Consumer<'q, T, N>>,
}

impl<'q, T, const N: usize> Receiver<'q, T, N> {
    pub(super) fn new(end: Consumer<'q, T, N>) -> Self {
        Self { end: Some(end) }
    }

    /// Returns up to `most` values in place; `None` if there are none and none will follow.
    #[inline]
    pub(super) fn read(&mut self, most: usize) -> Option<ReadGrant<'_, 'q, T, N>> {
        let end = self.end.as_mut()?;
        // A sender publishes before it closes, so an empty queue seen after the close stays empty.
        if end.available() == 0 && end.is_closed() && end.available() == 0 {
            return None;
        }
        Some(end.read_up_to(most))
    }

    /// Dequeues one value for each element of `out`; the caller knows that there are as many.
    #[inline]
    pub(super) fn take(&mut self, out: &mut [T])
    where
        T: Copy,
    {
        let taken = self.end.as_mut().map_or(0, |end| end.pop_slice(out));
        debug_assert_eq!(taken, out.len());
    }
}

impl<T, const N: usize> Drop for Receiver<'_, T, N> {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end.close();
        }
    }
}
