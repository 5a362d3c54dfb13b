use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::thread;

use super::*;
use crate::kubeconfig::for_cluster;

/// Nobody interrupts.
const GO_ON: IsCancelled = &|| false;

const ADMIN: &str = "
clusters: [{name: c, cluster: {server: 'https://c:6443'}}]
users: [{name: u, user: {client-key-data: S0VZ}}]
contexts: [{name: u@c, context: {cluster: c, user: u}}]
";

fn entry(cluster: &str) -> Value {
    for_cluster(ADMIN, cluster, "https://127.0.0.1:4321").unwrap()
}

fn names(path: &Path) -> Vec<String> {
    let config = read(path).unwrap().unwrap();
    let clusters = config["clusters"].as_array().unwrap();
    clusters.iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The names in a directory, to see that no lock or temporary file is left.
fn listing(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_file_is_private_and_its_directories_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".kube/deep/config");
    check_writable(&path, GO_ON).unwrap();
    assert!(!dir.path().join(".kube").exists(), "a check creates nothing");
    merge_into(&path, &entry("a"), GO_ON).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(parent(&path)), 0o755);
    assert_eq!(names(&path), ["kind-a"]);
    assert_eq!(listing(parent(&path)), ["config"]);
    remove_cluster(std::slice::from_ref(&path), "a", GO_ON).unwrap();
    assert_eq!(names(&path), [""; 0]);
    merge_into(&path, &entry("a"), GO_ON).unwrap();
    assert_eq!(names(&path), ["kind-a"], "an emptied file takes entries again");
}

#[test]
fn a_port_that_changed_is_followed_in_every_file() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["one", "two", "three"].map(|name| dir.path().join(name));
    for path in &paths[..2] {
        merge_into(path, &entry("a"), GO_ON).unwrap();
    }
    let follow = |server| move_server(&paths, "a", server, GO_ON).unwrap();
    assert!(follow("127.0.0.1:1234") && !follow("127.0.0.1:1234"));
    for path in &paths[..2] {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains("https://127.0.0.1:1234") && !text.contains("4321"), "{text}");
    }
    assert_eq!(listing(dir.path()), ["one", "two"]);
}

#[test]
fn mode_symlink_and_relative_paths_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (link, real) = (dir.path().join("link"), dir.path().join("real/config"));
    symlink("real/config", &link).unwrap();
    check_writable(&link, GO_ON).unwrap();
    merge_into(&link, &entry("a"), GO_ON).unwrap();
    assert!(real.is_file(), "a link that leads nowhere is followed");

    let theirs = "clusters:\n- {name: work, cluster: {certificate-authority: ../ca.crt}}\n";
    fs::write(&real, theirs).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    merge_into(&link, &entry("a"), GO_ON).unwrap();
    assert!(link.is_symlink());
    assert_eq!(mode(&real), 0o640);
    let config = read(&real).unwrap().unwrap();
    assert_eq!(config["clusters"][0]["cluster"]["certificate-authority"], "../ca.crt");
    assert_eq!(names(&link), ["work", "kind-a"]);
}

#[test]
fn nothing_is_written_when_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    merge_into(&path, &entry("a"), GO_ON).unwrap();
    let inode = || fs::metadata(&path).unwrap().ino();
    let before = inode();
    merge_into(&path, &entry("a"), GO_ON).unwrap();
    remove_cluster(std::slice::from_ref(&path), "other", GO_ON).unwrap();
    assert_eq!(inode(), before);
}

#[test]
fn concurrent_exports_keep_every_entry() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/config");
    thread::scope(|scope| {
        for n in 0..8 {
            let path = &path;
            scope.spawn(move || merge_into(path, &entry(&n.to_string()), GO_ON).unwrap());
        }
    });
    let mut found = names(&path);
    found.sort();
    assert_eq!(found, (0..8).map(|n| format!("kind-{n}")).collect::<Vec<_>>());
    assert_eq!(listing(parent(&path)), ["config"]);
}

#[test]
fn malformed_files_are_named_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    for text in ["a: [", "- list", "clusters: {}", "users: [x]", "a: 1\n---\nb: 2\n"] {
        fs::write(&path, text).unwrap();
        let all = [
            check_writable(&path, GO_ON),
            merge_into(&path, &entry("a"), GO_ON),
            remove_cluster(std::slice::from_ref(&path), "a", GO_ON),
        ];
        for result in all {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Parse { .. }), "{text}: {error}");
            assert!(error.to_string().contains(path.to_str().unwrap()));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(listing(dir.path()), ["config"]);
    }
}

#[test]
fn removing_tries_every_file_and_reports_the_first_failure() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("bad"), "- list").unwrap();
    merge_into(&at("good"), &entry("a"), GO_ON).unwrap();
    let paths = [at("missing/config"), at("bad"), at("good")];
    let error = remove_cluster(&paths, "a", GO_ON).unwrap_err();
    assert!(matches!(&error, Error::Parse { path, .. } if *path == at("bad")), "{error}");
    assert_eq!(names(&at("good")), [""; 0]);
    assert_eq!(listing(dir.path()), ["bad", "good"]);
}

#[test]
fn a_check_finds_unwritable_places() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let below_a_file = dir.path().join("file/config");
    for path in [dir.path(), &below_a_file] {
        assert!(check_writable(path, GO_ON).is_err(), "{}", path.display());
        assert!(merge_into(path, &entry("a"), GO_ON).is_err(), "{}", path.display());
    }
    assert_eq!(listing(dir.path()), ["file"]);
}

#[test]
fn a_full_disk_leaves_the_original() {
    // Every write to this device fails with ENOSPC; full(4).
    let full = Path::new("/dev/full");
    if full.exists() {
        let error = merge_into(full, &entry("a"), GO_ON).unwrap_err();
        assert!(error.to_string().starts_with("cannot write kubeconfig /dev/full"), "{error}");
    }
}

#[test]
fn devices_are_written_to_and_stay() {
    let null = Path::new("/dev/null");
    check_writable(null, GO_ON).unwrap();
    merge_into(null, &entry("a"), GO_ON).unwrap();
    remove_cluster(&[null.to_owned()], "a", GO_ON).unwrap();
    assert!(is_special(null));
}

#[test]
fn awkward_strings_survive() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    let mut config = entry("a");
    let long = "QUJD".repeat(900);
    for text in
        ["yes", "on", "0777", "1_000", "0x1f", "1e3", "~", "null", "a: b", "- x", " #", &long]
    {
        config["users"][0]["user"]["token"] = json!(text);
        merge_into(&path, &config, GO_ON).unwrap();
        assert_eq!(read(&path).unwrap().unwrap()["users"][0]["user"]["token"], text);
    }
    assert!(fs::read_to_string(&path).unwrap().contains(&long), "base64 stays on one line");
}

#[test]
fn the_lock_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let _lock = Lock::acquire(&dir.path().join("config"), PATIENCE, GO_ON).unwrap();
    assert_eq!(mode(&dir.path().join("config.lock")), 0o600);
}

/// As somebody does who waits in `/tmp` for the kubeconfig of another user: with a file
/// that is theirs, and so readable for them; with a link to a file that is to be
/// overwritten; with a pipe.
#[test]
fn what_another_user_has_prepared_is_refused() {
    let shared = tempfile::tempdir().unwrap();
    fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let own = tempfile::tempdir().unwrap();
    let victim = own.path().join("victim");
    fs::write(&victim, "precious: true").unwrap();
    let at = |name: &str| shared.path().join(name);
    fs::write(at("file"), "").unwrap();
    symlink(&victim, at("link")).unwrap();
    symlink(own.path().join("new"), at("dangling")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink(at("link"), own.path().join("config")).unwrap();
    for name in ["file", "link", "dangling", "directory"] {
        // Only root can give something away; for others there is nobody to play.
        if std::os::unix::fs::lchown(at(name), Some(12345), None).is_err() {
            return;
        }
    }
    let through = own.path().join("config");
    for path in [at("file"), at("link"), at("dangling"), at("directory/config"), through] {
        let refused = |outcome: Result<(), Error>| {
            let text = outcome.unwrap_err().to_string();
            assert!(text.contains("belongs to another user"), "{}: {text}", path.display());
        };
        refused(check_writable(&path, GO_ON));
        refused(merge_into(&path, &entry("a"), GO_ON));
        refused(remove_cluster(std::slice::from_ref(&path), "a", GO_ON));
    }
    let opened = File::open(at("file")).unwrap();
    assert!(files::refuse_planted_file(&opened, &at("file")).is_err());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious: true");
    assert_eq!(fs::read_to_string(at("file")).unwrap(), "");
    assert_eq!(listing(own.path()), ["config", "victim"]);
    // Their own is still theirs to use.
    merge_into(&at("mine"), &entry("a"), GO_ON).unwrap();
    assert_eq!(mode(&at("mine")), 0o600);
}

#[test]
fn the_first_file_with_the_context_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    merge_into(&path("a"), &entry("a"), GO_ON).unwrap();
    merge_into(&path("ab"), &entry("a"), GO_ON).unwrap();
    merge_into(&path("ab"), &entry("b"), GO_ON).unwrap();
    fs::write(path("broken"), "apiVersion: [").unwrap();
    let all = ["missing", "broken", "a", "ab"].map(path);
    assert_eq!(file_with(&all, "a"), Some(path("a")));
    assert_eq!(file_with(&all, "b"), Some(path("ab")));
    assert_eq!(file_with(&all, "c"), None);
    assert_eq!(file_with(&[], "a"), None);
}
