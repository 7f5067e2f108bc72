//! Slab of one owner: values in stable slots, found by keys with a generation.
//!
//! Source: generational indices, as in a slot map. Ours keeps the free slots in a list beside the
//! values, the last freed one apart.

use super::Full;
use crate::capacity::{Checked, CheckedCapacity, checked};
use core::fmt;
use core::mem::MaybeUninit;
use zerocopy::FromZeros;

/// Up to `N` values of one owner: insert, find and remove by [`Key`] in constant time, and iterate
/// in slot order. Free slots are reused last in, first out, so that the working set stays small and
/// cached.
///
/// ```
/// use vvp_core::pool::Slab;
///
/// let mut orders = Slab::<&str, 2>::new();
/// let buy = orders.insert("buy")?;
/// let sell = orders.insert("sell")?;
/// assert_eq!(orders.insert("more").map_err(|full| full.0), Err("more"));
///
/// assert_eq!(orders.remove(buy), Some("buy"));
/// let again = orders.insert("buy again")?; // the same slot
/// assert_eq!((orders.get(buy), orders.get(again)), (None, Some(&"buy again")));
/// assert!(orders.iter().map(|(_, value)| *value).eq(["buy again", "sell"]));
/// # let _ = sell;
/// # Ok::<(), vvp_core::pool::Full<&str>>(())
/// ```
///
/// ```text
///   offset 0     4      8      12         16
///   +-----+------+------+----------+------------+-------+------------+-- - - --+------+------+- - -
///   | top | left | used | reserved | generation | value | generation |  ..     | list | list |
///   +-----+------+------+----------+------------+-------+------------+-- - - --+------+------+- - -
///                                    slot 0               slot 1                 N numbers
/// ```
/// Free slots are in a list of numbers, the last freed one in a word of its own: if insertions and
/// removals alternate, neither depends on the other's store to the list, and a run of insertions
/// does not read one slot to find the next.
///
/// All-zero bytes are the empty slab. A slot's generation increments at each insertion and each
/// removal, so an odd one means that there is a value; a stale key is accepted only if its slot was
/// refilled exactly a multiple of 2^31 times meanwhile.
///
/// Every operation takes constant time and does not panic; [`iter`](Self::iter) and
/// [`clear`](Self::clear) visit [`high_water`](Self::high_water) slots.
#[derive(FromZeros)]
#[repr(C)]
pub struct Slab<T, const N: usize> {
    /// The last freed slot, plus one; 0 if it is in use again.
    top: u32,
    /// Length of the list. Invariant: `used` (at most N) is the sum of `left`, one if there is a
    /// `top`, and the number of values.
    left: u32,
    /// Number of slots that were ever used.
    used: u32,
    reserved: u32,
    slots: [Slot<T>; N],
    /// The first `left` are free slots other than `top`, each once, in the order in which they were
    /// freed.
    list: [u32; N],
    checked: Checked<Self>,
}

#[derive(FromZeros)]
#[repr(C)]
struct Slot<T> {
    /// Odd: there is a value.
    generation: u32,
    value: MaybeUninit<T>,
}

// A slot of a `u64` takes 16 bytes, or 12 where a `u64` is aligned to 4 (32-bit x86).
const _: () = assert!(size_of::<Slab<u64, 4>>() == 16 + 4 * (align_of::<u64>() + 8) + 4 * 4);

/// The key of a value in a [`Slab`]. Valid until the value is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Key {
    slot: u32,
    /// Odd.
    generation: u32,
}

impl Key {
    /// Returns the number of the slot, below the slab's `N`: for arrays beside the slab.
    #[must_use]
    #[inline(always)]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    /// Returns the key as one number, never 0.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }

    /// Returns the key of [`to_bits`](Self::to_bits). Any number gives a key, though hardly a valid
    /// one.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { slot: bits as u32, generation: (bits >> 32) as u32 | 1 }
    }
}

/// Out of line, so that the fast path needs no memory for the value besides its slot.
#[cold]
#[inline(never)]
fn refused<T>(value: T) -> Full<T> {
    Full(value)
}

impl<T, const N: usize> CheckedCapacity for Slab<T, N> {
    const CHECK: () = assert!(N > 0 && N < u32::MAX as usize, "Slab: N must be from 1 to 2^32 - 2");
}

impl<T, const N: usize> Slab<T, N> {
    /// Creates an empty slab.
    #[must_use]
    pub const fn new() -> Self {
        let slots = [const { Slot { generation: 0, value: MaybeUninit::zeroed() } }; N];
        Self { top: 0, left: 0, used: 0, reserved: 0, slots, list: [0; N], checked: Checked::new() }
    }

    /// Inserts a value and returns its key.
    ///
    /// # Errors
    /// [`Full`] returns the value if there is no free slot.
    #[inline(always)]
    pub fn insert(&mut self, value: T) -> Result<Key, Full<T>> {
        match self.vacant() {
            Some(vacant) => Ok(vacant.insert(value)),
            None => Err(refused(value)),
        }
    }

    /// Returns the slot of the next value; `None` if there is none. Create a big value after this
    /// call: it is then written directly to its slot, while [`insert`](Self::insert) must be able
    /// to return it.
    ///
    /// ```
    /// use vvp_core::pool::Slab;
    ///
    /// let mut slab = Slab::<[u64; 64], 4>::new();
    /// let slot = slab.vacant().expect("not full");
    /// let key = slot.insert([7; 64]);
    /// assert_eq!(slab.get(key).map(|value| value[0]), Some(7));
    /// ```
    #[inline(always)]
    pub fn vacant(&mut self) -> Option<Vacant<'_, T, N>> {
        checked!(Self);
        let (number, from) = if let Some(top) = self.top.checked_sub(1) {
            (top, From::Top)
        } else if let Some(last) = self.left.checked_sub(1) {
            // SAFETY: `left` is at most N.
            (unsafe { *self.list.get_unchecked(last as usize) }, From::List)
        } else if (self.used as usize) < N {
            (self.used, From::Unused)
        } else {
            return None;
        };
        Some(Vacant { slab: self, number, from })
    }

    /// Removes and returns the value of a key; `None` if it was removed before.
    #[inline(always)]
    pub fn remove(&mut self, key: Key) -> Option<T> {
        checked!(Self);
        let slot = self.slots.get_mut(key.slot as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        slot.generation = key.generation.wrapping_add(1);
        let before = core::mem::replace(&mut self.top, key.slot.wrapping_add(1));
        if before != 0 {
            // SAFETY: the list, `before` and the value that is removed are different slots of N.
            unsafe { *self.list.get_unchecked_mut(self.left as usize) = before.wrapping_sub(1) };
            self.left = self.left.wrapping_add(1);
        }
        // SAFETY: the generation was odd, as that of every key, so `insert` had put a value there;
        // now it is even, so the value is not accessed before `insert` has put another.
        Some(unsafe { slot.value.assume_init_read() })
    }

    /// Returns the value of a key; `None` if it was removed.
    #[must_use]
    #[inline(always)]
    pub fn get(&self, key: Key) -> Option<&T> {
        checked!(Self);
        let slot = self.slots.get(key.slot as usize).filter(|slot| slot.generation == key.generation)?;
        // SAFETY: the generation is odd, as that of every key, so there is a value.
        Some(unsafe { slot.value.assume_init_ref() })
    }

    /// Returns the value of a key; `None` if it was removed.
    #[must_use]
    #[inline(always)]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        checked!(Self);
        let slot = self.slots.get_mut(key.slot as usize).filter(|slot| slot.generation == key.generation)?;
        // SAFETY: as in `get`.
        Some(unsafe { slot.value.assume_init_mut() })
    }

    /// Returns whether the value of a key is in the slab.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: Key) -> bool {
        self.get(key).is_some()
    }

    /// Iterates over all values with their keys, in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        checked!(Self);
        let slots = self.slots.iter().take(self.used as usize);
        slots.enumerate().filter(|(_, slot)| slot.generation & 1 == 1).map(|(i, slot)| {
            // SAFETY: an odd generation means that there is a value.
            (Key { slot: i as u32, generation: slot.generation }, unsafe { slot.value.assume_init_ref() })
        })
    }

    /// Iterates over all values with their keys, in slot order, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut T)> {
        checked!(Self);
        let slots = self.slots.iter_mut().take(self.used as usize);
        slots.enumerate().filter(|(_, slot)| slot.generation & 1 == 1).map(|(i, slot)| {
            // SAFETY: an odd generation means that there is a value.
            (Key { slot: i as u32, generation: slot.generation }, unsafe { slot.value.assume_init_mut() })
        })
    }

    /// Removes the values for which `keep` returns `false`, in slot order.
    ///
    /// ```
    /// use vvp_core::pool::Slab;
    ///
    /// let mut slab = Slab::<u32, 4>::new();
    /// for value in 1..=4 {
    ///     slab.insert(value).expect("not full");
    /// }
    /// slab.retain(|_, value| *value % 2 == 0);
    /// assert!(slab.iter().map(|(_, value)| *value).eq([2, 4]));
    /// ```
    pub fn retain(&mut self, mut keep: impl FnMut(Key, &mut T) -> bool) {
        checked!(Self);
        for i in 0..self.used {
            let Some(slot) = self.slots.get_mut(i as usize) else { return };
            let key = Key { slot: i, generation: slot.generation };
            if key.generation & 1 == 1 {
                // SAFETY: an odd generation means that there is a value.
                let stays = keep(key, unsafe { slot.value.assume_init_mut() });
                if !stays {
                    drop(self.remove(key));
                }
            }
        }
    }

    /// Drops all values.
    pub fn clear(&mut self) {
        self.retain(|_, _| false);
    }

    /// Returns the number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        checked!(Self);
        self.used.wrapping_sub(self.left).wrapping_sub((self.top != 0) as u32) as usize
    }

    /// Returns whether the slab is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether the slab is full.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len() == N
    }

    /// Returns the capacity in values.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        checked!(Self);
        N
    }

    /// Returns the most values that there were at one time.
    #[must_use]
    pub const fn high_water(&self) -> usize {
        checked!(Self);
        self.used as usize
    }

    /// Checks the invariants of the slab.
    ///
    /// # Errors
    /// Names the first invariant that does not hold.
    pub fn check_invariants(&self) -> Result<(), &'static str> {
        if self.used as usize > N {
            return Err("more slots were used than there are");
        }
        if self.iter().count() != self.len() {
            return Err("the number of values differs from the count");
        }
        if self.left as usize > N {
            return Err("more slots are in the list than there are");
        }
        let top = self.top.checked_sub(1);
        for (i, &free) in self.list.iter().take(self.left as usize).chain(&top).enumerate() {
            match self.slots.get(free as usize) {
                Some(slot) if slot.generation & 1 == 0 && free < self.used => {}
                _ => return Err("a slot with a value, or one that was never used, is in the free list"),
            }
            if self.list.iter().take(i).any(|&other| other == free) {
                return Err("a slot is in the free list twice");
            }
        }
        Ok(())
    }
}

/// A free slot of a [`Slab`]; dropping it changes nothing.
#[must_use = "nothing is inserted yet"]
pub struct Vacant<'s, T, const N: usize> {
    slab: &'s mut Slab<T, N>,
    /// Below N.
    number: u32,
    from: From,
}

/// Location of a free slot.
#[derive(Clone, Copy)]
enum From {
    Top,
    /// At its end.
    List,
    /// Behind all that were ever used.
    Unused,
}

impl<T, const N: usize> Vacant<'_, T, N> {
    /// Writes the value and returns its key.
    #[inline(always)]
    pub fn insert(self, value: T) -> Key {
        match self.from {
            From::Top => self.slab.top = 0,
            From::List => self.slab.left = self.slab.left.wrapping_sub(1),
            From::Unused => self.slab.used = self.slab.used.wrapping_add(1),
        }
        // SAFETY: `vacant` has compared the number with N, or found it in the list, which holds
        // only numbers of slots.
        let slot = unsafe { self.slab.slots.get_unchecked_mut(self.number as usize) };
        slot.value.write(value);
        slot.generation = slot.generation.wrapping_add(1);
        debug_assert!(slot.generation & 1 == 1);
        Key { slot: self.number, generation: slot.generation }
    }

    /// Returns the number of the slot.
    #[must_use]
    pub const fn slot(&self) -> usize {
        self.number as usize
    }
}

impl<T, const N: usize> Drop for Slab<T, N> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() {
            self.clear();
        }
    }
}

impl<T, const N: usize> Default for Slab<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Slab<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T, const N: usize> fmt::Debug for Vacant<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vacant").field("slot", &self.number).finish_non_exhaustive()
    }
}
