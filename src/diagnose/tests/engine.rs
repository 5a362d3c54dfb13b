//! The engine, commands in nodes, definitions and kubeconfigs.

use super::{Failure, Screens, command, denied, screens};
use crate::config::{self, Problem};
use crate::context::RunError;
use crate::engine::EngineError;
use crate::kubeconfig::Error as KubeconfigError;
use crate::text::NoRandom;

pub(super) fn add(screens: &mut Screens) {
    add_engine(screens);
    add_commands(screens);
    let problem = |line, path: &str, message: &str| Problem {
        line,
        path: path.into(),
        message: message.into(),
    };
    let one = problem(Some(4), "nodes[0].role", "unknown role \"boss\"");
    let other = problem(None, "", "there is no control-plane node");
    for problems in [vec![one.clone()], vec![one, other]] {
        let failure = Failure::from(config::Problems(problems)).during("cluster.yaml");
        screens.add("config::Problems", &failure.during("failed to create cluster"));
    }
    screens!(screens, KubeconfigError {
        Home => [KubeconfigError::Home],
        Read => [KubeconfigError::Read { path: "/home/me/.kube/config".into(), source: denied() }],
        Parse => [KubeconfigError::Parse {
            path: "/home/me/.kube/config".into(),
            reason: "line 3: not a mapping".into(),
        }],
        Locked => [KubeconfigError::Locked { path: "/home/me/.kube/config.lock".into(), age: 12 }],
        Interrupted => [KubeconfigError::Interrupted { path: "/home/me/.kube/config".into() }],
        Write => [KubeconfigError::Write { path: "/home/me/.kube/config".into(), source: denied() }],
        Admin => [KubeconfigError::Admin("it lists no users".into())],
    });
}

fn add_engine(screens: &mut Screens) {
    let unreachable = |endpoint: &str, reason: &str| EngineError::Unreachable {
        endpoint: endpoint.into(),
        reason: reason.into(),
    };
    screens!(screens, EngineError {
        Unreachable => [
            unreachable("unix:///run/docker.sock", "connection refused"),
            unreachable("unix:///run/user/1000/podman/podman.sock", "there is no socket"),
            unreachable("ssh://me@host", "Permission denied (publickey)"),
            unreachable("tcp://host:2376 (with TLS)", "invalid peer certificate: UnknownIssuer"),
        ],
        Permission => [EngineError::Permission { endpoint: "unix:///run/docker.sock".into() }],
        Endpoint => [EngineError::Endpoint("no docker context \"far\"".into())],
        Conflict => [EngineError::Conflict {
            what: "creating container kind-worker".into(),
            message: "The container name \"/kind-worker\" is already in use".into(),
        }],
        NotFound => [EngineError::NotFound {
            what: "inspecting kind-worker".into(),
            message: "No such container: kind-worker".into(),
        }],
        Other => [
            EngineError::other("starting kind-control-plane", "listen tcp4 192.0.2.1:6443: bind: cannot assign requested address"),
            EngineError::other("starting kind-worker", "device or resource busy"),
            EngineError::other("creating kind-worker", "write /x: no space left on device"),
            EngineError::other("creating kind-worker", "no command specified"),
        ],
    });
}

fn add_commands(screens: &mut Screens) {
    let join = |output: &str| command(&["kubeadm", "join"], output);
    screens!(screens, RunError {
        Cancelled => [RunError::Cancelled],
        CutOff => [RunError::CutOff(EngineError::Unreachable {
            endpoint: "unix:///var/run/docker.sock".into(),
            reason: "it does not answer".into(),
        })],
        Engine => [EngineError::other("inspecting kind-worker", "gone").into()],
        Random => [NoRandom("no such device".into()).into()],
        Command => [
            join("timed out waiting for the condition\n"),
            join("write /x: no space left on device"),
            join("too many open files"),
            join("unknown field \"spec.x\""),
            join("strict decoding error"),
            join("failed to create cgroup"),
        ],
    });
}
