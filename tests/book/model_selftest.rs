//! The reference model checked by itself: its invariants, and conservation of quantity, over every
//! flavour.

use std::collections::BTreeMap;
use vvp_core::book::{Command, EventBody, Op, OrderType};
use vvp_testkit::flavours::flavours;
use vvp_testkit::streams::Stream;
use vvp_testkit::text::Session;
use vvp_testkit::{Coverage, Model};

/// Open quantities, from the events alone: `(instrument, id)` → open quantity.
#[derive(Default)]
struct Ledger {
    open: BTreeMap<(u16, u64), u64>,
    market: BTreeMap<(u16, u64), bool>,
}

impl Ledger {
    fn take(&mut self, key: (u16, u64), qty: u64, left: u64) {
        let open = self.open.get_mut(&key).unwrap_or_else(|| panic!("{key:?} is not live"));
        assert_eq!(*open - qty, left, "{key:?}: quantity is not conserved");
        *open = left;
        if left == 0 {
            self.open.remove(&key);
        }
    }

    fn event(&mut self, c: &Command, instrument: Option<u16>, body: &EventBody) {
        let key = |id: vvp_core::book::OrderId| (instrument.expect("an order's event has an instrument"), id.get());
        match *body {
            EventBody::Accepted { id, .. } => {
                assert!(self.open.insert(key(id), c.qty().lots()).is_none(), "an id is live twice");
                self.market.insert(key(id), c.order_type() == OrderType::Market);
            }
            EventBody::Trade { maker, taker, qty, maker_open, taker_open, .. } => {
                self.take(key(maker), qty.lots(), maker_open.lots());
                self.take(key(taker), qty.lots(), taker_open.lots());
            }
            EventBody::Canceled { id, qty, .. } => self.take(key(id), qty.lots(), 0),
            EventBody::Reduced { id, qty, .. } => {
                let open = self.open.get_mut(&key(id)).expect("live");
                assert!(qty.lots() < *open && qty.lots() > 0);
                *open = qty.lots();
            }
            EventBody::Replaced { id, qty, .. } => *self.open.get_mut(&key(id)).expect("live") = qty.lots(),
            _ => {}
        }
    }
}

fn run(commands: &[Command], room: (usize, usize)) -> Coverage {
    let mut model = Model::new(room.0, room.1);
    let mut ledger = Ledger::default();
    for c in commands {
        let before = model.books.clone();
        let events = model.apply(c);
        for e in &events {
            ledger.event(c, e.instrument().map(|i| i.get()), &e.body());
        }
        model.check();
        let live: BTreeMap<(u16, u64), u64> = model
            .books
            .iter()
            .flat_map(|b| b.orders.values().chain(&b.stops).map(|o| ((b.index, o.id), o.open)))
            .collect();
        assert_eq!(live, ledger.open, "the book and its events disagree after {c:?}");

        // A refusal changes nothing, except for expiries at its time.
        if c.op() != Op::Time && events.len() == 1 && matches!(events[0].body(), EventBody::Rejected { .. }) {
            for (before, after) in before.iter().zip(&model.books) {
                assert_eq!((&before.orders, &before.stops), (&after.orders, &after.stops), "{c:?}");
            }
        }
    }
    model.coverage().clone()
}

#[test]
fn quantities_are_conserved_and_invariants_hold() {
    let mut all = Coverage::default();
    for flavour in flavours() {
        for seed in 0..3 {
            all.add(&run(&Stream::new(&flavour, seed).commands(1500), flavour.room));
        }
    }
    let (table, missed) = all.report();
    println!("{table}");
    println!("never met: {missed:#?}");
}

/// Returns the scenario files, sorted by name.
fn scenarios() -> Vec<std::path::PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");
    let entries = std::fs::read_dir(folder).expect("tests/scenarios").map(|e| e.expect("an entry").path());
    let is_input = |name: &str| name.ends_with(".jsonl") && !name.ends_with(".expected.jsonl");
    let mut files: Vec<_> = entries.filter(|p| p.to_str().is_some_and(is_input)).collect();
    files.sort();
    files
}

#[test]
fn scenarios_print_what_is_expected() {
    let files = scenarios();
    assert!(files.len() >= 34, "only {} scenarios", files.len());
    for file in files {
        let printed = Session::run(&std::fs::read_to_string(&file).expect("a scenario"));
        let expected_file = file.with_extension("expected.jsonl");
        if std::env::var_os("VVP_BLESS").is_some() {
            std::fs::write(&expected_file, &printed).expect("written");
        }
        let expected = std::fs::read_to_string(&expected_file).unwrap_or_default();
        let pairs = printed.lines().zip(expected.lines()).enumerate().find(|(_, (a, b))| a != b);
        assert!(printed == expected, "{}: the model prints\n{printed}\nfirst difference: {pairs:#?}", file.display());
    }
}

#[test]
fn deep_sweep() {
    let mut file = String::new();
    let mut expected = String::new();
    for i in 0..5000 {
        file += &format!(
            "{{\"op\":\"new\",\"id\":{},\"side\":\"sell\",\"price\":\"{}\",\"qty\":2}}\n",
            i + 1,
            100 + i / 100
        );
        expected += &format!("{{\"seq\":{0},\"event\":\"accepted\",\"id\":{0}}}\n", i + 1);
    }
    file += "{\"op\":\"new\",\"id\":9999,\"side\":\"buy\",\"price\":\"149\",\"qty\":9999}\n";
    expected += "{\"seq\":5001,\"event\":\"accepted\",\"id\":9999}\n";
    for i in 0..5000 {
        let (qty, maker_open) = if i == 4999 { (1, 1) } else { (2, 0) };
        let taker_open = 9999 - 2 * i - qty;
        expected += &format!(
            "{{\"seq\":{},\"event\":\"trade\",\"maker\":{},\"taker\":9999,\"price\":\"{}\",\"qty\":{qty},\"maker_open\":{maker_open},\"taker_open\":{taker_open}}}\n",
            5002 + i,
            i + 1,
            100 + i / 100,
        );
    }
    expected += "{\"symbol\":\"X\",\"phase\":\"continuous\",\"last\":\"149\",\"bids\":[],\"asks\":[[\"149\",1,1]]}\n";
    assert_eq!(Session::run(&file), expected);
}
