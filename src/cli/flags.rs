//! Flags that several commands share.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::cluster::DEFAULT_NAME;
use crate::diagnose::Failure;
use crate::environment;
use crate::kubeconfig;
use crate::load::Target;
use crate::platform;

#[derive(clap::Args)]
pub(super) struct ClusterName {
    /// The cluster's name [default: $KIND_CLUSTER_NAME, else kind]
    #[arg(short = 'n', long = "name")]
    name: Option<String>,
}

impl ClusterName {
    pub(super) fn get(&self) -> String {
        let given = self.name.clone().or_else(|| environment::variable("KIND_CLUSTER_NAME"));
        given.filter(|name| !name.is_empty()).unwrap_or_else(|| DEFAULT_NAME.to_owned())
    }
}

/// Parses a path; an empty one counts as not given.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Some nodes of a cluster.
#[derive(clap::Args)]
pub(super) struct NodesFlag {
    #[command(flatten)]
    name: ClusterName,
    /// Only these nodes, separated by commas
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    nodes: Vec<String>,
}

impl NodesFlag {
    pub(super) fn target(self) -> Target {
        Target { cluster: self.name.get(), nodes: self.nodes }
    }
}

#[derive(clap::Args)]
pub(super) struct KubeconfigFlag {
    /// The kubeconfig file, instead of $KUBECONFIG or $HOME/.kube/config
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub kubeconfig: Option<PathBuf>,
}

impl KubeconfigFlag {
    /// The file that a new cluster is written to.
    pub(super) fn target(&self) -> Result<PathBuf, Failure> {
        let (env, home) = variables();
        Ok(kubeconfig::write_target(
            self.kubeconfig.as_deref(),
            env.as_deref(),
            home.as_deref().map(Path::new),
        )?)
    }

    /// Whether the user says which file it is, with the flag or `KUBECONFIG`.
    pub(super) fn is_chosen(&self) -> bool {
        let (env, _) = variables();
        let given = kubeconfig::read_paths(self.kubeconfig.as_deref(), env.as_deref(), None);
        !given.is_empty()
    }

    /// Every file that may know a cluster.
    pub(super) fn all(&self) -> Vec<PathBuf> {
        let (env, home) = variables();
        kubeconfig::read_paths(
            self.kubeconfig.as_deref(),
            env.as_deref(),
            home.as_deref().map(Path::new),
        )
    }
}

/// `KUBECONFIG` and the home directory.
fn variables() -> (Option<OsString>, Option<OsString>) {
    (environment::path_variable("KUBECONFIG"), platform::home())
}
