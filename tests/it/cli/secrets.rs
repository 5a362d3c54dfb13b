//! Passwords, tokens and keys are not printed and not kept in logs, and what the
//! program writes is for its user alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::program::{SKIFF, command, text};

/// The program with the most messages, and an engine that a script describes.
fn with_engine(script: &str, args: &[&str], change: impl FnOnce(&mut Command)) -> Output {
    let engine = tempfile::NamedTempFile::new().unwrap();
    fs::write(&engine, script).unwrap();
    let mut skiff = command(Path::new(SKIFF));
    skiff.args(args).args(["-v", "9"]).env("SKIFF_FAKE_ENGINE", engine.path());
    change(&mut skiff);
    skiff.output().unwrap()
}

/// Everything that was printed, in which no secret may be.
fn printed(out: &Output) -> String {
    let printed = text(&out.stdout) + &text(&out.stderr);
    assert!(!printed.contains("s3cret") && !printed.contains("0f1e2d3c4b5a6978"), "{printed}");
    printed
}

#[test]
fn the_engines_address_is_printed_without_its_password() {
    for (address, shown) in [
        ("tcp://me:s3cret@127.0.0.1:1", "tcp://xxxxx@127.0.0.1:1"),
        ("https://me:s3cret@127.0.0.1:1/", "tcp://xxxxx@127.0.0.1:1"),
        ("ssh://me:s3cret@127.0.0.1", "ssh://xxxxx@127.0.0.1"),
        ("ftp://me:s3cret@127.0.0.1", "ftp://xxxxx@127.0.0.1"),
    ] {
        let mut skiff = command(Path::new(SKIFF));
        let out = skiff.args(["get", "clusters", "-v", "9"]).env("DOCKER_HOST", address).output();
        let printed = printed(&out.unwrap());
        assert!(printed.contains(shown), "{address}: {printed}");
    }
}

/// As kubeadm does when it fails, behind a proxy.
#[test]
fn what_commands_in_nodes_write_is_printed_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let lines = [
        "GET https://h/: proxyconnect http://me:s3cret@proxy:3128: refused",
        "Authorization: Bearer s3cret",
        "joining with a1b2c3.0f1e2d3c4b5a6978",
        "-----BEGIN RSA PRIVATE KEY-----",
        "s3cret",
        "-----END RSA PRIVATE KEY-----",
        "the end",
    ];
    let stderr = lines.join("\\n");
    let script = format!("commands: [{{line: kubeadm init, code: 1, stderr: \"{stderr}\"}}]");
    let out = with_engine(&script, &["create", "cluster"], |skiff| {
        skiff.env("KUBECONFIG", directory.path().join("config"));
        skiff.env("HTTPS_PROXY", "http://me:s3cret@proxy:3128");
    });
    assert_eq!(out.status.code(), Some(7));
    let printed = printed(&out);
    assert!(printed.contains("proxyconnect http://xxxxx@proxy:3128: refused"), "{printed}");
    assert!(printed.contains("the end"), "{printed}");
}

#[test]
fn secrets_in_definitions_are_not_printed() {
    let directory = tempfile::tempdir().unwrap();
    let definition = directory.path().join("lab.yaml");
    let patch = |text: &str| {
        format!(
            "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nkubeadmConfigPatches:\n- |\n{text}\n"
        )
    };
    let good = "  kind: InitConfiguration\n  bootstrapTokens: [{token: a1b2c3.0f1e2d3c4b5a6978}]\n  certificateKey: s3cret\n  nodeRegistration: {kubeletExtraArgs: {x: 'http://me:s3cret@h'}}";
    let bad = "  kind: InitConfiguration\n  certificateKey: s3cret\n  a: [";
    let path = definition.to_str().unwrap();
    for (text, code) in [(good, 0), (bad, 3)] {
        fs::write(&definition, patch(text)).unwrap();
        for args in [
            &["create", "cluster", "--dry-run", "--config", path][..],
            &["create", "cluster", "--config", path],
        ] {
            let out = with_engine("", args, |skiff| {
                skiff.env("KUBECONFIG", directory.path().join("config"));
            });
            assert_eq!(out.status.code(), Some(code), "{}", printed(&out));
            printed(&out);
        }
    }
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_not_printed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    fs::write(&path, "users: [{name: a, user: {client-key-data: s3cret, token: s3cret]\n").unwrap();
    let out = with_engine("", &["create", "cluster"], |skiff| {
        skiff.env("KUBECONFIG", &path);
    });
    assert_eq!(out.status.code(), Some(1));
    assert!(printed(&out).contains("is not a kubeconfig"), "{}", printed(&out));
}

/// Everything below a directory, and itself.
fn tree(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => found.extend(tree(&path)),
            false => found.push(path),
        }
    }
    found
}

const LOGS: &str = "
clusters: {kind: [control-plane]}
commands: [{line: journalctl, stdout: 'proxyconnect http://me:s3cret@proxy:3128: refused'}]
";

#[test]
fn exported_logs_are_private_and_without_passwords() {
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    let out = with_engine(LOGS, &["export", "logs", logs.to_str().unwrap()], |_| {});
    assert!(out.status.success(), "{}", printed(&out));
    let journal = fs::read_to_string(logs.join("kind-control-plane/journal.log")).unwrap();
    assert_eq!(journal, "proxyconnect http://xxxxx@proxy:3128: refused");
    for path in tree(&logs) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

/// In a directory such as `/tmp`, where another user waits for the logs.
#[test]
fn logs_are_not_written_where_another_user_has_prepared_it() {
    let shared = tempfile::tempdir().unwrap();
    fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let own = tempfile::tempdir().unwrap();
    fs::create_dir(shared.path().join("directory")).unwrap();
    symlink(own.path(), shared.path().join("link")).unwrap();
    for name in ["directory", "link"] {
        let path = shared.path().join(name);
        // Only root can give something away; for others there is nobody to play.
        if lchown(&path, Some(12345), None).is_err() {
            return;
        }
        let out = with_engine(LOGS, &["export", "logs", path.to_str().unwrap()], |_| {});
        assert_eq!(out.status.code(), Some(1), "{name}");
        assert!(printed(&out).contains("belongs to another user"), "{}", printed(&out));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "{name}");
    }
}
