//! quickstart.sh beside an engine that is installed but does not answer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::program::text;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/quickstart.sh");

/// A machine with its own place for the engine's socket.
struct Machine(TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(tempfile::tempdir().unwrap());
        // Nor can an engine be got or started here, whatever the script decides.
        for program in ["docker", "apt-get", "mmdebstrap", "unshare", "setsid"] {
            machine.program(program, "exit 1");
        }
        machine
    }

    fn socket(&self) -> PathBuf {
        self.0.path().join("docker.sock")
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.0.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Starts the script's own engine, which must be refused with this word. Where an
    /// engine is installed or runs beside the tests, that is the reason.
    fn refuses(&self, word: &str, environment: &[(&str, &str)]) {
        let folder = self.0.path();
        let path = std::env::var("PATH").unwrap_or_default();
        let out = Command::new("bash")
            .args([SCRIPT, "own-engine"])
            .env_clear()
            .env("HOME", folder)
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("SKIFF_ENGINE_HOME", folder.join("home"))
            .env("SKIFF_ENGINE_RUN", folder.join("run"))
            .env("SKIFF_ENGINE_SOCKET", self.socket())
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && said.contains(word), "{word}: {said}");
        assert!(!folder.join("home").exists() && !folder.join("run").exists(), "{said}");
    }
}

#[test]
fn a_docker_that_is_installed_is_left_alone() {
    let machine = Machine::new();
    machine.program("dockerd", "exit 1");
    fs::write(machine.socket(), "of systemd").unwrap();
    machine.refuses("answer", &[]);
    assert_eq!(fs::read_to_string(machine.socket()).unwrap(), "of systemd");
}

#[test]
fn an_engine_that_is_meant_is_not_replaced() {
    let host = ("DOCKER_HOST", "unix:///nowhere/engine.sock");
    Machine::new().refuses("answer", &[host]);
    let machine = Machine::new();
    machine.program("docker", "[ \"$1 $2\" = 'context show' ] && echo desktop-linux");
    machine.refuses("answer", &[]);
}

#[test]
fn a_socket_of_somebody_else_stays() {
    let machine = Machine::new();
    fs::write(machine.socket(), "something").unwrap();
    machine.refuses("answer", &[]);
    assert_eq!(fs::read_to_string(machine.socket()).unwrap(), "something");

    let machine = Machine::new();
    let listener = UnixListener::bind(machine.socket()).unwrap();
    // A slow engine: it takes connections and says nothing.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    machine.refuses("answer", &[]);
    assert!(UnixStream::connect(machine.socket()).is_ok());
}
