//! What skiff remembers of an installation, in the cluster itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kube::Kube;
use super::object::{self, Id};
use super::plan::Check;
use super::settings::Settings;
use crate::context::RunError;
use crate::labels;

const NAMESPACE: &str = "kube-system";

/// Written before the first object and again after the last condition, so that
/// whatever happens in between can be taken up or removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub name: String,
    pub version: String,
    /// The file or address of a manifest that came from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Everything was seen to work.
    pub complete: bool,
    pub settings: Settings,
    pub images: BTreeMap<String, String>,
    /// In the order they were applied.
    pub objects: Vec<Id>,
    pub checks: Vec<Check>,
}

impl Record {
    fn id(name: &str) -> Id {
        Id {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some(NAMESPACE.into()),
            name: format!("skiff-addon-{name}"),
        }
    }

    /// # Errors
    /// kubectl's.
    pub async fn write(&self, kube: &Kube) -> Result<(), RunError> {
        let mut object = Record::id(&self.name).object();
        object::label(&mut object, &self.name);
        let text = serde_json::to_string(self).expect("a record is always JSON");
        object["data"] = json!({"record": text});
        kube.apply(&[object], true).await
    }

    /// Those of a cluster, by name; what cannot be read is left out.
    ///
    /// # Errors
    /// kubectl's.
    pub async fn all(kube: &Kube) -> Result<Vec<Record>, RunError> {
        let found =
            kube.get(&["configmap", "--namespace", NAMESPACE, "--selector", labels::ADDON]).await?;
        let mut records: Vec<Record> =
            object::flat(found).iter().filter_map(Record::read).collect();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(records)
    }

    fn read(object: &Value) -> Option<Record> {
        serde_json::from_str(object["data"]["record"].as_str()?).ok()
    }

    /// # Errors
    /// kubectl's.
    pub async fn forget(name: &str, kube: &Kube) -> Result<(), RunError> {
        kube.delete(&[Record::id(name)]).await
    }
}
