//! The record of an installation, a ConfigMap in the cluster itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::check::Check;
use super::ownership;
use super::settings::Settings;
use crate::context::RunError;
use crate::kube::{KubeClient, ObjectId, Selector};
use crate::labels;

const NAMESPACE: &str = "kube-system";

/// It is written before the first object and again after the last condition. So
/// an installation that ends in between can be continued or removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub name: String,
    pub version: String,
    /// The path or URL of a manifest; `None` for an add-on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The installation is finished: all conditions held.
    pub complete: bool,
    pub settings: Settings,
    pub images: BTreeMap<String, String>,
    /// In the order they were applied.
    pub objects: Vec<ObjectId>,
    pub checks: Vec<Check>,
}

impl Record {
    fn id(name: &str) -> ObjectId {
        ObjectId {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some(NAMESPACE.into()),
            name: format!("skiff-addon-{name}"),
        }
    }

    /// Creates the ConfigMap of this record, or replaces its content.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(super) async fn write(&self, kube: &KubeClient) -> Result<(), RunError> {
        let mut object = Record::id(&self.name).reference();
        ownership::set_owner(&mut object, &self.name);
        let text = serde_json::to_string(self).expect("a record is always JSON");
        object["data"] = json!({"record": text});
        kube.apply(&[object], true).await
    }

    /// The records of a cluster, by name; invalid ones are left out.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(super) async fn all(kube: &KubeClient) -> Result<Vec<Record>, RunError> {
        let found = kube.list("configmap", Some(NAMESPACE), Selector::Label(labels::ADDON)).await?;
        let mut records: Vec<Record> = found.iter().filter_map(Record::parse).collect();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(records)
    }

    fn parse(object: &Value) -> Option<Record> {
        serde_json::from_str(object["data"]["record"].as_str()?).ok()
    }

    /// Deletes the ConfigMap of an add-on's record.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(super) async fn delete(name: &str, kube: &KubeClient) -> Result<(), RunError> {
        kube.delete(&[Record::id(name)]).await
    }
}
