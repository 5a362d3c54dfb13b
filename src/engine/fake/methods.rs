//! The engine's calls.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::answers;
use super::state::{Container as Held, FakeEngine, State};
use crate::cluster::Protocol;
use crate::engine::{
    ByteStream, Command, Container, ContainerSpec, ContainerState, Engine, EngineError, ExecEvent,
    ExecOutput, Host, Image, Network, NetworkSpec, Publish, PullEvent, Result, RunStatus,
};

/// What systemd logs once a node has booted.
const BOOTED: &str = "[  OK  ] Reached target multi-user.target - Multi-User System.\n";

fn missing(name: &str) -> EngineError {
    EngineError::NotFound { what: name.to_owned(), message: "no such container".into() }
}

/// A container that runs.
fn running<'a>(state: &'a State, name: &str) -> Result<&'a Held> {
    let held = state.containers.get(name).ok_or_else(|| missing(name))?;
    let stopped = || EngineError::Conflict {
        what: name.to_owned(),
        message: format!("container {name} is not running"),
    };
    held.running.then_some(held).ok_or_else(stopped)
}

fn published(publish: &Publish) -> Option<(Protocol, u16)> {
    Some((publish.protocol, publish.port()?))
}

fn output(stdout: Vec<u8>, stderr: Vec<u8>, code: i64) -> ExecOutput {
    let pieces = [ExecEvent::Stdout(stdout.into()), ExecEvent::Stderr(stderr.into())];
    let written = pieces.into_iter().filter(|piece| match piece {
        ExecEvent::Stdout(bytes) | ExecEvent::Stderr(bytes) => !bytes.is_empty(),
        ExecEvent::Exit(_) => true,
    });
    stream::iter(written.chain([ExecEvent::Exit(code)]).map(Ok).collect::<Vec<_>>()).boxed()
}

/// What a command writes that does not end.
fn until_exit(output: ExecOutput) -> ExecOutput {
    let written = output.filter(|event| {
        let is_exit = matches!(event, Ok(ExecEvent::Exit(_)));
        async move { !is_exit }
    });
    written.chain(stream::pending()).boxed()
}

#[async_trait]
impl Engine for FakeEngine {
    /// Not counted as a call: how often a cancelled operation asks depends on the time.
    async fn ping(&self) -> Result<()> {
        match self.0.lock().unwrap().is_silent {
            false => Ok(()),
            true => Err(EngineError::Unreachable {
                endpoint: "fake".into(),
                reason: "it does not answer".into(),
            }),
        }
    }

    async fn host(&self) -> Result<Host> {
        self.call("host", "", |state| Ok(state.host.clone())).await
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        self.call("image", "", |state| Ok(state.image(reference))).await
    }

    async fn image_names(&self) -> Result<Vec<String>> {
        self.call("image_names", "", |state| match &state.images {
            Some(images) => Ok(images.keys().cloned().collect()),
            None => Ok(vec!["busybox:latest".into()]),
        })
        .await
    }

    async fn export_images(&self, _: &[String]) -> Result<ByteStream> {
        let export = |state: &mut State| Ok(stream::iter([Ok(state.export.clone())]).boxed());
        Ok(self.returned(self.call("export_images", "", export).await?))
    }

    async fn pull_image(
        &self,
        reference: &str,
        on_event: &(dyn Fn(PullEvent) + Sync),
    ) -> Result<()> {
        for (status, done) in [("Downloading", Some(1)), ("Pull complete", None)] {
            let (layer, status) = (Some("layer".into()), status.into());
            on_event(PullEvent { layer, status, done, total: done.map(|_| 2000) });
        }
        self.call("pull_image", "", |state| {
            let image = state.image.clone();
            if let Some(images) = &mut state.images {
                let name = reference.split('@').next().unwrap_or_default();
                images.insert(name.to_owned(), image);
            }
            Ok(())
        })
        .await
    }

    async fn import_image(&self, reference: &str, _: &[String], _: ByteStream) -> Result<()> {
        self.call("import_image", "", |state| {
            state.import_image(reference);
            Ok(())
        })
        .await
    }

    async fn load_image(&self, reference: &str, _: ByteStream) -> Result<()> {
        self.call("load_image", "", |state| {
            state.import_image(reference);
            Ok(())
        })
        .await
    }

    async fn remove_image(&self, reference: &str) -> Result<()> {
        self.call("remove_image", "", |state| state.remove_image(reference)).await
    }

    async fn networks(&self, name: &str) -> Result<Vec<Network>> {
        self.call("networks", "", |state| {
            let named = state.networks.iter().filter(|(its_name, _)| its_name == name);
            Ok(named.map(|(_, network)| network.clone()).collect())
        })
        .await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<()> {
        self.call("create_network", "", |state| {
            let v4 = Some("172.18.0.0/16".to_owned());
            state.networks_created += 1;
            let network = Network {
                id: format!("network-{}", state.networks_created),
                containers: 0,
                gateway: Some("172.18.0.1".parse().unwrap()),
                subnets: v4.into_iter().chain(spec.ipv6_subnet.clone()).collect(),
                mtu: spec.mtu,
            };
            state.networks.push((spec.name.clone(), network));
            Ok(())
        })
        .await
    }

    async fn remove_network(&self, id: &str) -> Result<()> {
        self.call("remove_network", "", |state| {
            state.networks.retain(|(_, network)| network.id != id);
            Ok(())
        })
        .await
    }

    async fn containers(&self, labels: &[String]) -> Result<Vec<Container>> {
        self.call("containers", "", |state| {
            let has = |spec: &ContainerSpec, label: &str| match label.split_once('=') {
                Some((key, value)) => spec.labels.get(key).is_some_and(|v| v == value),
                None => spec.labels.contains_key(label),
            };
            let all = state.containers.values();
            let found = all.filter(|held| labels.iter().all(|label| has(&held.spec, label)));
            let container = |held: &Held| Container {
                name: held.spec.name.clone(),
                labels: held.spec.labels.clone(),
                status: match held.running {
                    true => RunStatus::Running,
                    false => RunStatus::Stopped,
                },
                image: held.spec.image.clone(),
                created: 0,
                ports: match held.running {
                    true => held.spec.publish.iter().filter_map(published).collect(),
                    false => Vec::new(),
                },
            };
            Ok(found.map(container).collect())
        })
        .await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<()> {
        self.call("create_container", &spec.name, |state| {
            if state.containers.contains_key(&spec.name) {
                let message = format!("The container name {:?} is already in use", spec.name);
                return Err(EngineError::Conflict { what: "creating".into(), message });
            }
            let created = Held { spec: spec.clone(), running: false };
            state.containers.insert(spec.name.clone(), created);
            Ok(())
        })
        .await
    }

    async fn start_container(&self, name: &str) -> Result<()> {
        self.call("start_container", name, |state| {
            let crashes = state.crashes.contains_key(name);
            let held = state.containers.get_mut(name).ok_or_else(|| missing(name))?;
            let picked = held.spec.publish.iter().find_map(|p| Some((&p.host_address, p.picked?)));
            if let Some((address, port)) = picked.filter(|_| state.ports_taken > 0) {
                state.ports_taken -= 1;
                let message =
                    format!("Bind for {address}:{port} failed: port is already allocated");
                return Err(EngineError::Other { what: "starting".into(), message });
            }
            held.running = !crashes;
            Ok(())
        })
        .await
    }

    async fn remove_container(&self, name: &str) -> Result<()> {
        self.call("remove_container", name, |state| {
            state.containers.remove(name);
            Ok(())
        })
        .await
    }

    async fn inspect(&self, name: &str) -> Result<ContainerState> {
        self.call("inspect", name, |state| {
            let held = state.containers.get(name).ok_or_else(|| missing(name))?;
            let ports = held.spec.publish.iter().map(|p| {
                let port = format!("{}/{}", p.container_port, p.protocol.as_str());
                (port, ("127.0.0.1".into(), 40000))
            });
            Ok(ContainerState {
                running: held.running,
                exit_code: state.crashes.contains_key(name).then_some(1),
                addresses: vec!["172.18.0.2".parse().unwrap()],
                gateways: state.gateways.clone(),
                image_id: state.image.id.clone(),
                // A stopped container publishes none.
                ports: if held.running { ports.collect() } else { Default::default() },
                ..ContainerState::default()
            })
        })
        .await
    }

    async fn inspect_json(&self, name: &str) -> Result<Value> {
        self.call("inspect_json", name, |_| Ok(json!({"Name": name}))).await
    }

    async fn logs(&self, name: &str, _: bool) -> Result<ByteStream> {
        let log = self.call("logs", name, |state| {
            state.containers.get(name).ok_or_else(|| missing(name))?;
            let log = state.crashes.get(name).map_or(BOOTED, String::as_str);
            Ok(stream::iter([Ok(Bytes::copy_from_slice(log.as_bytes()))]).boxed())
        });
        Ok(self.returned(log.await?))
    }

    /// A running container has changed files where a command `cat` is scripted.
    async fn archive(&self, name: &str, path: &str) -> Result<ByteStream> {
        let archive = self.call("archive", name, |state| {
            let held = state.containers.get(name).ok_or_else(|| missing(name))?;
            let cat = Command::new(["cat", path]);
            let changed = state.scripted(name, &cat).filter(|_| held.running);
            let text = changed.map(|changed| &changed.stdout).or_else(|| state.files.get(path));
            let text = text.map_or_else(|| answers::file(path), |text| Some(text.as_str()));
            let archive = answers::archive(path, text.ok_or_else(|| missing(path))?);
            Ok(stream::iter([Ok(Bytes::from(archive))]).boxed())
        });
        Ok(self.returned(archive.await?))
    }

    /// Not counted as a call: it is not the engine that is asked.
    async fn is_reachable(&self, address: &str) -> bool {
        !self.0.lock().unwrap().unreachable.iter().any(|other| other == address)
    }

    async fn exec(&self, name: &str, command: Command) -> Result<ExecOutput> {
        let words: Vec<&str> = command.argv.iter().take(2).map(String::as_str).collect();
        let call = format!("exec {}", words.join(" "));
        let events = self.call(&call, name, |state| {
            running(state, name)?;
            if let Some(scripted) = state.scripted(name, &command) {
                let (stdout, stderr) = (scripted.stdout.clone(), scripted.stderr.clone());
                let output = output(stdout.into(), stderr.into(), scripted.code);
                return Ok(match scripted.hangs {
                    false => output,
                    true => until_exit(output),
                });
            }
            let own = state.nodes.as_mut().and_then(|nodes| nodes(name, &command));
            let stdout = own.unwrap_or_else(|| answers::stdout(state, &command.argv).into_bytes());
            Ok(output(stdout, Vec::new(), 0))
        });
        Ok(self.returned(events.await?))
    }

    /// The command answers at once. One that a unit test answers does so once
    /// more when its stdin has ended, unless it failed.
    async fn exec_with_stdin(
        &self,
        name: &str,
        command: Command,
        stdin: ByteStream,
    ) -> Result<ExecOutput> {
        let first: Vec<_> = self.exec(name, command.clone()).await?.collect().await;
        let reads = self.0.lock().unwrap().nodes.is_some();
        if !reads || !matches!(first.last(), Some(Ok(ExecEvent::Exit(0)))) {
            return Ok(stream::iter(first).boxed());
        }
        let begun = first.into_iter().filter(|event| !matches!(event, Ok(ExecEvent::Exit(_))));
        let begun = stream::iter(begun.collect::<Vec<_>>());
        let (engine, name) = (self.clone(), name.to_owned());
        let rest = stream::once(async move {
            let pieces: Vec<Bytes> = stdin.filter_map(|piece| async { piece.ok() }).collect().await;
            match pieces.concat() {
                input if input.is_empty() => Ok(output(Vec::new(), Vec::new(), 0)),
                input => engine.exec(&name, command.stdin(input)).await,
            }
        });
        Ok(begun.chain(rest.try_flatten()).boxed())
    }
}
