//! Installing: each stage applied, each condition waited for.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

use super::AddonError;
use super::catalog::Addon;
use super::fault;
use super::images;
use super::manifest::Manifest;
use super::object::Id;
use super::plan::{self, Check, Stage};
use super::prepare::{Prepared, Scene};
use super::record::Record;
use super::settings::Assignment;
use crate::context::{Context, RunError};
use crate::labels;
use crate::progress::Step;
use crate::yaml;

const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 400 });
/// So often the pods are asked whether there is any hope.
const LOOK_EVERY: u32 = 8;

#[derive(Default)]
pub struct Options {
    pub set: Vec<Assignment>,
    /// Take over what somebody else installed, or changed.
    pub adopt: bool,
    /// How long each may take until it works.
    pub limit: Duration,
}

/// What can be installed.
pub enum Package {
    Addon(Box<Addon>),
    Manifest(Manifest),
}

impl Package {
    fn name(&self) -> &str {
        match self {
            Package::Addon(addon) => &addon.definition.name,
            Package::Manifest(manifest) => &manifest.name,
        }
    }

    /// Name and version, or where it is from.
    pub fn title(&self) -> String {
        match self {
            Package::Addon(addon) => {
                format!("{} {}", addon.definition.name, addon.definition.version)
            }
            Package::Manifest(manifest) => format!("{} ({})", manifest.name, manifest.path),
        }
    }

    async fn prepare(&self, scene: &Scene, set: &[Assignment]) -> Result<Prepared, AddonError> {
        match self {
            Package::Addon(addon) => scene.addon(addon, set).await,
            Package::Manifest(manifest) => scene.manifest(manifest).await,
        }
    }
}

/// Installs packages at the same time; each is done when it works. What is
/// installed already is brought to what the options say.
///
/// # Errors
/// The first failure; the other packages are installed nevertheless.
pub async fn install(
    ctx: &Context,
    cluster: &str,
    packages: &[Package],
    options: &Options,
) -> Result<(), AddonError> {
    let scene = Scene::find(ctx, cluster).await?;
    let installs = packages.iter().map(|package| async {
        let step = ctx.progress.step(format!("Installing {} 🧩", package.title()));
        let prepared = package.prepare(&scene, &options.set).await?;
        let installation = Installation { scene: &scene, options, step: &step };
        installation.run(prepared).await?;
        step.done();
        Ok::<_, AddonError>(())
    });
    let mut failures = join_all(installs).await.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else { return Ok(()) };
    for other in failures.filter(|e| !matches!(e, AddonError::Run(RunError::Cancelled))) {
        ctx.progress.warn(other.to_string());
    }
    Err(first)
}

/// The manifests that would be applied, as YAML.
///
/// # Errors
/// As [`install`], of what is looked at.
pub async fn preview(
    ctx: &Context,
    cluster: &str,
    packages: &[Package],
    options: &Options,
) -> Result<String, AddonError> {
    let scene = Scene::find(ctx, cluster).await?;
    let mut texts = Vec::new();
    for package in packages {
        let prepared = package.prepare(&scene, &options.set).await?;
        for (_, choice) in &prepared.images {
            texts.push(format!("# {}: image {}\n", package.name(), choice.describe()));
        }
        let mut objects: Vec<Value> = plan::applied(&prepared.stages).cloned().collect();
        objects.iter_mut().for_each(conceal);
        texts.extend(objects.iter().map(|object| format!("---\n{}", yaml::to_string(object))));
    }
    Ok(texts.concat())
}

/// What is secret does not belong on terminals and in logs.
fn conceal(object: &mut Value) {
    if object["kind"] == "Secret" {
        for part in ["data", "stringData"] {
            let values = object.get_mut(part).and_then(Value::as_object_mut).into_iter().flatten();
            values.for_each(|(_, value)| *value = Value::from("(not shown)"));
        }
    }
}

struct Installation<'a> {
    scene: &'a Scene,
    options: &'a Options,
    step: &'a Step,
}

impl Installation<'_> {
    async fn run(&self, mut prepared: Prepared) -> Result<(), AddonError> {
        let (kube, progress) = (&self.scene.kube, &self.scene.kube.ctx.progress);
        let name = prepared.record.name.clone();
        if let Some(notice) = &prepared.notice {
            progress.info(format!("{name}: {notice}"));
        }
        self.step.detail("looking at what is there");
        self.leave_out_what_is_not_ours(&mut prepared).await?;
        for (names, choice) in &prepared.images {
            progress.info(format!("Image {}", choice.describe()));
            self.step.detail(format!("getting {}", choice.reference));
            images::supply(&kube.ctx, &prepared.target, names, choice).await?;
        }
        let old = self.scene.record(&name);
        let outdated = old.map(|old| outdated(old, &prepared.record)).unwrap_or_default();
        // Until all is well, it also holds what is going to be removed.
        let mut begun = Record { complete: false, ..prepared.record.clone() };
        begun.objects.extend(outdated.iter().cloned());
        begun.write(kube).await?;

        let until = Instant::now() + self.options.limit;
        for stage in &prepared.stages {
            match stage {
                Stage::Apply(objects) => self.apply(&name, objects).await?,
                Stage::Wait(check) => self.wait(&name, check, until).await?,
            }
        }
        kube.delete(&outdated).await?;
        prepared.record.write(kube).await?;
        self.warn_of_unmapped_ports(&prepared).await?;
        Ok(())
    }

    /// A namespace that was there before is used and stays; anything else that
    /// was is somebody else's installation.
    async fn leave_out_what_is_not_ours(&self, prepared: &mut Prepared) -> Result<(), AddonError> {
        let name = &prepared.record.name;
        let kinds = plan::defined_kinds(plan::applied(&prepared.stages));
        let known = |id: &&Id| !kinds.iter().any(|kind| kind.is_of(id));
        let ids: Vec<Id> = prepared.record.objects.iter().filter(known).cloned().collect();
        let there = self.scene.kube.there(&ids).await?;
        let others = there.iter().filter(|o| o["metadata"]["labels"][labels::ADDON] != **name);
        let (namespaces, foreign): (Vec<Id>, Vec<Id>) =
            others.filter_map(|o| Id::of(o).ok()).partition(|id| id.kind == "Namespace");
        if !foreign.is_empty() && !self.options.adopt {
            return Err(AddonError::Foreign {
                addon: name.clone(),
                objects: foreign.iter().map(Id::to_string).collect(),
            });
        }
        let ours = |id: &Id| !namespaces.iter().any(|namespace| namespace.is(id));
        prepared.record.objects.retain(ours);
        for stage in &mut prepared.stages {
            if let Stage::Apply(objects) = stage {
                objects.retain(|object| Id::of(object).is_ok_and(|id| ours(&id)));
            }
        }
        Ok(())
    }

    async fn apply(&self, addon: &str, objects: &[Value]) -> Result<(), AddonError> {
        if objects.is_empty() {
            return Ok(());
        }
        self.step.detail(format!("applying {} objects", objects.len()));
        match self.scene.kube.apply(objects, self.options.adopt).await {
            Err(RunError::Command { output, .. }) if output.contains("Apply failed with") => {
                Err(AddonError::Conflict { addon: addon.to_owned(), output })
            }
            Err(RunError::Command { output, .. }) => {
                Err(AddonError::Refused { addon: addon.to_owned(), output })
            }
            other => Ok(other?),
        }
    }

    async fn wait(&self, addon: &str, check: &Check, until: Instant) -> Result<(), AddonError> {
        let kube = &self.scene.kube;
        for look in 1.. {
            let Some(missing) = check.missing(kube).await? else { break };
            self.step.detail(&missing);
            if look % LOOK_EVERY == 0
                && let Some(fault) = fault::hopeless(kube, addon).await?
            {
                let fault::NoSuchImage { pod, image, reason } = fault;
                return Err(AddonError::NoSuchImage { pod, image, reason });
            }
            if Instant::now() >= until {
                let report = fault::report(kube, addon).await;
                let (addon, after) = (addon.to_owned(), self.options.limit);
                return Err(AddonError::NotReady { addon, after, missing, report });
            }
            kube.ctx.sleep(PAUSE).await?;
        }
        Ok(())
    }

    async fn warn_of_unmapped_ports(&self, prepared: &Prepared) -> Result<(), RunError> {
        let (Some(node), ctx) = (&prepared.node, &self.scene.kube.ctx) else { return Ok(()) };
        let found = ctx.interruptible(ctx.engine.inspect(node)).await?;
        let mapped = |port: &&u16| found.ports.contains_key(&format!("{port}/tcp"));
        let missing: Vec<String> =
            prepared.host_ports.iter().filter(|p| !mapped(p)).map(u16::to_string).collect();
        if !missing.is_empty() {
            let mappings: Vec<String> = missing
                .iter()
                .map(|port| format!("{{containerPort: {port}, hostPort: {port}}}"))
                .collect();
            ctx.progress.warn(format!(
                "{}: port {} of {node} is not mapped to this machine, so it is reached from the cluster's network only; in the cluster's definition, this node needs extraPortMappings: [{}]",
                prepared.record.name,
                missing.join(" and "),
                mappings.join(", ")
            ));
        }
        Ok(())
    }
}

/// What an installation before this one made and this one does not.
fn outdated(old: &Record, new: &Record) -> Vec<Id> {
    let gone = old.objects.iter().filter(|id| !new.objects.iter().any(|other| other.is(id)));
    gone.rev().cloned().collect()
}
