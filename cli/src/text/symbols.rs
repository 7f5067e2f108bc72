//! The instruments defined so far: name to index, index to name and tick.

use super::field::{Word, word};
use vvp_core::book::{Command, InstrumentId, InstrumentSpec, Symbol, Tick};

/// Properties of an instrument that the text format needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) symbol: Symbol,
    pub(crate) tick: Tick,
}

/// A table of fixed capacity, allocated once: a hash table with open addressing, at most half full.
#[derive(Debug)]
pub(crate) struct Symbols {
    known: Vec<Known>,
    max: usize,
    /// Name and index + 1; zeros are free.
    slots: Box<[(Word, u32)]>,
}

/// An index is 16 bits.
const MOST: usize = 1 << 16;

impl Symbols {
    /// Creates a table with room for `max` instruments, at least 1 and at most 65,536.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.clamp(1, MOST);
        let slots = vec![(0, 0); (2 * max).next_power_of_two()].into_boxed_slice();
        Self { known: Vec::with_capacity(max), max, slots }
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    #[inline]
    pub(crate) fn get(&self, id: InstrumentId) -> Option<&Known> {
        self.known.get(usize::from(id.get()))
    }

    /// Returns the slot that holds `name`, or the free one where it belongs.
    #[inline]
    fn slot(&self, name: Word) -> usize {
        let mask = self.slots.len() - 1;
        let mixed = ((name as u64) ^ (name >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut slot = (mixed >> 32) as usize & mask;
        while self.slots[slot].1 != 0 && self.slots[slot].0 != name {
            slot = (slot + 1) & mask;
        }
        slot
    }

    #[inline]
    pub(crate) fn find(&self, name: Word) -> Option<InstrumentId> {
        match self.slots[self.slot(name)].1 {
            0 => None,
            n => Some(InstrumentId::new((n - 1) as u16)),
        }
    }

    /// Defines `X` if nothing is defined, and returns the command that defines it for the engine.
    pub(crate) fn define_x(&mut self) -> Option<Command> {
        if self.len() > 0 {
            return None;
        }
        let id = self.define(Symbol::X, Tick::ONE)?;
        Some(Command::instrument(id, &InstrumentSpec::new(Symbol::X)))
    }

    /// Adds an instrument whose name is not in the table. `None` if there is no room.
    pub(crate) fn define(&mut self, symbol: Symbol, tick: Tick) -> Option<InstrumentId> {
        let index = self.known.len();
        if index == self.max {
            return None;
        }
        let name = word(symbol.as_str().as_bytes());
        let slot = self.slot(name);
        debug_assert_eq!(self.slots[slot].1, 0, "{symbol} is defined already");
        self.slots[slot] = (name, index as u32 + 1);
        self.known.push(Known { symbol, tick });
        Some(InstrumentId::new(index as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_finds_every_name() {
        let mut table = Symbols::new(300);
        let name = |i: usize| format!("S{i}");
        for i in 0..300 {
            let symbol = Symbol::new(name(i).as_bytes()).unwrap();
            assert_eq!(table.find(word(name(i).as_bytes())), None);
            assert_eq!(table.define(symbol, Tick::ONE), Some(InstrumentId::new(i as u16)));
        }
        assert_eq!(table.define(Symbol::X, Tick::ONE), None);
        for i in 0..300 {
            assert_eq!(table.find(word(name(i).as_bytes())), Some(InstrumentId::new(i as u16)));
        }
        assert_eq!(table.find(word(b"S300")), None);
        assert_eq!(table.find(0), None);
    }
}
