//! Values that count how many of them live, so that a test sees one that is dropped twice or never.

use std::cell::Cell;
use std::rc::Rc;

/// Number of live values, shared by the [`Counted`] values of one test.
pub(crate) type Alive = Rc<Cell<i64>>;

/// A number that counts itself while it lives.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) n: u64,
    alive: Alive,
}

impl Counted {
    pub(crate) fn new(n: u64, alive: &Alive) -> Self {
        alive.set(alive.get() + 1);
        Self { n, alive: Rc::clone(alive) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}
