//! Checks: conditions of an add-on with everything filled in. A check says what
//! is missing, in words.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::{Context, RunError};
use crate::engine::{Command, EngineError};
use crate::kube::{KubeClient, condition};
use crate::node::NodeHandle;

/// In a cluster's records, variants keep the names that the first version of
/// skiff gave them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Check {
    Rollout {
        object: String,
        namespace: String,
    },
    #[serde(rename = "says")]
    IsTrue {
        condition: String,
        object: String,
        namespace: Option<String>,
    },
    #[serde(rename = "answers")]
    Response {
        path: String,
        contains: String,
    },
    Http {
        node: String,
        url: String,
        status: u16,
    },
    Admits {
        objects: Vec<Value>,
    },
}

impl Check {
    /// Looks once and returns what is missing; `None` if the condition holds.
    /// Commands run in `nodes` only, those of the cluster: the check comes from an object
    /// in it.
    ///
    /// # Errors
    /// Returns the engine's error, or [`RunError::Cancelled`]. A command that fails
    /// is not an error: something is missing.
    pub(super) async fn missing(
        &self,
        ctx: &Context,
        kube: &KubeClient,
        nodes: &[String],
    ) -> Result<Option<String>, RunError> {
        if let Some(reason) = self.invalid(nodes) {
            return Ok(Some(reason));
        }
        match self.look(ctx, kube).await {
            Err(RunError::Command { output, .. }) => Ok(Some(self.failure(&output))),
            // The node is not running, or has been removed.
            Err(RunError::Engine(
                error @ (EngineError::Conflict { .. } | EngineError::NotFound { .. }),
            )) => Ok(Some(error.message().to_owned())),
            outcome => outcome,
        }
    }

    /// Why nothing is asked: names of objects and addresses that a command would take
    /// for something else, and nodes of other clusters.
    fn invalid(&self, nodes: &[String]) -> Option<String> {
        match self {
            Check::Rollout { object, .. } | Check::IsTrue { object, .. } => {
                let is_object = object.split_once('/').is_some_and(|(kind, name)| {
                    [kind, name].iter().all(|part| is_object_name(part))
                });
                (!is_object).then(|| format!("{object:?} is not an object as KIND/NAME"))
            }
            Check::Response { path, .. } => {
                (!path.starts_with('/')).then(|| format!("{path:?} is not a path"))
            }
            Check::Http { node, .. } if !nodes.contains(node) => {
                Some(format!("{node:?} is not a node of this cluster"))
            }
            Check::Http { url, .. } => {
                let is_http = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
                (!is_http).then(|| format!("{url:?} is not an http URL"))
            }
            Check::Admits { .. } => None,
        }
    }

    async fn look(&self, ctx: &Context, kube: &KubeClient) -> Result<Option<String>, RunError> {
        Ok(match self {
            Check::Rollout { object, namespace } => {
                let found = kube.get(object, namespace).await?;
                condition::rollout(&found).map(|missing| format!("{object}: {missing}"))
            }
            Check::IsTrue { condition, object, namespace } => {
                let namespace = namespace.as_deref().unwrap_or("default");
                let found = kube.get(object, namespace).await?;
                condition::is_true(&found, condition).map(|missing| format!("{object}: {missing}"))
            }
            Check::Response { path, contains } => {
                let found = kube.get_raw(path).await?.contains(contains);
                (!found).then(|| format!("{path}: the response does not contain {contains} yet"))
            }
            Check::Http { node, url, status } => {
                let found = http_status(ctx, node, url).await?;
                (found != status.to_string()).then(|| {
                    format!("{url}: {node} gets HTTP status {found}, expected is {status}")
                })
            }
            Check::Admits { objects } => {
                kube.try_create(objects).await?;
                None
            }
        })
    }

    fn failure(&self, output: &str) -> String {
        let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no answer");
        match self {
            Check::Rollout { object, .. } | Check::IsTrue { object, .. } => {
                format!("{object}: {last}")
            }
            Check::Response { path, .. } => format!("{path}: {last}"),
            Check::Http { node, url, .. } => format!("{node} cannot reach {url}"),
            Check::Admits { .. } => format!("dry run of an object: {last}"),
        }
    }
}

/// A kind with its group, or a name: no flag, and nothing with more parts.
fn is_object_name(text: &str) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(valid)
}

/// The status that a node gets for a URL, in digits.
async fn http_status(ctx: &Context, node: &str, url: &str) -> Result<String, RunError> {
    let script = "exec curl -sk -o /dev/null -w '%{http_code}' --max-time 5 --globoff --proto =http,https -- \"$0\"";
    let command = Command::new(["sh", "-c", script, url]);
    Ok(NodeHandle::new(ctx, node).run(command).await?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_of_earlier_versions_are_read() {
        let records = json!([
            {"rollout": {"object": "deployment/a", "namespace": "n"}},
            {"says": {"condition": "Available", "object": "apiservice/a", "namespace": null}},
            {"answers": {"path": "/a", "contains": "b"}},
            {"http": {"node": "n", "url": "http://n/", "status": 200}},
            {"admits": {"objects": []}},
        ]);
        let checks: Vec<Check> = serde_json::from_value(records.clone()).unwrap();
        assert!(matches!(checks[1], Check::IsTrue { .. }));
        assert_eq!(serde_json::to_value(checks).unwrap(), records);
    }

    #[test]
    fn only_nodes_of_the_cluster_and_plain_names_are_asked() {
        let nodes = ["n1".to_owned()];
        let http =
            |node: &str, url: &str| Check::Http { node: node.into(), url: url.into(), status: 200 };
        let rollout =
            |object: &str| Check::Rollout { object: object.into(), namespace: "x".into() };
        let response = |path: &str| Check::Response { path: path.into(), contains: "a".into() };
        for (check, reason) in [
            (http("n1", "http://n1/"), None),
            (http("n1", "https://n1/a?b=c"), None),
            (http("database", "http://n1/"), Some("\"database\" is not a node of this cluster")),
            (http("n1", "-K/tmp/x"), Some("\"-K/tmp/x\" is not an http URL")),
            (http("n1", "file:///etc/shadow"), Some("\"file:///etc/shadow\" is not an http URL")),
            (rollout("deployment/web"), None),
            (rollout("deployment.v1.apps/web"), None),
            (
                rollout("--server=http://x/y"),
                Some("\"--server=http://x/y\" is not an object as KIND/NAME"),
            ),
            (rollout("secret"), Some("\"secret\" is not an object as KIND/NAME")),
            (response("/healthz"), None),
            (response("--kubeconfig=/x"), Some("\"--kubeconfig=/x\" is not a path")),
        ] {
            assert_eq!(check.invalid(&nodes).as_deref(), reason, "{check:?}");
        }
    }

    #[test]
    fn a_failing_command_shows_what_is_missing() {
        let check = Check::Response { path: "/a".into(), contains: "b".into() };
        let output = "Error from server (NotFound): no such path\n\n";
        assert_eq!(check.failure(output), "/a: Error from server (NotFound): no such path");
        assert_eq!(check.failure(""), "/a: no answer");
    }
}
