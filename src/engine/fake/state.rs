//! What the engine holds, and how a test sets it up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::fault::{Armed, Fault, When, press_ctrl_c, send_sigint};
use crate::engine::{
    CgroupControllers, Command, ContainerSpec, EngineError, Host, Image, Network, Result,
    RunStatus, Storage,
};

/// What a container answers to a command; `None` leaves it to the fake.
type Nodes = Box<dyn FnMut(&str, &Command) -> Option<Vec<u8>> + Send>;

pub(super) struct State {
    pub(super) host: Host,
    pub(super) containers: BTreeMap<String, Container>,
    /// With their names. Several may have the same name, as in a real engine.
    pub(super) networks: Vec<(String, Network)>,
    /// How many networks have been created.
    pub(super) networks_created: usize,
    /// By their names, an image without one by its ID. `None`: every name leads to
    /// [`Self::image`].
    pub(super) images: Option<BTreeMap<String, Image>>,
    pub(super) image: Image,
    pub(super) export: Bytes,
    /// Files of every image, by path.
    pub(super) files: BTreeMap<String, String>,
    /// Addresses that cannot be connected to.
    pub(super) unreachable: Vec<String>,
    /// It answers nothing any more.
    pub(super) is_silent: bool,
    /// It falls silent in the stream that the call returns.
    stalls: bool,
    pub(super) nodes: Option<Nodes>,
    pub(super) commands: Vec<ScriptedCommand>,
    /// By which containers reach the host.
    pub(super) gateways: Vec<IpAddr>,
    /// Logs of containers that end as soon as they are started.
    pub(super) crashes: BTreeMap<String, String>,
    /// So many starts of containers fail because another program has their port.
    pub(super) ports_taken: usize,
    /// Containers that do not end when they are asked to, and are killed.
    pub(super) stubborn: Vec<String>,
    calls: Vec<String>,
    armed: Vec<Armed>,
}

pub(super) struct Container {
    pub(super) spec: ContainerSpec,
    pub(super) status: RunStatus,
    /// Of the last run that ended.
    pub(super) exit_code: Option<i64>,
}

impl Container {
    pub(super) fn new(spec: ContainerSpec, status: RunStatus) -> Self {
        Container { spec, status, exit_code: None }
    }
}

/// A command in containers, and what it does there.
pub(super) struct ScriptedCommand {
    /// Part of the words, joined by spaces.
    pub(super) line: String,
    /// Only in this container.
    pub(super) container: Option<String>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) code: i64,
    /// It does not end.
    pub(super) hangs: bool,
}

/// A usual machine with Docker.
fn host() -> Host {
    Host {
        version: "28.5.2".into(),
        memory: 16 << 30,
        arch: "amd64".into(),
        local: true,
        cgroup_controllers: CgroupControllers { cpu: true, memory: true, pids: true },
        storage: Storage { driver: "overlay2".into(), ..Storage::default() },
        ..Host::default()
    }
}

impl Default for State {
    fn default() -> Self {
        State {
            host: host(),
            containers: BTreeMap::new(),
            networks: Vec::new(),
            networks_created: 0,
            images: None,
            image: Image::default(),
            export: Bytes::new(),
            files: BTreeMap::new(),
            unreachable: Vec::new(),
            is_silent: false,
            stalls: false,
            nodes: None,
            commands: Vec::new(),
            gateways: Vec::new(),
            crashes: BTreeMap::new(),
            ports_taken: 0,
            stubborn: Vec::new(),
            calls: Vec::new(),
            armed: Vec::new(),
        }
    }
}

impl State {
    /// The image of this name or ID.
    pub(super) fn image(&self, reference: &str) -> Option<Image> {
        let Some(images) = &self.images else { return Some(self.image.clone()) };
        let name = reference.split('@').next().unwrap_or_default();
        let by_id = || images.values().find(|image| image.id == reference);
        let image = images.get(name).or_else(by_id)?;
        let names = images.iter().filter(|(key, other)| other.id == image.id && **key != image.id);
        Some(Image { tags: names.map(|(name, _)| name.clone()).collect(), ..image.clone() })
    }

    /// A new image gets this name; the one that had it keeps its others.
    pub(super) fn import_image(&mut self, name: &str) {
        let Some(images) = &mut self.images else { return };
        // The scripted ones have small numbers.
        let id = format!("sha256:{:064x}", u64::MAX - self.calls.len() as u64);
        let replaced = images.insert(name.to_owned(), Image { id, ..Image::default() });
        if let Some(old) = replaced.filter(|old| !images.values().any(|image| image.id == old.id)) {
            images.insert(old.id.clone(), old);
        }
    }

    /// As Docker does it: by its ID, an image is removed together with its only
    /// name, and not at all if it has several.
    pub(super) fn remove_image(&mut self, reference: &str) -> Result<()> {
        let found = self.image(reference);
        let (Some(images), Some(image)) = (&mut self.images, found) else { return Ok(()) };
        if images.remove(reference).is_none() && image.tags.len() > 1 {
            let message = "image is referenced in multiple repositories".into();
            return Err(EngineError::Conflict { what: "removing an image".into(), message });
        }
        if image.id == reference {
            images.retain(|_, other| other.id != image.id);
        }
        Ok(())
    }

    pub(super) fn scripted(&self, container: &str, command: &Command) -> Option<&ScriptedCommand> {
        let line = command.argv.join(" ");
        self.commands.iter().find(|scripted| {
            line.contains(&scripted.line)
                && scripted.container.as_ref().is_none_or(|of| of == container)
        })
    }
}

/// Clones share everything.
#[derive(Clone, Default)]
pub struct FakeEngine(pub(super) Arc<Mutex<State>>);

impl FakeEngine {
    /// Arms a fault for the call with this number, from 0.
    pub fn armed(call: usize, fault: Fault) -> Self {
        FakeEngine::default().and_armed(When::Call(call), fault)
    }

    /// Arms one more fault. Where several are for the same call, the one that
    /// was armed first counts.
    pub fn and_armed(self, when: When, fault: Fault) -> Self {
        self.0.lock().unwrap().armed.push(Armed::new(when, fault));
        self
    }

    /// Has a network, whose id is its name.
    #[cfg(test)]
    pub fn put_network(&self, network: Network) {
        self.0.lock().unwrap().networks.push((network.id.clone(), network));
    }

    /// Has a container that runs.
    pub fn put(&self, spec: ContainerSpec) {
        let container = Container::new(spec, RunStatus::Running);
        self.0.lock().unwrap().containers.insert(container.spec.name.clone(), container);
    }

    /// So many ports that skiff picks are taken on the engine's host, which is not its
    /// own.
    #[cfg(test)]
    pub fn with_ports_taken(self, count: usize) -> Self {
        let mut state = self.0.lock().unwrap();
        (state.host.local, state.ports_taken) = (false, count);
        drop(state);
        self
    }

    /// Containers reach the host at these addresses.
    #[cfg(test)]
    pub fn with_gateways(self, gateways: &[&str]) -> Self {
        let parsed = gateways.iter().map(|address| address.parse().unwrap()).collect();
        self.0.lock().unwrap().gateways = parsed;
        self
    }

    /// What a container does now.
    #[cfg(test)]
    pub fn status(&self, name: &str) -> RunStatus {
        self.0.lock().unwrap().containers[name].status
    }

    /// What a container was created from, with what was changed since.
    #[cfg(test)]
    pub fn spec(&self, name: &str) -> ContainerSpec {
        self.0.lock().unwrap().containers[name].spec.clone()
    }

    /// Has one image, which every name leads to, and this export of it.
    pub fn with_image(self, image: Image, export: Vec<u8>) -> Self {
        let mut state = self.0.lock().unwrap();
        (state.image, state.export) = (image, export.into());
        drop(state);
        self
    }

    /// Runs on this host.
    #[cfg(test)]
    pub fn with_host(self, host: Host) -> Self {
        self.0.lock().unwrap().host = host;
        self
    }

    /// Gives an image another name.
    #[cfg(test)]
    pub fn tag(&self, name: &str, other: &str) {
        let mut state = self.0.lock().unwrap();
        let image = state.image(name).unwrap();
        state.images.as_mut().unwrap().insert(other.to_owned(), image);
    }

    /// Containers answer commands so; called only for commands that work.
    pub fn with_nodes(
        self,
        nodes: impl FnMut(&str, &Command) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        self.0.lock().unwrap().nodes = Some(Box::new(nodes));
        self
    }

    /// From now on, or until it is called again: whether pings stay without an answer.
    pub fn set_silent(&self, is_silent: bool) {
        self.0.lock().unwrap().is_silent = is_silent;
    }

    /// The names of all calls so far, in order.
    pub fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }

    /// Names of all containers, running or not, in alphabetical order.
    pub fn container_names(&self) -> Vec<String> {
        self.0.lock().unwrap().containers.keys().cloned().collect()
    }

    /// Sends SIGINT the first time, and never returns.
    pub(super) async fn fall_silent<T>(&self) -> T {
        if !std::mem::replace(&mut self.0.lock().unwrap().is_silent, true) {
            send_sigint();
        }
        std::future::pending().await
    }

    /// Whether the call returns a stream, in which the engine then falls silent.
    fn falls_silent_later(&self, name: &str) -> bool {
        let mut state = self.0.lock().unwrap();
        let is_stream = ["exec ", "logs", "export_images", "archive"];
        state.stalls = !state.is_silent && is_stream.iter().any(|call| name.starts_with(call));
        state.stalls
    }

    /// The stream that a call returns.
    pub(super) fn returned<T: Send + 'static>(
        &self,
        stream: BoxStream<'static, T>,
    ) -> BoxStream<'static, T> {
        if !std::mem::take(&mut self.0.lock().unwrap().stalls) {
            return stream;
        }
        let engine = self.clone();
        stream::once(async move { engine.fall_silent().await }).boxed()
    }

    /// Counts the call, applies a fault, and does `effect` unless that failed.
    pub(super) async fn call<T>(
        &self,
        name: &str,
        container: &str,
        effect: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        // Several nodes take turns, as they do with a real engine.
        tokio::task::yield_now().await;
        let (number, fault) = {
            let mut state = self.0.lock().unwrap();
            let number = state.calls.len();
            state.calls.push(name.to_owned());
            let mut faults: Vec<Fault> = Vec::new();
            faults.extend(state.armed.iter_mut().filter_map(|a| a.at(number, name, container)));
            (number, faults.into_iter().next())
        };
        match &fault {
            Some(Fault::CtrlC(listening)) => press_ctrl_c(listening).await,
            Some(Fault::Silence) => return self.fall_silent().await,
            Some(Fault::StreamSilence) if !self.falls_silent_later(name) => {
                return self.fall_silent().await;
            }
            _ => {}
        }
        let mut state = self.0.lock().unwrap();
        let broken = || EngineError::other(name, format!("fault at call {number}"));
        match fault {
            None | Some(Fault::CtrlC(_) | Fault::Silence | Fault::StreamSilence) => {
                effect(&mut state)
            }
            Some(Fault::Fails) => Err(broken()),
            Some(Fault::FailsWith(error)) => Err(error),
            Some(Fault::AnswerLost) => {
                effect(&mut state)?;
                Err(broken())
            }
            Some(Fault::Cancel(token)) => {
                token.cancel();
                effect(&mut state)
            }
        }
    }
}
