//! What the blocks of a pcapng section say about its interfaces, and where that is kept.

/// Interfaces that the table of [`CaptureFile::new`](super::CaptureFile::new) has room for.
pub const INTERFACES_MAX: usize = 32;

/// A description of an interface: its network, and how its times are to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interface {
    pub(super) link: u16,
    /// Units of time: 10 to the power of minus this; with bit 7, 2.
    pub(super) resolution: u8,
    /// Most bytes of a packet that are captured; 0: all.
    pub(super) most: u32,
    /// Seconds that are added to each time.
    pub(super) offset_s: i64,
}

impl Interface {
    /// No limit, times in µs since 1970.
    pub(super) const NEW: Self = Self { link: 0, resolution: 6, most: 0, offset_s: 0 };

    /// ns since 1970; times before that are 0, and those that 64 bits do not hold the last that
    /// they do.
    pub(super) fn time_ns(self, units: u64) -> u64 {
        let power = u32::from(self.resolution & 0x7f);
        let wide = u128::from(units) * 1_000_000_000;
        let ns = if self.resolution & 0x80 != 0 {
            wide.checked_shr(power).unwrap_or(0)
        } else {
            // 10^38 is the last power of ten that 128 bits hold; nothing is left beyond.
            10u128.checked_pow(power).and_then(|unit| wide.checked_div(unit)).unwrap_or(0)
        };
        let offset = i128::from(self.offset_s).saturating_mul(1_000_000_000);
        let shifted = i128::try_from(ns).unwrap_or(i128::MAX).saturating_add(offset);
        u64::try_from(shifted.max(0)).unwrap_or(u64::MAX)
    }
}

/// Keeps the interfaces of a section, in the order of their descriptions. The format has no limit:
/// a program that can allocate lets its table grow, others use an [`InterfaceTable`] as large as
/// they can afford.
pub trait Interfaces {
    /// Forgets all: a new section begins.
    fn clear(&mut self);

    /// Adds one behind the others. `false`: there is no room, and nothing changed.
    #[must_use]
    fn push(&mut self, interface: Interface) -> bool;

    /// The interface with this number, counted from 0.
    fn get(&self, number: u32) -> Option<Interface>;
}

/// A table with room for `N` interfaces (16 bytes each).
///
/// ```
/// use vvp_core::wire::capture::{CaptureFile, InterfaceTable};
/// let capture = CaptureFile::with_interfaces(InterfaceTable::<4>::new());
/// assert_eq!(capture.offset(), 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InterfaceTable<const N: usize = INTERFACES_MAX> {
    interfaces: [Interface; N],
    count: usize,
}

impl<const N: usize> InterfaceTable<N> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { interfaces: [Interface::NEW; N], count: 0 }
    }
}

impl<const N: usize> Default for InterfaceTable<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Interfaces for InterfaceTable<N> {
    fn clear(&mut self) {
        self.count = 0;
    }

    fn push(&mut self, interface: Interface) -> bool {
        let Some(place) = self.interfaces.get_mut(self.count) else { return false };
        *place = interface;
        self.count += 1;
        true
    }

    fn get(&self, number: u32) -> Option<Interface> {
        self.interfaces.get(..self.count)?.get(number as usize).copied()
    }
}
