//! The whole check, on programs that answer as real ones do.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::outputs::{API_SERVER_FINE, KUBELET_UNKNOWN};
use super::{IMAGE, cluster};
use crate::component_config::{Checked, check};
use crate::context::Context;
use crate::engine::ContainerSpec;
use crate::engine::fake::FakeEngine;
use crate::node::NodeHandle;
use crate::progress::Progress;

/// Answers of every program, one report for each time that they are asked.
async fn checked(text: &str, reports: &[&str]) -> Checked {
    let mut reports: Vec<Vec<u8>> = reports.iter().rev().map(|r| r.as_bytes().to_vec()).collect();
    let engine = FakeEngine::default().with_nodes(move |_, command| {
        command.argv.contains(&"component-config".to_owned()).then(|| reports.pop().unwrap())
    });
    engine.put(ContainerSpec { name: "helper".into(), ..ContainerSpec::default() });
    let ctx = Context::new(Arc::new(engine), Progress::silent(), CancellationToken::new());
    let container = NodeHandle::new(&ctx, "helper");
    check(&container, &cluster(text), IMAGE, false).await.unwrap()
}

#[tokio::test]
async fn everything_wrong_is_found_with_its_place_and_what_was_meant() {
    let text = "featureGates: {SidecarContainer: true, Nope: true}
kubeadmConfigPatches:
- |
  kind: ClusterConfiguration
  apiServer:
    extraArgs: {no-such-flag: a}
- |
  kind: KubeletConfiguration
  maxPodz: 1
";
    let gate = |name: &str| {
        format!(
            "E1125 19:28:30.733927 38 run.go:72] \"command failed\" err=\"unrecognized feature gate: {name}\"\n"
        )
    };
    let first = format!(
        "\n\u{1e}0 1\n{}\n\u{1e}2 1\nError: unknown flag: --no-such-flag\n\n\u{1e}3 1\n{}",
        gate("Nope"),
        gate("Nope"),
    );
    let second = format!(
        "\n\u{1e}0 1\n{}\n\u{1e}1 1\n{}",
        gate("SidecarContainer"),
        gate("SidecarContainer")
    );
    let third = format!("\n\u{1e}0 1\n{KUBELET_UNKNOWN}\n\n\u{1e}2 1\n{API_SERVER_FINE}\n");
    let names = "\n\u{1e}kubelet\nSidecarContainers=true|false\n --v\n\n\u{1e}kube-apiserver\nNope=true|false\n      --no-such-flags\n --v\n";
    let checked = checked(text, &[&first, &second, &third, names]).await;
    let mut shown: Vec<String> = checked
        .refusals
        .iter()
        .map(|r| {
            format!("{}: {}: {} {:?}", r.place.as_ref().unwrap(), r.component, r.words, r.similar)
        })
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            "lab.yaml:4: featureGates.Nope: the kubelet: unrecognized feature gate: Nope None",
            "lab.yaml:4: featureGates.SidecarContainer: the kubelet: unrecognized feature gate: SidecarContainer Some(\"SidecarContainers\")",
            "lab.yaml:9: kubeadmConfigPatches[0]: the API server: unknown flag: --no-such-flag Some(\"no-such-flags\")",
        ]
    );
    let unknown: Vec<_> = checked.unknown.iter().map(|(field, _)| field.path.as_str()).collect();
    assert_eq!(unknown, ["authentication.anonymus", "maxPodz"]);
    assert_eq!(checked.version, "v1.37.2");
}

#[tokio::test]
async fn what_cannot_be_found_out_is_not_held_against_a_definition() {
    for report in
        ["", "\u{1e}", "\u{1e}0 x\nlog", "\u{1e}9 1\nError: unknown flag: --x", "no report"]
    {
        let checked = checked("featureGates: {A: true}", &[report]).await;
        assert!(checked.refusals.is_empty() && checked.unknown.is_empty(), "{report}");
    }
}
