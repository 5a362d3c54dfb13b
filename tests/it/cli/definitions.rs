//! Definitions: what is wrong with them is said before anything is made.

use std::path::Path;

use crate::program::{SKIFF, command, refused, refused_with, skiff, text};

fn write(folder: &Path, definition: &[u8]) -> String {
    let path = folder.join("cluster.yaml");
    std::fs::write(&path, definition).unwrap();
    path.to_string_lossy().into_owned()
}

const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

#[test]
fn bad_definitions_are_refused_with_line_path_and_advice() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 8] = [
        ("nodes:\n- rôle: worker\n", &["line 4", "nodes[0]"]),
        ("nodes:\n- rol: worker\n", &["line 4", "nodes[0].rol", "did you mean `role`"]),
        ("nodes: 3\n", &["line 3", "nodes"]),
        ("name: a\nname: b\n", &["line 4", "name"]),
        ("nodes:\n- role: worker\n", &["control-plane"]),
        ("nodes:\n- extraPortMappings: [{containerPort: 70000}]\n", &["70000", "containerPort"]),
        (
            "nodes:\n- extraPortMappings: [{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 80}]\n",
            &["80"],
        ),
        ("networking: {podSubnet: 10.0.0.0/99}\n", &["networking.podSubnet", "10.0.0.0/99"]),
    ];
    for (body, words) in cases {
        let path = write(folder.path(), format!("{HEAD}{body}").as_bytes());
        refused(3, &["create", "cluster", "--config", &path], words);
    }
}

#[test]
fn files_that_are_no_definition_are_named() {
    let folder = tempfile::tempdir().unwrap();
    refused(
        3,
        &["create", "cluster", "--config", "/nowhere/lab.yaml"],
        &["/nowhere/lab.yaml", "No such file"],
    );
    let empty = write(folder.path(), b"");
    refused(3, &["create", "cluster", "--config", &empty], &["cluster.yaml", "problem"]);
    let binary = write(folder.path(), &[0x7f, b'E', b'L', b'F', 0, 0xff]);
    refused(3, &["create", "cluster", "--config", &binary], &["cluster.yaml"]);
}

#[test]
fn all_problems_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), format!("{HEAD}nodes:\n- role: boss\n- extraPortMappings: [{{containerPort: 0}}]\nnetwork: {{}}\n").as_bytes());
    refused(
        3,
        &["create", "cluster", "--config", &path],
        &["nodes[0].role", "nodes[1].extraPortMappings[0].containerPort", "networking"],
    );
}

#[test]
fn dry_run_prints_the_plan_without_an_engine() {
    let lab = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/devops-lab.yaml");
    let out = skiff(&["create", "cluster", "--config", lab, "--dry-run"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let plan = text(&out.stdout);
    for word in
        ["devops-lab-worker2", "ingress-ready=true", "kind: JoinConfiguration", "host_port: 443"]
    {
        assert!(plan.contains(word), "{word} is not in:\n{plan}");
    }
}

#[test]
fn host_paths_are_below_the_home_directory_and_of_variables() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        format!(
            "{HEAD}nodes:
- extraMounts:
  - {{hostPath: ~/a, containerPath: /a}}
  - {{hostPath: \"$HOME/b\", containerPath: /b}}
  - {{hostPath: \"${{DATA}}/c\", containerPath: /c}}
  - {{hostPath: \"./$DATA\", containerPath: /d}}
"
        )
        .as_bytes(),
    );
    // It exists as it is written.
    std::fs::create_dir(folder.path().join("$DATA")).unwrap();
    let create = |data: &str| {
        let mut create = command(Path::new(SKIFF));
        create.args(["create", "cluster", "--dry-run", "--config", &path]);
        create.env("DATA", data).current_dir(folder.path()).output().unwrap()
    };
    let out = create("/srv");
    assert!(out.status.success(), "{}", text(&out.stderr));
    let here = folder.path().canonicalize().unwrap();
    let plan = text(&out.stdout);
    for bind in
        ["/nowhere/a:/a", "/nowhere/b:/b", "/srv/c:/c", &format!("{}/$DATA:/d", here.display())]
    {
        assert!(plan.contains(&format!("- {bind}\n")), "{bind} is not in:\n{plan}");
    }
    refused_with(
        3,
        &create(""),
        "an empty variable",
        &["line 7", "nodes[0].extraMounts[2].hostPath", "the variable DATA is not set"],
    );
}

#[test]
fn passwords_of_proxies_are_not_printed() {
    let out = command(Path::new(SKIFF))
        .args(["create", "cluster", "--dry-run"])
        .env("HTTPS_PROXY", "http://me:s3cret@proxy:3128")
        .env("http_proxy", "me:s3cret@proxy:3128")
        .output()
        .unwrap();
    let plan = text(&out.stdout);
    assert!(plan.contains("- HTTPS_PROXY=http://xxxxx@proxy:3128\n"), "{plan}");
    assert!(plan.contains("- http_proxy=xxxxx@proxy:3128\n"), "{plan}");
    assert!(!plan.contains("s3cret"), "{plan}");
}
