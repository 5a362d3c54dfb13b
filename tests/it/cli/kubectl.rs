//! `skiff kubectl`: which program becomes kubectl, and that nothing is between it and
//! the user.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::program::{SKIFF, command, text};

/// The ID of the image that nodes of an engine in memory have.
const IMAGE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const GOOD: &str = "#!/bin/sh\necho good\n";
const EVIL: &str = "#!/bin/sh\necho evil\n";

/// A user with a home, and a cluster whose node image has this kubectl.
struct User {
    directory: TempDir,
    /// What the engine does, besides.
    script: String,
}

impl User {
    fn new(kubectl: &str) -> User {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        fs::create_dir(directory.path().join("tmp")).unwrap();
        let kubectl = serde_json::to_string(kubectl).unwrap();
        let script = format!(
            "clusters: {{kind: [control-plane]}}\nfiles: {{/usr/bin/kubectl: {kubectl}}}\n"
        );
        User { directory, script }
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    fn temporary(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    fn kubectl(&self, args: &[&str]) -> Command {
        let engine = self.directory.path().join("engine.yaml");
        fs::write(&engine, &self.script).unwrap();
        let mut skiff = command(Path::new(SKIFF));
        skiff.arg("kubectl").args(args).env("SKIFF_FAKE_ENGINE", engine);
        skiff.env("HOME", self.home()).env("TMPDIR", self.temporary());
        skiff.stdout(Stdio::piped()).stderr(Stdio::piped());
        skiff
    }

    fn run(&self) -> Output {
        self.kubectl(&[]).output().unwrap()
    }

    /// Starts it, and waits for its first line.
    fn start(&self) -> (Child, String) {
        let mut child = self.kubectl(&[]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (child, line)
    }

    /// Every file in the home and in the directory for temporary files.
    fn files(&self) -> Vec<PathBuf> {
        fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
            for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
                match path.is_dir() {
                    true => walk(&path, found),
                    false => found.push(path),
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.home(), &mut found);
        walk(&self.temporary(), &mut found);
        found
    }

    fn assert_no_credentials(&self) {
        for file in self.files() {
            let content = fs::read(&file).unwrap();
            assert!(!text(&content).contains("client-key-data"), "{}", file.display());
        }
    }
}

fn says(out: &Output, expected: &str) {
    assert_eq!(text(&out.stdout), expected, "{}", text(&out.stderr));
    assert!(out.status.success(), "{}", text(&out.stderr));
}

#[test]
fn a_changed_kubectl_in_the_node_is_not_run() {
    let mut user = User::new(GOOD);
    let evil = serde_json::to_string(EVIL).unwrap();
    user.script += &format!("commands: [{{line: cat /usr/bin/kubectl, stdout: {evil}}}]\n");
    says(&user.run(), "good\n");
}

#[test]
fn a_changed_copy_is_not_run() {
    let user = User::new(GOOD);
    let cache = user.home().join(".cache/skiff/kubectl");
    let plant = |directory: &Path| {
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join("kubectl"), EVIL).unwrap();
        fs::set_permissions(directory.join("kubectl"), Permissions::from_mode(0o755)).unwrap();
    };
    // Where copies were before they had digests, and where they are now.
    for directory in [cache.join(&IMAGE[..16]), cache.join(IMAGE)] {
        plant(&directory);
        says(&user.run(), "good\n");
    }
    says(&user.run(), "good\n");
    plant(&cache.join(IMAGE));
    says(&user.run(), "good\n");
    let mode = fs::metadata(cache.join(IMAGE).join("kubectl")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o700, "it is the user's own");
}

#[test]
fn an_image_is_read_once() {
    let mut user = User::new(GOOD);
    says(&user.run(), "good\n");
    user.script +=
        "faults: [{call: archive, does: fails}, {call: create_container, does: fails}]\n";
    says(&user.run(), "good\n");
}

#[test]
fn arguments_stdin_and_exit_code_are_kubectls() {
    let user = User::new("#!/bin/sh\necho \"$@\"\ncat\nexit 7\n");
    let mut child = user.kubectl(&["get", "-o", "wide"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"input").unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(text(&out.stdout), "get -o wide\ninput");
    assert_eq!(out.status.code(), Some(7));
}

#[test]
fn its_kubeconfig_can_be_read_by_what_it_starts() {
    let user = User::new("#!/bin/sh\nsh -c 'cat \"$KUBECONFIG\"; cat \"$KUBECONFIG\"'\n");
    let out = text(&user.run().stdout);
    assert_eq!(out.matches("server: https://127.0.0.1:40000").count(), 2, "{out}");
    user.assert_no_credentials();
}

/// There is one process, which is kubectl: nothing can outlive it, nor forward a signal
/// wrongly.
#[test]
fn a_signal_ends_kubectl_and_leaves_nothing() {
    let user = User::new("#!/bin/sh\necho $$\nexec sleep 600\n");
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1), ("KILL", 9)] {
        let (mut child, pid) = user.start();
        assert_eq!(pid.trim(), child.id().to_string());
        Command::new("kill").args([&format!("-{name}"), pid.trim()]).status().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(number), "{name}: {status}");
        user.assert_no_credentials();
    }
    // The signal that kubectl itself gives is seen, too.
    let user = User::new("#!/bin/sh\nkill -USR1 $$\n");
    assert_eq!(user.run().status.signal(), Some(10));
}

#[test]
fn a_hang_up_that_is_ignored_stays_so() {
    let user = User::new("#!/bin/sh\nkill -HUP $$\necho alive\n");
    assert_eq!(user.run().status.signal(), Some(1));
    let kubectl = user.kubectl(&[]);
    let mut nohup = Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$@\"", "sh", SKIFF, "kubectl"]);
    nohup.env_clear().envs(kubectl.get_envs().filter_map(|(name, value)| Some((name, value?))));
    says(&nohup.output().unwrap(), "alive\n");
}

#[test]
fn a_home_that_is_missing_or_cannot_be_written_is_not_needed() {
    let user = User::new(GOOD);
    for (home, cache) in [
        (Some("/proc/nowhere"), None),
        (Some("/dev/null"), None),
        (Some(""), Some("/proc/nowhere")),
        (None, Some("/proc/nowhere")),
    ] {
        let mut kubectl = user.kubectl(&[]);
        kubectl.env_remove("HOME").envs(home.map(|home| ("HOME", home)));
        kubectl.envs(cache.map(|cache| ("XDG_CACHE_HOME", cache)));
        says(&kubectl.output().unwrap(), "good\n");
    }
    let user_id = fs::metadata(user.directory.path()).unwrap().uid();
    let private = user.temporary().join(format!("skiff-{user_id}"));
    assert_eq!(fs::metadata(&private).unwrap().mode() & 0o777, 0o700);
    assert!(private.join("kubectl").join(IMAGE).join("kubectl").exists(), "it is kept there");

    let mut nowhere = user.kubectl(&[]);
    nowhere.env("HOME", "/proc/nowhere").env("TMPDIR", "/proc/nowhere");
    says(&nowhere.output().unwrap(), "good\n");
}

/// Everybody can write to a directory for temporary files.
#[test]
fn what_others_planted_among_temporary_files_is_not_run() {
    let user = User::new(GOOD);
    let kubectl = || {
        let mut kubectl = user.kubectl(&[]);
        kubectl.env("HOME", "/proc/nowhere").output().unwrap()
    };
    // A copy as this user would keep it, but in a directory that others can change.
    let evil = User::new(EVIL);
    says(&evil.run(), "evil\n");
    let planted = evil.home().join(".cache/skiff");
    let user_id = fs::metadata(user.directory.path()).unwrap().uid();
    let private = user.temporary().join(format!("skiff-{user_id}"));
    symlink(&planted, &private).unwrap();
    says(&kubectl(), "good\n");
    fs::remove_file(&private).unwrap();
    fs::rename(&planted, &private).unwrap();
    fs::set_permissions(&private, Permissions::from_mode(0o777)).unwrap();
    says(&kubectl(), "good\n");
}
