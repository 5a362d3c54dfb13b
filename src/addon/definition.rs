//! The definition of an add-on: `addon.yaml`, in which unknown keys are errors.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::setting::Setting;
use crate::version::Version;
use crate::yaml;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Definition {
    pub name: String,
    pub version: String,
    /// One line for `addon list`.
    pub summary: String,
    /// One line that users should read before they rely on it.
    pub notice: Option<String>,
    /// When its project ended, such as `March 2026`; `None` if it goes on.
    pub retired: Option<String>,
    /// The Kubernetes versions it works with, such as `>=1.34, <1.40`.
    pub kubernetes: semver::VersionReq,
    /// It runs on one node: one with this label (`KEY=VALUE`), else a
    /// control-plane. Without a placement it runs anywhere.
    pub placement: Option<String>,
    /// Ports of that node that it uses.
    #[serde(default)]
    pub host_ports: Vec<u16>,
    #[serde(default)]
    pub images: BTreeMap<String, ImageNames>,
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    #[serde(default)]
    pub certificates: BTreeMap<String, CertificateFor>,
    /// Carried out in this order.
    pub steps: Vec<Step>,
}

/// The name that an image is published under, and the name of skiff's own build
/// of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageNames {
    pub official: String,
    pub built: Option<String>,
    #[serde(default)]
    pub vulnerabilities: Vec<Vulnerability>,
}

/// A published vulnerability of a program in an image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vulnerability {
    /// Such as `CVE-2025-1974`.
    pub id: String,
    /// Who can do what with it, in a few words.
    pub about: String,
    /// The releases of the official image that have it: those in any of these ranges.
    pub affected: Vec<semver::VersionReq>,
    /// What closes it in skiff's own build; `None` if nothing does.
    pub built: Option<String>,
}

impl ImageNames {
    /// An image that skiff does not build.
    pub(super) fn official_only(official: String) -> Self {
        ImageNames { official, built: None, vulnerabilities: Vec::new() }
    }
}

/// A server's certificate, for these DNS names, which is kept in a Secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateFor {
    /// `NAMESPACE/NAME`.
    pub secret: String,
    pub names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// The name of a file with manifests.
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
pub(crate) enum Condition {
    /// `KIND/NAME` has its current pods, all of them available.
    Rollout { rollout: String, namespace: String },
    /// A condition in an object's status is true.
    IsTrue { condition: String, of: String, namespace: Option<String> },
    /// The API server's answer at a path contains this text.
    Response { get: String, contains: String },
    /// Asked from the node that the add-on is placed on, a URL (a template, as
    /// manifests are) answers with this status.
    Http { http: String, status: u16 },
    /// The API server would admit the objects of this file.
    Admits { admits: String },
}

impl Definition {
    /// Reads `addon.yaml`.
    ///
    /// # Errors
    /// Returns a message with the place if the text is not YAML or not a valid
    /// definition.
    pub(crate) fn parse(text: &str) -> Result<Definition, String> {
        let definition: Definition =
            serde_json::from_value(yaml::document(text)?).map_err(|e| e.to_string())?;
        definition.check()?;
        Ok(definition)
    }

    fn check(&self) -> Result<(), String> {
        let valid = |name: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            name.starts_with(plain) && name.chars().all(|c| plain(c) || c == '-')
        };
        // Part of the names of objects and labels, whose limit is 63.
        if !valid(&self.name) || self.name.len() > 40 {
            return Err(format!(
                "invalid name {:?}: use lower-case letters, digits and dashes, at most 40",
                self.name
            ));
        }
        for (name, setting) in &self.settings {
            setting
                .value_type
                .check(&setting.default)
                .map_err(|e| format!("setting {name}: {e}"))?;
        }
        let placed = |c: &Condition| matches!(c, Condition::Http { .. });
        let asks_node = self.steps.iter().any(|s| matches!(s, Step::Wait(c) if placed(c)));
        if self.placement.is_none() && (asks_node || !self.host_ports.is_empty()) {
            return Err("hostPorts and http need a placement".into());
        }
        match self.steps.last() {
            Some(Step::Wait(_)) => Ok(()),
            _ => Err("the last step must be a wait, which says whether the add-on works".into()),
        }
    }

    /// The lines that users should read before they rely on it.
    pub(crate) fn notices(&self) -> Vec<String> {
        let retired = self.retired.as_ref().map(|when| {
            let name = &self.name;
            format!(
                "{name} was retired in {when} and gets no more fixes; fine for a local lab, not for production"
            )
        });
        let notice = self.notice.as_ref().map(|notice| format!("{}: {notice}", self.name));
        retired.into_iter().chain(notice).collect()
    }

    /// Whether it works with this version. A pre-release counts as its release.
    pub(crate) fn supports(&self, version: &Version) -> bool {
        self.kubernetes.matches(&version.release())
    }
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
    fn a_definition_is_read() {
        let small = Definition::parse(SMALL).unwrap();
        assert_eq!(small.steps.len(), 2);
        assert!(small.supports(&"v1.37.2".parse().unwrap()));
        assert!(small.supports(&"v1.34.0-rc.1".parse().unwrap()));
        assert!(!small.supports(&"v1.33.9".parse().unwrap()));
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, word) in [
            ("name: small", "name: Small", "invalid name"),
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
}
