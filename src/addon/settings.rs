//! Settings: the defaults, and what the user sets on the command line.

use std::collections::BTreeMap;

use serde_json::Value;

use super::definition::Definition;

pub(super) type Settings = BTreeMap<String, Value>;

/// One `--set`: `KEY=VALUE`, or `ADDON.KEY=VALUE` for one of several add-ons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub addon: Option<String>,
    pub key: String,
    pub value: String,
}

impl Assignment {
    /// Reads the argument of a `--set`. The first `=` ends the key.
    ///
    /// # Errors
    /// Returns a sentence if the text has no `=`.
    pub(crate) fn parse(text: &str) -> Result<Assignment, String> {
        let (path, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
        let (addon, key) = match path.split_once('.') {
            Some((addon, key)) => (Some(addon.to_owned()), key),
            None => (None, path),
        };
        Ok(Assignment { addon, key: key.to_owned(), value: value.to_owned() })
    }
}

/// An add-on's settings: the defaults, changed by the assignments for it.
///
/// # Errors
/// Returns a sentence if a key is unknown, or if a value has the wrong type.
pub(super) fn resolve(
    definition: &Definition,
    assignments: &[Assignment],
) -> Result<Settings, String> {
    let specified = &definition.settings;
    let mut settings: Settings =
        specified.iter().map(|(key, setting)| (key.clone(), setting.default.clone())).collect();
    let ours = |a: &&Assignment| a.addon.as_ref().is_none_or(|name| *name == definition.name);
    for Assignment { key, value, .. } in assignments.iter().filter(ours) {
        let setting = specified.get(key).ok_or_else(|| {
            let known: Vec<&str> = specified.keys().map(String::as_str).collect();
            match known.is_empty() {
                true => format!("unknown setting {key:?}; the add-on has no settings"),
                false => format!("unknown setting {key:?}; known settings: {}", known.join(", ")),
            }
        })?;
        let value = setting.value_type.parse(value).map_err(|e| format!("setting {key:?}: {e}"))?;
        settings.insert(key.clone(), value);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition() -> Definition {
        Definition::parse(
            "name: small
version: v1
summary: s
kubernetes: '*'
settings:
  replicas: {type: integer, default: 1, about: how many}
  every: {type: duration, default: 15s, about: how often}
steps: [{wait: {get: /healthz, contains: ok}}]
",
        )
        .unwrap()
    }

    fn resolved(texts: &[&str]) -> Result<Settings, String> {
        let given: Vec<_> = texts.iter().map(|text| Assignment::parse(text).unwrap()).collect();
        resolve(&definition(), &given)
    }

    #[test]
    fn defaults_hold_until_something_is_set() {
        assert_eq!(resolved(&[]).unwrap()["replicas"], json!(1));
        let some = resolved(&["replicas=3", "other.every=x", "small.every=1m"]).unwrap();
        assert_eq!((&some["replicas"], &some["every"]), (&json!(3), &json!("1m")));
    }

    #[test]
    fn mistakes_are_refused() {
        let error = resolved(&["replica=3"]).unwrap_err();
        assert!(
            error.contains("unknown setting \"replica\"; known settings: every, replicas"),
            "{error}"
        );
        assert!(resolved(&["replicas=x"]).unwrap_err().contains("not a whole number"));
        assert!(Assignment::parse("replicas").is_err());
        assert_eq!(Assignment::parse("a=b=c").unwrap().value, "b=c");
    }
}
