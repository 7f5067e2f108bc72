//! The pages of the folder `docs`: the matching contract, structures, costs, byte layouts.
//!
//! Links from page to page lead to files of the repository; here, take the list of modules.
//!
//! | for | pages |
//! |---|---|
//! | an overview | [`architecture`], [`glossary`] |
//! | the matching | [`matching`] (the contract, rule by rule), [`book`], [`snapshot`], [`records`], [`market_data`] |
//! | the structures | [`queues`], [`pools`], [`maps`], [`metrics`], [`layouts`], [`benchmarks`] |
//! | bare metal | [`firmware`] |
//! | Linux | [`text_format`], [`processes`], [`reliability`], [`doctor`] |
//! | recorded markets | [`replay`], [`itch`], [`containers`] |
//!
//! This module exists in the documentation only, not in the compiled crate.

macro_rules! pages {
    ($($name:ident $file:literal)*) => { $(
        #[doc = include_str!(concat!("../docs/", $file))]
        #[allow(rustdoc::broken_intra_doc_links)] // `[742]` in a table is no link
        pub mod $name {}
    )* };
}

pages! {
    architecture "architecture.md"
    benchmarks "benchmarks.md"
    book "book.md"
    containers "containers.md"
    doctor "doctor.md"
    firmware "firmware.md"
    glossary "glossary.md"
    itch "itch.md"
    layouts "layouts.md"
    maps "maps.md"
    market_data "market-data.md"
    matching "matching.md"
    metrics "metrics.md"
    pools "pools.md"
    processes "processes.md"
    queues "queues.md"
    records "records.md"
    reliability "reliability.md"
    replay "replay.md"
    snapshot "snapshot.md"
    text_format "text-format.md"
}
