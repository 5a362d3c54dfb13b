//! TOML as a JSON value and back.

use serde_json::Value;

/// Reads a TOML document.
///
/// # Errors
/// Returns the parser's message, with the line within `text`.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    toml_edit::de::from_str(text).map_err(|e: toml_edit::de::Error| {
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("not valid TOML (its line {}): {}", before.matches('\n').count() + 1, e.message())
    })
}

/// Writes a table with sorted keys.
///
/// # Errors
/// Returns a sentence that says why the value has no TOML form: it contains
/// null, for example.
pub(crate) fn to_string(mut value: Value) -> Result<String, String> {
    value.sort_all_objects();
    toml_edit::ser::to_string_pretty(&value).map_err(|e| format!("cannot be written as TOML: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let text = "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\"]\nb = [1, 2]\na = 1.5\n[[x]]\ny = true\n";
        let once = to_string(parse(text).unwrap()).unwrap();
        assert!(once.contains("[plugins.\"io.containerd.cri.v1.runtime\"]"), "{once}");
        assert!(once.find("a = 1.5") < once.find("b = ["), "{once}");
        assert_eq!(parse(&once), parse(text));
        assert_eq!(to_string(parse(&once).unwrap()).unwrap(), once);
    }

    #[test]
    fn bad_toml() {
        assert!(parse("b = 1\na = ").unwrap_err().starts_with("not valid TOML (its line 2): "));
        assert!(to_string(serde_json::json!({"a": null})).is_err());
    }
}
