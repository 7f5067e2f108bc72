//! JSON strings in place: where they end, and their value.

use super::field::{Word, word};

/// A string of the line, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    /// The value, if that is 1 to 16 bytes without a NUL; else 0, which no name has.
    pub(crate) word: Word,
    /// Position of the closing quote.
    pub(crate) end: usize,
    /// Whether there are escapes in it.
    pub(crate) escaped: bool,
}

/// Returns where the first quote is in 16 bytes, and whether a byte before it needs care: a
/// backslash or a control character.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn first_quote(w: Word) -> Option<(usize, bool)> {
    use core::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    // SAFETY: these instructions are SSE2, which every x86-64 processor has.
    let (quotes, care) = unsafe {
        let bytes = _mm_set_epi64x((w >> 64) as i64, w as i64);
        let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        let care = _mm_or_si128(control, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8)));
        (_mm_movemask_epi8(quotes) as u32, _mm_movemask_epi8(care) as u32)
    };
    let before = (quotes & quotes.wrapping_neg()).wrapping_sub(1);
    (quotes != 0).then_some((quotes.trailing_zeros() as usize, care & before != 0))
}

/// The same, eight bytes at a time in plain arithmetic.
#[cfg(any(not(target_arch = "x86_64"), test))]
fn first_quote_portable(w: Word) -> Option<(usize, bool)> {
    const ONES: Word = Word::MAX / 0xFF;
    const HIGHS: Word = ONES << 7;
    // Marks the zero bytes with their high bit; bytes above the lowest marked one may be marked by
    // mistake.
    let zero_bytes = |w: Word| w.wrapping_sub(ONES) & !w & HIGHS;
    let quotes = zero_bytes(w ^ (ONES * b'"' as Word));
    let care = zero_bytes(w ^ (ONES * b'\\' as Word)) | (w.wrapping_sub(ONES * 0x20) & !w & HIGHS);
    let before = (quotes & quotes.wrapping_neg()).wrapping_sub(1);
    (quotes != 0).then_some((quotes.trailing_zeros() as usize / 8, care & before != 0))
}

#[cfg(not(target_arch = "x86_64"))]
use first_quote_portable as first_quote;

/// Reads the string whose first byte after the opening quote is `line[at]`; `None` if it is not a
/// JSON string.
#[inline(always)]
pub(crate) fn read(line: &[u8], at: usize) -> Option<Text> {
    // Names and numbers are short: one test of 16 bytes finds the closing quote, and that no byte
    // before it needs care.
    let window = line.get(at..at + 16).and_then(|w| <[u8; 16]>::try_from(w).ok());
    let w = Word::from_le_bytes(window.unwrap_or_else(|| tail(line, at)));
    if let Some((len, false)) = first_quote(w) {
        return Some(Text { word: w & !(Word::MAX << (8 * len)), end: at + len, escaped: false });
    }
    read_slowly(line, at)
}

/// Returns the last bytes of the line, padded with NULs.
#[inline(never)]
fn tail(line: &[u8], at: usize) -> [u8; 16] {
    let mut window = [0; 16];
    let rest = line.get(at..).unwrap_or(&[]);
    window.iter_mut().zip(rest).for_each(|(w, b)| *w = *b);
    window
}

#[cold]
fn read_slowly(line: &[u8], at: usize) -> Option<Text> {
    let mut end = at;
    let mut escaped = false;
    loop {
        match *line.get(end)? {
            b'"' => break,
            b'\\' => {
                escaped = true;
                end += match *line.get(end + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' if line.get(end + 2..end + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                    _ => return None,
                };
            }
            0..=0x1F => return None,
            _ => end += 1,
        }
    }
    let text = &line[at..end];
    let word = if !escaped {
        if text.len() <= 16 { word(text) } else { 0 }
    } else {
        let mut name = [0; 16];
        let mut len = 0;
        let fits = unescaped(text).all(|b| {
            let ok = b != 0 && len < 16;
            if ok {
                name[len] = b;
                len += 1;
            }
            ok
        });
        if fits { word(&name) } else { 0 }
    };
    Some(Text { word, end, escaped })
}

/// Returns the bytes that a well-formed string stands for. Characters beyond ASCII become 0xFF,
/// which no field accepts.
pub(crate) fn unescaped(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut bytes = text.iter().copied();
    core::iter::from_fn(move || {
        let b = bytes.next()?;
        if b != b'\\' {
            return Some(b);
        }
        Some(match bytes.next()? {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let code =
                    bytes.by_ref().take(4).fold(0, |code, digit| code << 4 | (digit as char).to_digit(16).unwrap_or(0));
                u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(0xFF)
            }
            other => other, // quote, backslash, slash
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(line: &[u8]) -> Option<Word> {
        // With and without room for the 16-byte test after the string.
        let mut padded = line.to_vec();
        padded.extend([b' '; 16]);
        let (a, b) = (read(line, 0).map(|t| (t.word, t.end)), read(&padded, 0).map(|t| (t.word, t.end)));
        if a.is_some() {
            assert_eq!(a, b);
        }
        a.map(|(word, _)| word)
    }

    #[test]
    fn names_are_read_as_words() {
        assert_eq!(says(b"price\":"), Some(word(b"price")));
        assert_eq!(says(b"\""), Some(0));
        assert_eq!(says(b"sixteen bytes ok\""), Some(word(b"sixteen bytes ok")));
        assert_eq!(says(b"seventeen bytes !\""), Some(0));
        assert_eq!(says(b"pri\\u0063e\""), Some(word(b"price")));
        assert_eq!(says(b"a\\/b\\\"c\\\\\""), Some(word(b"a/b\"c\\")));
        assert_eq!(says(b"buy\\u0000\""), Some(0));
        assert_eq!(says(b"\\u00e9\""), Some(word(&[0xFF])));
    }

    #[test]
    fn sse2_and_portable_quote_search_agree() {
        let mut random = vvp_testkit::streams::Rng::new(1);
        for _ in 0..20_000 {
            let mut bytes = [0; 16];
            for b in &mut bytes {
                *b = [b'"', b'\\', 0x1F, 0x20, b'!', b'#', 0x7F, 0x80, 0xA2, 0xFF, 0, b'a', b'b', b'c', b'd', b'e']
                    [random.below(16) as usize];
            }
            let w = Word::from_le_bytes(bytes);
            assert_eq!(first_quote(w), first_quote_portable(w), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_not_a_string_is_refused() {
        for bad in [&b"open"[..], b"a\\x\"", b"a\\u12g4\"", b"tab\t\"", b"nul\0\"", b"\\\"", b"", b"a\\u123", b"a\\"] {
            assert_eq!(says(bad), None, "{bad:?}");
        }
    }
}
