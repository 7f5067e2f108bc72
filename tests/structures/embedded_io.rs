//! `Frames` as a stream of bytes, through the traits of `embedded-io`.
#![cfg(all(feature = "embedded-io", not(loom)))]

use embedded_io::{Error, ErrorKind, Read, ReadReady, Write, WriteReady};
use vvp_core::queue::frames::io::{FrameReader, FrameWriter};
use vvp_core::queue::{Frames, Spin};

#[test]
fn byte_stream_arrives_unchanged() {
    let frames = Frames::<64>::new();
    let mut tx = FrameWriter::new(frames.producer().expect("free"), Spin);
    let mut rx = FrameReader::new(frames.consumer().expect("free"), Spin);
    let sent: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let received = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Pieces of 0 to 40 bytes: some longer than a frame, which has 28 at most.
            let mut rest = &sent[..];
            for len in (0..=40).cycle() {
                let (piece, after) = rest.split_at(len.min(rest.len()));
                tx.write_all(piece).expect("the reader is there");
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            tx.flush().expect("nothing to do");
            tx.into_inner().close();
        });
        let mut received = Vec::new();
        for len in (1..=50).cycle() {
            let mut buffer = [0; 50];
            match rx.read(&mut buffer[..len]).expect("it cannot fail") {
                0 => break,
                read => received.extend_from_slice(&buffer[..read]),
            }
        }
        received
    });
    assert!(received == sent);
    assert_eq!(rx.read(&mut [0; 4]), Ok(0), "the end of the stream is final");
}

#[test]
fn ready_is_false_where_a_call_would_wait() {
    let frames = Frames::<64>::new();
    let mut tx = FrameWriter::new(frames.producer().expect("free"), Spin);
    let mut rx = FrameReader::new(frames.consumer().expect("free"), Spin);
    assert_eq!((rx.read_ready(), tx.write_ready()), (Ok(false), Ok(true)));
    assert_eq!((rx.read(&mut []), tx.write(&[])), (Ok(0), Ok(0)));
    assert_eq!(tx.write(&[7; 100]), Ok(28));
    assert_eq!(rx.read_ready(), Ok(true));
    assert_eq!(rx.read(&mut [0; 8]), Ok(8));
    assert_eq!((rx.read(&mut [0; 30]), rx.read_ready()), (Ok(20), Ok(false)));
    while tx.write_ready() == Ok(true) {
        tx.write_all(&[1]).expect("the reader is there");
    }
    rx.into_inner().close();
    while tx.write(&[2]).is_ok() {}
    assert_eq!(tx.write(&[2]).map_err(|why| why.kind()), Err(ErrorKind::BrokenPipe));
    assert_eq!(tx.write_ready(), Ok(true), "it would not wait");
}
