//! The one place that decides how YAML is read and written.
//!
//! There are two readers, because their inputs differ:
//!
//! | | [`documents`] and [`document`] | [`located::read`] |
//! |---|---|---|
//! | for | patches, manifests, kubeconfigs | cluster definitions |
//! | result | plain values | a tree with the line of every value |
//! | documents | all, or the first | the first |
//! | duplicate keys | the last counts | a problem; the first counts |
//! | merge keys (`<<`) | resolved | resolved |
//! | octals (`010`, `0o10`) | numbers | text as written, which `config` reads as Go's yaml.v3 does |
//!
//! Both accept what Go programs accept. Written text is read back unchanged by
//! Go's YAML packages.

pub(crate) mod located;

use serde::Serialize;
use serde_json::Value;
use serde_yaml::options::DuplicateKeyPolicy;

/// Reads every document of a stream; empty documents are skipped.
///
/// # Errors
/// Returns the parser's message, with line and column. It has no excerpt of the text,
/// which may contain passwords and keys.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_yaml::options! {
        legacy_octal_numbers: true,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
    };
    let all: Vec<Value> =
        serde_yaml::from_multiple_with_options(text, options).map_err(|e| brief(&e.to_string()))?;
    Ok(all.into_iter().filter(|v| !v.is_null()).collect())
}

/// Reads the first document that is not empty; without one, the result is `null`.
///
/// # Errors
/// Returns the parser's message, as [`documents`] does.
pub fn document(text: &str) -> Result<Value, String> {
    Ok(documents(text)?.into_iter().next().unwrap_or(Value::Null))
}

/// A reader's message without the excerpt of the text that follows it.
fn brief(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

/// Writes one document, ending in a newline.
pub fn to_string<T: Serialize>(value: &T) -> String {
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    serde_yaml::to_string_with_options(value, options)
        .expect("a JSON value is always writable as YAML")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_by_the_documented_policies() {
        for (text, expected) in [
            ("", json!(null)),
            ("---\n---\na: 1\n---\nb: 2\n", json!({"a": 1})),
            ("a: 1\na: 2\n", json!({"a": 2})),
            (
                "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n",
                json!({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
            ),
            ("[010, 0o10, 0x10, '010']", json!([8, 8, 16, "010"])),
        ] {
            assert_eq!(document(text).unwrap(), expected, "{text}");
        }
        assert_eq!(documents("a: 1\n---\n---\nb: 2\n").unwrap().len(), 2);
    }

    #[test]
    fn an_error_has_nothing_of_the_text() {
        for text in ["client-key-data: s3cret\na: [", "token: 's3cret", "s3cret: {a: b", "? *s3"] {
            let message = document(text).unwrap_err();
            assert!(message.contains("line ") && !message.contains("s3cret"), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}
