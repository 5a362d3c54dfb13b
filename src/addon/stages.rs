//! What an installation does, stage by stage, decided before anything is done.

use serde_json::Value;

use super::catalog::Addon;
use super::check::Check;
use super::definition::{Condition, Step};
use super::ownership;
use super::template::{self, TemplateValues};
use crate::kube::{CustomKind, ObjectId, object};

/// A step of a definition with everything filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    Apply(Vec<Value>),
    Wait(Check),
}

/// The stages of an add-on's installation.
///
/// # Errors
/// Returns a sentence if a file of manifests is missing, or is not a valid template
/// or manifest.
pub(super) fn of_addon(addon: &Addon, values: &TemplateValues) -> Result<Vec<Stage>, String> {
    let name = &addon.definition.name;
    let stage = |step: &Step| match step {
        Step::Apply(file) => {
            let mut objects = objects(addon, file, values)?;
            objects.iter_mut().for_each(|object| ownership::set_owner(object, name));
            Ok(Stage::Apply(objects))
        }
        Step::Wait(condition) => check(addon, condition, values).map(Stage::Wait),
    };
    addon.definition.steps.iter().map(stage).collect()
}

fn check(addon: &Addon, condition: &Condition, values: &TemplateValues) -> Result<Check, String> {
    Ok(match condition.clone() {
        Condition::Rollout { rollout: object, namespace } => Check::Rollout { object, namespace },
        Condition::IsTrue { condition, of: object, namespace } => {
            Check::IsTrue { condition, object, namespace }
        }
        Condition::Response { get: path, contains } => Check::Response { path, contains },
        Condition::Http { http: url, status } => {
            let node = values.node.clone().ok_or("http needs a placement")?;
            Check::Http { node, url: template::render(&url, values)?, status }
        }
        Condition::Admits { admits: file } => {
            Check::Admits { objects: objects(addon, &file, values)? }
        }
    })
}

/// The objects of one file.
fn objects(addon: &Addon, file: &str, values: &TemplateValues) -> Result<Vec<Value>, String> {
    let text = addon.files.get(file).ok_or_else(|| format!("the file {file} is missing"))?;
    template::render(text, values)
        .and_then(|text| object::parse(&text))
        .map_err(|reason| format!("{file}: {reason}"))
}

/// The stages of a manifest's installation. Namespaces and definitions of kinds
/// come first, then what uses them. In the end every workload must be rolled out.
pub(super) fn of_manifest(name: &str, mut objects: Vec<Value>) -> Vec<Stage> {
    objects.iter_mut().for_each(|object| ownership::set_owner(object, name));
    let established = objects.iter().filter_map(CustomKind::defined_by).map(|kind| {
        Stage::Wait(Check::IsTrue {
            condition: "Established".into(),
            object: format!("customresourcedefinition/{}", kind.definition),
            namespace: None,
        })
    });
    let established: Vec<Stage> = established.collect();
    let (first, rest): (Vec<Value>, Vec<Value>) = objects.into_iter().partition(|object| {
        object["kind"] == "Namespace" || object["kind"] == "CustomResourceDefinition"
    });
    let rollouts: Vec<Stage> = rest.iter().filter_map(rollout).map(Stage::Wait).collect();
    let mut stages = Vec::new();
    if !first.is_empty() {
        stages.push(Stage::Apply(first));
    }
    stages.extend(established);
    stages.push(Stage::Apply(rest));
    stages.extend(rollouts);
    stages
}

fn rollout(object: &Value) -> Option<Check> {
    let id = ObjectId::of(object).ok().filter(|id| object::is_workload(&id.kind))?;
    let namespace = id.namespace.unwrap_or_else(|| "default".into());
    Some(Check::Rollout { object: format!("{}/{}", id.kind.to_lowercase(), id.name), namespace })
}

/// The objects that stages apply, in order.
pub(super) fn applied(stages: &[Stage]) -> impl Iterator<Item = &Value> {
    stages.iter().flat_map(|stage| match stage {
        Stage::Apply(objects) => objects.as_slice(),
        Stage::Wait(_) => &[],
    })
}

/// The identities of the objects that stages apply, in order.
pub(super) fn object_ids(stages: &[Stage]) -> Vec<ObjectId> {
    applied(stages).filter_map(|object| ObjectId::of(object).ok()).collect()
}

/// The checks that stages wait for, in order.
pub(super) fn checks(stages: &[Stage]) -> Vec<Check> {
    let check = |stage: &Stage| match stage {
        Stage::Wait(check) => Some(check.clone()),
        Stage::Apply(_) => None,
    };
    stages.iter().filter_map(check).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::catalog;
    use super::super::certificate::Certificate;
    use super::super::definition::{CertificateFor, Definition, ImageNames};
    use super::super::settings::{self, Assignment};
    use super::*;

    fn addon(template: &str) -> Addon {
        let text = "name: small
version: v1
summary: s
kubernetes: '*'
placement: a=b
steps: [{apply: a.yaml}, {wait: {http: 'http://{{ node }}/', status: 404}}, {wait: {admits: a.yaml}}]
";
        Addon {
            definition: Definition::parse(text).unwrap(),
            files: [("a.yaml".to_owned(), template.to_owned())].into(),
            image_source: None,
        }
    }

    fn values() -> TemplateValues {
        TemplateValues {
            settings: [("replicas".to_owned(), json!(2))].into(),
            images: [("app".to_owned(), "x/app:1".to_owned())].into(),
            node: Some("n1".into()),
            ..TemplateValues::default()
        }
    }

    #[test]
    fn templates_are_filled_in_and_labelled() {
        let template = "{% if settings.replicas > 1 %}
apiVersion: v1
kind: Thing
metadata: {name: {{ node }}}
spec: {replicas: {{ settings.replicas }}, image: {{ images.app | tojson }}}
{% endif %}";
        let stages = of_addon(&addon(template), &values()).unwrap();
        let applied: Vec<_> = applied(&stages).collect();
        assert_eq!(applied[0]["spec"], json!({"replicas": 2, "image": "x/app:1"}));
        assert_eq!(applied[0]["metadata"]["labels"][crate::labels::ADDON], "small");
        let checks = checks(&stages);
        let http = Check::Http { node: "n1".into(), url: "http://n1/".into(), status: 404 };
        assert_eq!(checks[0], http);
        let Check::Admits { objects } = &checks[1] else { panic!("{checks:?}") };
        assert!(objects[0]["metadata"]["labels"].is_null());
    }

    /// The values that an add-on of the catalog is installed with.
    fn values_of(addon: &Addon, built: bool, set: &[&str]) -> TemplateValues {
        let definition = &addon.definition;
        let reference = |names: &ImageNames| match &names.built {
            Some(name) if built => name.clone(),
            _ => names.official.clone(),
        };
        let made =
            |(k, c): (&String, &CertificateFor)| (k.clone(), Certificate::new(&c.names).unwrap());
        let set: Vec<_> = set.iter().map(|text| Assignment::parse(text).unwrap()).collect();
        TemplateValues {
            settings: settings::resolve(definition, &set).unwrap(),
            images: definition
                .images
                .iter()
                .map(|(k, names)| (k.clone(), reference(names)))
                .collect(),
            built: definition.images.keys().map(|key| (key.clone(), built)).collect(),
            node: definition.placement.is_some().then(|| "n1".to_owned()),
            certificates: definition.certificates.iter().map(made).collect(),
        }
    }

    #[test]
    fn every_add_on_of_the_catalog_has_stages() {
        for addon in catalog::all() {
            for built in [false, true] {
                let values = values_of(&addon, built, &[]);
                let stages = of_addon(&addon, &values).unwrap();
                let mut images: Vec<String> = applied(&stages).flat_map(object::images).collect();
                images.dedup();
                assert_eq!(images, values.images.into_values().collect::<Vec<_>>());
                let pinned = images.iter().all(|image| image.contains("@sha256:"));
                assert!(built || pinned, "{images:?} are not pinned");
            }
        }
    }

    /// The objects of an ingress-nginx installation, as `KIND NAME`, and all of them as
    /// one text.
    fn ingress(built: bool, set: &[&str]) -> (Vec<Value>, Vec<String>, String) {
        let addon = catalog::find("ingress-nginx").unwrap();
        let stages = of_addon(&addon, &values_of(&addon, built, set)).unwrap();
        let objects: Vec<Value> = applied(&stages).cloned().collect();
        let names = object_ids(&stages).iter().map(ObjectId::to_string).collect();
        let text = objects.iter().map(Value::to_string).collect();
        (objects, names, text)
    }

    #[test]
    fn the_built_ingress_controller_has_no_admission_webhook() {
        let (_, names, text) = ingress(true, &[]);
        assert!(!text.contains("webhook") && !text.contains("admission"), "{text}");
        assert!(!names.iter().any(|name| name.starts_with("Secret")), "{names:?}");
        let (_, names, text) = ingress(false, &[]);
        assert!(text.contains("--validating-webhook=:8443"), "{text}");
        let webhook = "ValidatingWebhookConfiguration ingress-nginx-admission";
        assert!(names.iter().any(|name| name == webhook), "{names:?}");
    }

    #[test]
    fn annotations_of_ingresses_are_validated() {
        for built in [false, true] {
            for (snippets, risk) in [("false", "High"), ("true", "Critical")] {
                let (objects, _, text) = ingress(built, &[&format!("snippets={snippets}")]);
                assert!(text.contains("--enable-annotation-validation=true"), "{text}");
                let settings = objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
                assert_eq!(settings["data"]["annotations-risk-level"], risk);
                assert_eq!(settings["data"]["allow-cross-namespace-resources"], "false");
            }
        }
    }

    /// What the rules about an ingress controller's resources of a kind of role allow.
    fn allowed(objects: &[Value], kind: &str, resource: &str) -> Vec<(Value, Value)> {
        let roles = objects.iter().filter(|object| object["kind"] == kind);
        let rules = roles.flat_map(|role| {
            let rules = role["rules"].as_array().unwrap().iter();
            rules.map(|rule| (role["metadata"]["namespace"].clone(), rule))
        });
        let named = |rule: &Value| rule["resources"].as_array().unwrap().contains(&json!(resource));
        rules.filter(|(_, rule)| named(rule)).map(|(n, rule)| (n, rule["verbs"].clone())).collect()
    }

    #[test]
    fn the_ingress_controller_has_the_rights_it_needs() {
        let watch = json!(["list", "watch"]);
        let (objects, ..) = ingress(true, &[]);
        for (resource, verbs) in [
            ("secrets", vec![(Value::Null, watch.clone())]),
            ("pods", vec![]),
            ("namespaces", vec![]),
            ("endpoints", vec![]),
            ("nodes", vec![(Value::Null, json!(["get"]))]),
        ] {
            assert_eq!(allowed(&objects, "ClusterRole", resource), verbs, "{resource}");
        }
        let (objects, names, text) = ingress(true, &["namespace=shop"]);
        assert_eq!(allowed(&objects, "ClusterRole", "secrets"), []);
        assert_eq!(allowed(&objects, "Role", "secrets"), [(json!("shop"), watch)]);
        assert!(text.contains("--watch-namespace=shop"), "{text}");
        assert!(names.contains(&"RoleBinding shop/ingress-nginx-served".to_owned()), "{names:?}");
    }

    #[test]
    fn mistakes_in_manifests_are_named() {
        for (template, word) in [
            ("a: {{ settings.nothing }}", "a.yaml: undefined value"),
            ("a: {{ nothing }}", "a.yaml: undefined value"),
            ("a: {{", "a.yaml: syntax error"),
            ("kind: Thing", "a.yaml: Thing has no apiVersion"),
            ("a: [", "a.yaml: "),
        ] {
            let error = of_addon(&addon(template), &values()).unwrap_err();
            assert!(error.starts_with(word), "{template}: {error}");
        }
        let mut addon = addon("");
        addon.files.clear();
        assert_eq!(of_addon(&addon, &values()).unwrap_err(), "the file a.yaml is missing");
    }

    #[test]
    fn a_manifest_defines_kinds_before_it_uses_them() {
        let text = "
{apiVersion: example.org/v1, kind: Thing, metadata: {name: t}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: app, namespace: space}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: things.example.org}, spec: {group: example.org, names: {kind: Thing}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: space}}
";
        let stages = of_manifest("x", object::parse(text).unwrap());
        let kinds = |stage: &Stage| match stage {
            Stage::Apply(objects) => {
                objects.iter().map(|o| o["kind"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
            }
            Stage::Wait(Check::IsTrue { object, .. } | Check::Rollout { object, .. }) => {
                object.clone()
            }
            Stage::Wait(_) => String::new(),
        };
        assert_eq!(
            stages.iter().map(kinds).collect::<Vec<_>>(),
            [
                "CustomResourceDefinition Namespace",
                "customresourcedefinition/things.example.org",
                "Thing Deployment",
                "deployment/app"
            ]
        );
    }
}
