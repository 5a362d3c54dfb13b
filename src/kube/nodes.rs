//! Which node pods go to, judged from a list of node objects.

use serde_json::Value;

use crate::labels;

/// The name of a node with this label (`KEY=VALUE`), else of a control-plane; the
/// first by name.
pub(crate) fn with_label(nodes: &[Value], label: &str) -> Option<String> {
    let (key, value) = label.split_once('=').unwrap_or((label, ""));
    let first = |matches: &dyn Fn(&Value) -> bool| {
        let matching = nodes.iter().filter(|node| matches(&node["metadata"]["labels"]));
        matching.filter_map(name).min()
    };
    let control_plane = |labels: &Value| !labels[labels::NODE_ROLE_CONTROL_PLANE].is_null();
    first(&|labels| labels[key] == value).or_else(|| first(&control_plane))
}

/// The names of the nodes that pods without tolerations run on.
pub(crate) fn schedulable(nodes: &[Value]) -> Vec<String> {
    let repels = |taint: &Value| taint["effect"] != "PreferNoSchedule";
    let closed = |node: &&Value| {
        let taints = node["spec"]["taints"].as_array();
        node["spec"]["unschedulable"] == true || taints.is_some_and(|t| t.iter().any(repels))
    };
    nodes.iter().filter(|node| !closed(node)).filter_map(name).collect()
}

fn name(node: &Value) -> Option<String> {
    node["metadata"]["name"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_and_taints_decide_where_pods_go() {
        let control_plane = json!({
            "metadata": {"name": "c-control-plane", "labels": {"node-role.kubernetes.io/control-plane": ""}},
            "spec": {"taints": [{"effect": "NoSchedule"}]},
        });
        let worker = |name: &str| json!({"metadata": {"name": name, "labels": {"ingress-ready": "true"}}, "spec": {}});
        let nodes = [control_plane, worker("c-worker2"), worker("c-worker")];
        assert_eq!(with_label(&nodes, "ingress-ready=true").unwrap(), "c-worker");
        assert_eq!(with_label(&nodes, "ingress-ready=no").unwrap(), "c-control-plane");
        assert_eq!(schedulable(&nodes), ["c-worker2", "c-worker"]);
        assert_eq!(with_label(&[], "a=b"), None);
    }
}
