use tempfile::TempDir;

use super::*;

/// A home directory with the contexts `lab` (a socket), `far` (TLS), `lax` (TLS,
/// unchecked) and `hop` (ssh), `lab` being the configured one.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let docker = home.path().join(".docker");
    for (name, endpoint) in [
        ("lab", r#"{"Host":"unix:///lab.sock","SkipTLSVerify":false}"#),
        ("far", r#"{"Host":"tcp://far.example:2376","SkipTLSVerify":false}"#),
        ("lax", r#"{"Host":"tcp://lax.example","SkipTLSVerify":true}"#),
        ("hop", r#"{"Host":"ssh://me@hop.example"}"#),
    ] {
        let meta = docker.join("contexts/meta").join(format!("digest-of-{name}"));
        std::fs::create_dir_all(&meta).unwrap();
        let text = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{endpoint}}}}}"#);
        std::fs::write(meta.join("meta.json"), text).unwrap();
    }
    let tls = docker.join("contexts/tls/digest-of-far/docker");
    std::fs::create_dir_all(&tls).unwrap();
    std::fs::write(tls.join("ca.pem"), "").unwrap();
    let config = r#"{"currentContext":"lab","proxies":{
        "default":{"httpProxy":"http://all:1","noProxy":"here"},
        "tcp://far.example:2376":{"httpsProxy":"http://far:2"}}}"#;
    std::fs::write(docker.join("config.json"), config).unwrap();
    home
}

fn around(home: &TempDir) -> DockerEnv {
    DockerEnv { home: Some(home.path().into()), ..DockerEnv::default() }
}

fn with_host(host: &str) -> DockerEnv {
    DockerEnv { docker_host: Some(host.into()), ..DockerEnv::default() }
}

#[test]
fn the_environment_comes_before_the_context() {
    let home = home();
    let mut around = around(&home);
    assert_eq!(around.endpoint().unwrap(), Endpoint::Unix("/lab.sock".into()));
    around.docker_host = Some("tcp://10.0.0.1:2375".into());
    assert_eq!(around.endpoint().unwrap(), Endpoint::Tcp("10.0.0.1:2375".into()));
    around.docker_host = None;
    around.docker_context = Some("nowhere".into());
    assert!(around.endpoint().unwrap_err().to_string().contains("nowhere"));
    around.docker_context = Some("default".into());
    assert!(
        matches!(around.endpoint().unwrap(), Endpoint::Unix(path) if path.ends_with("docker.sock"))
    );
}

#[test]
fn contexts_bring_their_tls_material() {
    let home = home();
    let of = |name: &str| {
        DockerEnv { docker_context: Some(name.into()), ..around(&home) }.endpoint().unwrap()
    };
    let directory = home.path().join(".docker/contexts/tls/digest-of-far/docker");
    assert_eq!(
        of("far"),
        Endpoint::Tls(TlsEndpoint {
            address: "far.example:2376".into(),
            ca: Some(directory.join("ca.pem")),
            certificate: None,
            key: None,
            verify: true,
        })
    );
    assert_eq!(
        of("lax"),
        Endpoint::Tls(TlsEndpoint {
            address: "lax.example:2376".into(),
            ca: None,
            certificate: None,
            key: None,
            verify: false,
        })
    );
    assert_eq!(of("hop").to_string(), "ssh://me@hop.example");
    // TLS variables apply to DOCKER_HOST, not to contexts.
    let lab = DockerEnv { tls_verify: true, ..around(&home) };
    assert_eq!(lab.endpoint().unwrap(), Endpoint::Unix("/lab.sock".into()));
}

#[test]
fn tls_variables_turn_tcp_into_tls() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["cert.pem", "key.pem"] {
        std::fs::write(directory.path().join(name), "").unwrap();
    }
    let with = |tls: bool, tls_verify: bool| DockerEnv {
        tls,
        tls_verify,
        cert_path: Some(directory.path().into()),
        ..with_host("tcp://engine")
    };
    assert_eq!(with(false, false).endpoint().unwrap(), Endpoint::Tcp("engine:2375".into()));
    for (tls, verify) in [(false, true), (true, true), (true, false)] {
        let Endpoint::Tls(found) = with(tls, verify).endpoint().unwrap() else { panic!("no TLS") };
        assert_eq!(found.address, "engine:2376");
        assert_eq!(found.verify, verify);
        // Required if it is checked, so that its absence is reported.
        assert_eq!(found.ca.is_some(), verify);
        assert!(found.certificate.is_some() && found.key.is_some());
    }
}

#[test]
fn addresses_of_every_kind() {
    for (host, shown) in [
        ("unix:///run/docker.sock", "unix:///run/docker.sock"),
        ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("tcp://[::1]:99/", "tcp://[::1]:99"),
        ("http://engine:80", "tcp://engine:80"),
        ("ssh://there", "ssh://there"),
        ("ssh://me@there:2222", "ssh://me@there:2222"),
        ("ssh://there/run/user/1000/docker.sock", "ssh://there/run/user/1000/docker.sock"),
        ("ssh://there/", "ssh://there"),
    ] {
        assert_eq!(with_host(host).endpoint().unwrap().to_string(), shown, "{host}");
    }
    let Endpoint::Ssh(six) = with_host("ssh://me@[fe80::1]:22").endpoint().unwrap() else {
        panic!("no ssh")
    };
    assert_eq!((six.host.as_str(), six.port), ("fe80::1", Some(22)));
    for host in [
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://me:secret@there",
        "ssh://there:x",
        "npipe:////./pipe/docker",
        "there",
    ] {
        let error = with_host(host).endpoint().unwrap_err().to_string();
        assert!(error.contains(host), "{error}");
    }
}

#[test]
fn proxies_of_the_engine_replace_the_default_ones() {
    let home = home();
    let lab = around(&home);
    assert_eq!(lab.proxy("HTTP_PROXY").as_deref(), Some("http://all:1"));
    assert_eq!(lab.proxy("NO_PROXY").as_deref(), Some("here"));
    assert_eq!(lab.proxy("HTTPS_PROXY"), None);
    let far = DockerEnv { docker_context: Some("far".into()), ..around(&home) };
    assert_eq!(far.proxy("HTTPS_PROXY").as_deref(), Some("http://far:2"));
    assert_eq!(far.proxy("HTTP_PROXY"), None, "no mixing of the two");
    std::fs::write(home.path().join(".docker/config.json"), "{").unwrap();
    assert_eq!(far.proxy("HTTPS_PROXY"), None, "an invalid file counts as empty");
}

#[test]
fn pipes_are_for_windows_and_sockets_for_others() {
    let refused = |host: &str| with_host(host).endpoint().unwrap_err().to_string();
    match platform::IS_WINDOWS {
        true => {
            let pipe = with_host("npipe:////./pipe/docker_engine").endpoint().unwrap();
            assert_eq!(pipe, Endpoint::Pipe("//./pipe/docker_engine".into()));
            assert!(refused("unix:///x").contains("unix:// is for Linux and macOS"));
        }
        false => assert!(refused("npipe:////./pipe/x").contains("npipe:// is for Windows")),
    }
}

/// A login alone can take longer than an engine on this machine may take to answer.
#[test]
fn an_engine_by_ssh_has_more_time_to_answer() {
    let limit = |host: &str| with_host(host).endpoint().unwrap().ping_limit();
    assert!(limit("ssh://me@hop.example") >= 4 * limit("unix:///a.sock"));
    assert_eq!(limit("tcp://far.example:2375"), limit("unix:///a.sock"));
}
