//! Registries as older guides give them to containerd: pods get an image that is
//! only in a registry in this process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::json;

use crate::fake_node::fetched;
use crate::harness::{Lab, check, stderr, warnings, with_engine};
use crate::support::archive::{digest, tar};
use crate::support::tls::{Authority, server_behind_tls};

const NAME: &str = "skiff-test-mirror";
/// "me:secret" in base64.
const BASIC: &str = "Basic bWU6c2VjcmV0";

/// Manifests and blobs by digest; the tag `v1` leads to the manifest.
fn image() -> HashMap<String, (&'static str, Vec<u8>)> {
    let busybox = std::fs::read(fetched("busybox")).unwrap();
    let layer = tar(&[("bin/busybox", busybox)]);
    let arch = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let config = json!({
        "architecture": arch,
        "os": "linux",
        "config": {"Entrypoint": ["/bin/busybox", "sleep", "1d"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    });
    let config = config.to_string().into_bytes();
    let blob = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "size": bytes.len(), "digest": digest(bytes)});
    let media = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media,
        "config": blob("application/vnd.oci.image.config.v1+json", &config),
        "layers": [blob("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let plain = "application/octet-stream";
    [
        ("v1".to_owned(), (media, manifest.clone())),
        (digest(&manifest), (media, manifest)),
        (digest(&config), (plain, config)),
        (digest(&layer), (plain, layer)),
    ]
    .into()
}

/// Serves the image to those who have the password, if it needs one. Returns
/// its address, and the path of every request that was answered.
fn registry(needs_password: bool) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, paths) = channel();
    let image = Arc::new(image());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (image, seen) = (image.clone(), seen.clone());
            std::thread::spawn(move || answer(stream.unwrap(), &image, needs_password, &seen));
        }
    });
    (address, paths)
}

fn answer(
    mut stream: TcpStream,
    image: &HashMap<String, (&'static str, Vec<u8>)>,
    needs_password: bool,
    seen: &Sender<String>,
) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let head: Vec<String> =
        lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let Some((method, path)) = head.first().and_then(|line| line.split_once(' ')) else { return };
    let path = path.split([' ', '?']).next().unwrap_or_default();
    let is_allowed = head.iter().any(|line| line.ends_with(BASIC));
    let found = image.get(path.rsplit('/').next().unwrap_or_default());
    let (status, kind, body) = match found {
        _ if needs_password && !is_allowed => {
            ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"test\"", "text/plain", &[][..])
        }
        Some((kind, body)) => ("200 OK", *kind, &body[..]),
        None if path == "/v2/" => ("200 OK", "text/plain", &[][..]),
        None => ("404 Not Found", "text/plain", &[][..]),
    };
    if status == "200 OK" {
        let _ = seen.send(path.to_owned());
    }
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {}\r\nConnection: close\r\n\r\n",
        body.len(),
        digest(body),
    );
    let _ = stream.write_all(head.as_bytes());
    if method == "GET" {
        let _ = stream.write_all(body);
    }
}

/// Where nodes reach this machine.
fn gateway() -> IpAddr {
    let networks = with_engine(async |engine| engine.networks("kind").await);
    networks[0].gateway.unwrap()
}

/// Creates a cluster with these lines at its end, and starts a pod of each image.
fn pull(lab: &Lab, lines: &str, images: &[String]) {
    let head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";
    let config = lab.write("cluster.yaml", &format!("{head}{lines}"));
    let out = lab.run(&["create", "cluster", "--name", NAME, "--config", &config]);
    assert!(out.status.success(), "{}", stderr(&out));
    assert!(warnings(&out).is_empty(), "{}", stderr(&out));
    for (number, image) in images.iter().enumerate() {
        let name = format!("pulled-{number}");
        lab.kubectl(NAME, &["run", &name, "--image", image]);
        let pod = format!("pod/{name}");
        lab.kubectl(NAME, &["wait", "--for=condition=Ready", &pod, "--timeout=60s"]);
    }
    lab.ok(&["delete", "cluster", "--name", NAME]);
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn pods_get_images_from_registries_of_older_guides() {
    let lab = Lab::new(&[NAME]);
    let host = gateway();
    let (open, open_paths) = registry(false);
    let (closed, closed_paths) = registry(true);
    let tls = server_behind_tls(&Authority::new("nobody knows"), closed);
    let images =
        ["mirrored.example/team/open:v1".to_owned(), "private.example/team/closed:v1".to_owned()];
    // The names of the plugin in both versions of containerd's configuration.
    for plugin in ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images"] {
        let lines = format!(
            "containerdConfigPatches:
- |-
  [plugins.\"{plugin}\".registry.mirrors.\"mirrored.example\"]
    endpoint = [\"http://{host}:{}\"]
  [plugins.\"{plugin}\".registry.mirrors.\"private.example\"]
    endpoint = [\"https://{host}:{tls}\"]
- |-
  [plugins.\"{plugin}\".registry.configs.\"{host}:{tls}\".tls]
    insecure_skip_verify = true
  [plugins.\"{plugin}\".registry.configs.\"{host}:{tls}\".auth]
    username = \"me\"
    password = \"secret\"
",
            open.port()
        );
        pull(&lab, &lines, &images);
        assert!(open_paths.try_iter().any(|path| path.contains("/team/open/manifests/")));
        assert!(closed_paths.try_iter().any(|path| path.contains("/team/closed/manifests/")));
        check(&format!("mirrors and configs of {plugin}: no TLS, and unknown TLS with a password"));
    }

    let closed = format!("{host}:{}", closed.port());
    let hosts = lab.write("hosts.toml", &format!("server = \"http://{closed}\"\n"));
    let lines = format!(
        "containerdConfigPatches:
- |-
  [plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"{closed}\".auth]
    auth = \"{}\"
nodes:
- extraMounts: [{{hostPath: \"{hosts}\", containerPath: \"/etc/containerd/certs.d/{closed}/hosts.toml\"}}]
",
        BASIC.trim_start_matches("Basic ")
    );
    pull(&lab, &lines, &[format!("{closed}/team/closed:v1")]);
    assert!(closed_paths.try_iter().any(|path| path.contains("/team/closed/manifests/")));
    check("a password beside the image's own directory of hosts.toml files");
}
