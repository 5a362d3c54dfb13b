//! JSON 6902 patches: lists of operations, written in JSON or YAML.

use json_patch::Patch;
use serde_json::Value;

use crate::yaml;

/// Reads the operations; an empty text has none.
///
/// # Errors
/// Returns a sentence that says which operation is invalid and why.
pub(super) fn parse(text: &str) -> Result<Patch, String> {
    let value = yaml::document(text).map_err(|e| format!("not a JSON 6902 patch: {e}"))?;
    match value {
        Value::Null => Ok(Patch::default()),
        Value::Array(ref operations) => {
            for (i, operation) in operations.iter().enumerate() {
                serde_json::from_value::<json_patch::PatchOperation>(operation.clone())
                    .map_err(|e| format!("JSON 6902 operation {}: {e}", i + 1))?;
            }
            serde_json::from_value(value).map_err(|e| e.to_string())
        }
        _ => Err("a JSON 6902 patch must be a list of operations".to_owned()),
    }
}

/// Applies all operations, or none.
///
/// # Errors
/// Returns a sentence about the first operation that cannot be applied; the
/// document is unchanged.
pub(super) fn apply(document: &mut Value, patch: &Patch) -> Result<(), String> {
    json_patch::patch(document, patch).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations() {
        let good = [
            ("", 0),
            ("[]", 0),
            (r#"[{"op": "add", "path": "/a", "value": 1}, {"op": "remove", "path": "/b"}]"#, 2),
            ("- op: replace\n  path: /a/0\n  value: {b: c}\n", 1),
        ];
        for (text, count) in good {
            assert_eq!(parse(text).unwrap().0.len(), count, "{text}");
        }
        let bad = [
            ("a: b", "must be a list"),
            ("[{", "not a JSON 6902 patch"),
            (
                "- op: remove\n  path: /a\n- op: grow\n  path: /a\n",
                "operation 2: unknown variant `grow`",
            ),
            ("- op: add\n  path: /a\n", "missing field `value`"),
            ("- op: remove\n  path: a\n", "operation 1"),
        ];
        for (text, want) in bad {
            let why = parse(text).unwrap_err();
            assert!(why.contains(want), "{text}: {why}");
        }
    }
}
