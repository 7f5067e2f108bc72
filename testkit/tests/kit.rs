//! What the documentation of the test kit promises beyond the model's agreement with the engine,
//! which the core's tests compare (`tests/book/`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use vvp_core::book::{
    Command, Event, EventBody, EventKind, InstrumentId, InstrumentSpec, Limits, OrderId, OwnerId, Price, Qty, Reject,
    Side, Symbol,
};
use vvp_testkit::Model;
use vvp_testkit::flavours::flavours;
use vvp_testkit::streams::Stream;

fn definition(index: u16) -> Command {
    Command::instrument(InstrumentId::new(index), &InstrumentSpec::new(Symbol::X))
}

fn bid(id: u64) -> Command {
    Command::limit(OrderId::new(id), Side::Buy, Price::new(id as i64), Qty::new(1))
}

fn rejected(reason: Reject, id: u64) -> EventBody {
    EventBody::Rejected { id: Some(OrderId::new(id)), reason, edge_ref: None }
}

#[test]
fn a_shorter_stream_is_a_prefix_of_a_longer_one() {
    for flavour in flavours() {
        for seed in 0..4 {
            let long = Stream::new(&flavour, seed).commands(50);
            let short = Stream::new(&flavour, seed).commands(20);
            assert!(short.len() + 30 == long.len() && long.starts_with(&short), "flavour {:?}", flavour.name);
        }
    }
}

#[test]
fn capacities_of_the_model_can_be_chosen() {
    let mut model = Model::new(1, 0).with_instruments(1).with_owners(1);
    assert_eq!(model.apply(&definition(0))[0].kind(), EventKind::Defined);
    assert_eq!(model.apply(&definition(1))[0].kind(), EventKind::Rejected);
    model.apply(&bid(1));
    assert_eq!(model.apply(&bid(2))[0].body(), rejected(Reject::BookFull, 2));

    let blocked = Limits { blocked: true, ..Limits::default() };
    let mut limits = |owner, limits: &Limits| model.apply(&Command::limits(OwnerId::new(owner), limits)).len();
    assert_eq!(limits(1, &blocked), 0);
    assert_eq!(limits(1, &blocked), 0, "an owner that has room keeps it");
    assert_eq!(limits(2, &Limits::default()), 0, "no limits need no room");
    assert_eq!(limits(2, &blocked), 1, "no room for one more");
    assert_eq!(limits(1, &Limits::default()), 0);
    assert_eq!(limits(2, &blocked), 0, "owner 1 gave its room back");
}

#[test]
fn a_wrong_event_is_reported_with_the_right_ones() {
    let mut model = Model::new(10, 0);
    let defined = model.clone().apply(&definition(0));
    assert_eq!(model.compare(&definition(0), &defined), Ok(()));
    let wrong = Event::new(1, Some(InstrumentId::new(0)), None, rejected(Reject::Phase, 1));
    let right = model.compare(&bid(1), &[wrong]).expect_err("a good order");
    assert!(matches!(right[0].body(), EventBody::Accepted { id, .. } if id == OrderId::new(1)));
}

#[test]
fn levels_full_is_believed_only_where_it_can_be() {
    let full = |seq, id| [Event::new(seq, Some(InstrumentId::new(0)), None, rejected(Reject::LevelsFull, id))];
    let mut model = Model::new(10, 0).with_far_levels(2);
    model.apply(&definition(0));
    model.apply(&bid(1));
    let early = catch_unwind(AssertUnwindSafe(|| model.clone().compare(&bid(2), &full(2, 2))));
    assert!(early.is_err(), "a side with one level has room for a second");
    model.apply(&bid(2));
    assert_eq!(model.compare(&bid(3), &full(3, 3)), Ok(()));
    let there = Command::limit(OrderId::new(4), Side::Buy, Price::new(2), Qty::new(1));
    assert!(catch_unwind(AssertUnwindSafe(|| model.compare(&there, &full(4, 4)))).is_err(), "that level is there");
}
