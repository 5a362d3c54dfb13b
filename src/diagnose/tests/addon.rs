//! Add-ons.

use std::time::Duration;

use super::{Failure, Screens, command, interrupted, screens};
use crate::addon::AddonError;
use crate::engine::RunStatus;
use crate::inventory::ClusterState;
use crate::load::LoadError;

pub(super) fn add(screens: &mut Screens) {
    let unknown = |similar: &[&str]| AddonError::Unknown {
        name: "metric-server".into(),
        similar: similar.iter().map(|name| name.to_string()).collect(),
        known: vec!["ingress-nginx".into(), "metrics-server".into()],
    };
    let no_image = |built: Option<&str>| AddonError::NoImage {
        image: "registry.k8s.io/metrics-server:v1".into(),
        node: "lab-worker".into(),
        reason: "no such host".into(),
        built: built.map(str::to_owned),
    };
    let addon = || "metrics-server".to_owned();
    screens!(screens, AddonError {
        Run => [
            interrupted().into(),
            command(&["kubectl", "get"], "Unable to connect to the server\n").into(),
        ],
        Load => [LoadError::NoNodes("lab".into()).into()],
        Unknown => [unknown(&[]), unknown(&["metrics-server"])],
        NotBuildable => [AddonError::NotBuildable { addon: addon() }],
        Definition => [AddonError::Definition {
            path: "./mine".into(),
            problem: "there is no addon.yaml".into(),
        }],
        Setting => [AddonError::Setting {
            addon: addon(),
            problem: "there is no setting \"a\"".into(),
        }],
        NoCluster => [AddonError::NoCluster("lab".into())],
        NotRunning => [super::lifecycle::not_running(ClusterState::Stopped, RunStatus::Stopped).into()],
        UnexpectedResponse => [AddonError::UnexpectedResponse { reason: "its version is empty".into() }],
        NoNode => [AddonError::NoNode { addon: addon() }],
        Incompatible => [AddonError::Incompatible {
            addon: addon(),
            version: "v0.9.0".into(),
            wanted: ">=1.34".into(),
            found: "v1.30.14".into(),
        }],
        PortInUse => [AddonError::PortInUse {
            addon: "ingress-nginx".into(),
            port: 80,
            node: "lab-worker".into(),
            pod: "default/web".into(),
        }],
        NoImage => [no_image(None), no_image(Some("skiff/metrics-server:v1"))],
        PodImage => [AddonError::PodImage {
            pod: "default/web".into(),
            image: "web:1".into(),
            reason: "not found".into(),
        }],
        NotOwned => [AddonError::NotOwned {
            addon: addon(),
            objects: vec!["Deployment kube-system/metrics-server".into()],
        }],
        Conflict => [AddonError::Conflict {
            addon: addon(),
            output: "conflict with \"kubectl\": .spec.replicas".into(),
        }],
        Rejected => [AddonError::Rejected { addon: addon(), output: "denied by webhook".into() }],
        NotReady => [AddonError::NotReady {
            addon: addon(),
            after: Duration::from_secs(180),
            missing: "0 of 1 pods are ready".into(),
            report: vec!["pod kube-system/metrics-server-0: container server crashes (exit code 1, 3 restarts): no certificate".into()],
        }],
        Manifest => [AddonError::Manifest { path: "m.yaml".into(), reason: "no YAML".into() }],
        Unprotected => [AddonError::Unprotected { url: "http://example.com/m.yaml".into() }],
        Download => [AddonError::Download {
            url: "https://example.com/m.yaml".into(),
            reason: "404 Not Found".into(),
        }],
        Checksum => [AddonError::Checksum {
            path: "m.yaml".into(),
            found: "00ff".into(),
            wanted: "ff00".into(),
        }],
    });
}
