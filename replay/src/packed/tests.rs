use super::*;
use std::io::Write;
use std::process::{Command, Stdio};
use vvp_testkit::streams::Rng;

/// Text that compresses, in several blocks of a frame where it is long.
fn content(bytes: usize) -> Vec<u8> {
    let mut random = Rng::new(7);
    let mut out = Vec::new();
    while out.len() < bytes {
        let _ = write!(out, "{} AAPL {},", random.below(16), random.below(1000));
    }
    out.truncate(bytes);
    out
}

fn read(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    unpacked(packed)?.read_to_end(&mut out)?;
    Ok(out)
}

/// Runs a tool on `input` and returns its verdict and output; `None` where the tool is not
/// installed.
fn tool(command: &str, arguments: &[&str], input: &[u8]) -> Option<(bool, Vec<u8>)> {
    let child = Command::new(command)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: {command} is not installed, so nothing is compared with it");
        return None;
    };
    let mut stdin = child.stdin.take()?;
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?;
    Some((output.status.success(), output.stdout))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn xz(content: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(6);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A frame of one raw block: descriptor, content size in a byte, block, checksum of the content.
fn zstd(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("short");
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, SINGLE_WITH_CHECKSUM, length];
    frame.extend_from_slice(&((u32::from(length) << 3) | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(content);
    let mut hash = checksum(content);
    frame.append(&mut hash);
    frame
}

const SINGLE_WITH_CHECKSUM: u8 = 0x24;

/// Low half of XXH64 with seed 0, for content below 32 bytes, from its specification.
fn checksum(content: &[u8]) -> Vec<u8> {
    const P: [u64; 5] = [
        0x9e37_79b1_85eb_ca87,
        0xc2b2_ae3d_27d4_eb4f,
        0x1656_67b1_9e37_79f9,
        0x85eb_ca77_c2b2_ae63,
        0x27d4_eb2f_1656_67c5,
    ];
    assert!(content.len() < 32);
    let mut h = P[4].wrapping_add(content.len() as u64);
    let (eights, rest) = content.as_chunks::<8>();
    for eight in eights {
        let k = u64::from_le_bytes(*eight).wrapping_mul(P[1]).rotate_left(31).wrapping_mul(P[0]);
        h = (h ^ k).rotate_left(27).wrapping_mul(P[0]).wrapping_add(P[3]);
    }
    let (fours, rest) = rest.as_chunks::<4>();
    for four in fours {
        h ^= u64::from(u32::from_le_bytes(*four)).wrapping_mul(P[0]);
        h = h.rotate_left(23).wrapping_mul(P[1]).wrapping_add(P[2]);
    }
    for &byte in rest {
        h = (h ^ u64::from(byte).wrapping_mul(P[4])).rotate_left(11).wrapping_mul(P[0]);
    }
    h = (h ^ (h >> 33)).wrapping_mul(P[1]);
    h = (h ^ (h >> 29)).wrapping_mul(P[2]);
    h ^= h >> 32;
    (h as u32).to_le_bytes().to_vec()
}

fn skippable(number: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x50 + number, 0x2a, 0x4d, 0x18];
    frame.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
    frame.extend_from_slice(content);
    frame
}

#[test]
fn a_zst_whose_checksum_differs_is_refused() {
    let good = zstd(b"twenty bytes of data");
    assert_eq!(read(&good).unwrap(), b"twenty bytes of data");
    for at in 9..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(read(&bad).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_zst_whose_content_size_differs_is_refused() {
    let mut bad = zstd(b"twenty bytes of data");
    bad[5] += 1;
    assert_eq!(read(&bad).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_zst_with_the_reserved_bit_is_refused() {
    let mut bad = zstd(b"abc");
    bad[4] |= 8;
    assert!(read(&bad).is_err());
}

#[test]
fn a_zst_that_needs_a_dictionary_or_a_wider_window_is_refused() {
    let window = |log: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3][..], &[0x19, 0, 0], b"abc"].concat();
    assert_eq!(read(&window(27)).unwrap(), b"abc");
    assert_eq!(read(&window(28)).unwrap_err().kind(), io::ErrorKind::InvalidData);
    // Single segment, a dictionary's number of one byte, a size of one byte.
    let dictionary = [&[0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 3][..], &[0x19, 0, 0], b"abc"].concat();
    assert_eq!(read(&dictionary).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn skippable_frames_are_passed_over_wherever_they_stand() {
    let (a, b) = (zstd(b"one,"), zstd(b"two"));
    for number in 0..16 {
        let skip = skippable(number, &content(100_000 * usize::from(number % 2)));
        for parts in [
            [&skip, &a, &b].as_slice(),
            &[&a, &skip, &b],
            &[&a, &b, &skip],
            &[&skip, &skip, &a, &skip, &b, &skip, &skip],
        ] {
            let file: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            assert_eq!(read(&file).unwrap(), b"one,two");
        }
    }
    assert_eq!(read(&skippable(0, b"nothing else")).unwrap(), b"");
}

#[test]
fn several_members_streams_and_frames_are_one_file() {
    let parts = [b"one,".as_slice(), b"", b"two,", b"three"];
    for pack in [gzip, xz, zstd] {
        let file: Vec<u8> = parts.iter().flat_map(|part| pack(part)).collect();
        assert_eq!(read(&file).unwrap(), b"one,two,three");
    }
}

#[test]
fn a_file_cut_short_is_refused_wherever_it_is_cut() {
    for good in [gzip(b"some bytes"), xz(b"some bytes"), zstd(b"some bytes"), skippable(3, b"abc")] {
        for length in 6..good.len() {
            assert!(read(&good[..length]).is_err(), "{} at {length}", Kind::of(&good));
        }
        // Behind a whole one too.
        for length in 1..good.len() {
            let file = [&good[..], &good[..length]].concat();
            assert!(read(&file).is_err(), "{} twice, at {length}", Kind::of(&good));
        }
    }
    assert_eq!(read(&zstd(b"some bytes")[..15]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn zeros_behind_a_gz_are_passed_over() {
    for zeros in [1, 3, 512, 200_000] {
        let mut file = [gzip(b"one,"), gzip(b"two")].concat();
        file.resize(file.len() + zeros, 0);
        assert_eq!(read(&file).unwrap(), b"one,two");
        file.push(1);
        assert!(read(&file).is_err(), "gzip(1) takes it as garbage: exit code 2");
    }
}

#[test]
fn zeros_behind_an_xz_are_passed_over_by_four() {
    for (zeros, right) in [(4, true), (512, true), (1, false), (3, false), (6, false)] {
        let mut file = xz(b"one");
        file.resize(file.len() + zeros, 0);
        assert_eq!(read(&file).is_ok_and(|out| out == b"one"), right, "{zeros}");
        file.extend(xz(b"two"));
        assert_eq!(read(&file).is_ok_and(|out| out == b"onetwo"), right, "{zeros} between two");
    }
}

#[test]
fn anything_else_behind_a_container_is_refused() {
    for good in [gzip(b"some bytes"), xz(b"some bytes"), zstd(b"some bytes")] {
        let kind = Kind::of(&good);
        for behind in [b"x".as_slice(), b"garbage and more of it", b"\x1f\x8b"] {
            assert!(read(&[&good, behind].concat()).is_err(), "{kind}");
        }
    }
    let mut zst = zstd(b"some bytes");
    zst.resize(zst.len() + 8, 0);
    assert!(read(&zst).is_err(), "zstd -t refuses zeros");
}

#[test]
fn an_error_of_the_source_comes_through_every_container() {
    struct Fails<'a>(&'a [u8]);
    impl Read for Fails<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::from_raw_os_error(libc::ECANCELED));
            }
            self.0.read(out)
        }
    }
    for good in [gzip(&content(20_000)), xz(&content(20_000)), zstd(&content(30)), skippable(1, &content(300))] {
        let mut out = Vec::new();
        let cut = good.len() - 2;
        let error = unpacked(Fails(&good[..cut])).and_then(|mut r| r.read_to_end(&mut out)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECANCELED), "{}", Kind::of(&good));
    }
}

/// Messages of ITCH 5.0 behind their lengths: a file that replay takes.
fn itch(bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut random = Rng::new(7);
    while out.len() < bytes {
        let [locate, tracking, reference] = [4, 16, 256].map(|n| random.below(n) as u8);
        out.extend_from_slice(&[0, 19, b'D', 0, locate, 0, 0, 0, 0]);
        out.extend_from_slice(&[tracking, 0, 0, 0, 0, 0, 0, 0, 0, 0, reference, 7]);
    }
    out
}

/// Whether any reader takes `bytes`, which are not compressed, for something that it knows.
fn is_known_content(bytes: &[u8]) -> bool {
    !matches!(Kind::of(bytes), Kind::Unknown | Kind::Bzip2 | Kind::Lz4 | Kind::Zip)
}

/// Turns single bits over, one at a time, in what the tool makes of content of several lengths:
/// every bit of the first and last 24 bytes, and `FLIPS` others. What we take, the tool takes, and
/// gives the same.
fn nothing_that_the_tool_refuses_is_accepted(name: &str, pack: &[&str]) {
    const FLIPS: usize = 1000;
    let has_no_checksum = pack.iter().any(|argument| matches!(*argument, "--no-check" | "--check=none"));
    let mut random = Rng::new(99);
    let (mut flips, mut harmless, mut refused, mut stricter, mut strange) = (0, 0, 0, 0, 0);
    for original in [itch(600), content(40_000)] {
        let Some((true, good)) = tool(name, pack, &original) else { return };
        assert_eq!(read(&good).unwrap(), original, "{name} {pack:?}");
        let bits = good.len() * 8;
        let mut places: Vec<usize> = (0..192).chain(bits - 192..bits).collect();
        places.extend((0..FLIPS / 2).map(|_| random.below(bits as u64) as usize));
        for bit in places {
            flips += 1;
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let what = format!("{name} {pack:?}, bit {bit} of {bits}");
            if Kind::of(&bad) != Kind::of(&good) {
                // Its first bytes are no longer those of the container: it comes through as it is.
                assert_eq!(read(&bad).unwrap(), bad, "{what}");
                assert!(!is_known_content(&bad), "{what} is taken as {}", Kind::of(&bad));
                strange += 1;
                continue;
            }
            let ours = read(&bad).ok();
            // Most are refused; asking the tool about each of them would say no more.
            if ours.is_none() && flips % 8 != 0 {
                refused += 1;
                continue;
            }
            let (accepts, theirs) = tool(name, &["-dc"], &bad).expect("it was there before");
            match ours {
                Some(ours) => {
                    assert!(accepts, "{what}: refused by the tool");
                    // Without a checksum damage that cannot be seen is content, and releases of the
                    // library make different content of it.
                    assert!(ours == theirs || has_no_checksum, "{what}: other content than the tool's");
                    harmless += 1;
                }
                None if accepts => stricter += 1,
                None => refused += 1,
            }
        }
    }
    assert!(has_no_checksum || refused > flips / 2, "most flips are found");
    eprintln!(
        "{name} {pack:?}: of {flips} flips {refused} are refused, {harmless} are accepted by both, {strange} leave no \
         container; of every eighth that is refused, the tool takes {stricter}"
    );
}

#[test]
fn bit_flips_that_gzip_refuses_are_refused() {
    for pack in [["-c", "-6"], ["-c", "-1"]] {
        nothing_that_the_tool_refuses_is_accepted("gzip", &pack);
    }
}

#[test]
fn bit_flips_that_xz_refuses_are_refused() {
    for check in ["--check=crc64", "--check=crc32", "--check=sha256", "--check=none"] {
        nothing_that_the_tool_refuses_is_accepted("xz", &["-c", check]);
    }
    nothing_that_the_tool_refuses_is_accepted("xz", &["-c", "--block-size=10000", "-T2"]);
}

#[test]
fn bit_flips_that_zstd_refuses_are_refused() {
    for pack in [["-c", "--check"], ["-c", "-19"], ["-c", "--no-check"]] {
        nothing_that_the_tool_refuses_is_accepted("zstd", &pack);
    }
}
