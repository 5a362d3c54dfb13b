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
    refused(&["bogus"], &["unknown command \"bogus\" for \"skiff\""]);
    refused(&["create", "cluster", "x"], &["unknown command \"x\" for \"skiff create cluster\""]);
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
        refused_with(&with(name), name, &words);
    }
    for (value, words) in [
        ("docker", "using docker due to KIND_EXPERIMENTAL_PROVIDER"),
        ("podman", "using podman due to KIND_EXPERIMENTAL_PROVIDER"),
        ("podman", "WARNING: enabling experimental podman provider"),
        ("bogus", "ignoring unknown value \"bogus\" for KIND_EXPERIMENTAL_PROVIDER"),
    ] {
        // Goes on, as far as it can without an engine.
        refused_with(&with(value), value, &[words, "engine.sock"]);
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
        refused(&[&["build", "node-image"], args].concat(), words);
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
        refused(&["build", "addon-images", "ingress-nginx", name], words);
    }
}

#[test]
fn quiet_is_quiet() {
    for args in [
        &["-q", "create", "cluster", "--config", "/nowhere"][..],
        &["create", "cluster", "--config", "/nowhere", "--quiet=true"],
        &["-qv7", "get", "clusters"],
        &["get", "clusters", "--bogus", "-q"],
    ] {
        let out = skiff(args);
        assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(1), ""), "{args:?}");
    }
    for args in [&["get", "clusters", "--quiet=false"][..], &["get", "clusters", "--name", "-q"]] {
        assert!(!skiff(args).stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_closed_stdout_is_an_error_and_no_panic() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = command(Path::new(SKIFF)).arg("version").stdout(full).output().unwrap();
    refused_with(&out, "version", &["cannot write to stdout"]);
}

#[test]
fn loading_says_what_is_missing() {
    refused(&["load", "docker-image"], &["a list of image names is required"]);
    refused(&["load", "image-archive"], &["name of image archive is required"]);
    refused(&["load", "docker-image", "app:1"], &["hint:"]);
    refused(&["get", "images"], &["hint:"]);
}
