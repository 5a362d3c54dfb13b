//! The one place that decides how YAML is read and written.
//!
//! Reading follows what Go programs accept (legacy octals, merge keys, the last
//! of several equal keys);
//! writing yields text that Go's YAML reads back unchanged.

use serde::Serialize;
use serde_json::Value;
use serde_yaml::options::DuplicateKeyPolicy;

/// Reads every document of a stream; empty documents are skipped.
///
/// # Errors
/// The reader's message, with line and column.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_yaml::options! {
        legacy_octal_numbers: true,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
    };
    let all: Vec<Value> =
        serde_yaml::from_multiple_with_options(text, options).map_err(|e| e.to_string())?;
    Ok(all.into_iter().filter(|v| !v.is_null()).collect())
}

/// Reads one document; an empty text is `null`.
///
/// # Errors
/// The reader's message, with line and column.
pub fn document(text: &str) -> Result<Value, String> {
    Ok(documents(text)?.into_iter().next().unwrap_or(Value::Null))
}

/// Writes one document, ending in a newline.
pub fn to_string<T: Serialize>(value: &T) -> String {
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    serde_yaml::to_string_with_options(value, options)
        .expect("a JSON value is always writable as YAML")
}
