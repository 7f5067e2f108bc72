//! Every structure with const parameters, its legal sizes and the kinds of illegal ones.

/// `@` stands for a number that makes each case a type of its own.
pub(crate) struct Structure {
    pub(crate) name: &'static str,
    pub(crate) good: &'static str,
    pub(crate) bad: &'static [Bad],
    /// Whether zero bytes make one without `unsafe`.
    pub(crate) zeros: bool,
}

/// A type, what the error names of it, and the message.
pub(crate) struct Bad(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

const fn one(name: &'static str, good: &'static str, bad: &'static [Bad], zeros: bool) -> Structure {
    Structure { name, good, bad, zeros }
}

macro_rules! bad {
    ($($t:literal $message:literal),* $(,)?) => { &[$(Bad($t, $t, $message)),*] };
}

pub(crate) const STRUCTURES: &[Structure] = &[
    one(
        "Spsc",
        "Spsc<V<@>, 4>",
        bad!["Spsc<V<@>, 3>" "Spsc: N must be a power of two",
        "Spsc<V<@>, 0>" "Spsc: N must be a power of two",
        "Spsc<A<@>, 4>" "Spsc: T must be aligned to at most 128 bytes"],
        true,
    ),
    one(
        "SequencedSpsc",
        "SequencedSpsc<V<@>, 4>",
        bad!["SequencedSpsc<V<@>, 3>" "SequencedSpsc: N must be a power of two",
        "SequencedSpsc<V<@>, 0>" "SequencedSpsc: N must be a power of two",
        "SequencedSpsc<A<@>, 4>" "SequencedSpsc: T must be aligned to at most 128 bytes"],
        true,
    ),
    one(
        "Mpsc",
        "Mpsc<V<@>, 2>",
        bad!["Mpsc<V<@>, 1>" "Mpsc: N must be a power of two, at least 2",
        "Mpsc<V<@>, 0>" "Mpsc: N must be a power of two", "Mpsc<V<@>, 3>" "Mpsc: N must be a power of two",
        "Mpsc<A<@>, 4>" "Mpsc: T must be aligned to at most 128 bytes"],
        true,
    ),
    one(
        "RobustMpsc",
        "RobustMpsc<V<@>, 4, 256>",
        bad!["RobustMpsc<V<@>, 3, 2>" "RobustMpsc: N must be a power of two",
        "RobustMpsc<V<@>, 0, 2>" "RobustMpsc: N must be a power of two",
        "RobustMpsc<V<@>, 4, 0>" "RobustMpsc: LANES must be from 1 to 256",
        "RobustMpsc<V<@>, 4, 257>" "RobustMpsc: LANES must be from 1 to 256"],
        true,
    ),
    one(
        "FanIn",
        "FanIn<V<@>, 4, 256>",
        bad!["FanIn<V<@>, 4, 257>" "FanIn: LANES must be from 1 to 256",
        "FanIn<V<@>, 4, 300>" "FanIn: LANES must be from 1 to 256",
        "FanIn<V<@>, 4, 0>" "FanIn: LANES must be from 1 to 256", "FanIn<V<@>, 3, 2>" "FanIn: N must be a power of two",
        "FanIn<V<@>, 0, 2>" "FanIn: N must be a power of two",
        "FanIn<A<@>, 4, 2>" "FanIn: T must be aligned to at most 128 bytes"],
        true,
    ),
    one(
        "Frames",
        "Frames<{16 + 4 * @}>",
        &[Bad("Frames<10@1>", "Frames<10@1>", "Frames: N must be a multiple of 4 bytes, at least 16")],
        false,
    ),
    one(
        "AsyncSpsc",
        "AsyncSpsc<V<@>, 4>",
        &[Bad("AsyncSpsc<V<@>, 3>", "Spsc<V<@>, 3>", "Spsc: N must be a power of two")],
        false,
    ),
    one(
        "AsyncMpsc",
        "AsyncMpsc<V<@>, 4, 2>",
        &[
            Bad("AsyncMpsc<V<@>, 1, 2>", "Mpsc<V<@>, 1>", "Mpsc: N must be a power of two, at least 2"),
            Bad(
                "AsyncMpsc<V<@>, 4, 10@>",
                "WakerSlots<10@>",
                "WakerSlots: N, the producers that can wait, must be from 1 to 256",
            ),
        ],
        false,
    ),
    one(
        "AsyncFanIn",
        "AsyncFanIn<V<@>, 4, 2>",
        &[Bad("AsyncFanIn<V<@>, 4, 257>", "FanIn<V<@>, 4, 257>", "FanIn: LANES must be from 1 to 256")],
        false,
    ),
    one(
        "Pool",
        "Pool<V<@>, 4>",
        bad!["Pool<V<@>, 10>" "Pool: N must be a power of two, at most 2^24",
        "Pool<V<@>, 0>" "Pool: N must be a power of two", "Pool<V<@>, 1000>" "Pool: N must be a power of two",
        "Pool<V<@>, 33554432>" "Pool: N must be a power of two"],
        true,
    ),
    one("Slab", "Slab<V<@>, 3>", bad!["Slab<V<@>, 0>" "Slab: N must be from 1 to 2^32 - 2"], true),
    one(
        "IdMap",
        "IdMap<V<@>, 16>",
        bad!["IdMap<V<@>, 8>" "IdMap: N must be a power of two from 16 to 2^30",
        "IdMap<V<@>, 0>" "IdMap: N must be", "IdMap<V<@>, 24>" "IdMap: N must be"],
        true,
    ),
    one(
        "DenseMap",
        "DenseMap<V<@>, 4>",
        bad!["DenseMap<V<@>, 3>" "DenseMap: N must be a power of two up to 2^30",
        "DenseMap<V<@>, 0>" "DenseMap: N must be"],
        true,
    ),
    one(
        "ConcurrentMap",
        "ConcurrentMap<V<@>, u8, 4>",
        bad!["ConcurrentMap<V<@>, u8, 3>" "ConcurrentMap: N must be a power of two from 2 to 2^30",
        "ConcurrentMap<V<@>, u8, 0>" "ConcurrentMap: N must be", "ConcurrentMap<V<@>, u8, 1>" "ConcurrentMap: N must be",
        "ConcurrentMap<(), V<@>, 4>" "ConcurrentMap: K must have at least one byte"],
        true,
    ),
    one(
        "IdIndex",
        "IdIndex<{8 << (@ % 8)}>",
        bad!["IdIndex<10@1>" "IdIndex: IDS must be a power of two from 8 to 2^31"],
        true,
    ),
    one(
        "IdTable",
        "IdTable<{8 << (@ % 8)}>",
        bad!["IdTable<10@1>" "IdTable: IDS must be a power of two from 8 to 2^31"],
        true,
    ),
    one(
        "Book",
        "Book<64, 1, @, 8, 128>",
        &[
            Bad("Book<64, 3, @, 8, 128>", "Book<64, 3, @, 8, 128", "Book: BLOCKS must be a power of two up to 4,096"),
            Bad("Book<64, 0, @, 8, 128>", "Book<64, 0, @, 8, 128", "Book: BLOCKS must be a power of two up to 4,096"),
            Bad(
                "Book<64, 8192, @, 8, 128>",
                "Book<64, 8192, @, 8, 128",
                "Book: BLOCKS must be a power of two up to 4,096",
            ),
            Bad("Book<0, 1, @, 8, 128>", "Book<0, 1, @, 8, 128", "Book: ORDERS must be from 1 to 2^27 - 1"),
            Bad(
                "Book<134217728, 1, @, 8, 268435456>",
                "Book<134217728, 1, @, 8",
                "Book: ORDERS must be from 1 to 2^27 - 1",
            ),
            Bad("Book<8, 1, @, 268435456, 536870912>", "Book<8, 1, @, 268435456", "Book: STOPS must be below 2^28"),
            Bad("Book<64, 1, @, 8, 100>", "Book<64, 1, @, 8, 100", "Book: IDS must be a power of two, at least 8/7"),
            Bad("Book<64, 1, @, 49, 128>", "Book<64, 1, @, 49, 128", "Book: IDS must be a power of two, at least 8/7"),
        ],
        true,
    ),
    one(
        "Engine",
        "Engine<Book<64, 1, @, 8, 128>, 1, 4>",
        &[
            Bad(
                "Engine<Book<64, 1, @, 8, 128>, 0, 4>",
                "Book<64, 1, @, 8, 128",
                "Engine: INSTRUMENTS must be from 1 to 65,536",
            ),
            Bad(
                "Engine<Book<64, 1, @, 8, 128>, 65537, 4>",
                "Book<64, 1, @, 8, 128",
                "Engine: INSTRUMENTS must be from 1 to 65,536",
            ),
            Bad(
                "Engine<Book<64, 3, @, 8, 128>, 1, 4>",
                "Book<64, 3, @, 8, 128",
                "Book: BLOCKS must be a power of two up to 4,096",
            ),
        ],
        true,
    ),
    one(
        "Feed",
        "Feed<1, 10@>",
        bad!["Feed<70@9999, 100>" "Feed: INSTRUMENTS must be from 1 to 65,536",
        "Feed<1@, 0>" "Feed: TOUCHED must be from 1 to 2^32 - 2"],
        true,
    ),
];

/// Methods with parameters of their own: structure, method, its arguments, its type.
pub(crate) const GENERIC: &[(&str, &str, &str, &str)] = &[
    ("Pool", "acquire_with", "", "fn(_, fn() -> V<@>) -> _"),
    ("Pool", "make_all", "", "fn(_, fn() -> V<@>) -> _"),
    ("Pool", "magazine", "::<4>", "fn(_) -> _"),
    ("Slab", "retain", "", "fn(_, fn(Key, &mut V<@>) -> bool) -> _"),
    ("IdIndex", "get", "", "fn(_, _, fn(u32) -> bool) -> _"),
    ("IdIndex", "far", "", "fn(_, _, fn(u32) -> bool) -> _"),
    ("IdTable", "get", "", "fn(_, _, fn(u32) -> bool) -> _"),
    ("ConcurrentMap", "update", "", "fn(_, _, fn(u8) -> u8) -> _"),
    ("ConcurrentMap", "remove_if", "", "fn(_, _, fn(u8) -> bool) -> _"),
    ("ConcurrentMap", "for_each", "", "fn(_, fn(V<@>, u8)) -> _"),
    ("Engine", "save", "::<SliceWriter<'static>>", "fn(_, _) -> _"),
    ("Engine", "try_apply", "::<SliceSink<'static>>", "fn(_, _, _) -> _"),
    ("Engine", "apply", "::<CountSink>", "fn(_, _, _) -> _"),
    ("Engine", "apply_all", "::<CountSink>", "fn(_, _, _) -> _"),
    ("Engine", "enter", "::<CountSink>", "fn(_, _, _) -> _"),
    ("Engine", "cancel", "::<CountSink>", "fn(_, _, _) -> _"),
    ("Engine", "replace", "::<CountSink>", "fn(_, _, _) -> _"),
    (
        "Feed",
        "apply",
        "::<Engine<Book<64, 1, 8, 8, 128>, 1, 4>, CountSink, TopsWriter<'static, 1>>",
        "fn(_, _, _, _, _) -> _",
    ),
];

/// Those of books with a state hash only.
pub(crate) const TRACKED: &[&str] = &["entry_order", "state_hash"];
