//! An engine in memory, which fails or is interrupted at the call it is told.
//!
//! It knows containers and networks as a real one does; commands in nodes
//! answer just enough for a creation to go through.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use bytes::Bytes;

use super::*;

/// What goes wrong at one call.
#[derive(Clone)]
pub enum Fault {
    /// The call is not carried out.
    Fails,
    /// The call is carried out, but its answer gets lost.
    AnswerLost,
    /// The human presses Ctrl-C just then.
    Cancel(CancellationToken),
}

impl Fault {
    /// One of each kind; `cancel` is what the human presses.
    pub fn kinds(cancel: &CancellationToken) -> [Fault; 3] {
        [Fault::Fails, Fault::AnswerLost, Fault::Cancel(cancel.clone())]
    }
}

#[derive(Default)]
struct State {
    containers: BTreeMap<String, (ContainerSpec, bool)>,
    networks: Vec<String>,
    calls: Vec<String>,
    armed: Option<(usize, Fault)>,
    image: Image,
    export: Bytes,
    nodes: Option<Nodes>,
}

/// What a container answers to a command; `None` leaves it to the fake.
type Nodes = Box<dyn FnMut(&str, &Command) -> Option<Vec<u8>> + Send>;

#[derive(Clone, Default)]
pub struct FakeEngine(Arc<Mutex<State>>);

impl FakeEngine {
    /// Arms a fault for the call with this number, from 0.
    pub fn armed(call: usize, fault: Fault) -> Self {
        let engine = FakeEngine::default();
        engine.0.lock().unwrap().armed = Some((call, fault));
        engine
    }

    /// Has a container that runs.
    pub fn put(&self, spec: ContainerSpec) {
        self.0.lock().unwrap().containers.insert(spec.name.clone(), (spec, true));
    }

    /// Has one image, which every name leads to, and this export of it.
    pub fn with_image(self, image: Image, export: Vec<u8>) -> Self {
        let mut state = self.0.lock().unwrap();
        (state.image, state.export) = (image, export.into());
        drop(state);
        self
    }

    /// Containers answer commands so; called only for commands that work.
    pub fn with_nodes(
        self,
        nodes: impl FnMut(&str, &Command) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        self.0.lock().unwrap().nodes = Some(Box::new(nodes));
        self
    }

    /// The names of all calls so far, in order.
    pub fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }

    pub fn container_names(&self) -> Vec<String> {
        self.0.lock().unwrap().containers.keys().cloned().collect()
    }

    /// Counts the call, applies the fault, and does `effect` unless that failed.
    async fn call<T>(&self, name: &str, effect: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        // Several nodes take turns, as they do with a real engine.
        tokio::task::yield_now().await;
        let mut state = self.0.lock().unwrap();
        let number = state.calls.len();
        state.calls.push(name.to_owned());
        let fault =
            state.armed.as_ref().filter(|(at, _)| *at == number).map(|(_, fault)| fault.clone());
        match fault {
            None => effect(&mut state),
            Some(Fault::Fails) => Err(EngineError::other(name, format!("fault at call {number}"))),
            Some(Fault::AnswerLost) => {
                effect(&mut state)?;
                Err(EngineError::other(name, format!("fault at call {number}")))
            }
            Some(Fault::Cancel(token)) => {
                token.cancel();
                effect(&mut state)
            }
        }
    }
}

const ADMIN_CONF: &str = "apiVersion: v1
kind: Config
clusters: [{name: kubernetes, cluster: {server: 'https://kind-control-plane:6443', certificate-authority-data: QQ==}}]
users: [{name: kubernetes-admin, user: {client-key-data: QQ==}}]
contexts: [{name: admin, context: {cluster: kubernetes, user: kubernetes-admin}}]
current-context: admin
";

/// What a command in a node answers.
fn answer(state: &State, argv: &[String]) -> String {
    let line = argv.join(" ");
    let nodes = state.containers.len();
    match line.as_str() {
        "cat /kind/version" => "v1.37.2\n".into(),
        "cat /etc/kubernetes/admin.conf" => ADMIN_CONF.into(),
        "cat /kind/manifests/default-cni.yaml" => "kind: DaemonSet\n".into(),
        line if line.contains("get --raw") => {
            let ready = json!({"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
            let dns = json!({"metadata": {"name": "coredns"}, "spec": {"replicas": 2}, "status": {"availableReplicas": 2}});
            let proxy =
                json!({"metadata": {"name": "kube-proxy"}, "status": {"numberReady": nodes}});
            format!(
                "{}\u{1e}{}\u{1e}{}\u{1e}",
                json!({"items": vec![ready; nodes]}),
                json!({"items": [dns]}),
                json!({"items": [proxy]})
            )
        }
        _ => String::new(),
    }
}

fn missing(name: &str) -> EngineError {
    EngineError::NotFound { what: name.to_owned(), message: "no such container".into() }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn host(&self) -> Result<Host> {
        let storage = Storage { driver: "overlay2".into(), ..Storage::default() };
        let host = Host { arch: "amd64".into(), local: true, storage, ..Host::default() };
        self.call("host", |_| Ok(host)).await
    }

    async fn image(&self, _: &str) -> Result<Option<Image>> {
        self.call("image", |state| Ok(Some(state.image.clone()))).await
    }

    async fn image_names(&self) -> Result<Vec<String>> {
        self.call("image_names", |_| Ok(vec!["busybox:latest".into()])).await
    }

    async fn export_images(&self, _: &[String]) -> Result<ByteStream> {
        self.call("export_images", |state| Ok(stream::iter([Ok(state.export.clone())]).boxed()))
            .await
    }

    async fn pull_image(&self, _: &str, _: &(dyn Fn(String) + Sync)) -> Result<()> {
        self.call("pull_image", |_| Ok(())).await
    }

    async fn import_image(&self, _: &str, _: &[String], _: ByteStream) -> Result<()> {
        self.call("import_image", |_| Ok(())).await
    }

    async fn remove_image(&self, _: &str) -> Result<()> {
        self.call("remove_image", |_| Ok(())).await
    }

    async fn networks(&self, name: &str) -> Result<Vec<Network>> {
        let name = name.to_owned();
        self.call("networks", move |state| {
            let same = state.networks.iter().filter(|n| **n == name);
            Ok(same.map(|n| Network { id: n.clone(), ..Network::default() }).collect())
        })
        .await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<()> {
        self.call("create_network", |state| {
            state.networks.push(spec.name.clone());
            Ok(())
        })
        .await
    }

    async fn remove_network(&self, id: &str) -> Result<()> {
        self.call("remove_network", |state| {
            state.networks.retain(|n| n != id);
            Ok(())
        })
        .await
    }

    async fn containers(&self, labels: &[String]) -> Result<Vec<Container>> {
        self.call("containers", |state| {
            let has = |spec: &ContainerSpec, label: &str| match label.split_once('=') {
                Some((key, value)) => spec.labels.get(key).is_some_and(|v| v == value),
                None => spec.labels.contains_key(label),
            };
            let fitting = state
                .containers
                .values()
                .filter(|(spec, _)| labels.iter().all(|label| has(spec, label)));
            Ok(fitting
                .map(|(spec, running)| Container {
                    name: spec.name.clone(),
                    labels: spec.labels.clone(),
                    running: *running,
                })
                .collect())
        })
        .await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<()> {
        self.call("create_container", |state| {
            if state.containers.contains_key(&spec.name) {
                let message = format!("The container name {:?} is already in use", spec.name);
                return Err(EngineError::Conflict { what: "creating".into(), message });
            }
            state.containers.insert(spec.name.clone(), (spec.clone(), false));
            Ok(())
        })
        .await
    }

    async fn start_container(&self, name: &str) -> Result<()> {
        self.call("start_container", |state| {
            state.containers.get_mut(name).ok_or_else(|| missing(name))?.1 = true;
            Ok(())
        })
        .await
    }

    async fn remove_container(&self, name: &str) -> Result<()> {
        self.call("remove_container", |state| {
            state.containers.remove(name);
            Ok(())
        })
        .await
    }

    async fn inspect(&self, name: &str) -> Result<ContainerState> {
        self.call("inspect", |state| {
            let (spec, running) = state.containers.get(name).ok_or_else(|| missing(name))?;
            let ports = spec.publish.iter().map(|p| {
                (
                    format!("{}/{}", p.container_port, p.protocol.as_str()),
                    ("127.0.0.1".into(), 40000),
                )
            });
            Ok(ContainerState {
                running: *running,
                addresses: vec!["172.18.0.2".parse().unwrap()],
                ports: ports.collect(),
                ..ContainerState::default()
            })
        })
        .await
    }

    async fn inspect_json(&self, _: &str) -> Result<Value> {
        self.call("inspect_json", |_| Ok(Value::Null)).await
    }

    async fn logs(&self, name: &str, _: bool) -> Result<ByteStream> {
        self.call("logs", |state| {
            state.containers.get(name).ok_or_else(|| missing(name))?;
            let line = Bytes::from_static(
                b"[  OK  ] Reached target multi-user.target - Multi-User System.\n",
            );
            Ok(stream::iter([Ok(line)]).boxed())
        })
        .await
    }

    async fn exec(&self, name: &str, command: Command) -> Result<ExecOutput> {
        self.call(
            &format!("exec {}", command.argv.iter().take(2).cloned().collect::<Vec<_>>().join(" ")),
            |state| {
                state
                    .containers
                    .get(name)
                    .filter(|(_, running)| *running)
                    .ok_or_else(|| missing(name))?;
                let own = state.nodes.as_mut().and_then(|nodes| nodes(name, &command));
                let said = own.unwrap_or_else(|| answer(state, &command.argv).into_bytes());
                Ok(stream::iter([Ok(ExecEvent::Stdout(said.into())), Ok(ExecEvent::Exit(0))])
                    .boxed())
            },
        )
        .await
    }

    /// The command answers at once, and once more when it has been told all.
    async fn exec_with_stdin(
        &self,
        name: &str,
        command: Command,
        stdin: ByteStream,
    ) -> Result<ExecOutput> {
        let first = self.exec(name, command.clone()).await?;
        let begun =
            first.filter(|said| std::future::ready(!matches!(said, Ok(ExecEvent::Exit(_)))));
        let (engine, name) = (self.clone(), name.to_owned());
        let told = stream::once(async move {
            let given: Vec<Bytes> = stdin.filter_map(|piece| async { piece.ok() }).collect().await;
            match given.concat() {
                given if given.is_empty() => Ok(stream::iter([Ok(ExecEvent::Exit(0))]).boxed()),
                given => engine.exec(&name, command.stdin(given)).await,
            }
        });
        Ok(begun.chain(told.try_flatten()).boxed())
    }
}
