//! Installing and removing on a cluster in memory, with every engine call failing once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::catalog::Addon;
use super::definition;
use super::*;
use crate::context::Context;
use crate::engine::fake::{FakeEngine, Fault};
use crate::engine::{Command, ContainerSpec};
use crate::kube::object;
use crate::labels;
use crate::progress::Progress;

const NODE: &str = "kind-control-plane";

/// All that an API server is here.
#[derive(Clone, Default)]
struct Api {
    /// By kind and name.
    objects: Arc<Mutex<BTreeMap<String, Value>>>,
    /// Pods of the add-on that are not ready; while there are any, Deployments
    /// are not available.
    pods: Vec<Value>,
}

impl Api {
    fn key(object: &Value) -> String {
        format!("{} {}", object["kind"], object["metadata"]["name"])
    }

    fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    fn put(&self, object: Value) {
        self.objects.lock().unwrap().insert(Api::key(&object), object);
    }

    /// What kubectl prints.
    fn kubectl(&self, command: &Command) -> Option<Vec<u8>> {
        let line = command.argv.join(" ");
        // A node without images.
        if let Some(report) = crate::load::fixtures::Report::default().answer(command) {
            return Some(report);
        }
        let given = || -> Vec<Value> {
            let list: Value = serde_json::from_slice(command.stdin.as_ref().unwrap()).unwrap();
            object::flatten(list)
        };
        let mut objects = self.objects.lock().unwrap();
        let all = |found: Vec<Value>| json!({"kind": "List", "items": found});
        let text = if line.contains("/version") {
            json!({"gitVersion": "v1.37.2"})
        } else if line.contains("/api/v1/nodes") {
            let labels = json!({"node-role.kubernetes.io/control-plane": ""});
            json!({"items": [{"metadata": {"name": NODE, "labels": labels}, "spec": {}}]})
        } else if line.contains(" apply ") {
            for mut object in given() {
                object["status"] = json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": u64::from(self.pods.is_empty())});
                objects.insert(Api::key(&object), object);
            }
            Value::Null
        } else if line.contains(" delete ") {
            given().iter().for_each(|object| drop(objects.remove(&Api::key(object))));
            Value::Null
        } else if line.contains("get --ignore-not-found -o json -f -") {
            all(given().iter().filter_map(|o| objects.get(&Api::key(o)).cloned()).collect())
        } else if line.contains(" configmap ") {
            all(objects.values().filter(|o| o["kind"] == "ConfigMap").cloned().collect())
        } else if line.contains("deployment/web") {
            objects.get("\"Deployment\" \"web\"").cloned().unwrap_or_default()
        } else if line.contains(" pods ") {
            all(self.pods.clone())
        } else if line.contains("kubectl") {
            all(Vec::new())
        } else {
            return None;
        };
        Some(text.to_string().into_bytes())
    }

    fn context(&self, engine: FakeEngine, cancel: CancellationToken) -> Context {
        let api = self.clone();
        let engine = engine.with_nodes(move |_, command| api.kubectl(command));
        engine.put(ContainerSpec {
            name: NODE.into(),
            labels: [(labels::CLUSTER, "kind"), (labels::ROLE, labels::CONTROL_PLANE)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..ContainerSpec::default()
        });
        Context::new(Arc::new(engine), Progress::silent(), cancel)
    }

    fn calm(&self) -> Context {
        self.context(FakeEngine::default(), CancellationToken::new())
    }
}

/// A namespace, a Deployment, and what else is named.
fn package(more: &[&str]) -> Package {
    let mut text = "{apiVersion: v1, kind: Namespace, metadata: {name: web}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: web, generation: 1}, spec: {replicas: 1, template: {}}}
"
    .to_owned();
    for name in more {
        text += &format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: web}}}}\n"
        );
    }
    let definition = "
name: web
version: v1
summary: s
kubernetes: '>=1.30'
placement: a=b
steps: [{apply: web.yaml}, {wait: {rollout: deployment/web, namespace: web}}]
";
    Package::Addon(Box::new(Addon {
        definition: definition::Definition::parse(definition).unwrap(),
        files: [("web.yaml".to_owned(), text)].into(),
        image_source: None,
    }))
}

async fn put(ctx: &Context, package: Package) -> Result<(), AddonError> {
    let options = InstallOptions { timeout: Duration::from_secs(5), ..InstallOptions::default() };
    install(ctx, "kind", &[package], &options).await
}

const INSTALLED: [&str; 4] = [
    "\"ConfigMap\" \"skiff-addon-web\"",
    "\"Deployment\" \"web\"",
    "\"Namespace\" \"web\"",
    "\"Service\" \"a\"",
];

#[tokio::test(start_paused = true)]
async fn an_installation_is_remembered_changed_and_removed() {
    let api = Api::default();
    put(&api.calm(), package(&["a", "b"])).await.unwrap();
    assert_eq!(api.keys().len(), 5);
    put(&api.calm(), package(&["a"])).await.unwrap();
    assert_eq!(api.keys(), INSTALLED, "objects that the new one lacks are deleted");
    let found = status(&api.calm(), "kind", &[]).await.unwrap();
    assert_eq!((found[0].name.as_str(), found[0].state), ("web", State::Works));
    assert!(remove(&api.calm(), "kind", "web").await.unwrap());
    assert!(api.keys().is_empty(), "{:?}", api.keys());
    assert!(!remove(&api.calm(), "kind", "web").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn objects_of_other_clients_are_not_touched() {
    let api = Api::default();
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}));
    put(&api.calm(), package(&["a"])).await.unwrap();
    remove(&api.calm(), "kind", "web").await.unwrap();
    assert_eq!(api.keys(), ["\"Namespace\" \"web\""], "a namespace that existed before stays");

    let other = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "web"}});
    api.put(other);
    let error = put(&api.calm(), package(&["a"])).await.unwrap_err();
    let AddonError::NotOwned { objects, .. } = error else { panic!("{error}") };
    assert_eq!(objects, ["Service web/a"]);
    assert_eq!(api.keys().len(), 2, "nothing was created");
    let options = InstallOptions { adopt: true, ..InstallOptions::default() };
    install(&api.calm(), "kind", &[package(&["a"])], &options).await.unwrap();
    assert_eq!(api.keys(), INSTALLED);
}

/// Whatever goes wrong at whatever call: the error is reported, installing
/// again completes it, and removing takes everything away.
#[tokio::test(start_paused = true)]
async fn every_fault_leaves_what_can_be_completed_or_removed() {
    let counted = FakeEngine::default();
    let ctx = Api::default().context(counted.clone(), CancellationToken::new());
    put(&ctx, package(&["a"])).await.unwrap();
    let calls = counted.calls().len();
    assert!(calls > 8, "{:?}", counted.calls());
    for call in 0..calls {
        for kind in 0..3 {
            let cancel = CancellationToken::new();
            let fault = Fault::kinds(&cancel)[kind].clone();
            for complete in [true, false] {
                let api = Api::default();
                let ctx = api.context(FakeEngine::armed(call, fault.clone()), cancel.clone());
                let outcome = put(&ctx, package(&["a"])).await;
                // The very last call may have come to its end.
                assert!(outcome.is_err() || kind == 2 && call + 1 == calls, "call {call}, {kind}");
                if complete {
                    put(&api.calm(), package(&["a"])).await.unwrap();
                    assert_eq!(api.keys(), INSTALLED, "call {call}, {kind}");
                } else {
                    remove(&api.calm(), "kind", "web").await.unwrap();
                    assert!(api.keys().is_empty(), "call {call}, {kind}: {:?}", api.keys());
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn impossible_installations_are_refused_before_anything_is_changed() {
    let ctx = Api::default().calm();
    let error =
        install(&ctx, "other", &[package(&[])], &InstallOptions::default()).await.unwrap_err();
    assert!(matches!(error, AddonError::NoCluster(_)), "{error}");
    let Package::Addon(mut old) = package(&[]) else { unreachable!() };
    old.definition.kubernetes = "<1.30".parse().unwrap();
    let error = put(&ctx, Package::Addon(old)).await.unwrap_err();
    assert_eq!(error.to_string(), "web v1 requires Kubernetes <1.30; the cluster runs v1.37.2");
}

/// A pod of the add-on with a container that waits.
fn waiting_pod(reason: &str) -> Value {
    json!({
        "metadata": {"name": "web-1", "namespace": "web", "labels": {labels::ADDON: "web"}},
        "status": {"phase": "Pending", "containerStatuses": [
            {"image": "x/web:1", "state": {"waiting": {"reason": reason, "message": "not found"}}},
        ]},
    })
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_the_limit_with_a_report() {
    let api = Api { pods: vec![waiting_pod("ContainerCreating")], ..Api::default() };
    let start = tokio::time::Instant::now();
    let error = put(&api.calm(), package(&[])).await.unwrap_err();
    let message = "web is not ready after 5s: deployment/web: 0 of 1 pod available";
    assert_eq!(error.to_string(), message);
    let AddonError::NotReady { report, .. } = error else { panic!("{error}") };
    assert!(report.contains("pod web/web-1 is Pending"), "{report}");
    assert!(start.elapsed() >= Duration::from_secs(5) && start.elapsed().as_secs() < 6);
    let found = status(&api.calm(), "kind", &[]).await.unwrap();
    assert_eq!(found[0].state, State::Incomplete);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_pulled_ends_the_waiting() {
    let api = Api { pods: vec![waiting_pod("ImagePullBackOff")], ..Api::default() };
    let start = tokio::time::Instant::now();
    let error = put(&api.calm(), package(&[])).await.unwrap_err();
    assert_eq!(error.to_string(), "pod web-1 cannot pull its image x/web:1: not found");
    assert!(start.elapsed() < Duration::from_secs(4));
}
