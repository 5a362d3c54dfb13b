//! An engine set up by a YAML text, for running the program itself on it.
//!
//! ```yaml
//! # All of it may be left out: a local engine that has every image and nothing else.
//! host: {rootless: true, cgroup_v1: true, missing_controllers: [pids], arch: arm64, remote: true,
//!   version: 19.3.1, driver: vfs, memory_mb: 300}
//! images:                  # without `images` every name leads to an image
//!   skiff/node:v1.37.2: {io.skiff.api-balancer: haproxy}     # its labels
//! clusters:
//!   lab: [control-plane, worker]
//! networks: {kind: [172.18.0.0/16]}     # with their subnets
//! stopped: [lab-worker]
//! files: {/etc/motd: hello}    # of every image
//! crashes: {lab-control-plane: "what it writes before it ends"}
//! commands:                # those whose words contain `line`; elsewhere they work
//!   - {line: kubeadm join, container: lab-worker, code: 1, stdout: "", stderr: timed out}
//!   - {line: kubeadm init, hangs: true}     # it does not end
//! faults:                  # calls are named as the methods of `Engine`
//!   - {call: start_container, container: lab-worker, does: fails, error: other, message: no space left}
//!   - {call: exec kubeadm, nth: 2, does: loses-answer}
//!   - {call: remove_container, nth: 1, does: ctrl-c}
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::fault::{Fault, When};
use super::state::{Container, FakeEngine, ScriptedCommand, State};
use crate::cluster::{HostPort, Protocol};
use crate::engine::{CgroupControllers, ContainerSpec, EngineError, Image, Network, Publish};
use crate::{labels, yaml};

/// What a script sets up. The default is a local engine without containers, where
/// every image name leads to an image.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    host: HostFacts,
    images: Option<BTreeMap<String, BTreeMap<String, String>>>,
    clusters: BTreeMap<String, Vec<String>>,
    networks: BTreeMap<String, Vec<String>>,
    stopped: Vec<String>,
    files: BTreeMap<String, String>,
    unreachable: Vec<String>,
    crashes: BTreeMap<String, String>,
    commands: Vec<CommandRule>,
    faults: Vec<FaultRule>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct HostFacts {
    rootless: bool,
    cgroup_v1: bool,
    missing_controllers: Vec<String>,
    arch: Option<String>,
    version: Option<String>,
    driver: Option<String>,
    memory_mb: Option<u64>,
    remote: bool,
    ports_taken: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandRule {
    line: String,
    container: Option<String>,
    #[serde(default)]
    code: i64,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    #[serde(default)]
    hangs: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRule {
    #[serde(default)]
    call: String,
    container: Option<String>,
    /// Every such call unless it is given.
    nth: Option<usize>,
    /// All calls from this one on, from 0, whatever they are.
    from: Option<usize>,
    does: Does,
    #[serde(default)]
    error: Class,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Does {
    Fails,
    LosesAnswer,
    CtrlC,
    Silence,
    StreamSilence,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum Class {
    #[default]
    Other,
    NotFound,
    Conflict,
    Unreachable,
    Permission,
}

impl Script {
    /// Reads the YAML of a script. An empty text is the default.
    ///
    /// # Errors
    /// Returns a message about the line or the field that is invalid.
    pub fn parse(text: &str) -> Result<Script, String> {
        match yaml::document(text)? {
            serde_json::Value::Null => Ok(Script::default()),
            document => serde_json::from_value(document).map_err(|e| e.to_string()),
        }
    }

    /// The engine; `listening` is cancelled by SIGINT.
    pub fn engine(self, listening: &CancellationToken) -> FakeEngine {
        let engine = FakeEngine::default();
        self.set_up(&mut engine.0.lock().unwrap());
        self.faults.into_iter().fold(engine, |engine, rule| {
            let (when, fault) = rule.armed(listening);
            engine.and_armed(when, fault)
        })
    }

    fn set_up(&self, state: &mut State) {
        let facts = &self.host;
        state.host.rootless = facts.rootless;
        state.host.cgroup_v1 = facts.cgroup_v1;
        let usable = |name: &str| !facts.missing_controllers.iter().any(|other| other == name);
        state.host.cgroup_controllers = CgroupControllers {
            cpu: usable("cpu"),
            memory: usable("memory"),
            pids: usable("pids"),
        };
        state.host.arch = facts.arch.clone().unwrap_or_else(|| "amd64".into());
        state.host.local = !facts.remote;
        if let Some(version) = &facts.version {
            state.host.version = version.clone();
        }
        if let Some(driver) = &facts.driver {
            state.host.storage.driver = driver.clone();
        }
        if let Some(megabytes) = facts.memory_mb {
            state.host.memory = megabytes * 1_000_000;
        }
        state.ports_taken = facts.ports_taken;
        let id = |number: usize| format!("sha256:{number:064x}");
        state.image.id = id(0);
        let image = |(number, (name, labels)): (usize, (&String, &BTreeMap<String, String>))| {
            let id = id(number + 1);
            (name.clone(), Image { id, labels: labels.clone(), ..Image::default() })
        };
        let images = self.images.as_ref();
        state.images = images.map(|images| images.iter().enumerate().map(image).collect());
        for (name, roles) in &self.clusters {
            for spec in containers(name, roles) {
                let running = !self.stopped.contains(&spec.name);
                state.containers.insert(spec.name.clone(), Container { spec, running });
            }
        }
        for (name, subnets) in &self.networks {
            let network =
                Network { id: name.clone(), subnets: subnets.clone(), ..Network::default() };
            state.networks.push((name.clone(), network));
        }
        state.files = self.files.clone();
        state.unreachable = self.unreachable.clone();
        state.crashes = self.crashes.clone();
        let commands = self.commands.iter().map(|rule| ScriptedCommand {
            line: rule.line.clone(),
            container: rule.container.clone(),
            stdout: rule.stdout.clone(),
            stderr: rule.stderr.clone(),
            code: rule.code,
            hangs: rule.hangs,
        });
        state.commands = commands.collect();
    }
}

/// Containers of a cluster that exists, named as kind names them.
fn containers(cluster: &str, roles: &[String]) -> Vec<ContainerSpec> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let balanced = roles.iter().any(|role| role == labels::LOAD_BALANCER);
    let entry = if balanced { labels::LOAD_BALANCER } else { labels::CONTROL_PLANE };
    let container = |role: &str, number: usize| ContainerSpec {
        name: match number {
            1 => format!("{cluster}-{role}"),
            number => format!("{cluster}-{role}{number}"),
        },
        labels: [(labels::CLUSTER, cluster), (labels::ROLE, role)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        publish: (role == entry)
            .then(|| Publish {
                container_port: 6443,
                protocol: Protocol::Tcp,
                host_address: "127.0.0.1".into(),
                host_port: HostPort::Engine,
                picked: None,
            })
            .into_iter()
            .collect(),
        ..ContainerSpec::default()
    };
    let named = roles.iter().map(|role| {
        let number = counts.entry(role).or_default();
        *number += 1;
        container(role, *number)
    });
    named.collect()
}

impl FaultRule {
    fn armed(self, listening: &CancellationToken) -> (When, Fault) {
        let (what, message) = (self.call.clone(), self.message);
        let error = match self.error {
            Class::Other => EngineError::Other { what, message },
            Class::NotFound => EngineError::NotFound { what, message },
            Class::Conflict => EngineError::Conflict { what, message },
            Class::Permission => EngineError::Permission { endpoint: "fake".into() },
            Class::Unreachable => {
                EngineError::Unreachable { endpoint: "fake".into(), reason: message }
            }
        };
        let fault = match self.does {
            Does::Fails => Fault::FailsWith(error),
            Does::LosesAnswer => Fault::AnswerLost,
            Does::CtrlC => Fault::CtrlC(listening.clone()),
            Does::Silence => Fault::Silence,
            Does::StreamSilence => Fault::StreamSilence,
        };
        let when = match self.from {
            Some(call) => When::From(call),
            None => When::Named { name: self.call, container: self.container, nth: self.nth },
        };
        (when, fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Command, Engine, ExecEvent};
    use futures_util::StreamExt;

    #[tokio::test]
    async fn a_script_sets_up_containers_commands_and_faults() {
        let text = "
            images: {here:1: {a: b}}
            clusters: {lab: [control-plane, worker, worker]}
            stopped: [lab-worker]
            commands: [{line: uname, container: lab-worker2, code: 3, stderr: broken}]
            faults: [{call: image, nth: 2, does: fails, error: not-found, message: gone}]
        ";
        let engine = Script::parse(text).unwrap().engine(&CancellationToken::new());
        assert_eq!(engine.container_names(), ["lab-control-plane", "lab-worker", "lab-worker2"]);
        assert_eq!(engine.image("here:1@sha256:0").await.unwrap().unwrap().labels["a"], "b");
        let refused = engine.image("here:1").await.unwrap_err();
        assert!(matches!(refused, EngineError::NotFound { .. }) && refused.message() == "gone");
        assert!(engine.image("elsewhere:1").await.unwrap().is_none());
        let uname = || Command::new(["uname", "-a"]);
        assert!(engine.exec("lab-worker", uname()).await.is_err(), "it is stopped");
        let events: Vec<_> = engine.exec("lab-worker2", uname()).await.unwrap().collect().await;
        assert!(matches!(&events[..], [Ok(ExecEvent::Stderr(_)), Ok(ExecEvent::Exit(3))]));
    }

    #[test]
    fn an_invalid_script_is_refused() {
        for text in ["fault: []", "faults: [{call: image}]", "host: {local: true}", "["] {
            assert!(Script::parse(text).is_err(), "{text}");
        }
    }
}
