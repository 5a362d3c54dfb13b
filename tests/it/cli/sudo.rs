//! Under sudo: what the program makes in the home of the user who called it.
//!
//! Only root can give files away, so this says most when root runs it.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::program::{SKIFF, command, text};

/// The user who calls sudo.
struct User {
    home: TempDir,
    uid: u32,
    gid: u32,
}

impl User {
    fn new() -> User {
        let home = tempfile::tempdir().unwrap();
        let own = fs::metadata(&home).unwrap();
        let (uid, gid) = if own.uid() == 0 { (12345, 23456) } else { (own.uid(), own.gid()) };
        chown(&home, Some(uid), Some(gid)).unwrap();
        User { home, uid, gid }
    }

    /// The program under sudo, with the clusters of this script, and a `HOME`.
    fn sudo(&self, args: &[&str], script: &str, home: &Path) -> Output {
        let engine = tempfile::NamedTempFile::new().unwrap();
        fs::write(&engine, script).unwrap();
        let mut skiff = command(Path::new(SKIFF));
        skiff.args(args).env_remove("KUBECONFIG").env("HOME", home);
        skiff.env("SKIFF_FAKE_ENGINE", engine.path());
        skiff.env("SUDO_UID", self.uid.to_string()).env("SUDO_GID", self.gid.to_string());
        skiff.env("SUDO_USER", "me").output().unwrap()
    }

    /// Everything below the home, with whether it is the user's.
    fn files(&self) -> Vec<(String, bool)> {
        fn walk(user: &User, directory: &Path, found: &mut Vec<(String, bool)>) {
            for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
                let metadata = fs::metadata(&path).unwrap();
                let is_own = (metadata.uid(), metadata.gid()) == (user.uid, user.gid);
                let name = path.strip_prefix(user.home.path()).unwrap();
                found.push((name.to_string_lossy().into_owned(), is_own));
                if metadata.is_dir() {
                    walk(user, &path, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(self, self.home.path(), &mut found);
        found.sort();
        found
    }
}

#[test]
fn a_new_kubeconfig_is_the_users() {
    let user = User::new();
    let out = user.sudo(&["create", "cluster"], "", user.home.path());
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(!text(&out.stderr).contains("root's"), "{}", text(&out.stderr));
    let expected = [".kube", ".kube/config"].map(|name| (name.to_owned(), true));
    assert_eq!(user.files(), expected);
}

#[test]
fn a_kubeconfig_that_exists_keeps_its_owner() {
    let user = User::new();
    fs::write(user.home.path().join("theirs"), "").unwrap();
    let before = user.files();
    let theirs = user.home.path().join("theirs");
    let args = ["create", "cluster", "--kubeconfig", theirs.to_str().unwrap()];
    let out = user.sudo(&args, "", user.home.path());
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(fs::read_to_string(theirs).unwrap().contains("kind-kind"));
    assert_eq!(user.files(), before);
}

#[test]
fn the_cache_is_the_users() {
    let user = User::new();
    let script = "clusters: {kind: [control-plane]}";
    user.sudo(&["kubectl", "version"], script, user.home.path());
    let files = user.files();
    assert!(files.iter().any(|(name, _)| name.ends_with("/kubectl")), "{files:?}");
    assert!(files.iter().all(|(_, is_own)| *is_own), "{files:?}");
}

#[test]
fn the_home_of_root_stays_roots_and_the_user_learns_how_to_get_a_kubeconfig() {
    let user = User { uid: 54321, ..User::new() };
    let root = tempfile::tempdir().unwrap();
    let out = user.sudo(&["create", "cluster", "--name", "lab"], "", root.path());
    let expected = "skiff export kubeconfig --name lab --kubeconfig ~me/.kube/config`\n";
    assert!(text(&out.stderr).contains(expected), "{}", text(&out.stderr));
    let owner = |path: &Path| fs::metadata(path).unwrap().uid();
    assert_eq!(owner(&root.path().join(".kube/config")), owner(root.path()));
}
