//! JSON for programs: summaries and reports, through serde. The lines of the text format are not
//! made here: there are millions of them, and they have a writer of their own.

use serde::{Serialize, Serializer};

/// Serializes pairs as one JSON object whose members keep their order; for `serialize_with`.
///
/// # Errors
/// Those of the serializer.
pub fn object<K: Serialize, V: Serialize, S: Serializer>(pairs: &[(K, V)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

/// Serializes a number as a string of 16 hexadecimal digits, as hashes are written.
///
/// # Errors
/// Those of the serializer.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub fn hash<S: Serializer>(hash: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    hash.map(|hash| format!("{hash:016x}")).serialize(serializer)
}

/// Returns a value as JSON without white space.
#[must_use]
pub fn text(value: &impl Serialize) -> String {
    // Plain data has no keys that are no strings, and memory takes everything.
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns a value as one line of JSON, line feed included.
#[must_use]
pub fn line(value: &impl Serialize) -> String {
    text(value) + "\n"
}
