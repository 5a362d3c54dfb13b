//! Kubernetes objects as JSON: their identities, and the few parts that skiff
//! reads or changes.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::yaml;

/// What identifies an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ObjectId {
    pub api_version: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub name: String,
}

impl ObjectId {
    /// The identity of an object in a manifest or of the API server.
    ///
    /// # Errors
    /// Returns a message with the first missing field if the object lacks `kind`,
    /// `apiVersion` or `metadata.name`.
    pub(crate) fn of(object: &Value) -> Result<ObjectId, String> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let part = |pointer: &str| {
            text(pointer).map(str::to_owned).ok_or_else(|| {
                let what = text("/kind").unwrap_or("an object");
                format!("{what} has no {}", pointer.trim_start_matches('/').replace('/', "."))
            })
        };
        Ok(ObjectId {
            kind: part("/kind")?,
            api_version: part("/apiVersion")?,
            name: part("/metadata/name")?,
            namespace: text("/metadata/namespace").map(str::to_owned),
        })
    }

    /// An object with nothing but its identity: enough for kubectl to find it.
    pub(crate) fn reference(&self) -> Value {
        let mut metadata = json!({"name": self.name});
        if let Some(namespace) = &self.namespace {
            metadata["namespace"] = json!(namespace);
        }
        json!({"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata})
    }

    /// The API group; empty for the core group.
    pub(crate) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Whether both identify the same object, in whatever version of its group.
    pub(crate) fn is_same_object(&self, other: &ObjectId) -> bool {
        (self.group(), &self.kind, &self.name) == (other.group(), &other.kind, &other.name)
            && self.effective_namespace() == other.effective_namespace()
    }

    /// kubectl's default where a namespace is left out. The API server returns
    /// cluster-wide objects without one.
    fn effective_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, "{namespace}/"))?;
        f.write_str(&self.name)
    }
}

/// The objects of a manifest in YAML; the members of lists one by one.
///
/// # Errors
/// Fails if the text is not YAML, or if [`ObjectId::of`] an object fails.
pub(crate) fn parse(manifest: &str) -> Result<Vec<Value>, String> {
    let objects: Vec<Value> = yaml::documents(manifest)?.into_iter().flat_map(flatten).collect();
    objects.iter().try_for_each(|object| ObjectId::of(object).map(drop))?;
    Ok(objects)
}

/// Several objects as one `List`, in JSON.
pub(crate) fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// The members of a list of any kind; another object as it is.
pub(crate) fn flatten(object: Value) -> Vec<Value> {
    let is_list = object["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match object["items"].as_array() {
        Some(items) if is_list => items.iter().cloned().flat_map(flatten).collect(),
        _ => vec![object],
    }
}

/// The members of a list of one kind; none of anything else.
pub(crate) fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

/// The name; empty if it is missing.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// The namespace of an object in one.
pub(crate) fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or("default")
}

/// Sets a label of the object.
pub(crate) fn set_label(object: &mut Value, key: &str, value: &str) {
    insert(object, &["metadata", "labels"], key, value);
}

/// Sets a label of the pods that a workload creates; other objects stay as they
/// are.
pub(crate) fn set_pod_label(object: &mut Value, key: &str, value: &str) {
    if is_workload(object["kind"].as_str().unwrap_or_default()) {
        insert(object, &["spec", "template", "metadata", "labels"], key, value);
    }
}

fn insert(object: &mut Value, path: &[&str], key: &str, value: &str) {
    if let Some(table) = table(object, path) {
        table.insert(key.to_owned(), json!(value));
    }
}

/// The table at a path, created if nothing is there; `None` if there is a value
/// of another type.
fn table<'a>(object: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    let mut at = object;
    for step in path {
        at = at.as_object_mut()?.entry(*step).or_insert(Value::Null);
        if at.is_null() {
            *at = json!({});
        }
    }
    at.as_object_mut()
}

/// Kinds that keep pods running and have a rollout.
pub(crate) fn is_workload(kind: &str) -> bool {
    matches!(kind, "Deployment" | "DaemonSet" | "StatefulSet")
}

/// The images of the pods that an object creates, or of the pod that it is.
pub(crate) fn images(object: &Value) -> Vec<String> {
    let spec = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/spec"]
        .into_iter()
        .find_map(|pointer| object.pointer(pointer).filter(|spec| spec["containers"].is_array()));
    let Some(spec) = spec else { return Vec::new() };
    let lists = ["initContainers", "containers"].into_iter().filter_map(|l| spec[l].as_array());
    let image = |container: &Value| container["image"].as_str().map(str::to_owned);
    lists.flatten().filter_map(image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_identified_by_group_kind_namespace_and_name() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}});
        let id = ObjectId::of(&object).unwrap();
        assert_eq!((id.to_string().as_str(), id.group()), ("Deployment n/a", "apps"));
        assert_eq!(id.reference(), object);
        let beta = ObjectId { api_version: "apps/v1beta1".into(), ..id.clone() };
        assert!(id.is_same_object(&beta));
        assert!(!id.is_same_object(&ObjectId { namespace: None, ..id.clone() }));
        let error = ObjectId::of(&json!({"kind": "Service", "metadata": {}})).unwrap_err();
        assert_eq!(error, "Service has no apiVersion");
        assert_eq!(ObjectId::of(&json!(3)).unwrap_err(), "an object has no kind");
    }

    #[test]
    fn labels_are_set_on_objects_and_on_the_pods_of_workloads() {
        let label = |object: &mut Value| {
            set_label(object, "x", "y");
            set_pod_label(object, "x", "y");
        };
        let mut deployment = json!({"kind": "Deployment", "metadata": {"labels": {"a": "b"}}, "spec": {"template": {}}});
        label(&mut deployment);
        assert_eq!(deployment["metadata"]["labels"], json!({"a": "b", "x": "y"}));
        assert_eq!(deployment["spec"]["template"]["metadata"]["labels"], json!({"x": "y"}));
        let mut service = json!({"kind": "Service", "metadata": {"labels": "none"}});
        label(&mut service);
        assert_eq!(service, json!({"kind": "Service", "metadata": {"labels": "none"}}));
    }

    #[test]
    fn lists_are_taken_apart_and_images_found() {
        let pod = json!({"kind": "Pod", "spec": {"initContainers": [{"image": "i"}], "containers": [{"image": "a"}, {}]}});
        let cron = json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"image": "c"}]}}}}}});
        let inner = json!({"kind": "PodList", "items": [pod]});
        let all = flatten(json!({"kind": "List", "items": [inner, cron, {"kind": "Service"}]}));
        let found: Vec<_> = all.iter().flat_map(images).collect();
        assert_eq!((all.len(), found), (3, vec!["i".to_owned(), "a".into(), "c".into()]));
    }
}
