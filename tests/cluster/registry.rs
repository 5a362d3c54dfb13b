//! Registries in this process, which the engine pulls from: one that has no image but
//! sees the credentials, and one that takes its time.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::harness::{Lab, check, program, stderr};
use crate::images::{MANIFEST, Made, api, digest};

const NAME: &str = "skiff-test-registry";
/// "me:secret" in base64.
const BASIC: &str = "Basic bWU6c2VjcmV0";

/// Its address, and the `Authorization` header of every request that has one.
fn registry() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (seen, headers) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> =
                lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let header = head.iter().find_map(|line| line.strip_prefix("Authorization: "));
            let status = match header {
                Some(header) => {
                    let _ = seen.send(header.to_owned());
                    "404 Not Found\r\n"
                }
                None => "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"test\"\r\n",
            };
            let _ =
                write!(stream, "HTTP/1.1 {status}Content-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (address, headers)
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn pulls_carry_the_users_credentials() {
    let lab = Lab::new(&[NAME]);
    let (address, headers) = registry();
    let image = format!("{address}/node:v1");
    let pull = |config: &str| {
        lab.write("config.json", config);
        let path = format!("{}:{}", lab.folder.path().display(), std::env::var("PATH").unwrap());
        let mut create = lab.command(&["create", "cluster", "--name", NAME, "--image", &image]);
        let out =
            create.env("DOCKER_CONFIG", lab.folder.path()).env("PATH", path).output().unwrap();
        assert_eq!(out.status.code(), Some(6), "{}", stderr(&out));
        (stderr(&out), headers.try_iter().collect::<Vec<String>>())
    };

    let (_, seen) = pull("{}");
    assert!(seen.is_empty(), "{seen:?}");
    let (_, seen) = pull(&format!(r#"{{"auths": {{"{address}": {{"auth": "bWU6c2VjcmV0"}}}}}}"#));
    assert!(seen.contains(&BASIC.to_owned()), "{seen:?}");
    check("credentials of config.json");

    let helper = lab.write(
        "docker-credential-skiff-test",
        "#!/bin/sh\necho '{\"Username\": \"me\", \"Secret\": \"secret\"}'\n",
    );
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (_, seen) = pull(r#"{"credsStore": "skiff-test"}"#);
    assert!(seen.contains(&BASIC.to_owned()), "{seen:?}");
    let (_, seen) = pull(&format!(r#"{{"credHelpers": {{"{address}": "skiff-test"}}}}"#));
    assert!(seen.contains(&BASIC.to_owned()), "{seen:?}");
    check("credentials of a helper program");

    let (error, seen) = pull(r#"{"credsStore": "skiff-test-missing"}"#);
    assert!(seen.is_empty(), "{seen:?}");
    assert!(error.contains("docker-credential-skiff-test-missing"), "{error}");
    check("a helper that is missing is named");
}

/// What a registry has, by the last part of the path.
type Content = BTreeMap<String, Vec<u8>>;

/// Serves an image as `ADDRESS/app:v1`, about a megabyte a second.
fn slow_registry(image: &Made) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let blobs = image.layers.iter().cloned().chain([image.config()]);
    let mut content: Content = blobs.map(|blob| (digest(&blob), blob)).collect();
    let manifest = image.manifest().into_bytes();
    content.insert(digest(&manifest), manifest.clone());
    content.insert("v1".into(), manifest);
    content.insert(String::new(), b"{}".to_vec());
    let content = Arc::new(content);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let content = content.clone();
            std::thread::spawn(move || serve_slowly(stream, &content));
        }
    });
    address
}

fn serve_slowly(mut stream: TcpStream, content: &Content) -> Option<()> {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
    let first = request.collect::<Vec<String>>().into_iter().next()?;
    let (method, path) = first.strip_suffix(" HTTP/1.1")?.split_once(' ')?;
    let name = path.rsplit('/').next()?;
    let Some(bytes) = content.get(name) else {
        write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok()?;
        return None;
    };
    let kind = if path.contains("/manifests/") { MANIFEST } else { "application/octet-stream" };
    let (length, digest) = (bytes.len(), digest(bytes));
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nDocker-Content-Digest: {digest}\r\nConnection: close\r\n\r\n").ok()?;
    for piece in bytes.chunks(1 << 16).filter(|_| method == "GET") {
        stream.write_all(piece).ok()?;
        if length > 1 << 20 {
            std::thread::sleep(Duration::from_millis(60));
        }
    }
    Some(())
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_pull_shows_how_much_has_arrived() {
    let name = "skiff-test-pull";
    let lab = Lab::new(&[name]);
    let made = Made::new(&vec![7; 13 << 20], &[], "top");
    let image = format!("{}/app:v1", slow_registry(&made));
    let create = ["create", "cluster", "--name", name, "--image", &image];
    let gone = || api(&lab.socket(), "DELETE", &format!("/images/{image}?force=1"), None);

    let on_terminal = format!("{} {}", program().display(), create.join(" "));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &on_terminal, "/dev/null"]);
    let out = script.env("KUBECONFIG", lab.kubeconfig()).env("TERM", "xterm").output().unwrap();
    let shown = String::from_utf8_lossy(&out.stdout);
    assert!(shown.contains("MB of 13.6 MB, 2 of 3 layers"), "{shown}");
    gone();
    check("a terminal shows bytes and layers");

    let said = stderr(&lab.run(&create));
    let lines = said.lines().filter(|line| line.contains(" of 3 layers"));
    let lines: Vec<&str> = lines.collect();
    assert!((1..10).contains(&lines.len()), "{said}");
    let begin = format!(" • Pulling {image}: ");
    assert!(lines[0].starts_with(&begin) && lines[0].contains("MB of 13.6 MB"), "{said}");
    gone();
    check("elsewhere there is a line every ten seconds");

    let said = stderr(&lab.run(&[&create[..], &["--quiet"]].concat()));
    assert_eq!(said, "");
    gone();
    check("--quiet is quiet");
}
