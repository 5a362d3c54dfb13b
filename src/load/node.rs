//! A node's image store: what is in it, and the commands that change it.
//!
//! Only `ctr`, `containerd` and a shell are used, which every node image of
//! kind's has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::catalog::LoadImage;
use super::oci::{Digest, Platform};
use super::reference::Reference;
use crate::engine::Command;
use crate::work::{Work, WorkError};

const DEFAULT_SNAPSHOTTER: &str = "overlayfs";
/// kubelet's images.
const CTR: &str = "ctr --namespace=k8s.io";

/// What a node's containerd holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeState {
    pub images: Vec<NodeImage>,
    pub blobs: BTreeSet<Digest>,
    /// Unpacked layers, by the name of their chain.
    pub snapshots: BTreeSet<Digest>,
    pub snapshotter: String,
    /// The address by which the node reaches the engine's host.
    pub gateway: Option<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeImage {
    pub name: String,
    pub target: Digest,
    /// As `ctr` writes it, such as `12.3 MiB`; empty if it cannot tell.
    pub size: String,
}

impl NodeState {
    pub fn target(&self, name: &str) -> Option<&Digest> {
        self.images.iter().find(|image| image.name == name).map(|image| &image.target)
    }

    /// A name of this content.
    pub fn name_of(&self, target: &Digest) -> Option<String> {
        self.images.iter().find(|image| image.target == *target).map(|image| image.name.clone())
    }

    /// What an image's identity in the engine points to here: kubelet's part
    /// of containerd names every image by its configuration, too.
    pub fn find(&self, id: &Digest) -> Option<&Digest> {
        self.target(&id.to_string())
            .or_else(|| self.images.iter().map(|image| &image.target).find(|target| *target == id))
    }

    /// What is wrong with an image that was loaded; `None` if nothing is.
    pub fn fault(&self, image: &LoadImage) -> Option<String> {
        let root = &image.root.digest;
        for name in image.names.iter().map(Reference::to_string) {
            match self.target(&name) {
                None => return Some(format!("{name} is not there")),
                Some(target) if target != root => {
                    return Some(format!("{name} is {target} instead of {root}"));
                }
                Some(_) => {}
            }
        }
        if let Some(missing) = [root, &image.config].into_iter().find(|d| !self.blobs.contains(d)) {
            return Some(format!("{missing} is missing"));
        }
        if image.top().is_some_and(|top| !self.snapshots.contains(&top)) {
            return Some("its layers are not unpacked".into());
        }
        if self.target(&image.config.to_string()).is_none() {
            return Some("kubelet does not know it".into());
        }
        None
    }
}

/// Asks a node what it has.
///
/// # Errors
/// The engine's, or a node without a containerd that answers.
pub async fn state(work: &Work, node: &str) -> Result<NodeState, WorkError> {
    let first = read(work, node, DEFAULT_SNAPSHOTTER).await?;
    if first.snapshotter == DEFAULT_SNAPSHOTTER {
        return Ok(first);
    }
    read(work, node, &first.snapshotter).await
}

async fn read(work: &Work, node: &str, snapshotter: &str) -> Result<NodeState, WorkError> {
    let script = format!(
        "{CTR} images ls && echo -- && {CTR} content ls -q && echo -- && \
         {CTR} snapshots --snapshotter \"$0\" ls && echo -- && \
         (containerd config dump; echo --; ip route show default) 2>/dev/null"
    );
    let said = work.run(node, Command::new(["sh", "-c", &script, snapshotter])).await?;
    Ok(parse(&said))
}

fn parse(text: &str) -> NodeState {
    let mut sections = text.split("--\n").map(str::lines);
    let mut section = || sections.next().into_iter().flatten();
    let images = section().filter_map(image).collect();
    let blobs = section().filter_map(Digest::parse).collect();
    let snapshots =
        section().filter_map(|line| Digest::parse(line.split_whitespace().next()?)).collect();
    let snapshotter = snapshotter(section()).unwrap_or_else(|| DEFAULT_SNAPSHOTTER.to_owned());
    // "default via 172.18.0.1 dev eth0"
    let gateway = section().find_map(|line| line.split_whitespace().nth(2)?.parse().ok());
    NodeState { images, blobs, snapshots, snapshotter, gateway }
}

/// `NAME TYPE DIGEST SIZE UNIT PLATFORMS LABELS`; the size may be a dash.
fn image(line: &str) -> Option<NodeImage> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let size = match (words.get(3), words.get(4)) {
        (Some(number), Some(unit)) if unit.ends_with('B') => format!("{number} {unit}"),
        _ => String::new(),
    };
    Some(NodeImage {
        name: words.first()?.to_string(),
        target: Digest::parse(words.get(2)?)?,
        size,
    })
}

/// The one that kubelet's images are unpacked by; containerd's configuration
/// has it in another table since its version 3.
fn snapshotter<'a>(config: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut in_table = false;
    for line in config.map(str::trim) {
        if line.starts_with('[') {
            let table: String = line.chars().filter(|c| !"[]'\" ".contains(*c)).collect();
            in_table = table == "plugins.io.containerd.cri.v1.images"
                || table == "plugins.io.containerd.grpc.v1.cri.containerd";
        } else if in_table && line.starts_with("snapshotter") {
            let value = line.split_once('=')?.1.trim().trim_matches(['"', '\'']);
            return (!value.is_empty()).then(|| value.to_owned());
        }
    }
    None
}

/// Has a node fetch an image from a registry that answers at `base` for every
/// name, and gives it its names. containerd asks only for layers that it has
/// neither as blob nor unpacked.
pub fn pull(base: &str, image: &LoadImage, architecture: &str, snapshotter: &str) -> Command {
    // The daemon itself fetches (`--local` would be the client), several
    // layers at once, unpacking what has arrived; but only for its own platform
    // and with its own snapshotter.
    let own = snapshotter == DEFAULT_SNAPSHOTTER && image.platform.architecture == architecture;
    let client = if own { "" } else { "--local" };
    let script = format!(
        r#"set -e
folder=$(mktemp -d /run/skiff-load.XXXXXX)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/_default"
cat >"$folder/_default/hosts.toml"
# A firewall may swallow it all; containerd would wait for half a minute.
at=${{4#http://}}
at=${{at%%/*}}
timeout 3 bash -c ": <>/dev/tcp/${{at%:*}}/${{at##*:}}" || {{ echo "there is no way to $at" >&2; exit 1; }}
exact=$3
{CTR} images pull {client} --hosts-dir "$folder" --snapshotter "$1" --platform "$2" "$exact" >/dev/null
shift 4
for name; do [ "$name" = "$exact" ] || {CTR} images tag --force "$exact" "$name" >/dev/null; done"#
    );
    let hosts = format!(
        "server = \"{base}\"\n[host.\"{base}\"]\ncapabilities = [\"pull\", \"resolve\"]\noverride_path = true\n"
    );
    let exact = image.exact_name().to_string();
    let platform = image.platform.to_string();
    let arguments =
        ["sh", "-c", &script, "load", snapshotter, &platform, &exact, base].map(str::to_owned);
    let names = image.names.iter().map(Reference::to_string);
    Command::new(arguments.into_iter().chain(names)).stdin(hosts)
}

/// Has a node import an archive from stdin. The client does it where it can:
/// handing the archive to the daemon takes twice as long.
pub fn import(platform: &Platform, snapshotter: &str) -> Command {
    let script = format!(
        r#"client=
! ctr images import --help | grep -q -e --local || client=--local
exec {CTR} images import $client --snapshotter "$0" --platform "$1" - >/dev/null"#
    );
    Command::new(["sh", "-c", &script, snapshotter, &platform.to_string()])
}

/// Gives an image that is there more names.
pub fn tag(from: &str, names: &[String]) -> Command {
    let script =
        format!(r#"for name; do {CTR} images tag --force "$0" "$name" >/dev/null || exit; done"#);
    let arguments = ["sh", "-c", &script, from].map(str::to_owned);
    Command::new(arguments.into_iter().chain(names.iter().cloned()))
}

/// Removes names, and with the last one the content.
pub fn remove(names: &[String]) -> Command {
    let arguments = ["ctr", "--namespace=k8s.io", "images", "rm", "--sync"].map(str::to_owned);
    Command::new(arguments.into_iter().chain(names.iter().cloned()))
}

#[cfg(test)]
mod tests;
