//! Engines by every way to reach them, answered by a pretended one.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::program::{SKIFF, command, refused, refused_with, text};
use crate::support::tls::{Authority, pretend_engine};

/// `get clusters` with these variables.
fn clusters(env: &[(&str, &str)]) -> Output {
    let mut command = command(Path::new(SKIFF));
    command.args(["get", "clusters"]).env_remove("DOCKER_HOST").envs(env.iter().copied());
    command.output().unwrap()
}

fn answered(out: &Output) {
    let said = text(&out.stderr);
    assert_eq!((out.status.code(), said.as_str()), (Some(0), "No kind clusters found.\n"));
}

#[test]
fn an_engine_that_is_not_there_comes_with_the_next_step() {
    refused(5, &["get", "clusters"], &["unix:///nowhere/engine.sock", "hint: start Docker"]);
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config").to_string_lossy().into_owned();
    refused(
        5,
        &["create", "cluster", "--kubeconfig", &kubeconfig],
        &["nowhere/engine.sock", "hint: start Docker"],
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn tls_needs_the_authority_and_the_clients_certificate() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let host = pretend_engine(&ours);
    let with = |material: &TempDir, verify: &str| {
        let folder = material.path().to_str().unwrap();
        clusters(&[
            ("DOCKER_HOST", host.as_str()),
            ("DOCKER_TLS_VERIFY", verify),
            ("DOCKER_TLS", "1"),
            ("DOCKER_CERT_PATH", folder),
        ])
    };
    answered(&with(&ours.client(), "1"));

    // The right certificate, but an authority that did not sign the engine's.
    let wrong = ours.client();
    std::fs::write(wrong.path().join("ca.pem"), theirs.pem()).unwrap();
    refused_with(
        5,
        &with(&wrong, "1"),
        "wrong authority",
        &["with TLS", "invalid peer certificate: UnknownIssuer", "hint: ca.pem"],
    );
    answered(&with(&wrong, ""));

    std::fs::remove_file(wrong.path().join("ca.pem")).unwrap();
    refused_with(5, &with(&wrong, "1"), "no authority", &["ca.pem"]);

    let stranger = theirs.client();
    std::fs::write(stranger.path().join("ca.pem"), ours.pem()).unwrap();
    refused_with(
        5,
        &with(&stranger, "1"),
        "a stranger's certificate",
        &["with TLS", "hint: ca.pem"],
    );

    let nobody = ours.client();
    std::fs::remove_file(nobody.path().join("cert.pem")).unwrap();
    refused_with(5, &with(&nobody, "1"), "no certificate", &["with TLS", "hint: ca.pem"]);
}

#[test]
fn contexts_lead_to_engines_with_tls() {
    let ours = Authority::new("ours");
    let host = pretend_engine(&ours);
    let home = tempfile::tempdir().unwrap();
    let docker = home.path().join(".docker");
    let (meta, tls) = (docker.join("contexts/meta/far"), docker.join("contexts/tls/far"));
    std::fs::create_dir_all(&meta).unwrap();
    std::fs::create_dir_all(&tls).unwrap();
    let endpoint = format!(r#"{{"Name":"far","Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
    std::fs::write(meta.join("meta.json"), endpoint).unwrap();
    std::fs::rename(ours.client().keep(), tls.join("docker")).unwrap();
    std::fs::write(docker.join("config.json"), r#"{"currentContext":"far"}"#).unwrap();
    let home = home.path().to_str().unwrap();

    answered(&clusters(&[("HOME", home)]));
    answered(&clusters(&[("HOME", "/"), ("DOCKER_CONFIG", docker.to_str().unwrap())]));
    let other = clusters(&[("HOME", home), ("DOCKER_CONTEXT", "near")]);
    refused_with(
        5,
        &other,
        "another context",
        &["no docker context \"near\"", "hint: `docker context ls`"],
    );
}

#[test]
fn proxies_of_the_docker_client_reach_the_nodes() {
    let home = tempfile::tempdir().unwrap();
    let config = r#"{"proxies": {
        "default": {"httpProxy": "http://all:1", "noProxy": "inside"},
        "tcp://far:2375": {"httpsProxy": "http://far:2"}}}"#;
    std::fs::write(home.path().join("config.json"), config).unwrap();
    let home = home.path().to_str().unwrap();
    for (host, variable, there, not_there) in [
        ("unix:///x", ("x", "x"), "HTTP_PROXY=http://all:1", "HTTPS_PROXY"),
        ("unix:///x", ("x", "x"), "NO_PROXY=inside,", "HTTPS_PROXY"),
        ("tcp://far:2375", ("x", "x"), "https_proxy=http://far:2", "all:1"),
        ("unix:///x", ("https_proxy", "http://own:3"), "HTTPS_PROXY=http://own:3", "all:1"),
    ] {
        let mut command = command(Path::new(SKIFF));
        command.args(["create", "cluster", "--dry-run"]).envs([variable]);
        let out = command.env("DOCKER_CONFIG", home).env("DOCKER_HOST", host).output().unwrap();
        let plan = text(&out.stdout);
        assert!(plan.contains(there), "{host}: {there} is not in:\n{plan}");
        assert!(!plan.contains(not_there), "{host}: {not_there} is in:\n{plan}");
    }
}

/// A folder whose `ssh` is this script.
fn with_ssh(script: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let ssh = folder.path().join("ssh");
    std::fs::write(&ssh, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    (folder, path)
}

#[test]
fn ssh_carries_the_engines_api() {
    let script = r#"echo "$*" >"$(dirname "$0")/args"
        read -r request && printf 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]'"#;
    let (folder, path) = with_ssh(script);
    answered(&clusters(&[("DOCKER_HOST", "ssh://me@there:2222"), ("PATH", &path)]));
    let args = std::fs::read_to_string(folder.path().join("args")).unwrap();
    assert_eq!(args, "-o ConnectTimeout=30 -T -l me -p 2222 -- there docker system dial-stdio\n");

    let (_folder, path) = with_ssh("echo 'me@there: Permission denied (publickey).' >&2; exit 255");
    let denied = clusters(&[("DOCKER_HOST", "ssh://me@there"), ("PATH", &path)]);
    refused_with(
        5,
        &denied,
        "denied",
        &["ssh://me@there", "Permission denied (publickey)", "hint: `ssh HOST docker version`"],
    );
    let empty = tempfile::tempdir().unwrap();
    let none =
        clusters(&[("DOCKER_HOST", "ssh://there"), ("PATH", empty.path().to_str().unwrap())]);
    refused_with(5, &none, "no ssh", &["ssh://there", "No such file"]);
}

#[test]
fn an_answer_without_a_text_names_its_status() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let refused = clusters(&[("DOCKER_HOST", &host)]);
    refused_with(5, &refused, "a proxy", &["listing containers: HTTP status 503"]);
}

#[test]
fn addresses_that_lead_nowhere_are_told() {
    let host = |host: &str| clusters(&[("DOCKER_HOST", host)]);
    refused_with(5, &host("npipe:////./pipe/x"), "a pipe", &["npipe:// is for Windows"]);
    refused_with(5, &host("ssh://-oProxyCommand=x"), "an option", &["ssh://[user@]host[:port]"]);
    refused_with(
        5,
        &host("tcp://127.0.0.1:1"),
        "a closed port",
        &["tcp://127.0.0.1:1", "hint: start"],
    );
}

#[test]
fn podman_is_selected_as_in_kind() {
    let selected = |host: &str| {
        let variables = [
            ("KIND_EXPERIMENTAL_PROVIDER", "podman"),
            ("CONTAINER_HOST", host),
            ("DOCKER_HOST", "unix:///nowhere/docker.sock"),
        ];
        clusters(&variables)
    };
    let words = [
        "using podman due to KIND_EXPERIMENTAL_PROVIDER",
        "enabling experimental podman provider",
        "unix:///nowhere/podman.sock",
        "hint: start Podman's API service: `systemctl --user enable --now podman.socket",
    ];
    refused_with(5, &selected("unix:///nowhere/podman.sock"), "podman", &words);
}

#[test]
fn the_network_of_podmans_nodes_has_its_own_variable() {
    let network = |provider: &str, variable: &str| {
        let mut command = command(Path::new(SKIFF));
        command.args(["create", "cluster", "--dry-run"]).env(variable, "mine");
        command.env("KIND_EXPERIMENTAL_PROVIDER", provider);
        text(&command.output().unwrap().stderr)
    };
    let podman = "Overriding podman network due to KIND_EXPERIMENTAL_PODMAN_NETWORK";
    let docker = "Overriding docker network due to KIND_EXPERIMENTAL_DOCKER_NETWORK";
    assert!(network("podman", "KIND_EXPERIMENTAL_PODMAN_NETWORK").contains(podman));
    assert!(network("docker", "KIND_EXPERIMENTAL_DOCKER_NETWORK").contains(docker));
    assert!(!network("podman", "KIND_EXPERIMENTAL_DOCKER_NETWORK").contains("Overriding"));
}
