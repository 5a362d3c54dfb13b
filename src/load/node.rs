//! A node's image store: what is in it, and the commands that change it.
//!
//! Only `ctr`, `containerd` and bash are used, which every node image of
//! kind's has. Starting a command in a node takes 0.05 s, every `ctr` 0.015 s of
//! it a processor: what can be asked at once is.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::catalog::LoadImage;
use super::oci::{Digest, Platform};
use super::reference::Reference;
use crate::context::{Context, RunError};
use crate::engine::Command;
use crate::node::{NodeHandle, Session};

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

/// The images that a node is asked about. Working out the size of every image
/// takes longer than all the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest(Vec<String>);

impl Interest {
    pub fn all() -> Interest {
        Interest(Vec::new())
    }

    /// Images of these names, and those that are or are named by these digests.
    pub fn of<'a>(
        names: impl IntoIterator<Item = &'a Reference>,
        ids: impl IntoIterator<Item = &'a Digest>,
    ) -> Interest {
        let names = names.into_iter().map(|name| format!("name==\"{name}\""));
        let ids = ids
            .into_iter()
            .flat_map(|id| [format!("name==\"{id}\""), format!("target.digest==\"{id}\"")]);
        // Without any, `ctr` would list all.
        Interest(["name==none".to_owned()].into_iter().chain(names).chain(ids).collect())
    }

    /// What must be seen of images once they are loaded.
    pub fn loaded<'a>(images: impl Iterator<Item = &'a LoadImage> + Clone) -> Interest {
        let names = images.clone().flat_map(|image| &image.names);
        Interest::of(names, images.flat_map(|image| [&image.root.digest, &image.config]))
    }
}

/// Ends what a node says.
const END: &str = "==";

/// Looks (`FILTER...`), and then, if it is told to, pulls and looks again: it is
/// told what to look for, the registry's host and port, and a line for each
/// image. containerd's configuration is read from its file, which is where kind
/// and its patches write it, unless that is not all of it.
const SCRIPT: &str = r#"set -e
snapshotter=$1
shift
folder=$(mktemp -d /run/skiff-load.XXXXXX)
trap 'rm -rf "$folder"' EXIT

look() {
  local images blobs
  $ctr images ls "$@" >"$folder/images" & images=$!
  $ctr content ls -q >"$folder/blobs" & blobs=$!
  $ctr snapshots --snapshotter "$snapshotter" ls >"$folder/snapshots"
  wait $images
  wait $blobs
  cat "$folder/images"; echo --
  cat "$folder/blobs"; echo --
  cat "$folder/snapshots"; echo --
  if grep -qs '^ *imports' /etc/containerd/config.toml; then
    containerd config dump 2>/dev/null
  else
    cat /etc/containerd/config.toml 2>/dev/null
  fi || true
  echo --
  ip route show default 2>/dev/null || true
  echo ==
}

look "$@"
read -r -a filters || exit 0
read -r host port
# A firewall may swallow it all; containerd would wait for half a minute.
timeout 3 bash -c ": <>/dev/tcp/$host/$port" || {
  echo "there is no way to port $port of $host" >&2
  exit 1
}
mkdir "$folder/_default"
while read -r base client platform first others; do
  printf 'server = "%s"\n[host."%s"]\ncapabilities = ["pull", "resolve"]\noverride_path = true\n' \
    "$base" "$base" >"$folder/_default/hosts.toml"
  $ctr images pull ${client#-} --hosts-dir "$folder" --snapshotter "$snapshotter" \
    --platform "$platform" "$first" </dev/null >/dev/null
  for name in $others; do $ctr images tag --force "$first" "$name" >/dev/null; done
done
look "${filters[@]}"
"#;

/// A node that has said what it has, and waits for what to do.
pub struct Waiting {
    session: Session,
    snapshotter: String,
}

/// Asks a node what it has.
///
/// # Errors
/// The engine's, or a node without a containerd that answers.
pub async fn look(
    ctx: &Context,
    node: &str,
    about: &Interest,
) -> Result<(NodeState, Waiting), RunError> {
    let script = format!("ctr=\"{CTR}\"\n{SCRIPT}");
    let mut snapshotter = DEFAULT_SNAPSHOTTER.to_owned();
    loop {
        let start = ["bash", "-c", &script, "load", &snapshotter].map(str::to_owned);
        let command = Command::new(start.into_iter().chain(about.0.iter().cloned()));
        let (session, said) = NodeHandle::new(ctx, node).session(command, END).await?;
        let state = parse(&said);
        if state.snapshotter == snapshotter {
            return Ok((state, Waiting { session, snapshotter }));
        }
        snapshotter = state.snapshotter;
    }
}

/// The same, of a node that is to do nothing then.
///
/// # Errors
/// As [`look`].
pub async fn state(ctx: &Context, node: &str, about: &Interest) -> Result<NodeState, RunError> {
    look(ctx, node, about).await.map(|(state, _)| state)
}

/// An image, and where a registry answers for it.
pub struct Offer {
    pub image: LoadImage,
    pub base: String,
}

impl Waiting {
    /// Has the node fetch images and give them their names; returns what it has
    /// then. containerd asks only for layers that it has neither as blob nor
    /// unpacked.
    ///
    /// # Errors
    /// The engine's, or a pull that failed.
    pub async fn pull(
        self,
        offers: &[Offer],
        registry: SocketAddr,
        architecture: &str,
    ) -> Result<NodeState, RunError> {
        let lines = pulling(offers, registry, architecture, &self.snapshotter);
        Ok(parse(&self.session.finish(lines, END).await?))
    }
}

/// What a node is told.
fn pulling(
    offers: &[Offer],
    registry: SocketAddr,
    architecture: &str,
    snapshotter: &str,
) -> String {
    let Interest(filters) = Interest::loaded(offers.iter().map(|offer| &offer.image));
    let mut lines = format!("{}\n{} {}\n", filters.join(" "), registry.ip(), registry.port());
    for Offer { image, base } in offers {
        // The daemon itself fetches (`--local` would be the client), several
        // layers at once, unpacking what has arrived; but only for its own
        // platform and with its own snapshotter.
        let own = snapshotter == DEFAULT_SNAPSHOTTER && image.platform.architecture == architecture;
        let client = if own { "-" } else { "---local" };
        let first = image.names.iter().find(|name| name.is_tag()).cloned();
        let first = first.unwrap_or_else(|| image.exact_name());
        let others = image.names.iter().filter(|name| **name != first);
        let names: Vec<String> =
            [&first].into_iter().chain(others).map(Reference::to_string).collect();
        lines += &format!("{base} {client} {} {}\n", image.platform, names.join(" "));
    }
    lines
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
