//! Registries that want to know who asks. The engine pulls from one in this
//! process, which has no image but sees the credentials.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, channel};

use crate::harness::{Lab, check, stderr};

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
        assert_eq!(out.status.code(), Some(1), "{}", stderr(&out));
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
