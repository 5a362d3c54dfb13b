//! How many copies a Deployment has, from one moment to another.

use std::process::{Child, Command, Stdio};

use crate::harness::Lab;

/// kubectl, told of every change of a Deployment.
pub(crate) struct Rollout {
    watching: Child,
}

impl Rollout {
    pub(crate) fn watch(lab: &Lab, cluster: &str, deployment: &str) -> Rollout {
        let columns = r#"jsonpath={.status.availableReplicas} {.status.replicas}{"\n"}"#;
        let args = ["-n", "tutorial", "get", "deployment", deployment, "--watch", "-o", columns];
        let watching = lab
            .command(&[&["kubectl", "--name", cluster, "--"], &args[..]].concat())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Rollout { watching }
    }

    /// Ends it; returns how few were available at a time, and how many there were.
    pub(crate) fn end(self) -> (usize, usize) {
        // A polite end: skiff has become kubectl, which hears it.
        Command::new("kill").arg(self.watching.id().to_string()).status().unwrap();
        let out = self.watching.wait_with_output().unwrap();
        let seen = String::from_utf8_lossy(&out.stdout);
        let counts = seen.lines().map(|line| {
            let (available, all) = line.split_once(' ').unwrap();
            (available.parse().unwrap_or(0), all.parse().unwrap_or(0))
        });
        let (available, all): (Vec<usize>, Vec<usize>) = counts.unzip();
        (available.into_iter().min().unwrap(), all.into_iter().max().unwrap())
    }
}
