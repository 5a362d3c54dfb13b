//! The program under test, away from this machine's engine and settings.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub const SKIFF: &str = env!("CARGO_BIN_EXE_skiff");

/// The program with a clean environment and an engine that is not there.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nowhere")
        .env("DOCKER_HOST", "unix:///nowhere/engine.sock")
        .env("KUBECONFIG", "/nowhere/kubeconfig")
        .stdin(Stdio::null());
    command
}

pub fn skiff(args: &[&str]) -> Output {
    command(Path::new(SKIFF)).args(args).output().unwrap()
}

/// A folder in which the program is called `kind`.
pub fn kind_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(SKIFF, folder.path().join("kind")).unwrap();
    folder
}

pub fn kind(args: &[&str]) -> Output {
    let folder = kind_folder();
    command(&folder.path().join("kind")).args(args).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// This exit code, nothing on stdout, and these words on stderr.
pub fn refused(code: i32, args: &[&str], words: &[&str]) {
    refused_with(code, &skiff(args), &format!("{args:?}"), words);
}

pub fn refused_with(code: i32, out: &Output, what: &str, words: &[&str]) {
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(code), "{what}: {said}");
    assert!(out.stdout.is_empty(), "{what} wrote to stdout");
    for word in words {
        assert!(said.contains(word), "{what}: {word:?} is not in:\n{said}");
    }
}
