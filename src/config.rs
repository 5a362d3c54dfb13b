//! Reads a cluster definition: kind's `v1alpha4` file format
//! (kind v0.33.0, `pkg/apis/config/v1alpha4/types.go`).
//!
//! Every problem that a definition alone can show is found here, and all of
//! them are reported together, before anything is created.

mod decode;
mod host_path;
mod mounts;
mod name;
mod networking;
mod node_labels;
mod ports;
mod problem;
mod subnet;
mod v1alpha4;

use crate::cluster::{
    Cluster, ContainerdPatches, DEFAULT_NAME, KubeadmPatches, Line, Node, Source,
};
use crate::yaml::located::{self, Value};

pub use host_path::Surroundings;
pub use name::valid_name;
pub use networking::default_networking;
pub use problem::{Problem, Problems};

/// Reads a definition as [`parse_in`] does, where there are no variables, so that
/// host paths must be written out. Where the fields stand is not kept.
///
/// # Errors
/// As [`parse_in`].
pub fn parse(text: &str) -> Result<Cluster, Problems> {
    let cluster = parse_in(text, &Surroundings::NONE)?;
    Ok(Cluster { source: Source::default(), ..cluster })
}

/// Reads and validates a definition, which is the first YAML document of
/// `text`. Relative host paths stay relative. The name of the file is not known here.
///
/// # Errors
/// Returns every problem of the definition, at least one.
pub fn parse_in(text: &str, surroundings: &Surroundings) -> Result<Cluster, Problems> {
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
    let mut cluster = v1alpha4::decode(&document.tree, surroundings, &mut problems);
    if problems.0.is_empty() {
        cluster.source.second_document = document.second;
        let lines = &mut cluster.source.lines;
        document.tree.lines(&mut |path, number, is_text| {
            lines.insert(path, Line { number, is_text });
        });
        return Ok(cluster);
    }
    problems.0.sort_by_key(|p| p.line);
    problems.0.dedup();
    Err(problems)
}

/// The cluster that is created without a definition
/// (kind v0.33.0, `pkg/apis/config/v1alpha4/default.go`).
pub fn default_cluster() -> Cluster {
    Cluster {
        name: DEFAULT_NAME.to_owned(),
        nodes: vec![Node::default()],
        networking: default_networking(Default::default()),
        feature_gates: Default::default(),
        runtime_config: Default::default(),
        kubeadm: KubeadmPatches::default(),
        containerd: ContainerdPatches::default(),
        source: Source::default(),
    }
}

#[cfg(test)]
mod tests;
