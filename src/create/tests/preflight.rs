//! What stops a creation before anything is made, and what does not stop it.

use std::sync::Mutex;

use super::*;
use crate::check::{Check, Outcome};
use crate::engine::{EngineError, Network};
use crate::preflight::Machine;
use crate::progress::{Event, Level, Reporter};

/// Keeps messages.
#[derive(Clone, Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

impl Messages {
    fn warnings(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Reporter for Messages {
    fn report(&self, event: Event) {
        if let Event::Message { level: Level::Warning, text } = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

type Ask = fn(&crate::engine::Host, &Cluster) -> Option<Machine>;

/// What became of a creation, and its warnings.
async fn outcome(
    cluster: &Cluster,
    engine: &FakeEngine,
    machine: Ask,
) -> (Result<(), Failed>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let messages = Messages::default();
    let progress = Progress::new(messages.clone());
    let ctx = Context::new(Arc::new(engine.clone()), progress, CancellationToken::new());
    let mut options = CreateOptions::for_tests(&directory.path().join("config"));
    options.probe.machine = machine;
    let created = create(&ctx, cluster, &options).await;
    (created, messages.warnings())
}

/// The checks that stopped a creation, which has only asked questions.
async fn refused(cluster: &Cluster, engine: &FakeEngine, machine: Ask) -> Vec<Check> {
    let (created, _) = outcome(cluster, engine, machine).await;
    let Err(Failed { error: CreateError::Preflight(refused), remains, .. }) = created else {
        panic!("{created:?}")
    };
    assert!(matches!(remains, Remains::Nothing));
    let questions = ["host", "containers", "networks"];
    let calls = engine.calls();
    assert!(calls.iter().all(|call| questions.contains(&call.as_str())), "{calls:?}");
    assert!(refused.0.iter().all(|check| check.outcome == Outcome::Error), "{refused:?}");
    refused.0
}

fn scripted(script: &str) -> FakeEngine {
    Script::parse(script).unwrap().engine(&CancellationToken::new())
}

fn titles(checks: &[Check]) -> Vec<&str> {
    checks.iter().map(|check| &*check.title).collect()
}

#[tokio::test]
async fn everything_that_fails_for_sure_is_reported_at_once_and_nothing_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let cluster = cluster(&format!(
        "name: {}
networking:
  {{ipFamily: dual, podSubnet: '10.1.0.0/24,fd00:1::/56', kubeProxyMode: ipvs, apiServerPort: {port}}}
{THREE_NODES}",
        "a".repeat(50)
    ));
    let engine = scripted(
        "host: {version: 19.3.1, memory_mb: 300, missing_controllers: [pids]}
networks: {kind: [10.1.0.0/16]}",
    );
    let machine = |_: &_, _: &_| {
        Some(Machine {
            free_disk: Some(1),
            has_ipvs: Some(false),
            has_ipv6: true,
            ..Machine::default()
        })
    };
    let checks = refused(&cluster, &engine, machine).await;
    assert_eq!(
        titles(&checks),
        [
            "container engine",
            "cgroup controllers",
            "disk space",
            "memory",
            "networking.kubeProxyMode",
            "cluster name",
            "networking.podSubnet",
            "networking.ipFamily",
            "networking.podSubnet",
            "networking.apiServerPort",
        ]
    );
    for check in checks {
        assert!(check.needed.is_some() && check.remedy.is_some(), "{check}");
    }
}

#[tokio::test]
async fn each_cause_alone_stops_a_creation() {
    for (script, title) in [
        ("host: {version: 19.3.1}", "container engine"),
        ("host: {missing_controllers: [memory]}", "cgroup controllers"),
        ("host: {rootless: true, cgroup_v1: true}", "cgroups"),
        ("host: {memory_mb: 900}", "memory"),
    ] {
        let checks = refused(&cluster(THREE_NODES), &scripted(script), |_, _| None).await;
        assert_eq!(titles(&checks), [title], "{script}");
    }
    let bare: [(Ask, &str); 2] = [
        (|_, _| Some(Machine { free_disk: Some(449_000_000), ..Machine::default() }), "disk space"),
        (
            |_, _| {
                let limits = Limits { instances: 13, watches: 524_288 };
                Some(Machine { inotify: Some(limits), ..Machine::default() })
            },
            "inotify",
        ),
    ];
    for (machine, title) in bare {
        let engine = scripted("host: {rootless: true}");
        let checks = refused(&cluster(THREE_NODES), &engine, machine).await;
        assert_eq!(titles(&checks), [title]);
    }
    let none = |_: &_, _: &_| None;
    for (definition, title) in [
        (format!("name: a.\n{THREE_NODES}"), "cluster name"),
        (format!("name: {}\n{BALANCED}", "a".repeat(41)), "cluster name"),
        (format!("networking: {{podSubnet: 10.1.0.0/24}}\n{THREE_NODES}"), "networking.podSubnet"),
        ("networking: {serviceSubnet: 10.244.0.0/16}".to_owned(), "networking.serviceSubnet"),
    ] {
        let checks = refused(&cluster(&definition), &FakeEngine::default(), none).await;
        assert_eq!(titles(&checks), [title], "{definition}");
    }
    let engine = FakeEngine::default();
    let subnets = vec!["172.18.0.0/16".to_owned()];
    engine.put_network(Network { id: "kind".into(), subnets, ..Network::default() });
    let family = cluster("networking: {ipFamily: ipv6}");
    assert_eq!(titles(&refused(&family, &engine, none).await), ["networking.ipFamily"]);
}

#[tokio::test]
async fn what_may_fail_is_a_warning_in_one_line() {
    let machine = |_: &_, _: &_| {
        Some(Machine {
            open_files: Some(1024),
            free_disk: Some(1_000_000_000),
            ..Machine::default()
        })
    };
    let engine = scripted("host: {cgroup_v1: true, driver: vfs}");
    let (created, warnings) = outcome(&cluster(THREE_NODES), &engine, machine).await;
    created.unwrap();
    let begins = ["storage driver: ", "cgroups: ", "open files: ", "disk space: "];
    assert_eq!(warnings.len(), begins.len(), "{warnings:?}");
    for (warning, begin) in warnings.iter().zip(begins) {
        assert!(warning.starts_with(begin) && !warning.contains('\n'), "{warning}");
        assert!(warning.contains("; needed: ") && warning.contains("; remedy: "), "{warning}");
    }
    let (created, warnings) =
        outcome(&cluster(THREE_NODES), &FakeEngine::default(), |_, _| None).await;
    created.unwrap();
    assert_eq!(warnings, [""; 0]);
}

/// Limits that are enough for three nodes to boot, but not for all of their components.
fn low(_: &crate::engine::Host, _: &Cluster) -> Option<Machine> {
    let limits = Limits { instances: 64, watches: 524_288 };
    Some(Machine { inotify: Some(limits), ..Machine::default() })
}

/// Limits with which no node boots.
fn lowest(_: &crate::engine::Host, _: &Cluster) -> Option<Machine> {
    let limits = Limits { instances: 13, watches: 524_288 };
    Some(Machine { inotify: Some(limits), ..Machine::default() })
}

#[tokio::test]
async fn limits_of_inotify_are_raised_by_a_container_before_there_are_nodes() {
    for machine in [low as Ask, lowest] {
        let engine = scripted("commands: [{line: cat /proc/sys/fs/inotify, stdout: '13 8192'}]");
        let (created, warnings) = outcome(&cluster(THREE_NODES), &engine, machine).await;
        created.unwrap();
        assert_eq!(warnings, [""; 0]);
        let calls = engine.calls();
        let position = |wanted: &str| calls.iter().position(|call| call == wanted).unwrap();
        assert!(position("exec sh -c") < position("create_network"), "{calls:?}");
        assert_eq!(calls.iter().filter(|call| *call == "create_container").count(), 4);
        assert_eq!(engine.container_names().len(), 3, "the container for it is removed");
    }
}

#[tokio::test]
async fn limits_that_no_container_can_raise_stop_only_nodes_that_cannot_boot() {
    for call in ["create_container", "start_container"] {
        for (machine, fine) in [(low as Ask, true), (lowest, false)] {
            let when = When::Named { name: call.into(), container: None, nth: Some(1) };
            let refusal = EngineError::other("creating it", "operation not permitted");
            let engine = FakeEngine::default().and_armed(when, Fault::FailsWith(refusal));
            let (created, warnings) = outcome(&cluster(THREE_NODES), &engine, machine).await;
            assert_eq!(created.is_ok(), fine, "{call}: {created:?}");
            assert_eq!(engine.container_names().len(), if fine { 3 } else { 0 }, "{call}");
            let said = match &created {
                Ok(()) => warnings.concat(),
                Err(failed) => failed.error.to_string(),
            };
            assert!(said.contains("operation not permitted"), "{call}: {said}");
            let command = "sudo sysctl fs.inotify.max_user_instances=512";
            assert_eq!(said.ends_with(command), fine, "{call}: {said}");
        }
    }
}
