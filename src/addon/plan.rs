//! What an installation will do, step by step, decided before anything is done.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalog::Addon;
use super::certificate::Certificate;
use super::definition::{Condition, Step};
use super::object::{self, Id};
use super::settings::Settings;
use crate::yaml;

/// What manifests may ask for.
#[derive(Debug, Default)]
pub struct Facts {
    pub settings: Settings,
    /// The references that were chosen.
    pub images: BTreeMap<String, String>,
    /// Where it is placed, if it has a place.
    pub node: Option<String>,
    pub certificates: BTreeMap<String, Certificate>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    Apply(Vec<Value>),
    Wait(Check),
}

/// A condition with everything filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    Rollout { object: String, namespace: String },
    Says { condition: String, object: String, namespace: Option<String> },
    Answers { path: String, contains: String },
    Http { node: String, url: String, status: u16 },
    Admits { objects: Vec<Value> },
}

/// The stages of an add-on's installation.
///
/// # Errors
/// A file that is not there, a template or manifest that cannot be read.
pub fn stages(addon: &Addon, facts: &Facts) -> Result<Vec<Stage>, String> {
    let name = &addon.definition.name;
    let stage = |step: &Step| match step {
        Step::Apply(file) => {
            let mut objects = objects(addon, file, facts)?;
            objects.iter_mut().for_each(|object| object::label(object, name));
            Ok(Stage::Apply(objects))
        }
        Step::Wait(condition) => check(addon, condition, facts).map(Stage::Wait),
    };
    addon.definition.steps.iter().map(stage).collect()
}

fn check(addon: &Addon, condition: &Condition, facts: &Facts) -> Result<Check, String> {
    Ok(match condition.clone() {
        Condition::Rollout { rollout: object, namespace } => Check::Rollout { object, namespace },
        Condition::Says { condition, of: object, namespace } => {
            Check::Says { condition, object, namespace }
        }
        Condition::Answers { get: path, contains } => Check::Answers { path, contains },
        Condition::Http { http: url, status } => {
            let node = facts.node.clone().ok_or("http needs a placement")?;
            Check::Http { node, url: render(&url, facts)?, status }
        }
        Condition::Admits { admits: file } => {
            Check::Admits { objects: objects(addon, &file, facts)? }
        }
    })
}

/// The objects of one file.
fn objects(addon: &Addon, file: &str, facts: &Facts) -> Result<Vec<Value>, String> {
    let template = addon.files.get(file).ok_or_else(|| format!("there is no file {file}"))?;
    let text = render(template, facts).map_err(|reason| format!("{file}: {reason}"))?;
    read(&text).map_err(|reason| format!("{file}: {reason}"))
}

fn render(template: &str, facts: &Facts) -> Result<String, String> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("tojson", minijinja::filters::tojson);
    let context = context! {
        settings => facts.settings,
        images => facts.images,
        node => facts.node,
        certificates => facts.certificates,
    };
    environment.render_str(template, context).map_err(|e| e.to_string())
}

/// All objects of a text in YAML, each of which must be one.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Vec<Value>, String> {
    let objects: Vec<Value> = yaml::documents(text)?.into_iter().flat_map(object::flat).collect();
    objects.iter().try_for_each(|object| Id::of(object).map(drop))?;
    Ok(objects)
}

/// The stages for anybody's manifest: definitions of kinds first, then what
/// uses them; in the end every workload must be rolled out.
pub fn of_manifest(name: &str, mut objects: Vec<Value>) -> Vec<Stage> {
    objects.iter_mut().for_each(|object| object::label(object, name));
    let definitions = defined_kinds(&objects);
    let first = |object: &Value| {
        object["kind"] == "Namespace" || object["kind"] == "CustomResourceDefinition"
    };
    let (first, rest): (Vec<Value>, Vec<Value>) = objects.into_iter().partition(first);
    let rollouts: Vec<Stage> = rest.iter().filter_map(rollout).map(Stage::Wait).collect();
    let established = definitions.into_iter().map(|kind| {
        Stage::Wait(Check::Says {
            condition: "Established".into(),
            object: format!("customresourcedefinition/{}", kind.name),
            namespace: None,
        })
    });
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
    let id = Id::of(object).ok().filter(|id| object::is_workload(&id.kind))?;
    let namespace = id.namespace.unwrap_or_else(|| "default".into());
    Some(Check::Rollout { object: format!("{}/{}", id.kind.to_lowercase(), id.name), namespace })
}

/// A kind that objects of the same plan define.
pub struct DefinedKind {
    /// Of the definition.
    name: String,
    group: String,
    kind: String,
}

impl DefinedKind {
    pub fn is_of(&self, id: &Id) -> bool {
        self.group == id.group() && self.kind == id.kind
    }
}

pub fn defined_kinds<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Vec<DefinedKind> {
    let text = |object: &Value, pointer| Some(object.pointer(pointer)?.as_str()?.to_owned());
    let kind = |object: &Value| {
        Some(DefinedKind {
            name: text(object, "/metadata/name")?,
            group: text(object, "/spec/group")?,
            kind: text(object, "/spec/names/kind")?,
        })
    };
    let all = objects.into_iter().filter(|o| o["kind"] == "CustomResourceDefinition");
    all.filter_map(kind).collect()
}

/// What stages apply, in order.
pub fn applied(stages: &[Stage]) -> impl Iterator<Item = &Value> {
    stages.iter().flat_map(|stage| match stage {
        Stage::Apply(objects) => objects.as_slice(),
        Stage::Wait(_) => &[],
    })
}

pub fn checks(stages: &[Stage]) -> Vec<Check> {
    let check = |stage: &Stage| match stage {
        Stage::Wait(check) => Some(check.clone()),
        Stage::Apply(_) => None,
    };
    stages.iter().filter_map(check).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::definition::{CertificateFor, Definition};
    use super::super::settings;
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
            recipe: None,
        }
    }

    fn facts() -> Facts {
        Facts {
            settings: [("replicas".to_owned(), json!(2))].into(),
            images: [("app".to_owned(), "x/app:1".to_owned())].into(),
            node: Some("n1".into()),
            ..Facts::default()
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
        let stages = stages(&addon(template), &facts()).unwrap();
        let applied: Vec<_> = applied(&stages).collect();
        assert_eq!(applied[0]["spec"], json!({"replicas": 2, "image": "x/app:1"}));
        assert_eq!(applied[0]["metadata"]["labels"][crate::labels::ADDON], "small");
        let checks = checks(&stages);
        let http = Check::Http { node: "n1".into(), url: "http://n1/".into(), status: 404 };
        assert_eq!(checks[0], http);
        let Check::Admits { objects } = &checks[1] else { panic!("{checks:?}") };
        assert!(objects[0]["metadata"]["labels"].is_null());
    }

    #[test]
    fn the_catalogue_can_be_planned() {
        for addon in super::super::catalog::all() {
            let definition = &addon.definition;
            let names = definition.images.iter().map(|(k, i)| (k.clone(), i.official.clone()));
            let made = |(k, c): (&String, &CertificateFor)| {
                (k.clone(), Certificate::new(&c.names).unwrap())
            };
            let facts = Facts {
                settings: settings::settle(definition, &[]).unwrap(),
                images: names.collect(),
                node: definition.placement.is_some().then(|| "n1".to_owned()),
                certificates: definition.certificates.iter().map(made).collect(),
            };
            let stages = stages(&addon, &facts).unwrap();
            let mut images: Vec<String> = applied(&stages).flat_map(object::images).collect();
            images.dedup();
            assert_eq!(images.len(), definition.images.len(), "{images:?}");
            assert!(images.iter().all(|i| i.contains("@sha256:")), "{images:?} are not pinned");
        }
    }

    #[test]
    fn what_manifests_ask_for_in_vain_is_said() {
        for (template, word) in [
            ("a: {{ settings.nothing }}", "a.yaml: undefined value"),
            ("a: {{ nothing }}", "a.yaml: undefined value"),
            ("a: {{", "a.yaml: syntax error"),
            ("kind: Thing", "a.yaml: Thing has no apiVersion"),
            ("a: [", "a.yaml: "),
        ] {
            let error = stages(&addon(template), &facts()).unwrap_err();
            assert!(error.starts_with(word), "{template}: {error}");
        }
        let mut addon = addon("");
        addon.files.clear();
        assert_eq!(stages(&addon, &facts()).unwrap_err(), "there is no file a.yaml");
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
        let stages = of_manifest("x", read(text).unwrap());
        let kinds = |stage: &Stage| match stage {
            Stage::Apply(objects) => {
                objects.iter().map(|o| o["kind"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
            }
            Stage::Wait(Check::Says { object, .. } | Check::Rollout { object, .. }) => {
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
