//! One installation: its images, its stages, its record.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::check::Check;
use super::cluster_state::ClusterState;
use super::error::AddonError;
use super::images;
use super::ownership;
use super::package::InstallOptions;
use super::pods::{self, PullFailure};
use super::prepare::Prepared;
use super::record::Record;
use super::stages::{self, Stage};
use crate::context::RunError;
use crate::kube::{CustomKind, ObjectId, object};
use crate::progress::Step;

const PAUSE: Duration = Duration::from_millis(400);
/// Every so many looks at a condition, the pods are asked whether an image
/// cannot be pulled, which ends the waiting.
const LOOKS_PER_POD_CHECK: u32 = 8;

pub(super) struct Installation<'a> {
    pub state: &'a ClusterState,
    pub options: &'a InstallOptions,
    pub step: &'a Step,
}

impl Installation<'_> {
    /// Carries out what was prepared, and waits until it works.
    ///
    /// # Errors
    /// Returns the first failure. The record in the cluster then says that the
    /// installation is incomplete.
    pub(super) async fn run(&self, mut prepared: Prepared) -> Result<(), AddonError> {
        let name = prepared.record.name.clone();
        let progress = &self.state.ctx.progress;
        prepared.notices.iter().for_each(|notice| progress.info(notice));
        prepared.warnings.iter().for_each(|text| progress.warn(format!("{name}: {text}")));
        self.step.detail("checking which objects exist");
        self.leave_out_what_is_not_owned(&mut prepared).await?;
        self.transfer_images(&prepared).await?;

        let kube = &self.state.kube;
        let old = self.state.record(&name);
        let outdated = old.map(|old| outdated(old, &prepared.record)).unwrap_or_default();
        let outdated = ownership::owned(kube, &name, outdated).await?;
        // Until the end, it also contains the objects that will be deleted.
        let mut begun = Record { complete: false, ..prepared.record.clone() };
        begun.objects.extend(outdated.iter().cloned());
        begun.write(kube).await?;
        // First: the API server refuses objects while a webhook for them does not answer.
        let (webhooks, outdated): (Vec<ObjectId>, Vec<ObjectId>) =
            outdated.into_iter().partition(|id| id.kind.ends_with("WebhookConfiguration"));
        kube.delete(&webhooks).await?;

        let deadline = Instant::now() + self.options.timeout;
        for stage in &prepared.stages {
            match stage {
                Stage::Apply(objects) => self.apply(&name, objects).await?,
                Stage::Wait(check) => self.wait(&name, check, deadline).await?,
            }
        }
        kube.delete(&outdated).await?;
        prepared.record.write(kube).await?;
        self.warn_of_unpublished_ports(&prepared).await?;
        Ok(())
    }

    /// Objects that exist and are not the add-on's are an error, unless they are
    /// adopted. A namespace is used as it is, and outlives the add-on.
    async fn leave_out_what_is_not_owned(&self, prepared: &mut Prepared) -> Result<(), AddonError> {
        let addon = &prepared.record.name;
        let applied = stages::applied(&prepared.stages);
        let own_kinds: Vec<CustomKind> = applied.filter_map(CustomKind::defined_by).collect();
        // kubectl fails for a kind that does not exist yet.
        let known = |id: &&ObjectId| !own_kinds.iter().any(|kind| kind.includes(id));
        let ids: Vec<ObjectId> = prepared.record.objects.iter().filter(known).cloned().collect();
        let existing = self.state.kube.existing(&ids).await?;
        let not_owned = existing.iter().filter(|object| !ownership::is_owned(object, addon));
        let (namespaces, others): (Vec<ObjectId>, Vec<ObjectId>) = not_owned
            .filter_map(|object| ObjectId::of(object).ok())
            .partition(|id| id.kind == "Namespace");
        if !others.is_empty() && !self.options.adopt {
            let objects = others.iter().map(ObjectId::to_string).collect();
            return Err(AddonError::NotOwned { addon: addon.clone(), objects });
        }
        let keep = |id: &ObjectId| !namespaces.iter().any(|other| other.is_same_object(id));
        prepared.record.objects.retain(keep);
        for stage in &mut prepared.stages {
            if let Stage::Apply(objects) = stage {
                objects.retain(|object| ObjectId::of(object).is_ok_and(|id| keep(&id)));
            }
        }
        Ok(())
    }

    async fn transfer_images(&self, prepared: &Prepared) -> Result<(), AddonError> {
        let ctx = &self.state.ctx;
        for image in &prepared.images {
            ctx.progress.info(format!("Image {}", image.describe()));
            self.step.detail(format!("image {}", image.reference));
            images::transfer(ctx, &prepared.node_images, image).await?;
        }
        Ok(())
    }

    async fn apply(&self, addon: &str, objects: &[Value]) -> Result<(), AddonError> {
        match objects.len() {
            0 => return Ok(()),
            1 => self.step.detail("applying 1 object"),
            count => self.step.detail(format!("applying {count} objects")),
        }
        match self.state.kube.apply(objects, self.options.adopt).await {
            Err(RunError::Command { output, .. }) if output.contains("Apply failed with") => {
                Err(AddonError::Conflict { addon: addon.to_owned(), output })
            }
            Err(RunError::Command { output, .. }) => {
                Err(AddonError::Rejected { addon: addon.to_owned(), output })
            }
            other => Ok(other?),
        }
    }

    async fn wait(&self, addon: &str, check: &Check, deadline: Instant) -> Result<(), AddonError> {
        let ClusterState { ctx, kube, nodes, .. } = self.state;
        let nodes: Vec<String> = nodes.iter().map(|node| object::name(node).to_owned()).collect();
        let mut looks = 0;
        let look = async || {
            let missing = check.missing(ctx, kube, &nodes).await?;
            looks += 1;
            if let Some(missing) = &missing {
                self.step.detail(missing);
                if looks % LOOKS_PER_POD_CHECK == 0 {
                    self.check_pods(addon).await?;
                }
            }
            Ok::<_, AddonError>(missing)
        };
        let Some(missing) = ctx.poll_until(deadline, PAUSE, look).await? else { return Ok(()) };
        let report = pods::report(kube, addon).await;
        let (addon, after) = (addon.to_owned(), self.options.timeout);
        Err(AddonError::NotReady { addon, after, missing, report })
    }

    async fn check_pods(&self, addon: &str) -> Result<(), AddonError> {
        match pods::pull_failure(&self.state.kube, addon).await? {
            None => Ok(()),
            Some(PullFailure { pod, image, reason }) => {
                Err(AddonError::PodImage { pod, image, reason })
            }
        }
    }

    async fn warn_of_unpublished_ports(&self, prepared: &Prepared) -> Result<(), RunError> {
        let (Some(node), ctx) = (&prepared.node, &self.state.ctx) else { return Ok(()) };
        let container = ctx.interruptible(ctx.engine.inspect(node)).await?;
        let published = |port: &u16| container.ports.contains_key(&format!("{port}/tcp"));
        let missing = prepared.host_ports.iter().copied().filter(|port| !published(port));
        let missing: Vec<u16> = missing.collect();
        if !missing.is_empty() {
            ctx.progress.warn(unpublished(&prepared.record.name, node, &missing));
        }
        Ok(())
    }
}

fn unpublished(addon: &str, node: &str, ports: &[u16]) -> String {
    let mapping = |port: &u16| format!("{{containerPort: {port}, hostPort: {port}}}");
    let mappings: Vec<String> = ports.iter().map(mapping).collect();
    let numbers: Vec<String> = ports.iter().map(u16::to_string).collect();
    let (ports, are) = if ports.len() == 1 { ("port", "is") } else { ("ports", "are") };
    format!(
        "{addon}: {ports} {} of {node} {are} not published on the host and can only be reached in the cluster's network; to publish, add extraPortMappings: [{}] to this node in the cluster definition",
        numbers.join(" and "),
        mappings.join(", ")
    )
}

/// What an earlier installation made and this one does not, in reverse order.
fn outdated(old: &Record, new: &Record) -> Vec<ObjectId> {
    let kept = |id: &&ObjectId| new.objects.iter().any(|other| other.is_same_object(id));
    old.objects.iter().filter(|id| !kept(id)).rev().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpublished_ports_are_named() {
        let one = unpublished("web", "n", &[80]);
        assert!(one.starts_with("web: port 80 of n is not published"), "{one}");
        let two = unpublished("web", "n", &[80, 443]);
        assert!(two.starts_with("web: ports 80 and 443 of n are not published"), "{two}");
        assert!(two.contains("{containerPort: 443, hostPort: 443}]"), "{two}");
    }
}
