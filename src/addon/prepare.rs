//! Everything an installation needs, found out before the cluster is touched.

use std::collections::BTreeMap;

use super::AddonError;
use super::catalog::Addon;
use super::certificate::Certificate;
use super::definition::{CertificateFor, ImageNames};
use super::fault;
use super::images::{self, Choice, Shelf, Source};
use super::kube::{Kube, Seen};
use super::manifest::Manifest;
use super::object::{self, Id};
use super::plan::{self, Facts, Stage};
use super::record::Record;
use super::settings::{self, Assignment};
use crate::context::Context;
use crate::labels;
use crate::load::Target;

/// The cluster as it was found.
pub struct Scene {
    pub kube: Kube,
    cluster: String,
    seen: Seen,
    records: Vec<Record>,
}

/// An installation before its first effect.
pub struct Prepared {
    /// As it will be once all has gone well.
    pub record: Record,
    pub stages: Vec<Stage>,
    pub images: Vec<(ImageNames, Choice)>,
    /// The nodes that get the images.
    pub target: Target,
    pub notice: Option<String>,
    pub host_ports: Vec<u16>,
    /// Where it is placed, if it has a place.
    pub node: Option<String>,
}

impl Scene {
    /// Looks at a cluster.
    ///
    /// # Errors
    /// Those of [`Kube`].
    pub async fn find(ctx: &Context, cluster: &str) -> Result<Scene, AddonError> {
        let kube = Kube::find(ctx, cluster).await?;
        let seen = kube.look().await?;
        let records = Record::all(&kube).await?;
        Ok(Scene { kube, cluster: cluster.to_owned(), seen, records })
    }

    /// What is remembered of an installation of this name.
    pub fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name == name)
    }

    pub async fn addon(&self, addon: &Addon, given: &[Assignment]) -> Result<Prepared, AddonError> {
        let (definition, ctx) = (&addon.definition, &self.kube.ctx);
        let name = definition.name.clone();
        if !definition.fits(&self.seen.version) {
            return Err(AddonError::DoesNotFit {
                addon: name,
                version: definition.version.clone(),
                wanted: definition.kubernetes.to_string(),
                found: self.seen.version.to_string(),
            });
        }
        let wrong = |problem| AddonError::Setting { addon: name.clone(), problem };
        let settings = settings::settle(definition, given).map_err(wrong)?;
        let node = match &definition.placement {
            Some(label) => Some(self.seen.place(label).ok_or_else(|| AddonError::Strange {
                reason: format!("there is no node to place {name} on"),
            })?),
            None => None,
        };
        if let Some(node) = &node {
            self.ports_are_free(&name, node, &definition.host_ports).await?;
        }
        let nodes = node.clone().map_or_else(|| self.seen.schedulable(), |node| vec![node]);
        let target = Target { cluster: self.cluster.clone(), nodes };
        let shelf = Shelf::look(ctx, &target).await?;
        let (mut images, mut references) = (Vec::new(), BTreeMap::new());
        for (key, names) in &definition.images {
            let choice = images::choose(ctx, &shelf, names).await?;
            references.insert(key.clone(), choice.reference.clone());
            images.push((names.clone(), choice));
        }
        let mut certificates = BTreeMap::new();
        for (key, wanted) in &definition.certificates {
            certificates.insert(key.clone(), self.certificate(addon, wanted).await?);
        }
        let facts = Facts {
            settings: settings.clone(),
            images: references.clone(),
            node: node.clone(),
            certificates,
        };
        let broken = |problem| AddonError::Definition { path: name.clone(), problem };
        let stages = plan::stages(addon, &facts).map_err(broken)?;
        let record = Record {
            name: name.clone(),
            version: definition.version.clone(),
            manifest: None,
            complete: true,
            settings,
            images: references,
            objects: ids(&stages),
            checks: plan::checks(&stages),
        };
        Ok(Prepared {
            record,
            stages,
            images,
            target,
            notice: definition.notice.clone(),
            host_ports: definition.host_ports.clone(),
            node,
        })
    }

    /// Images that neither nodes nor engine have are left to kubelet.
    pub async fn manifest(&self, manifest: &Manifest) -> Result<Prepared, AddonError> {
        let ctx = &self.kube.ctx;
        let target = Target { cluster: self.cluster.clone(), nodes: self.seen.schedulable() };
        let shelf = Shelf::look(ctx, &target).await?;
        let mut names: Vec<String> = manifest.objects.iter().flat_map(object::images).collect();
        names.sort();
        names.dedup();
        let mut images = Vec::new();
        for name in names {
            let names = ImageNames { official: name, built: None };
            let choice = images::choose(ctx, &shelf, &names).await?;
            images.push((names, choice));
        }
        let stages = plan::of_manifest(&manifest.name, manifest.objects.clone());
        let record = Record {
            name: manifest.name.clone(),
            version: "-".into(),
            manifest: Some(manifest.path.clone()),
            complete: true,
            settings: BTreeMap::new(),
            images: BTreeMap::new(),
            objects: ids(&stages),
            checks: plan::checks(&stages),
        };
        let kubelets = |(_, choice): &(ImageNames, Choice)| choice.source == Source::Registry;
        for (_, choice) in images.iter().filter(|image| kubelets(image)) {
            ctx.progress.info(format!("Image {}", choice.describe()));
        }
        images.retain(|image| !kubelets(image));
        Ok(Prepared {
            record,
            stages,
            images,
            target,
            notice: None,
            host_ports: Vec::new(),
            node: None,
        })
    }

    async fn ports_are_free(
        &self,
        addon: &str,
        node: &str,
        ports: &[u16],
    ) -> Result<(), AddonError> {
        match fault::port_holder(&self.kube, node, ports, addon).await? {
            None => Ok(()),
            Some((port, pod)) => Err(AddonError::PortTaken {
                addon: addon.to_owned(),
                port,
                node: node.to_owned(),
                pod,
            }),
        }
    }

    /// The one that is in use, so that nobody has to learn a new one; or a new
    /// one.
    async fn certificate(
        &self,
        addon: &Addon,
        wanted: &CertificateFor,
    ) -> Result<Certificate, AddonError> {
        let definition = &addon.definition;
        let current = self.record(&definition.name).is_some_and(|record| {
            record.manifest.is_none() && record.version == definition.version
        });
        if current {
            let (namespace, name) =
                wanted.secret.split_once('/').unwrap_or(("default", &wanted.secret));
            let secret = self.kube.get(&["secret", "--namespace", namespace, name]).await?;
            let ours = secret["metadata"]["labels"][labels::ADDON] == definition.name;
            if let Some(kept) = Certificate::from_secret(&secret).filter(|_| ours) {
                return Ok(kept);
            }
        }
        Certificate::new(&wanted.names).map_err(|problem| AddonError::Definition {
            path: definition.name.clone(),
            problem: format!("certificate for {}: {problem}", wanted.names.join(", ")),
        })
    }
}

/// What stages make, in order.
fn ids(stages: &[Stage]) -> Vec<Id> {
    plan::applied(stages).filter_map(|object| Id::of(object).ok()).collect()
}
