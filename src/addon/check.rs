//! Does a condition hold? If not, what is missing, in words.

use serde_json::Value;

use super::kube::Kube;
use super::object;
use super::plan::Check;
use crate::context::RunError;
use crate::engine::{Command, EngineError};
use crate::node::NodeHandle;

impl Check {
    /// Looks once; `None` if it holds, else what is missing.
    ///
    /// # Errors
    /// The engine's, or cancelled; a command that fails says what is missing.
    pub async fn missing(&self, kube: &Kube) -> Result<Option<String>, RunError> {
        match self.look(kube).await {
            Err(RunError::Command { output, .. }) => Ok(Some(self.failure(&output))),
            // A node that does not run, or is gone.
            Err(RunError::Engine(
                error @ (EngineError::Conflict { .. } | EngineError::NotFound { .. }),
            )) => Ok(Some(error.message().to_owned())),
            seen => seen,
        }
    }

    async fn look(&self, kube: &Kube) -> Result<Option<String>, RunError> {
        Ok(match self {
            Check::Rollout { object, namespace } => {
                let seen = kube.get(&["--namespace", namespace, object]).await?;
                rollout(&seen).map(|missing| format!("{object}: {missing}"))
            }
            Check::Says { condition, object, namespace } => {
                let namespace = namespace.as_deref().unwrap_or("default");
                let seen = kube.get(&["--namespace", namespace, object]).await?;
                says(&seen, condition).map(|missing| format!("{object}: {missing}"))
            }
            Check::Answers { path, contains } => {
                let text = kube.kubectl(&["get", "--raw", path], None).await?;
                let lacks = !text.contains(contains);
                lacks.then(|| format!("{path} does not answer with {contains} yet"))
            }
            Check::Http { node, url, status } => {
                let ask = "exec curl -sk -o /dev/null -w '%{http_code}' --max-time 5 \"$0\"";
                let said = NodeHandle::new(&kube.ctx, node)
                    .run(Command::new(["sh", "-c", ask, url]))
                    .await?;
                let wrong = said.trim() != status.to_string();
                wrong
                    .then(|| format!("{url} on {node} answers {} instead of {status}", said.trim()))
            }
            Check::Admits { objects } => {
                let args = ["create", "--dry-run=server", "-f", "-"];
                kube.kubectl(&args, Some(object::list(objects))).await?;
                None
            }
        })
    }

    fn failure(&self, output: &str) -> String {
        let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no answer");
        match self {
            Check::Rollout { object, .. } | Check::Says { object, .. } => {
                format!("{object}: {last}")
            }
            Check::Answers { path, .. } => format!("{path}: {last}"),
            Check::Http { node, url, .. } => format!("{url} on {node} does not answer"),
            Check::Admits { .. } => format!("trying it out: {last}"),
        }
    }
}

/// What is missing until a workload's pods are all current and available.
fn rollout(object: &Value) -> Option<String> {
    if object.is_null() {
        return Some("is not there".into());
    }
    let status = &object["status"];
    let number = |value: &Value, default| value.as_u64().unwrap_or(default);
    if number(&status["observedGeneration"], 0) < number(&object["metadata"]["generation"], 1) {
        return Some("has not been looked at yet".into());
    }
    let (wanted, updated, available, all) = if object["kind"] == "DaemonSet" {
        let wanted = number(&status["desiredNumberScheduled"], 0);
        let updated = number(&status["updatedNumberScheduled"], 0);
        (wanted, updated, number(&status["numberAvailable"], 0), wanted)
    } else {
        let wanted = number(&object["spec"]["replicas"], 1);
        let updated = number(&status["updatedReplicas"], 0);
        let available = number(&status["availableReplicas"], 0);
        (wanted, updated, available, number(&status["replicas"], 0))
    };
    if updated < wanted {
        return Some(format!("{updated} of {wanted} pods are current"));
    }
    if available < wanted {
        return Some(format!("{available} of {wanted} pods are available"));
    }
    (all > wanted).then(|| format!("{} pods of before are still there", all - wanted))
}

/// What is missing until an object says of itself that a condition holds.
fn says(object: &Value, condition: &str) -> Option<String> {
    if object.is_null() {
        return Some("is not there".into());
    }
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.and_then(|all| all.iter().find(|c| c["type"] == condition));
    match found {
        Some(found) if found["status"] == "True" => None,
        Some(found) => {
            let why = ["message", "reason"].into_iter().find_map(|key| found[key].as_str());
            Some(format!("is not {condition}: {}", why.unwrap_or("no reason is given")))
        }
        None => Some(format!("is not {condition} yet")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rollout_is_over_when_all_pods_are_current_and_available() {
        let deployment = |status: Value| json!({"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status});
        let seen = |updated: u64, available: u64, replicas: u64| {
            rollout(&deployment(
                json!({"observedGeneration": 2, "updatedReplicas": updated, "availableReplicas": available, "replicas": replicas}),
            ))
        };
        assert_eq!(seen(2, 2, 2), None);
        assert_eq!(seen(1, 2, 3).unwrap(), "1 of 2 pods are current");
        assert_eq!(seen(2, 1, 2).unwrap(), "1 of 2 pods are available");
        assert_eq!(seen(2, 2, 3).unwrap(), "1 pods of before are still there");
        let stale = deployment(
            json!({"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2, "replicas": 2}),
        );
        assert!(rollout(&stale).unwrap().contains("not been looked at"));
        assert_eq!(rollout(&Value::Null).unwrap(), "is not there");
        let daemons = json!({"kind": "DaemonSet", "metadata": {"generation": 1}, "status": {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}});
        assert_eq!(rollout(&daemons).unwrap(), "2 of 3 pods are available");
    }

    #[test]
    fn an_object_says_what_it_is() {
        let service = |status: &str| json!({"status": {"conditions": [{"type": "Available", "status": status, "message": "no endpoints"}]}});
        assert_eq!(says(&service("True"), "Available"), None);
        assert_eq!(says(&service("False"), "Available").unwrap(), "is not Available: no endpoints");
        assert_eq!(says(&json!({}), "Available").unwrap(), "is not Available yet");
    }
}
