//! Kubernetes objects, as far as installing needs to know them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::labels;

/// What an object is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Id {
    pub api_version: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub name: String,
}

impl Id {
    /// # Errors
    /// What is missing for it to be an object.
    pub fn of(object: &Value) -> Result<Id, String> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let part = |pointer: &str| {
            text(pointer).map(str::to_owned).ok_or_else(|| {
                let what = text("/kind").unwrap_or("an object");
                format!("{what} has no {}", pointer.trim_start_matches('/').replace('/', "."))
            })
        };
        Ok(Id {
            kind: part("/kind")?,
            api_version: part("/apiVersion")?,
            name: part("/metadata/name")?,
            namespace: text("/metadata/namespace").map(str::to_owned),
        })
    }

    /// Just enough of an object for kubectl to find it.
    pub fn object(&self) -> Value {
        let mut metadata = json!({"name": self.name});
        if let Some(namespace) = &self.namespace {
            metadata["namespace"] = json!(namespace);
        }
        json!({"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata})
    }

    /// The API group; empty for the oldest.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Whether both are the same object, by whatever version of the API.
    pub fn is(&self, other: &Id) -> bool {
        (self.group(), &self.kind, &self.name) == (other.group(), &other.kind, &other.name)
            && self.place() == other.place()
    }

    /// kubectl's default where a namespace is left out; cluster-wide objects
    /// come back without one.
    fn place(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, "{namespace}/"))?;
        f.write_str(&self.name)
    }
}

/// Several objects as one.
pub fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// The members of a list, whatever its kind; other objects as they are.
pub fn flat(object: Value) -> Vec<Value> {
    let is_list = object["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match object["items"].as_array() {
        Some(items) if is_list => items.iter().cloned().flat_map(flat).collect(),
        _ => vec![object],
    }
}

/// Says whose it is on the object, and on the pods it makes.
pub fn label(object: &mut Value, addon: &str) {
    if let Some(labels) = table(object, &["metadata", "labels"]) {
        labels.insert(labels::ADDON.into(), json!(addon));
        labels.insert(labels::MANAGED_BY.into(), json!("skiff"));
    }
    let workload = is_workload(object["kind"].as_str().unwrap_or_default());
    let template = ["spec", "template", "metadata", "labels"];
    if let Some(labels) = workload.then(|| table(object, &template)).flatten() {
        labels.insert(labels::ADDON.into(), json!(addon));
    }
}

/// The table at a path, made where nothing is; `None` if something else is there.
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

/// Kinds that keep pods running, whose rollout can be waited for.
pub fn is_workload(kind: &str) -> bool {
    matches!(kind, "Deployment" | "DaemonSet" | "StatefulSet")
}

/// The images that an object's pods run.
pub fn images(object: &Value) -> Vec<String> {
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
    fn objects_know_who_they_are() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}});
        let id = Id::of(&object).unwrap();
        assert_eq!((id.to_string().as_str(), id.group()), ("Deployment n/a", "apps"));
        assert_eq!(id.object(), object);
        let beta = Id { api_version: "apps/v1beta1".into(), ..id.clone() };
        assert!(id.is(&beta));
        assert!(!id.is(&Id { namespace: None, ..id.clone() }));
        let error = Id::of(&json!({"kind": "Service", "metadata": {}})).unwrap_err();
        assert_eq!(error, "Service has no apiVersion");
        assert_eq!(Id::of(&json!(3)).unwrap_err(), "an object has no kind");
    }

    #[test]
    fn labels_go_to_objects_and_their_pods() {
        let mut deployment = json!({"kind": "Deployment", "metadata": {"labels": {"a": "b"}}, "spec": {"template": {}}});
        label(&mut deployment, "x");
        assert_eq!(
            deployment["metadata"]["labels"],
            json!({"a": "b", labels::ADDON: "x", labels::MANAGED_BY: "skiff"})
        );
        assert_eq!(
            deployment["spec"]["template"]["metadata"]["labels"],
            json!({labels::ADDON: "x"})
        );
        let mut service = json!({"kind": "Service", "metadata": {"labels": "none"}});
        label(&mut service, "x");
        assert_eq!(service, json!({"kind": "Service", "metadata": {"labels": "none"}}));
    }

    #[test]
    fn lists_are_taken_apart_and_images_found() {
        let pod = json!({"kind": "Pod", "spec": {"initContainers": [{"image": "i"}], "containers": [{"image": "a"}, {}]}});
        let cron = json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"image": "c"}]}}}}}});
        let inner = json!({"kind": "PodList", "items": [pod]});
        let all = flat(json!({"kind": "List", "items": [inner, cron, {"kind": "Service"}]}));
        let found: Vec<_> = all.iter().flat_map(images).collect();
        assert_eq!((all.len(), found), (3, vec!["i".to_owned(), "a".into(), "c".into()]));
    }
}
