//! Illegal capacities are refused when a program is built, by every way to make or use a structure.
//!
//! A failure prints the code that compiled and should not have, or was refused without the message;
//! or legal code that was refused, with the compiler's output.
#![cfg(all(not(loom), not(broken), not(miri)))]

mod harness;
mod methods;
mod table;

use harness::{Case, Crates, not_refused};
use methods::Method;
use std::path::Path;
use std::sync::OnceLock;
use table::{GENERIC, STRUCTURES, Structure, TRACKED};

/// Makes code that creates a structure in one way, from its table row, its type and the number of
/// the case; `None` if the structure cannot be made in that way.
type Way = fn(&Structure, &str, usize) -> Option<String>;

/// The head of every program: value types of any size, and a structure around another.
const PRELUDE: &str = r#"
use vvp_core::{book::*, capacity, engine::*, market_data::*, map::*, pool::*, queue::*, queue::asynch::*};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(transparent)]
pub struct V<const K: usize>([u8; K]);
#[derive(Clone, Copy, Debug, FromBytes)]
#[repr(align(256))]
pub struct A<const K: usize>([u8; K]);
impl<const K: usize> Default for V<K> { fn default() -> Self { Self([0; K]) } }
impl<const K: usize> Reset for V<K> { fn reset(&mut self) {} }
#[derive(FromZeros)]
pub struct Outer<T> { pub first: u64, pub inside: T }
"#;

fn crates() -> &'static Crates {
    static CRATES: OnceLock<Crates> = OnceLock::new();
    CRATES
        .get_or_init(|| Crates::build(Path::new(env!("CARGO_TARGET_TMPDIR")), "capacities", &["vvp_core", "zerocopy"]))
}

/// Inserts a number, so that no two cases share a type.
fn numbered(text: &str, number: usize) -> String {
    text.replace('@', &number.to_string())
}

/// Returns a case for each illegal size and each way.
fn cases(ways: &[Way]) -> Vec<Case> {
    let mut cases = Vec::new();
    for structure in STRUCTURES {
        for bad in structure.bad {
            for way in ways {
                let number = cases.len() + 1;
                if let Some(code) = way(structure, &numbered(bad.0, number), number) {
                    cases.push(Case { code, named: numbered(bad.1, number), message: bad.2.to_owned() });
                }
            }
        }
    }
    cases
}

fn legal(ways: &[Way]) -> String {
    let all = STRUCTURES.iter().flat_map(|structure| ways.iter().map(move |way| (structure, way)));
    let code = all.enumerate().filter_map(|(i, (s, way))| way(s, &numbered(s.good, i + 1), i + 1));
    PRELUDE.to_owned() + &code.collect::<String>()
}

fn program(cases: &[Case]) -> String {
    PRELUDE.to_owned() + &cases.iter().map(|case| case.code.as_str()).collect::<String>()
}

fn must_be_refused(name: &str, cases: &[Case]) {
    let said = crates().compile(name, &program(cases)).expect_err("illegal sizes were accepted");
    let missing = not_refused(&said, cases);
    assert!(
        missing.is_empty(),
        "{} of {} not refused as they should be: {missing:#?}\n{said}",
        missing.len(),
        cases.len()
    );
}

fn must_be_accepted(name: &str, source: &str) {
    if let Err(said) = crates().compile(name, source) {
        panic!("legal sizes were refused:\n{said}");
    }
}

fn in_a_static(_: &Structure, t: &str, number: usize) -> Option<String> {
    Some(format!("pub static S{number}: {t} = <{t}>::new();\n"))
}

#[test]
fn statics_of_illegal_sizes_are_refused() {
    must_be_refused("statics", &cases(&[in_a_static]));
    must_be_accepted("legal_statics", &legal(&[in_a_static]));
}

/// Ways to make a structure of zero bytes, none of which calls a function of its own.
const ZERO_BYTES: &[Way] = &[
    |s, t, n| {
        s.zeros.then(|| format!("pub fn boxed{n}() {{ let _b: Box<{t}> = FromZeros::new_box_zeroed().unwrap(); }}\n"))
    },
    |s, t, n| s.zeros.then(|| format!("pub fn local{n}() {{ let _b: {t} = FromZeros::new_zeroed(); }}\n")),
    |s, t, n| {
        s.zeros.then(|| format!("pub fn many{n}() {{ let _b = <{t} as FromZeros>::new_vec_zeroed(3).unwrap(); }}\n"))
    },
    |s, t, n| {
        let outer = format!("Outer<[{t}; 2]>");
        s.zeros
            .then(|| format!("pub fn outer{n}() {{ let _b: Box<{outer}> = FromZeros::new_box_zeroed().unwrap(); }}\n"))
    },
    |_, t, n| Some(format!("pub fn checked{n}() {{ capacity::check::<Outer<({t}, u8)>>(); }}\n")),
    |_, t, n| Some(format!("pub fn dropped{n}(_given: {t}) {{}}\n")),
];

#[test]
fn zero_bytes_of_illegal_sizes_are_refused_before_they_are_used() {
    must_be_refused("zero_bytes", &cases(ZERO_BYTES));
    must_be_accepted("legal_zero_bytes", &legal(ZERO_BYTES));
}

/// Returns code that takes a method's address, so that it is compiled for this type.
fn mention(method: &Method, t: &str, number: usize) -> String {
    let tracked =
        if TRACKED.contains(&method.name.as_str()) { t.replace("128>", "128, WithStateHash>") } else { t.to_owned() };
    let generic = GENERIC.iter().find(|g| g.0 == method.owner && g.1 == method.name);
    let kind = if method.is_unsafe { "unsafe " } else { "" };
    let (arguments, pointer) = match generic {
        Some(g) => (g.2, numbered(g.3, number)),
        None => ("", format!("fn({}) -> _", vec!["_"; method.arguments].join(", "))),
    };
    let path = match method.of_trait.as_deref() {
        None => format!("<{tracked}>"),
        Some("Default" | "core::default::Default") => format!("<{tracked} as Default>"),
        Some("fmt::Debug" | "core::fmt::Debug") => format!("<{tracked} as core::fmt::Debug>"),
        Some(name @ ("Matcher" | "BookView")) => format!("<{tracked} as {name}>"),
        Some(other) => panic!("{other}, a trait of {}, is unknown to this test: add its path here", method.owner),
    };
    format!("pub fn m{number}() {{ let _: {kind}{pointer} = {path}::{}{arguments}; }}\n", method.name)
}

/// Traits whose methods no program can name: destructors, and a trait that is private to the crate.
const UNREACHABLE: &[&str] = &["Drop", "SequencedRing"];

/// Returns the methods in the source that a program can name.
fn found() -> Vec<Method> {
    let all = methods::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let known = |owner: &str| STRUCTURES.iter().any(|s| s.name == owner);
    let mut found: Vec<Method> = all
        .into_iter()
        .filter(|m| known(&m.owner) && !m.of_trait.as_deref().is_some_and(|t| UNREACHABLE.contains(&t)))
        .collect();
    found.dedup_by(|a, b| a == b);
    found
}

#[test]
fn every_public_method_refuses_illegal_sizes() {
    let (mut cases, mut legal) = (Vec::new(), PRELUDE.to_owned());
    let of = |owner: &str| STRUCTURES.iter().find(|s| s.name == owner).expect("a structure of the table");
    for (i, method) in found().iter().enumerate() {
        let (structure, number) = (of(&method.owner), i + 1);
        legal.push_str(&mention(method, &numbered(structure.good, number), number));
        let bad = &structure.bad[0];
        let code = mention(method, &numbered(bad.0, number), number);
        cases.push(Case { code, named: numbered(bad.1, number), message: bad.2.to_owned() });
    }
    for structure in STRUCTURES {
        let count = found().iter().filter(|m| m.owner == structure.name).count();
        assert!(count >= 4, "the source of {} was not understood: {count} methods", structure.name);
    }
    must_be_accepted("legal_methods", &legal);
    must_be_refused("methods", &cases);
}

#[test]
fn method_without_the_check_is_found() {
    let case =
        |number| Case { code: String::new(), named: format!("Spsc<V<{number}>, 3>"), message: "Spsc: N".to_owned() };
    let said =
        "error[E0080]: Spsc: N must be\n `<Spsc<V<1>, 3> as C>::CHECK`\nerror[E0080]: Mpsc: N\n `<Spsc<V<2>, 3>`";
    let cases = [case(1), case(2), case(3)];
    let missing: Vec<&str> = not_refused(said, &cases).iter().map(|case| case.named.as_str()).collect();
    assert_eq!(missing, ["Spsc<V<2>, 3>", "Spsc<V<3>, 3>"]);
}
