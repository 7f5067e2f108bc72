//! Which instruction may come after which: enough of the Thumb instruction set (Armv7-M
//! Architecture Reference Manual, chapter A5) to tell that none was left out between two
//! interrupted ones.

/// The 16 bits of code at an address.
fn code(address: u32) -> u32 {
    // SAFETY: the address is that of an instruction of ours, or of one right behind it: all in
    // flash.
    unsafe { (address as *const u16).read_volatile() }.into()
}

/// `value`, whose highest bit is `bits - 1`, with its sign.
const fn signed(value: u32, bits: u32) -> u32 {
    let up = 32 - bits;
    (((value << up).cast_signed()) >> up).cast_unsigned()
}

/// Bytes of the instruction at an address.
pub fn length(address: u32) -> u32 {
    if matches!(code(address) >> 11, 0b11101..=0b11111) { 4 } else { 2 }
}

/// Where the instruction at an address goes, if not to the next one.
enum Jump {
    /// Nowhere.
    None,
    /// There, or there if its condition holds.
    To(u32),
    /// Where a register or a word in memory says.
    Far,
}

fn jump(address: u32) -> Jump {
    let one = code(address);
    let from = address.wrapping_add(4);
    let to = |offset: u32| Jump::To(from.wrapping_add(offset));
    if length(address) == 2 {
        return match one {
            _ if one >> 12 == 0b1101 && (one >> 8 & 15) < 14 => to(signed((one & 0xff) << 1, 9)), // b, with a condition
            _ if one >> 11 == 0b11100 => to(signed((one & 0x7ff) << 1, 12)),                      // b
            _ if one & 0xf500 == 0xb100 => to((one >> 9 & 1) << 6 | (one >> 3 & 31) << 1),        // cbz, cbnz
            _ if one >> 8 == 0x47 || one >> 8 == 0xbd => Jump::Far,                               // bx, blx; pop of pc
            _ if one & 0xff87 == 0x4687 => Jump::Far,                                             // mov to pc
            _ => Jump::None,
        };
    }
    let two = code(address + 2);
    let (s, j1, j2) = (one >> 10 & 1, two >> 13 & 1, two >> 11 & 1);
    match (one, two) {
        _ if one >> 11 == 0b11110 && two & 0xd000 == 0x8000 && (one >> 6 & 14) != 14 => {
            to(signed(s << 20 | j2 << 19 | j1 << 18 | (one & 0x3f) << 12 | (two & 0x7ff) << 1, 21)) // b.w, with a condition
        }
        _ if one >> 11 == 0b11110 && two & 0x9000 == 0x9000 => {
            let (i1, i2) = (1 ^ j1 ^ s, 1 ^ j2 ^ s);
            to(signed(s << 24 | i1 << 23 | i2 << 22 | (one & 0x3ff) << 12 | (two & 0x7ff) << 1, 25)) // b.w, bl
        }
        _ if one & 0xffd0 == 0xe890 && two >> 15 == 1 => Jump::Far, // ldm, pop of pc
        _ if one & 0xff70 == 0xf850 && two >> 12 == 15 => Jump::Far, // ldr of pc
        _ if one & 0xfff0 == 0xe8d0 && two & 0xffe0 == 0xf000 => Jump::Far, // tbb, tbh
        _ => Jump::None,
    }
}

/// Whether the instruction at `now` can be the very next after the one at `before`.
pub fn follows(before: u32, now: u32) -> bool {
    now == before + length(before)
        || match jump(before) {
            Jump::None => false,
            Jump::To(target) => now == target,
            Jump::Far => true,
        }
}
