//! Add-ons: a catalogue of folders, and what installs them.
//!
//! Deciding and doing are apart: [`definition`], [`settings`] and [`plan`] make
//! stages of an add-on's folder without effects, [`install`] carries them out
//! through the cluster's own kubectl and waits for what the add-on declares.
//! What was installed is remembered in the cluster, in a [`record`], so that it
//! can be looked at and removed without the folder it came from.

mod catalog;
mod certificate;
mod check;
mod definition;
mod download;
mod fault;
mod images;
mod install;
mod kube;
mod manifest;
mod object;
mod plan;
mod prepare;
mod recipe;
mod record;
mod remove;
mod settings;
mod status;

use std::time::Duration;

use crate::context::RunError;
use crate::engine::EngineError;
use crate::load::LoadError;

pub use catalog::{Addon, all, find};
pub use install::{Options, Package, install, preview};
pub use manifest::{Manifest, fetch};
pub use recipe::{Buildable, buildable};
pub use remove::remove;
pub use settings::Assignment;
pub use status::{Installed, State, installed, status};

/// How long an add-on may take to work when nobody says.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(180);

#[derive(Debug, thiserror::Error)]
pub enum AddonError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("unknown add-on {name:?}")]
    Unknown { name: String, similar: Vec<String>, known: Vec<String> },
    #[error("there is no recipe for an image of {addon}")]
    NoRecipe { addon: String },
    #[error("{path} is no add-on: {problem}")]
    Definition { path: String, problem: String },
    #[error("add-on {addon}: {problem}")]
    Setting { addon: String, problem: String },
    #[error("no nodes found for cluster {0:?}")]
    NoCluster(String),
    #[error("no control-plane of cluster {cluster:?} is running")]
    Stopped { cluster: String, nodes: Vec<String> },
    #[error("the cluster cannot be understood: {reason}")]
    Strange { reason: String },
    #[error("{addon} {version} is for Kubernetes {wanted}; the cluster has {found}")]
    DoesNotFit { addon: String, version: String, wanted: String, found: String },
    #[error("port {port} of {node}, which {addon} needs, is taken by pod {pod}")]
    PortTaken { addon: String, port: u16, node: String, pod: String },
    #[error(
        "image {image} is neither in the cluster nor in the local engine, and cannot be pulled on {node}: {reason}"
    )]
    NoImage { image: String, node: String, reason: String, built: Option<String> },
    #[error("pod {pod} cannot get its image {image}: {reason}")]
    NoSuchImage { pod: String, image: String, reason: String },
    #[error("parts of {addon} are there already and were not installed by `addon install {addon}`")]
    Foreign { addon: String, objects: Vec<String> },
    #[error("others have changed what {addon} sets")]
    Conflict { addon: String, output: String },
    #[error("the cluster refuses a part of {addon}")]
    Refused { addon: String, output: String },
    #[error("{addon} does not work after {} s: {missing}", .after.as_secs())]
    NotReady { addon: String, after: Duration, missing: String, report: String },
    #[error("cannot read the manifest {path}: {reason}")]
    Manifest { path: String, reason: String },
    #[error("cannot download {url}: {reason}")]
    Download { url: String, reason: String },
    #[error("{path} has the SHA-256 {found}, not {wanted}")]
    Checksum { path: String, found: String, wanted: String },
}

impl From<EngineError> for AddonError {
    fn from(error: EngineError) -> Self {
        AddonError::Run(error.into())
    }
}

#[cfg(test)]
mod tests;
