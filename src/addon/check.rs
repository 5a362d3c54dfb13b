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
    ///
    /// # Errors
    /// Returns the engine's error, or [`RunError::Cancelled`]. A command that fails
    /// is not an error: something is missing.
    pub(super) async fn missing(
        &self,
        ctx: &Context,
        kube: &KubeClient,
    ) -> Result<Option<String>, RunError> {
        match self.look(ctx, kube).await {
            Err(RunError::Command { output, .. }) => Ok(Some(self.failure(&output))),
            // The node is not running, or has been removed.
            Err(RunError::Engine(
                error @ (EngineError::Conflict { .. } | EngineError::NotFound { .. }),
            )) => Ok(Some(error.message().to_owned())),
            outcome => outcome,
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

/// The status that a node gets for a URL, in digits.
async fn http_status(ctx: &Context, node: &str, url: &str) -> Result<String, RunError> {
    let script = "exec curl -sk -o /dev/null -w '%{http_code}' --max-time 5 \"$0\"";
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
    fn a_failing_command_shows_what_is_missing() {
        let check = Check::Response { path: "/a".into(), contains: "b".into() };
        let output = "Error from server (NotFound): no such path\n\n";
        assert_eq!(check.failure(output), "/a: Error from server (NotFound): no such path");
        assert_eq!(check.failure(""), "/a: no answer");
    }
}
