//! An add-on as its folder describes it: `addon.yaml`, read strictly.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::version::Version;
use crate::yaml;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    pub name: String,
    pub version: String,
    /// One line for `addon list`.
    pub summary: String,
    /// One line that people should read before they rely on it.
    pub notice: Option<String>,
    /// The Kubernetes versions it fits, such as `>=1.34, <1.40`.
    pub kubernetes: semver::VersionReq,
    /// It runs on one node: one with this label (`KEY=VALUE`), else a control-plane.
    pub placement: Option<String>,
    /// Ports that it takes on that node.
    #[serde(default)]
    pub host_ports: Vec<u16>,
    #[serde(default)]
    pub images: BTreeMap<String, ImageNames>,
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    #[serde(default)]
    pub certificates: BTreeMap<String, CertificateFor>,
    /// In this order.
    pub steps: Vec<Step>,
}

/// An image by the name it is published under, and by that of a build of ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageNames {
    pub official: String,
    pub built: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub default: Value,
    pub about: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Integer,
    Boolean,
    String,
    /// As Go writes it: `15s`, `1m30s`.
    Duration,
}

/// A server's certificate, for these names, which is kept in a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFor {
    /// `NAMESPACE/NAME`.
    pub secret: String,
    pub names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A file of manifests.
    Apply(String),
    Wait(Condition),
}

/// What must hold for an add-on to work.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a condition is one of {rollout, namespace}, {condition, of[, namespace]}, {get, contains}, {http, status} and {admits}"
)]
pub enum Condition {
    /// `KIND/NAME` has its current pods, all of them available.
    Rollout { rollout: String, namespace: String },
    /// An object says so of itself in its status.
    Says { condition: String, of: String, namespace: Option<String> },
    /// The API server answers at a path with this in it.
    Answers { get: String, contains: String },
    /// An URL (a template, as manifests are) answers with this status on the
    /// node the add-on was placed on.
    Http { http: String, status: u16 },
    /// The API server would take the objects of this file.
    Admits { admits: String },
}

impl Definition {
    /// Reads `addon.yaml`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Definition, String> {
        let definition: Definition =
            serde_json::from_value(yaml::document(text)?).map_err(|e| e.to_string())?;
        definition.check()?;
        Ok(definition)
    }

    fn check(&self) -> Result<(), String> {
        let word = |name: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            name.starts_with(plain) && name.chars().all(|c| plain(c) || c == '-')
        };
        // Part of the names of objects and labels, whose limit is 63.
        if !word(&self.name) || self.name.len() > 40 {
            return Err(format!(
                "{:?} is no name: lower-case letters, digits and dashes, at most 40",
                self.name
            ));
        }
        for (name, setting) in &self.settings {
            setting.kind.check(&setting.default).map_err(|e| format!("setting {name}: {e}"))?;
        }
        let placed = |c: &Condition| matches!(c, Condition::Http { .. });
        let asks_node = self.steps.iter().any(|s| matches!(s, Step::Wait(c) if placed(c)));
        if self.placement.is_none() && (asks_node || !self.host_ports.is_empty()) {
            return Err("hostPorts and http need a placement".into());
        }
        match self.steps.last() {
            Some(Step::Wait(_)) => Ok(()),
            _ => Err("the last step must be a wait: what says that it works?".into()),
        }
    }

    /// Whether it is made for this version; a pre-release counts as its release.
    pub fn fits(&self, version: &Version) -> bool {
        self.kubernetes.matches(&version.release())
    }
}

impl Kind {
    /// Whether a value is of this kind.
    ///
    /// # Errors
    /// What would be.
    pub fn check(self, value: &Value) -> Result<(), String> {
        let (fits, wanted) = match self {
            Kind::Integer => (value.is_i64(), "a whole number"),
            Kind::Boolean => (value.is_boolean(), "true or false"),
            Kind::String => (value.is_string(), "a text"),
            Kind::Duration => (value.as_str().is_some_and(is_duration), "a duration such as 15s"),
        };
        if fits { Ok(()) } else { Err(format!("{value} is not {wanted}")) }
    }

    /// The value that somebody wrote on a command line.
    ///
    /// # Errors
    /// What it should be.
    pub fn parse(self, text: &str) -> Result<Value, String> {
        let value = match self {
            Kind::Integer => text.parse::<i64>().ok().map(Value::from),
            Kind::Boolean => text.parse::<bool>().ok().map(Value::from),
            Kind::String | Kind::Duration => None,
        };
        let value = value.unwrap_or_else(|| Value::from(text));
        self.check(&value).map(|()| value)
    }
}

/// Numbers with units, without a sign.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let after = &rest[digits..];
        let Some(unit) = ["ms", "s", "m", "h"].into_iter().find(|unit| after.starts_with(unit))
        else {
            return false;
        };
        if digits == 0 {
            return false;
        }
        rest = &after[unit.len()..];
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "
name: small
version: v1
summary: nothing much
kubernetes: '>=1.34'
steps:
- apply: all.yaml
- wait: {rollout: deployment/small, namespace: small}
";

    #[test]
    fn a_small_one_is_read() {
        let small = Definition::parse(SMALL).unwrap();
        assert_eq!(small.steps.len(), 2);
        assert!(small.fits(&"v1.37.2".parse().unwrap()));
        assert!(small.fits(&"v1.34.0-rc.1".parse().unwrap()));
        assert!(!small.fits(&"v1.33.9".parse().unwrap()));
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, word) in [
            ("name: small", "name: Small", "no name"),
            ("summary:", "sumary:", "sumary"),
            ("'>=1.34'", "new", "expected"),
            ("{rollout: deployment/small, namespace: small}", "{rolout: x}", "a condition is one"),
            ("- wait:", "#", "last step must be a wait"),
            ("steps:", "hostPorts: [80]\nsteps:", "placement"),
            (
                "steps:",
                "settings: {many: {type: integer, default: x, about: none}}\nsteps:",
                "setting many: \"x\" is not a whole number",
            ),
        ] {
            let error = Definition::parse(&SMALL.replace(from, to)).unwrap_err();
            assert!(error.contains(word), "{to}: {error}");
        }
    }

    #[test]
    fn values_have_their_kind() {
        for (kind, text, wanted) in [
            (Kind::Integer, "3", Some(Value::from(3))),
            (Kind::Integer, "three", None),
            (Kind::Boolean, "true", Some(Value::from(true))),
            (Kind::Boolean, "yes", None),
            (Kind::String, "3", Some(Value::from("3"))),
            (Kind::Duration, "1m30s", Some(Value::from("1m30s"))),
            (Kind::Duration, "15", None),
            (Kind::Duration, "s", None),
            (Kind::Duration, "", None),
        ] {
            assert_eq!(kind.parse(text).ok(), wanted, "{text}");
        }
    }
}
