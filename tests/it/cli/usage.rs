//! Commands, flags and mistakes: as kind has them, and what is our own.

use std::path::Path;

use crate::program::{SKIFF, command, kind, refused, refused_with, skiff, text};
use crate::support::table::{CASES, check};

#[test]
fn it_answers_as_kind_does() {
    for case in CASES {
        let out = kind(case.args);
        check(case, &out);
    }
}

/// The same mistakes, in its own name.
#[test]
fn skiff_speaks_of_itself() {
    refused(2, &["bogus"], &["unknown command \"bogus\" for \"skiff\""]);
    refused(
        2,
        &["create", "cluster", "x"],
        &["unknown command \"x\" for \"skiff create cluster\""],
    );
    assert!(text(&skiff(&["version"]).stdout).starts_with("skiff v"));
    assert!(text(&skiff(&["--version"]).stdout).starts_with("skiff version "));
    assert!(text(&skiff(&["completion", "bash"]).stdout).contains("_skiff"));
}

#[test]
fn help_teaches_on_stdout() {
    for args in [&["--help"][..], &[], &["create", "cluster", "--help"], &["help", "get", "nodes"]]
    {
        let out = skiff(args);
        assert_eq!(out.status.code(), Some(0), "{args:?}");
        assert!(text(&out.stdout).contains("Usage: skiff"), "{args:?}");
        assert!(out.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn every_shell_gets_a_script() {
    for (shell, word) in [
        ("bash", "complete -F _kind"),
        ("zsh", "#compdef kind"),
        ("fish", "complete -c kind"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'kind'"),
    ] {
        let out = kind(&["completion", shell]);
        assert_eq!(out.status.code(), Some(0), "{shell}");
        assert!(text(&out.stdout).contains(word), "{shell}");
    }
}

/// What completion scripts made by kind ask for.
#[test]
fn cobras_completion_is_answered() {
    for (args, expected) in [
        (&["__completeNoDesc", "cr"][..], "create\n:4\n"),
        (&["__completeNoDesc", "get", ""], "clusters\nnodes\nimages\nsbom\nkubeconfig\n:4\n"),
        (&["__completeNoDesc", "get", "nodes", "--all"], "--all-clusters\n:4\n"),
        (&["__completeNoDesc", "export", "logs", ""], ":0\n"),
    ] {
        assert_eq!(text(&kind(args).stdout), expected, "{args:?}");
    }
    let described = text(&kind(&["__complete", "cr"]).stdout);
    assert!(described.starts_with("create\tCreate"), "{described}");
}

#[test]
fn names_come_from_flag_then_variable_then_definition() {
    let definition = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: written\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.yaml");
    std::fs::write(&path, definition).unwrap();
    let path = path.to_str().unwrap();
    for (flags, variable, expected) in [
        (&["--config", path][..], None, "written"),
        (&["--config", path], Some(""), "written"),
        (&["--config", path], Some("from-env"), "from-env"),
        (&["--config", path, "--name", "flag"], Some("from-env"), "flag"),
        (&["--config", path, "-n", "one", "--name=two"], None, "two"),
        (&["--config", ""], None, "kind"),
        (&[], Some("from-env"), "from-env"),
        (&[], None, "kind"),
    ] {
        let mut command = command(Path::new(SKIFF));
        command.args(["create", "cluster", "--dry-run"]).args(flags);
        command.envs(variable.map(|name| ("KIND_CLUSTER_NAME", name)));
        let plan = text(&command.output().unwrap().stdout);
        assert!(plan.contains(&format!("\ncluster: {expected}\n")), "{flags:?} {variable:?}");
    }
}

#[test]
fn providers_are_those_of_docker_and_podman() {
    let with = |value: &str| {
        let mut command = command(Path::new(SKIFF));
        command.args(["get", "clusters"]).env("KIND_EXPERIMENTAL_PROVIDER", value);
        command.output().unwrap()
    };
    for name in ["nerdctl", "finch", "nerdctl.lima"] {
        let words = [&format!("asks for {name}"), "hint: unset KIND_EXPERIMENTAL_PROVIDER"];
        refused_with(2, &with(name), name, &words);
    }
    for (value, words) in [
        ("docker", "using docker due to KIND_EXPERIMENTAL_PROVIDER"),
        ("podman", "using podman due to KIND_EXPERIMENTAL_PROVIDER"),
        ("podman", "WARNING: enabling experimental podman provider"),
        ("bogus", "ignoring unknown value \"bogus\" for KIND_EXPERIMENTAL_PROVIDER"),
    ] {
        // Goes on, as far as it can without an engine.
        refused_with(5, &with(value), value, &[words, "engine.sock"]);
    }
    assert!(!text(&with("").stderr).contains("KIND_EXPERIMENTAL_PROVIDER"));
}

#[test]
fn node_images_that_cannot_be_built_are_refused() {
    let tree = env!("CARGO_MANIFEST_DIR");
    for (args, words) in [
        (&[tree][..], &["cannot build from a Kubernetes source tree", "v1.37.2"][..]),
        (&["--type", "source"], &["source tree"]),
        (&["--type=bogus", "v1.37.2"], &["source tree"]),
        (&["https://example.invalid/k.tar.gz"], &["archive at https://"]),
        (&["ci/latest"], &["CI build", "hint: give a Kubernetes version"]),
        (&["--base-image", "debian"], &["--base-image is not supported", "hint:"]),
        (&["a", "b"], &["accepts at most 1 arg(s), received 2"]),
    ] {
        refused(2, &[&["build", "node-image"], args].concat(), words);
    }
}

#[test]
fn addon_images_that_cannot_be_built_are_refused() {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/hello");
    for (name, words) in [
        (
            "metric-server",
            &["unknown add-on \"metric-server\"", "did you mean metrics-server?"][..],
        ),
        ("dashboard", &["unknown add-on", "ingress-nginx, metrics-server"]),
        (own, &["has no image that can be built"]),
    ] {
        refused(2, &["build", "addon-images", "ingress-nginx", name], words);
    }
}

#[test]
fn quiet_is_quiet() {
    for (args, code) in [
        (&["-q", "create", "cluster", "--config", "/nowhere"][..], 3),
        (&["create", "cluster", "--config", "/nowhere", "--quiet=true"], 3),
        (&["-qv7", "get", "clusters"], 5),
        (&["get", "clusters", "--bogus", "-q"], 2),
        (&["get", "clusters", "-q", "--progress", "json"], 5),
        (&["get", "clusters", "-q", "--progress", "json", "--bogus"], 2),
    ] {
        let out = skiff(args);
        assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(code), ""), "{args:?}");
    }
    for args in [&["get", "clusters", "--quiet=false"][..], &["get", "clusters", "--name", "-q"]] {
        assert!(!skiff(args).stderr.is_empty(), "{args:?}");
    }
}

/// Programs read what is wrong, even with the command line itself.
#[test]
fn events_end_with_what_is_wrong() {
    for (args, kind, code) in [
        (&["get", "clusters", "--progress", "json"][..], "engine", 5),
        (&["--progress=json", "get", "clusters", "--bogus"], "usage", 2),
        (&["--progress", "plain", "bogus", "--progress", "json"], "usage", 2),
        (&["create", "cluster", "--config", "/nowhere", "--progress=json"], "definition", 3),
    ] {
        let out = skiff(args);
        let stderr = text(&out.stderr);
        let last: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
        assert_eq!(last["error"]["kind"], kind, "{args:?}: {stderr}");
        assert_eq!(last["exitCode"], code, "{args:?}");
        assert_eq!(out.status.code(), Some(code), "{args:?}");
    }
    for args in [&["version", "--progress", "json"][..], &["--help", "--progress", "json"]] {
        assert!(
            text(&skiff(args).stderr).contains("\"event\":\"result\",\"success\":true"),
            "{args:?}"
        );
    }
    let plain = skiff(&["get", "clusters", "--bogus", "--progress", "json", "--progress=plain"]);
    assert!(text(&plain.stderr).starts_with("ERROR: "));
}

/// Called kind, every failure is 1.
#[test]
fn kind_knows_one_exit_code() {
    for args in [&["get", "clusters"][..], &["bogus"], &["create", "cluster", "--config", "/no"]] {
        assert_eq!(kind(args).status.code(), Some(1), "{args:?}");
    }
}

#[test]
fn exit_codes_are_explained() {
    let out = text(&skiff(&["help", "exit-codes"]).stdout);
    assert!(out.contains("\n    3  definition "), "{out}");
    assert!(!text(&kind(&["help", "exit-codes"]).stdout).contains("definition "));
}

#[test]
fn a_closed_stdout_is_an_error_and_no_panic() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = command(Path::new(SKIFF)).arg("version").stdout(full).output().unwrap();
    refused_with(1, &out, "version", &["cannot write to stdout"]);
}

#[test]
fn loading_says_what_is_missing() {
    refused(2, &["load", "docker-image"], &["a list of image names is required"]);
    refused(2, &["load", "image-archive"], &["name of image archive is required"]);
    refused(5, &["load", "docker-image", "app:1"], &["hint:"]);
    refused(5, &["get", "images"], &["hint:"]);
}
