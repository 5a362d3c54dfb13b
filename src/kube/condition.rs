//! Conditions of objects, as pure functions. Each returns what is missing, in
//! words that follow the object's name; `None` if the condition holds.

use serde_json::Value;

const MISSING: &str = "does not exist";

/// The rollout of a workload is complete: all pods are up to date and available,
/// and none of an older revision is left. `object` may be null.
pub(crate) fn rollout(object: &Value) -> Option<String> {
    if object.is_null() {
        return Some(MISSING.into());
    }
    let (spec, status) = (&object["spec"], &object["status"]);
    let generation = object["metadata"]["generation"].as_u64().unwrap_or(1);
    if number(&status["observedGeneration"]) < generation {
        return Some("its controller has not seen the change yet".into());
    }
    let (wanted, updated, available, all) = if object["kind"] == "DaemonSet" {
        let wanted = number(&status["desiredNumberScheduled"]);
        let updated = number(&status["updatedNumberScheduled"]);
        (wanted, updated, number(&status["numberAvailable"]), wanted)
    } else {
        let wanted = spec["replicas"].as_u64().unwrap_or(1);
        let (updated, available) = (&status["updatedReplicas"], &status["availableReplicas"]);
        (wanted, number(updated), number(available), number(&status["replicas"]))
    };
    if updated < wanted {
        return Some(of_pods(updated, wanted, "up to date"));
    }
    if available < wanted {
        return Some(of_pods(available, wanted, "available"));
    }
    match all.saturating_sub(wanted) {
        0 => None,
        1 => Some("1 old pod is still running".into()),
        old => Some(format!("{old} old pods are still running")),
    }
}

/// `1 of 3 pods available`.
fn of_pods(count: u64, wanted: u64, what: &str) -> String {
    format!("{count} of {wanted} {} {what}", if wanted == 1 { "pod" } else { "pods" })
}

/// A Deployment has as many available pods as it wants.
pub(crate) fn available(deployment: &Value) -> Option<String> {
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
    let available = number(&deployment["status"]["availableReplicas"]);
    (available < wanted).then(|| of_pods(available, wanted, "available"))
}

/// A DaemonSet has a ready pod on this many nodes.
pub(crate) fn ready_on_nodes(daemon_set: &Value, nodes: usize) -> Option<String> {
    let (ready, wanted) = (number(&daemon_set["status"]["numberReady"]), nodes as u64);
    (ready < wanted).then(|| of_pods(ready, wanted, "ready"))
}

/// A condition of the object's status is `True`, such as `Ready` of a node or
/// `Established` of a CustomResourceDefinition. `object` may be null.
pub(crate) fn is_true(object: &Value, condition: &str) -> Option<String> {
    if object.is_null() {
        return Some(MISSING.into());
    }
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.and_then(|all| all.iter().find(|c| c["type"] == condition));
    match found {
        Some(found) if found["status"] == "True" => None,
        Some(found) => {
            let reason = ["message", "reason"].into_iter().find_map(|key| found[key].as_str());
            Some(format!("is not {condition}: {}", reason.unwrap_or("no reason given")))
        }
        None => Some(format!("is not {condition} yet")),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rollout_is_complete_when_all_pods_are_up_to_date_and_available() {
        let deployment = |status: Value| json!({"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status});
        let missing = |updated: u64, available: u64, replicas: u64| {
            rollout(&deployment(
                json!({"observedGeneration": 2, "updatedReplicas": updated, "availableReplicas": available, "replicas": replicas}),
            ))
        };
        assert_eq!(missing(2, 2, 2), None);
        assert_eq!(missing(1, 2, 3).unwrap(), "1 of 2 pods up to date");
        assert_eq!(missing(2, 0, 2).unwrap(), "0 of 2 pods available");
        assert_eq!(missing(2, 2, 3).unwrap(), "1 old pod is still running");
        assert_eq!(missing(2, 2, 4).unwrap(), "2 old pods are still running");
        let stale = deployment(
            json!({"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2, "replicas": 2}),
        );
        assert!(rollout(&stale).unwrap().contains("has not seen the change"));
        assert_eq!(rollout(&Value::Null).unwrap(), "does not exist");
        let daemon_set = json!({"kind": "DaemonSet", "metadata": {"generation": 1}, "status": {"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}});
        assert_eq!(rollout(&daemon_set).unwrap(), "2 of 3 pods available");
    }

    #[test]
    fn pods_are_counted() {
        let deployment = |available: u64| json!({"spec": {"replicas": 2}, "status": {"availableReplicas": available}});
        assert_eq!(available(&deployment(2)), None);
        assert_eq!(available(&deployment(1)).unwrap(), "1 of 2 pods available");
        assert_eq!(available(&json!({})).unwrap(), "0 of 1 pod available");
        let daemon_set = json!({"status": {"numberReady": 2}});
        assert_eq!(ready_on_nodes(&daemon_set, 2), None);
        assert_eq!(ready_on_nodes(&daemon_set, 3).unwrap(), "2 of 3 pods ready");
    }

    #[test]
    fn a_status_condition_is_true_or_comes_with_its_reason() {
        let service = |status: &str| json!({"status": {"conditions": [{"type": "Available", "status": status, "message": "no endpoints"}]}});
        assert_eq!(is_true(&service("True"), "Available"), None);
        let missing = is_true(&service("False"), "Available").unwrap();
        assert_eq!(missing, "is not Available: no endpoints");
        assert_eq!(is_true(&json!({}), "Available").unwrap(), "is not Available yet");
        assert_eq!(is_true(&Value::Null, "Available").unwrap(), "does not exist");
    }
}
