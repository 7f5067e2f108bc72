//! `QueueSink`: no event is lost while the reader lives, and it does not hang when the reader has
//! closed.

use std::thread;
use vvp_core::book::{Event, EventBody, InstrumentId, Phase, QueueSink, Sink};
use vvp_core::queue::{PopError, Spsc};

fn event(n: u32) -> Event {
    Event::new(n, Some(InstrumentId::new(0)), None, EventBody::Phase { phase: Phase::Continuous })
}

#[test]
fn slow_reader_gets_every_event() {
    static EVENTS: Spsc<Event, 8> = Spsc::new();
    const COUNT: u32 = 10_000;
    let mut sink = QueueSink::new(EVENTS.producer().unwrap(), |_| thread::yield_now());
    let reader = thread::spawn(|| {
        let mut reader = EVENTS.consumer().unwrap();
        let mut next = 0;
        loop {
            match reader.pop() {
                Ok(event) => {
                    assert_eq!(event.seq_low(), next);
                    next += 1;
                }
                Err(PopError::Closed) => return next,
                Err(_) => thread::yield_now(),
            }
        }
    });
    for n in 0..COUNT {
        sink.emit(event(n));
        if n % 5 == 0 {
            sink.flush();
        }
    }
    assert_eq!(sink.lost(), 0);
    sink.into_producer().close();
    assert_eq!(reader.join().unwrap(), COUNT);
}

#[test]
fn events_are_published_by_a_flush_and_in_batches() {
    let queue = Spsc::<Event, 64>::new();
    let mut sink = QueueSink::new(queue.producer().unwrap(), |_| panic!("there is room"));
    let mut reader = queue.consumer().unwrap();
    sink.emit(event(1));
    assert_eq!(reader.available(), 0);
    sink.flush();
    assert_eq!(reader.available(), 1);
    (2..40).for_each(|n| sink.emit(event(n)));
    assert!(reader.available() > 20, "a long command is published before its end");
    drop(sink);
    assert_eq!(reader.available(), 39);
}

#[test]
fn closed_reader_does_not_block_the_sink() {
    let queue = Spsc::<Event, 4>::new();
    let reader = queue.consumer().unwrap();
    let mut waits = 0;
    let mut closing = Some(reader);
    let mut sink = QueueSink::new(queue.producer().unwrap(), |attempt| {
        waits += 1;
        if attempt == 3 {
            closing.take().expect("asked once").close();
        }
    });
    (0..7).for_each(|n| sink.emit(event(n)));
    assert_eq!(sink.lost(), 3);
    drop(sink);
    assert_eq!((waits, queue.len()), (4, 4));
}
