//! Building images and loading them.

use super::{Failure, Screens, command, denied, interrupted, screens};
use crate::builder::BuildError;
use crate::engine::RunStatus;
use crate::image::InvalidReference;
use crate::image::archive::ArchiveError;
use crate::inventory::ClusterState;
use crate::load::LoadError;
use crate::node_image::{self, NodeImageError};
use crate::sbom::SbomError;

pub(super) fn add(screens: &mut Screens) {
    let output: String = (1..=50).map(|number| format!("line {number}\n")).collect();
    screens!(screens, BuildError {
        Run => [interrupted().into()],
        OtherArchitecture => [BuildError::OtherArchitecture {
            host: "amd64".into(),
            wanted: "arm64".into(),
        }],
        NoBase => [BuildError::NoBase { reason: "there is no mmdebstrap".into() }],
        Failed => [BuildError::Failed {
            what: "node image",
            last: "E: unable to locate package".into(),
            output,
        }],
    });
    // Versions change more often than the text.
    let of_version = |error: NodeImageError| {
        let failure = Failure::from(error);
        let heading = failure.heading.replace(&node_image::versions().join(", "), "…");
        Failure { heading, ..failure }
    };
    screens!(screens, NodeImageError, of_version, {
        Build => [BuildError::NoBase { reason: "there is no mmdebstrap".into() }.into()],
        UnknownVersion => [NodeImageError::UnknownVersion { version: "v1.2.3".into() }],
    });
    screens!(screens, SbomError {
        Run => [interrupted().into()],
        NoImage => [SbomError::NoImage("app:1".into())],
        None => [SbomError::None("app:1".into())],
        Unreadable => [SbomError::Unreadable { image: "app:1".into(), reason: "no JSON".into() }],
    });
    add_loading(screens);
}

fn add_loading(screens: &mut Screens) {
    let not_present = |similar: &[&str]| LoadError::NotPresent {
        name: "ap:1".into(),
        similar: similar.iter().map(|name| name.to_string()).collect(),
    };
    let failed = |output: &str| LoadError::Failed {
        node: "kind-worker".into(),
        reason: "its image store refuses it".into(),
        output: output.into(),
    };
    screens!(screens, LoadError {
        Run => [interrupted().into(), command(&["ctr", "images", "rm"], "ctr: not found\n").into()],
        NoNodes => [LoadError::NoNodes("lab".into())],
        UnknownNode => [LoadError::UnknownNode {
            name: "lab-worker3".into(),
            nodes: vec!["lab-control-plane".into(), "lab-worker".into()],
        }],
        NotRunning => [super::lifecycle::not_running(ClusterState::Mixed, RunStatus::Paused).into()],
        NotPresent => [not_present(&[]), not_present(&["app:1", "api:1"])],
        NotOnNodes => [LoadError::NotOnNodes {
            name: "ap:1".into(),
            cluster: "lab".into(),
            similar: vec!["app:1".into()],
        }],
        Name => [InvalidReference("App:1".into()).into()],
        Unreadable => [LoadError::Unreadable {
            path: "app.tar".into(),
            reason: denied().to_string(),
        }],
        Archive => [LoadError::Archive { path: "app.tar".into(), error: ArchiveError::NoImages }],
        Failed => [failed("ctr: failed"), failed("write: no space left on device")],
    });
}
