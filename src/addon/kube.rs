//! The cluster, through the kubectl of one of its control-planes.

use serde_json::Value;

use super::AddonError;
use super::object::{self, Id};
use crate::context::{Context, RunError};
use crate::inventory;
use crate::node::NodeHandle;
use crate::version::Version;

/// Whose changes they are, to the API server.
const FIELD_MANAGER: &str = "--field-manager=skiff";

pub struct Kube {
    pub ctx: Context,
    /// Where kubectl runs.
    plane: NodeHandle,
}

/// What is known about a cluster before anything is done to it.
pub struct Seen {
    pub version: Version,
    /// The nodes as Kubernetes knows them.
    pub nodes: Vec<Value>,
}

impl Kube {
    /// # Errors
    /// [`AddonError::NoCluster`], [`AddonError::Stopped`].
    pub async fn find(ctx: &Context, cluster: &str) -> Result<Kube, AddonError> {
        let found = inventory::cluster(ctx, cluster).await?;
        if !found.exists() {
            return Err(AddonError::NoCluster(cluster.to_owned()));
        }
        match found.control_plane() {
            Some(plane) if plane.running => {
                Ok(Kube { ctx: ctx.clone(), plane: NodeHandle::new(ctx, &plane.name) })
            }
            _ => {
                let stopped = found.nodes.into_iter().filter(|node| !node.running);
                let nodes = stopped.map(|node| node.name).collect();
                Err(AddonError::Stopped { cluster: cluster.to_owned(), nodes })
            }
        }
    }

    /// Runs kubectl; returns its stdout.
    ///
    /// # Errors
    /// [`RunError::Command`] with its output.
    pub async fn kubectl(&self, args: &[&str], stdin: Option<String>) -> Result<String, RunError> {
        self.plane.kubectl(args, stdin).await
    }

    /// Objects as JSON; `Value::Null` where nothing is.
    ///
    /// # Errors
    /// As [`Self::kubectl`], or what is no JSON.
    pub async fn get(&self, args: &[&str]) -> Result<Value, RunError> {
        let args = [&["get", "--ignore-not-found", "-o", "json"], args].concat();
        let text = self.kubectl(&args, None).await?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Those of the objects that are there.
    ///
    /// # Errors
    /// As [`Self::kubectl`].
    pub async fn there(&self, ids: &[Id]) -> Result<Vec<Value>, RunError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let objects: Vec<Value> = ids.iter().map(Id::object).collect();
        let args = ["get", "--ignore-not-found", "-o", "json", "-f", "-"];
        let text = self.kubectl(&args, Some(object::list(&objects))).await?;
        let found: Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(if found.is_null() { Vec::new() } else { object::flat(found) })
    }

    /// Applies objects on the server's side. Fields that somebody else has
    /// changed are a conflict, unless it is `forced`.
    ///
    /// # Errors
    /// As [`Self::kubectl`].
    pub async fn apply(&self, objects: &[Value], forced: bool) -> Result<(), RunError> {
        let mut args = vec!["apply", "--server-side", FIELD_MANAGER, "-f", "-"];
        if forced {
            args.push("--force-conflicts");
        }
        self.kubectl(&args, Some(object::list(objects))).await.map(drop)
    }

    /// Deletes objects in this order, and waits until they are gone.
    ///
    /// # Errors
    /// As [`Self::kubectl`].
    pub async fn delete(&self, ids: &[Id]) -> Result<(), RunError> {
        if ids.is_empty() {
            return Ok(());
        }
        let objects: Vec<Value> = ids.iter().map(Id::object).collect();
        // In the foreground: with what they made, pods above all.
        let args =
            ["delete", "--ignore-not-found", "--cascade=foreground", "--timeout=120s", "-f", "-"];
        match self.kubectl(&args, Some(object::list(&objects))).await {
            // Objects of a kind that is gone are gone as well.
            Err(RunError::Command { output, .. })
                if output.contains("no matches for kind")
                    && !output.contains("Error from server") =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// # Errors
    /// As [`Self::kubectl`], or an API server whose answers make no sense.
    pub async fn look(&self) -> Result<Seen, AddonError> {
        let raw = |path| async move { self.kubectl(&["get", "--raw", path], None).await };
        let (version, nodes) = tokio::try_join!(raw("/version"), raw("/api/v1/nodes"))?;
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let version = parse(&version)["gitVersion"].as_str().unwrap_or_default().parse();
        Ok(Seen {
            version: version.map_err(|reason| AddonError::Strange { reason })?,
            nodes: parse(&nodes)["items"].as_array().cloned().unwrap_or_default(),
        })
    }
}

impl Seen {
    /// A node with this label (`KEY=VALUE`), else a control-plane; the first by name.
    pub fn place(&self, label: &str) -> Option<String> {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        let named = |wanted: &dyn Fn(&Value) -> bool| {
            let mut names: Vec<&str> = self
                .nodes
                .iter()
                .filter(|node| wanted(&node["metadata"]["labels"]))
                .filter_map(|node| node["metadata"]["name"].as_str())
                .collect();
            names.sort_unstable();
            names.first().map(|name| name.to_string())
        };
        named(&|labels| labels[key] == value)
            .or_else(|| named(&|labels| !labels[crate::labels::NODE_ROLE_CONTROL_PLANE].is_null()))
    }

    /// The nodes that pods without tolerations run on.
    pub fn schedulable(&self) -> Vec<String> {
        let closed = |node: &Value| {
            let taints = node["spec"]["taints"].as_array();
            node["spec"]["unschedulable"] == true
                || taints
                    .is_some_and(|taints| taints.iter().any(|t| t["effect"] != "PreferNoSchedule"))
        };
        let open = self.nodes.iter().filter(|node| !closed(node));
        open.filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen() -> Seen {
        let plane = json!({
            "metadata": {"name": "c-control-plane", "labels": {"node-role.kubernetes.io/control-plane": ""}},
            "spec": {"taints": [{"effect": "NoSchedule"}]},
        });
        let worker = |name: &str| json!({"metadata": {"name": name, "labels": {"ingress-ready": "true"}}, "spec": {}});
        Seen {
            version: "v1.37.2".parse().unwrap(),
            nodes: vec![plane, worker("c-worker2"), worker("c-worker")],
        }
    }

    #[test]
    fn nodes_tell_where_things_go() {
        let seen = seen();
        assert_eq!(seen.place("ingress-ready=true").unwrap(), "c-worker");
        assert_eq!(seen.place("ingress-ready=no").unwrap(), "c-control-plane");
        assert_eq!(seen.schedulable(), ["c-worker2", "c-worker"]);
        let none = Seen { nodes: Vec::new(), ..seen };
        assert_eq!(none.place("a=b"), None);
    }
}
