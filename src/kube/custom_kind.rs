//! Kinds that CustomResourceDefinitions define.

use serde_json::Value;

use super::object::{self, ObjectId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CustomKind {
    /// The name of its CustomResourceDefinition.
    pub definition: String,
    group: String,
    kind: String,
}

impl CustomKind {
    /// The kind that an object defines; `None` if it is not a definition.
    pub(crate) fn defined_by(object: &Value) -> Option<CustomKind> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        (object["kind"] == "CustomResourceDefinition").then_some(())?;
        Some(CustomKind {
            definition: object::name(object).to_owned(),
            group: text(&object["spec"]["group"])?,
            kind: text(&object["spec"]["names"]["kind"])?,
        })
    }

    pub(crate) fn includes(&self, id: &ObjectId) -> bool {
        self.group == id.group() && self.kind == id.kind
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_definition_defines_a_kind_in_its_group() {
        let definition = json!({"kind": "CustomResourceDefinition", "metadata": {"name": "boats.example.org"},
            "spec": {"group": "example.org", "names": {"kind": "Boat"}}});
        let boats = CustomKind::defined_by(&definition).unwrap();
        let id = |version: &str| {
            let boat = json!({"apiVersion": version, "kind": "Boat", "metadata": {"name": "a"}});
            ObjectId::of(&boat).unwrap()
        };
        assert_eq!(boats.definition, "boats.example.org");
        assert!(boats.includes(&id("example.org/v1")) && !boats.includes(&id("v1")));
        assert_eq!(CustomKind::defined_by(&json!({"kind": "Boat"})), None);
    }
}
