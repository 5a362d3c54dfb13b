//! `kubectl`: that of the cluster's own version, on this machine.
//!
//! # Where it comes from
//!
//! From the cluster's node image, by the image's ID: the engine reads the file out of a
//! container that is made from the image and never started ([`extract`]). A copy is kept
//! for the next time with its digest, and one that has been changed is not run
//! ([`kept`]).
//!
//! Not from the node, which is where the same file is easier to reach. Whoever is root
//! in a node, and a privileged pod can be, could put any program in its place, and would
//! have it run on the user's machine: outside of the virtual machine, the user
//! namespace or the remote host that the engine may run on. kind runs nothing of a node
//! here, and neither does skiff. For the same reason the kubeconfig of a node is reduced
//! to plain data ([`crate::kubeconfig::for_cluster`]).
//!
//! Not in the node either: files for `-f`, `cp` and `edit`, ports of `port-forward` and
//! `proxy`, and credential plugins are all on this machine. And not the user's own: that
//! is the `kubectl` which people type without skiff, often of another version than the
//! cluster.
//!
//! # How it runs
//!
//! It takes the place of this process (execve). So signals, the terminal, its size, job
//! control, stdin and the exit code are kubectl's without anything in between, and
//! nothing can be left behind, whatever ends it. Its kubeconfig is a file in memory that
//! only it and what it starts can read: the credentials are never on a disk.
//!
//! Only Linux can do that, and node images have kubectl for Linux only.

mod kept;

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;

use crate::admin_kubeconfig::{self, AdminKubeconfigError, Reader};
use crate::cache;
use crate::context::{Context, RunError};
use crate::image::Digest;
use crate::image_file::{self, ImageFileError};
use crate::inventory;
use crate::platform::{self, Program};
use crate::yaml;

use kept::Kept;

#[derive(Debug, thiserror::Error)]
pub(crate) enum KubectlError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Kubeconfig(#[from] AdminKubeconfigError),
    #[error("the cluster's kubectl is a Linux program")]
    NotLinux,
    #[error(transparent)]
    ImageFile(#[from] ImageFileError),
    #[error("cannot run kubectl: {0}")]
    Start(io::Error),
}

/// Becomes kubectl, with a kubeconfig of the cluster alone.
///
/// # Errors
/// Returns [`KubectlError`] if kubectl cannot be run at all.
pub(crate) async fn run(
    ctx: &Context,
    cluster: &str,
    args: &[OsString],
) -> Result<Infallible, KubectlError> {
    if std::env::consts::OS != "linux" {
        return Err(KubectlError::NotLinux);
    }
    let found = inventory::cluster(ctx, cluster).await?;
    let plane = found
        .control_plane()
        .ok_or_else(|| AdminKubeconfigError::NoControlPlane(cluster.to_owned()))?;
    let kubeconfig = admin_kubeconfig::of_cluster(ctx, &found, Reader::Host).await?;
    let image = ctx.interruptible(ctx.engine.inspect(&plane.name)).await?.image_id;
    let program = program(ctx, &image).await?;
    // What was received before must not get lost: from here on, signals are kubectl's.
    ctx.interruptible(async { Ok::<_, RunError>(()) }).await?;
    let kubeconfig = yaml::to_string(&kubeconfig);
    let kubeconfig = ("KUBECONFIG", kubeconfig.as_bytes());
    Err(KubectlError::Start(platform::become_program(&program, kept::NAME, args, kubeconfig)))
}

/// The kubectl of an image: the copy that is kept, or a new one. Without a place to keep
/// it, it stays in memory.
async fn program(ctx: &Context, image: &str) -> Result<Program, KubectlError> {
    let hex = image.rsplit(':').next().unwrap_or_default();
    // An ID of another form could be that of several images.
    let directories = || {
        let image = Digest::from_hex(hex);
        let directories = image.map(|_| cache::directories("kubectl"));
        directories.into_iter().flatten().map(|directory| directory.join(hex))
    };
    if let Some(path) = directories().find_map(|directory| Kept(directory).find()) {
        return Ok(Program::File(path));
    }
    let bytes = image_file::read(ctx, image, "/usr/bin/kubectl").await?;
    let kept = cache::writable(directories()).and_then(|directory| {
        let kept = Kept(directory).keep(&bytes);
        kept.inspect_err(|error| ctx.progress.debug(1, format!("kubectl is not kept: {error}")))
            .ok()
    });
    Ok(kept.map_or(Program::InMemory(bytes), Program::File))
}
