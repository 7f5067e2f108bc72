use super::*;
use std::io::Write;

/// A message, the length of zero that ends the messages, and `behind`.
fn ended(behind: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 12, b'S', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, b'O', 0, 0];
    file.extend_from_slice(behind);
    file
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

fn zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Messages read until `piece` says that there are no more.
fn messages(file: &[u8]) -> io::Result<usize> {
    let mut reader = FrameReader::new(file)?;
    let mut messages = 0;
    while let Some(in_piece) = reader.piece(|frames| frames.by_ref().count())? {
        messages += in_piece;
    }
    Ok(messages)
}

#[test]
fn a_checksum_is_compared_where_the_messages_end_before_the_file() {
    // Longer than what is read before the length of zero is seen, and hard to pack.
    let mut random = vvp_testkit::streams::Rng::new(5);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.below(256) as u8).take(3 * PIECE_BYTES).collect();
    for behind in [b"".as_slice(), &[0; 700_000], b"something", &noise] {
        for (name, pack, trailer) in [
            ("gz", gzip as fn(&[u8]) -> Vec<u8>, 8), // CRC-32 and length
            ("xz", xz, 12),                          // the footer
            ("zst", zstd, 4),                        // low half of XXH64
        ] {
            let good = pack(&ended(behind));
            assert_eq!(messages(&good).unwrap(), 1, "{name}");
            let mut damaged = good.clone();
            damaged[good.len() - trailer] ^= 1;
            assert!(messages(&damaged).is_err(), "{name}: another checksum");
            assert!(messages(&good[..good.len() - 1]).is_err(), "{name}: cut short");
        }
    }
}

#[test]
fn after_end_is_the_same_before_and_after_the_last_piece() {
    let file = zstd(&ended(b"something"));
    let mut reader = FrameReader::new(&file[..]).unwrap();
    assert_eq!(reader.after_end().unwrap(), None, "not read to it yet");
    assert_eq!(reader.piece(|frames| frames.by_ref().count()).unwrap(), Some(1));
    for _ in 0..2 {
        assert_eq!(reader.after_end().unwrap(), Some((14, 9)));
        assert_eq!(reader.piece(|_| ()).unwrap(), None);
        assert_eq!(reader.consumed(), 14);
    }
}
