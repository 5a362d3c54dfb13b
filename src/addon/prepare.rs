//! Finding out everything an installation needs, before the cluster is changed.

use std::collections::BTreeMap;

use super::catalog::Addon;
use super::certificate::Certificate;
use super::cluster_state::ClusterState;
use super::definition::{CertificateFor, Definition, ImageNames};
use super::error::AddonError;
use super::images::{self, ChosenImage, NodeImages, Source};
use super::manifest::Manifest;
use super::ownership;
use super::package::Package;
use super::pods;
use super::record::Record;
use super::settings::{self, Assignment};
use super::stages::{self, Stage};
use super::template::TemplateValues;
use super::vulnerability;
use crate::kube::{nodes, object};

/// An installation before its first effect.
pub(super) struct Prepared {
    /// The record of the finished installation.
    pub record: Record,
    pub stages: Vec<Stage>,
    /// The images that skiff makes available on the nodes.
    pub images: Vec<ChosenImage>,
    pub node_images: NodeImages,
    /// What the user should read before it is used.
    pub notices: Vec<String>,
    pub warnings: Vec<String>,
    pub host_ports: Vec<u16>,
    /// The node that the add-on is placed on; `None` without a placement.
    pub node: Option<String>,
}

/// Prepares a package; changes nothing.
///
/// # Errors
/// Fails if the package is invalid, or cannot be installed in this cluster.
pub(super) async fn package(
    state: &ClusterState,
    package: &Package,
    set: &[Assignment],
) -> Result<Prepared, AddonError> {
    match package {
        Package::Addon(addon) => self::addon(state, addon, set).await,
        Package::Manifest(manifest) => self::manifest(state, manifest).await,
    }
}

async fn addon(
    state: &ClusterState,
    addon: &Addon,
    set: &[Assignment],
) -> Result<Prepared, AddonError> {
    let definition = &addon.definition;
    let name = &definition.name;
    check_version(state, definition)?;
    let invalid = |problem| AddonError::Setting { addon: name.clone(), problem };
    let settings = settings::resolve(definition, set).map_err(invalid)?;
    let node = place(state, definition).await?;
    let nodes = match &node {
        Some(node) => vec![node.clone()],
        None => nodes::schedulable(&state.nodes),
    };
    let node_images = NodeImages::list(&state.ctx, &state.name, nodes).await?;
    let chosen = choose_images(state, &node_images, definition.images.values()).await?;
    let warnings = warnings(Some(definition), &chosen);
    let references = chosen.iter().map(|image| image.reference.clone());
    let references: BTreeMap<_, _> = definition.images.keys().cloned().zip(references).collect();
    let built = chosen.iter().map(ChosenImage::is_built);
    let built = definition.images.keys().cloned().zip(built).collect();
    let mut certificates = BTreeMap::new();
    for (key, wanted) in &definition.certificates {
        certificates.insert(key.clone(), certificate(state, definition, wanted).await?);
    }
    let values = TemplateValues {
        settings: settings.clone(),
        images: references.clone(),
        built,
        node: node.clone(),
        certificates,
    };
    let invalid = |problem| AddonError::Definition { path: name.clone(), problem };
    let stages = stages::of_addon(addon, &values).map_err(invalid)?;
    let record = Record {
        name: name.clone(),
        version: definition.version.clone(),
        manifest: None,
        complete: true,
        settings,
        images: references,
        objects: stages::object_ids(&stages),
        checks: stages::checks(&stages),
    };
    Ok(Prepared {
        record,
        stages,
        images: chosen,
        node_images,
        notices: definition.notices(),
        warnings,
        host_ports: definition.host_ports.clone(),
        node,
    })
}

/// Images that neither the nodes nor the engine have are left to kubelet, which
/// knows the manifest's credentials.
async fn manifest(state: &ClusterState, manifest: &Manifest) -> Result<Prepared, AddonError> {
    let nodes = nodes::schedulable(&state.nodes);
    let node_images = NodeImages::list(&state.ctx, &state.name, nodes).await?;
    let mut references: Vec<String> = manifest.objects.iter().flat_map(object::images).collect();
    references.sort();
    references.dedup();
    let names = references.into_iter().map(ImageNames::official_only);
    let names: Vec<ImageNames> = names.collect();
    let mut images = choose_images(state, &node_images, &names).await?;
    let warnings = warnings(None, &images);
    let left_to_kubelet = |image: &ChosenImage| image.source == Source::Registry;
    for image in images.iter().filter(|image| left_to_kubelet(image)) {
        state.ctx.progress.info(format!("Image {}", image.describe()));
    }
    images.retain(|image| !left_to_kubelet(image));
    let stages = stages::of_manifest(&manifest.name, manifest.objects.clone());
    let record = Record {
        name: manifest.name.clone(),
        version: "-".into(),
        manifest: Some(manifest.path.clone()),
        complete: true,
        settings: BTreeMap::new(),
        images: BTreeMap::new(),
        objects: stages::object_ids(&stages),
        checks: stages::checks(&stages),
    };
    Ok(Prepared {
        record,
        stages,
        images,
        node_images,
        notices: vec![format!("Manifest {}: sha256:{}", manifest.path, manifest.sha256)],
        warnings,
        host_ports: Vec::new(),
        node: None,
    })
}

fn check_version(state: &ClusterState, definition: &Definition) -> Result<(), AddonError> {
    if definition.supports(&state.version) {
        return Ok(());
    }
    Err(AddonError::Incompatible {
        addon: definition.name.clone(),
        version: definition.version.clone(),
        wanted: definition.kubernetes.to_string(),
        found: state.version.to_string(),
    })
}

/// The node for an add-on with a placement, whose ports must be free there.
async fn place(
    state: &ClusterState,
    definition: &Definition,
) -> Result<Option<String>, AddonError> {
    let Some(label) = &definition.placement else { return Ok(None) };
    let addon = &definition.name;
    let node = nodes::with_label(&state.nodes, label)
        .ok_or_else(|| AddonError::NoNode { addon: addon.clone() })?;
    match pods::port_user(&state.kube, &node, &definition.host_ports, addon).await? {
        Some((port, pod)) => Err(AddonError::PortInUse { addon: addon.clone(), port, node, pod }),
        None => Ok(Some(node)),
    }
}

fn warnings(own: Option<&Definition>, images: &[ChosenImage]) -> Vec<String> {
    images.iter().filter_map(|image| vulnerability::warning(own, &image.reference)).collect()
}

async fn choose_images(
    state: &ClusterState,
    node_images: &NodeImages,
    all: impl IntoIterator<Item = &ImageNames>,
) -> Result<Vec<ChosenImage>, AddonError> {
    let mut chosen = Vec::new();
    for names in all {
        chosen.push(images::choose(&state.ctx, node_images, names).await?);
    }
    Ok(chosen)
}

/// The certificate that this version of the add-on uses already, so that clients
/// need not learn a new one; else a new one.
async fn certificate(
    state: &ClusterState,
    definition: &Definition,
    wanted: &CertificateFor,
) -> Result<Certificate, AddonError> {
    let installed = state
        .record(&definition.name)
        .is_some_and(|record| record.manifest.is_none() && record.version == definition.version);
    if installed {
        let (namespace, name) =
            wanted.secret.split_once('/').unwrap_or(("default", &wanted.secret));
        let secret = state.kube.get(&format!("secret/{name}"), namespace).await?;
        let current = Certificate::from_secret(&secret);
        if let Some(current) = current.filter(|_| ownership::is_owned(&secret, &definition.name)) {
            return Ok(current);
        }
    }
    Certificate::new(&wanted.names).map_err(|problem| AddonError::Definition {
        path: definition.name.clone(),
        problem: format!("certificate for {}: {problem}", wanted.names.join(", ")),
    })
}
