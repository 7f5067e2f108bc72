//! The two ends of a queue between stages: they wait, and a stage that ends, in whatever way, tells its neighbour.

use crate::thread::SpinThenSleep;
use vvp_core::queue::spsc::ReadGrant;
use vvp_core::queue::{Consumer, Producer, Wait};

/// The other stage takes nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disconnected;

/// The sending end. Dropping it, also in a panic, tells the receiver that no more will come.
#[derive(Debug)]
pub(super) struct Sender<'q, T, const N: usize> {
    end: Option<Producer<'q, T, N>>,
    wait: SpinThenSleep,
}

impl<'q, T, const N: usize> Sender<'q, T, N> {
    pub(super) fn new(end: Producer<'q, T, N>, wait: SpinThenSleep) -> Self {
        Self { end: Some(end), wait }
    }

    /// Puts a value in that the receiver sees at the next [`Sender::publish`]; waits while there is no room.
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

/// The receiving end. Dropping it, also in a panic, tells the sender that nothing more is taken.
#[derive(Debug)]
pub(super) struct Receiver<'q, T, const N: usize> {
    end: Option<Consumer<'q, T, N>>,
}

impl<'q, T, const N: usize> Receiver<'q, T, N> {
    pub(super) fn new(end: Consumer<'q, T, N>) -> Self {
        Self { end: Some(end) }
    }

    /// Up to `most` values that are there now, in place; `None` when there are none and never will be.
    #[inline]
    pub(super) fn read(&mut self, most: usize) -> Option<ReadGrant<'_, 'q, T, N>> {
        let end = self.end.as_mut()?;
        // A sender that closes has published before: who sees it closed and then nothing has seen all.
        if end.available() == 0 && end.is_closed() && end.available() == 0 {
            return None;
        }
        Some(end.read_up_to(most))
    }

    /// Takes one value for each place in `out`, all of which are known to be there.
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
