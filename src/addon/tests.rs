//! Installing and removing on a cluster in memory, with every engine call failing once.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Node objects besides that of [`NODE`].
    nodes: Vec<Value>,
    /// The containers that commands were run in.
    asked: Arc<Mutex<BTreeSet<String>>>,
    /// What was applied and deleted, in order: `apply Service`.
    changes: Arc<Mutex<Vec<String>>>,
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

    /// Changes the record of `web` as anybody who may write ConfigMaps can.
    fn change_record(&self, change: impl FnOnce(&mut Value)) {
        let mut object = self.objects.lock().unwrap()["\"ConfigMap\" \"skiff-addon-web\""].clone();
        let text = object["data"]["record"].as_str().unwrap();
        let mut record: Value = serde_json::from_str(text).unwrap();
        change(&mut record);
        object["data"]["record"] = Value::from(record.to_string());
        self.put(object);
    }

    fn changed(&self, how: &str, object: &Value) {
        let change = format!("{how} {}", object["kind"].as_str().unwrap());
        self.changes.lock().unwrap().push(change);
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
            let own = json!({"metadata": {"name": NODE, "labels": labels}, "spec": {}});
            let nodes = [vec![own], self.nodes.clone()].concat();
            json!({"items": nodes})
        } else if line.contains(" apply ") {
            for mut object in given() {
                self.changed("apply", &object);
                object["status"] = json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": u64::from(self.pods.is_empty())});
                objects.insert(Api::key(&object), object);
            }
            Value::Null
        } else if line.contains(" delete ") {
            for object in given() {
                self.changed("delete", &object);
                objects.remove(&Api::key(&object));
            }
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
        let engine = engine.with_nodes(move |container, command| {
            api.asked.lock().unwrap().insert(container.to_owned());
            api.kubectl(command)
        });
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

/// A namespace, a Deployment, and Services of these names.
fn package(services: &[&str]) -> Package {
    let service = |name: &&str| {
        format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: web}}}}")
    };
    package_with(&services.iter().map(service).collect::<Vec<_>>())
}

/// A namespace, a Deployment, and more objects.
fn package_with(more: &[String]) -> Package {
    let mut text = "{apiVersion: v1, kind: Namespace, metadata: {name: web}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: web, generation: 1}, spec: {replicas: 1, template: {}}}
"
    .to_owned();
    for object in more {
        text += &format!("---\n{object}\n");
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
            {"name": "web", "image": "x/web:1", "state": {"waiting": {"reason": reason, "message": "not found"}}},
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
    assert_eq!(report, ["pod web/web-1: container web is being created"]);
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

#[tokio::test(start_paused = true)]
async fn a_webhook_is_deleted_before_its_server_changes() {
    let api = Api::default();
    let webhook = "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: web}}";
    put(&api.calm(), package_with(&[webhook.to_owned()])).await.unwrap();
    api.changes.lock().unwrap().clear();
    put(&api.calm(), package(&[])).await.unwrap();
    let changes = api.changes.lock().unwrap();
    let at = |change: &str| changes.iter().position(|c| c == change).expect(change);
    let deleted = at("delete ValidatingWebhookConfiguration");
    assert!(deleted < at("apply Deployment"), "{changes:?}");
}

/// Whoever may write ConfigMaps in kube-system can write a record.
#[tokio::test(start_paused = true)]
async fn a_record_does_not_lead_to_other_containers() {
    let api = Api::default();
    put(&api.calm(), package(&[])).await.unwrap();
    api.change_record(|record| {
        record["checks"] = json!([
            {"http": {"node": "database", "url": "http://database/", "status": 200}},
            {"http": {"node": NODE, "url": "-K/tmp/curlrc", "status": 200}},
        ]);
    });

    api.asked.lock().unwrap().clear();
    let engine = FakeEngine::default();
    let ctx = api.context(engine.clone(), CancellationToken::new());
    engine.put(ContainerSpec { name: "database".into(), ..ContainerSpec::default() });
    let found = status(&ctx, "kind", &[]).await.unwrap();
    assert_eq!(found[0].state, State::Broken);
    let missing =
        ["\"database\" is not a node of this cluster", "\"-K/tmp/curlrc\" is not an http URL"];
    assert_eq!(found[0].missing, missing);
    assert_eq!(*api.asked.lock().unwrap(), BTreeSet::from([NODE.to_owned()]));
}

/// Neither when the add-on is removed nor when it is installed again.
#[tokio::test(start_paused = true)]
async fn a_record_does_not_have_objects_of_others_deleted() {
    for again in [false, true] {
        let api = Api::default();
        put(&api.calm(), package(&["a"])).await.unwrap();
        let other = "\"Service\" \"other\"";
        api.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "other", "namespace": "web"}}));
        api.change_record(|record| {
            let id =
                json!({"apiVersion": "v1", "kind": "Service", "namespace": "web", "name": "other"});
            record["objects"].as_array_mut().unwrap().push(id);
        });
        if again {
            put(&api.calm(), package(&[])).await.unwrap();
        } else {
            remove(&api.calm(), "kind", "web").await.unwrap();
        }
        let left = api.keys();
        assert!(left.contains(&other.to_owned()), "{left:?}");
        assert!(!left.contains(&"\"Service\" \"a\"".to_owned()), "{left:?}");
    }
}

/// Whoever may create node objects can give one the name of any container.
#[tokio::test(start_paused = true)]
async fn a_node_object_does_not_lead_to_other_containers() {
    let foreign = json!({"metadata": {"name": "database", "labels": {"a": "b"}}, "spec": {}});
    let api = Api { nodes: vec![foreign], ..Api::default() };
    let engine = FakeEngine::default();
    let ctx = api.context(engine.clone(), CancellationToken::new());
    engine.put(ContainerSpec { name: "database".into(), ..ContainerSpec::default() });
    put(&ctx, package(&[])).await.unwrap();
    assert_eq!(*api.asked.lock().unwrap(), BTreeSet::from([NODE.to_owned()]));
}
