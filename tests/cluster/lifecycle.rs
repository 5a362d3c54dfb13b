//! Clusters beside each other, and creations that end early.

use std::time::Duration;

use crate::harness::{Lab, check, clusters, containers_of, eventually, stderr};

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn two_clusters_at_the_same_time() {
    let (one, two) = ("skiff-test-one", "skiff-test-two");
    let lab = Lab::new(&[one, two]);
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/single-node.yaml");
    let create = |name| lab.spawn(&["create", "cluster", "--config", config, "--name", name]);
    let both: Vec<_> = [one, two].map(create).into();
    for child in both {
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{}", stderr(&out));
    }
    for name in [one, two] {
        let nodes = lab.kubectl(name, &["get", "nodes", "-o", "name"]);
        assert_eq!(nodes.trim(), format!("node/{name}-control-plane"));
    }
    let kubeconfig = std::fs::read_to_string(lab.kubeconfig()).unwrap();
    assert!(
        kubeconfig.contains("kind-skiff-test-one") && kubeconfig.contains("kind-skiff-test-two")
    );
    check("two clusters made at the same time both work, and one kubeconfig holds both");

    let again = lab.run(&["create", "cluster", "--name", one]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        stderr(&again).contains("already exist") && stderr(&again).contains("hint: delete it"),
        "{}",
        stderr(&again)
    );
    assert_eq!(lab.kubectl(one, &["get", "nodes", "-o", "name"]).lines().count(), 1);
    check("a name in use is refused, and the cluster of that name goes on");

    lab.ok(&["delete", "clusters", one, two]);
    assert!(clusters().iter().all(|name| name != one && name != two));
    lab.ok(&["delete", "cluster", "--name", one]);
    check("delete clusters deletes both; deleting what is gone is no error");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn an_interrupted_creation_leaves_nothing() {
    let name = "skiff-test-interrupted";
    let lab = Lab::new(&[name]);
    let config = lab.write("cluster.yaml", "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]\n");
    for millis in [100, 700, 2500, 5000, 7500] {
        let child = lab.spawn(&["create", "cluster", "--name", name, "--config", &config]);
        std::thread::sleep(Duration::from_millis(millis));
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        let out = child.wait_with_output().unwrap();
        // A fast machine may have been done before the last signals.
        if out.status.success() {
            lab.ok(&["delete", "cluster", "--name", name]);
            continue;
        }
        assert_eq!(out.status.code(), Some(130), "after {millis} ms: {}", stderr(&out));
        assert!(containers_of(name).is_empty(), "after {millis} ms");
        assert!(!lab.kubeconfig().exists(), "after {millis} ms");
        assert!(!lab.folder.path().join("kubeconfig.lock").exists(), "after {millis} ms");
    }
    check("SIGINT at five moments leaves no container, kubeconfig entry or lock");

    let child = lab.spawn(&["create", "cluster", "--name", name, "--config", &config]);
    eventually("both containers", 30, || match containers_of(name).len() {
        2 => Ok(()),
        count => Err(format!("{count} containers")),
    });
    // Nodes that run take longer to remove than the second signal takes to come.
    std::thread::sleep(Duration::from_secs(3));
    for _ in 0..2 {
        let pid = child.id().to_string();
        std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
        // Two signals at once would arrive as one.
        std::thread::sleep(Duration::from_millis(30));
    }
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130), "{}", stderr(&out));
    let command = format!("skiff delete cluster --name {name}");
    assert!(stderr(&out).contains(&command), "{}", stderr(&out));
    gone_for_good(&lab, name);
    check("a second SIGINT leaves at once and names the command that cleans up");

    let killed = lab.spawn(&["create", "cluster", "--name", name, "--config", &config]);
    eventually("the first container", 30, || {
        if containers_of(name).is_empty() { Err("none".into()) } else { Ok(()) }
    });
    std::process::Command::new("kill").args(["-KILL", &killed.id().to_string()]).status().unwrap();
    killed.wait_with_output().unwrap();
    gone_for_good(&lab, name);
    check("what SIGKILL leaves, delete cluster removes");
}

/// Deletes until nothing appears any more: the engine carries out what it was
/// asked for, even when nobody listens any more.
fn gone_for_good(lab: &Lab, cluster: &str) {
    let mut quiet = 0;
    eventually("what was being made is gone", 60, || {
        quiet = if containers_of(cluster).is_empty() { quiet + 1 } else { 0 };
        lab.ok(&["delete", "cluster", "--name", cluster]);
        if quiet > 15 { Ok(()) } else { Err("containers still appear".into()) }
    });
}
