//! Reads a cluster definition: kind's `v1alpha4` file format.
//!
//! Everything that can be known to be wrong is said here, all of it at once,
//! before anything is created.

mod decode;
mod networking;
mod node_labels;
mod ports;
mod subnet;
mod v1alpha4;

use std::fmt;

use crate::cluster::{Cluster, ContainerdPatches, DEFAULT_NAME, KubeadmPatches, Node};
use crate::yaml::located::{self, Value};

pub use networking::default_networking;

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// 1-based; `None` when no line is to blame.
    pub line: Option<usize>,
    /// Such as `nodes[1].role`; empty for the file as a whole.
    pub path: String,
    pub message: String,
}

/// Everything that is wrong with a definition, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Problems(pub Vec<Problem>);

/// Reads and validates a definition; only the first YAML document counts.
/// Relative host paths stay relative.
///
/// # Errors
/// Every problem of the text, never an empty list.
pub fn parse(text: &str) -> Result<Cluster, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\0') {
        return Err(Problems::only("this is not a text file"));
    }
    let document = located::read(text).map_err(|problem| Problems(vec![problem.into()]))?;
    if document.tree.value == Value::Null {
        let header =
            format!("`kind: {}` and `apiVersion: {}`", v1alpha4::KIND, v1alpha4::API_VERSION);
        return Err(Problems::only(format!("the definition is empty; it needs at least {header}")));
    }
    let mut problems = Problems(document.duplicates.into_iter().map(Problem::from).collect());
    let cluster = v1alpha4::decode(&document.tree, &mut problems);
    if problems.0.is_empty() {
        return Ok(cluster);
    }
    problems.0.sort_by_key(|p| p.line);
    problems.0.dedup();
    Err(problems)
}

/// What is created when there is no definition: kind's defaults.
pub fn default_cluster() -> Cluster {
    Cluster {
        name: DEFAULT_NAME.to_owned(),
        nodes: vec![Node::default()],
        networking: default_networking(Default::default()),
        feature_gates: Default::default(),
        runtime_config: Default::default(),
        kubeadm: KubeadmPatches::default(),
        containerd: ContainerdPatches::default(),
    }
}

/// Whether a cluster may have this name.
///
/// # Errors
/// A sentence that says what names look like (kind's rule).
pub fn valid_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    match !name.is_empty() && name.chars().all(allowed) {
        true => Ok(()),
        false => Err(format!(
            "{name:?} is not a cluster name; use lower-case letters, digits, `.` and `-` (^[a-z0-9.-]+$)"
        )),
    }
}

impl From<located::Problem> for Problem {
    fn from(problem: located::Problem) -> Self {
        Problem { line: Some(problem.line), path: problem.path, message: problem.message }
    }
}

impl Problems {
    fn only(message: impl Into<String>) -> Self {
        Problems(vec![Problem { line: None, path: String::new(), message: message.into() }])
    }

    fn add(&mut self, line: usize, path: &str, message: impl Into<String>) {
        let (path, message) = (path.to_owned(), message.into());
        self.0.push(Problem { line: Some(line), path, message });
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests;
