//! The interfaces of a pcapng section, and the table that keeps them.

/// Capacity of the table of [`CaptureFile::new`](super::CaptureFile::new), in interfaces.
pub const INTERFACES_MAX: usize = 32;

/// Description of an interface: its link type and the format of its times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interface {
    pub(super) link: u16,
    /// Unit of time: 10 to the power of minus this; with bit 7 set, 2.
    pub(super) resolution: u8,
    /// Most captured bytes per packet; 0: no limit.
    pub(super) most: u32,
    /// Seconds that are added to each time.
    pub(super) offset_s: i64,
}

impl Interface {
    /// The defaults: no limit, times in µs since 1970.
    pub(super) const NEW: Self = Self { link: 0, resolution: 6, most: 0, offset_s: 0 };

    /// Converts a time to ns since 1970, saturating at 0 and at the greatest value of 64 bits.
    pub(super) fn time_ns(self, units: u64) -> u64 {
        let power = u32::from(self.resolution & 0x7f);
        let wide = u128::from(units) * 1_000_000_000;
        let ns = if self.resolution & 0x80 != 0 {
            wide.checked_shr(power).unwrap_or(0)
        } else {
            // 10^38 is the greatest power of ten in 128 bits; with a finer unit the result is 0.
            10u128.checked_pow(power).and_then(|unit| wide.checked_div(unit)).unwrap_or(0)
        };
        let offset = i128::from(self.offset_s).saturating_mul(1_000_000_000);
        let shifted = i128::try_from(ns).unwrap_or(i128::MAX).saturating_add(offset);
        u64::try_from(shifted.max(0)).unwrap_or(u64::MAX)
    }
}

/// Keeps the interfaces of a section, in the order of their descriptions. The format has no limit:
/// a program with an allocator lets its table grow, others use an [`InterfaceTable`] as large as
/// they can afford.
pub trait Interfaces {
    /// Removes all: a new section begins.
    fn clear(&mut self);

    /// Appends an interface. Returns `false` if there is no room; nothing changes then.
    #[must_use]
    fn push(&mut self, interface: Interface) -> bool;

    /// Returns the interface with this number, counted from 0.
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
    /// Creates an empty table.
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
