//! The `extraMounts` of a node.

use std::path::{Path, PathBuf};

use super::decode::{Fields, Located};
use super::host_path::{self, Surroundings};
use super::problem::Problems;
use crate::cluster::{Mount, Propagation};

const MOUNT: &[&str] = &["containerPath", "hostPath", "readOnly", "selinuxRelabel", "propagation"];
const PROPAGATIONS: &[(&str, Propagation)] = &[
    ("None", Propagation::None),
    ("HostToContainer", Propagation::HostToContainer),
    ("Bidirectional", Propagation::Bidirectional),
];

pub(super) fn mounts(
    fields: &Fields,
    surroundings: &Surroundings,
    problems: &mut Problems,
) -> Vec<Mount> {
    let mut targets: Vec<(PathBuf, String)> = Vec::new();
    let mut mounts = Vec::new();
    for at in fields.list("extraMounts", problems) {
        let mount = mount(&at, surroundings, problems);
        // The components, so that `/a/` and `/a` are the same.
        let target: PathBuf = Path::new(&mount.container_path).components().collect();
        match targets.iter().find(|(other, _)| *other == target) {
            Some((_, path)) if !mount.container_path.is_empty() => {
                at.problem(problems, format!("{path} already mounts {}", mount.container_path));
            }
            _ => targets.push((target, at.path)),
        }
        mounts.push(mount);
    }
    mounts
}

fn mount(at: &Located, surroundings: &Surroundings, problems: &mut Problems) -> Mount {
    let fields = at.fields(MOUNT, problems);
    let container_path = fields.string("containerPath", problems);
    if container_path.is_empty() {
        at.problem(problems, "`containerPath` is missing");
    } else if let (Err(why), Some(at)) = (target(&container_path), fields.get("containerPath")) {
        at.problem(problems, why);
    }
    let written = fields.string("hostPath", problems);
    let host_path = host_path::resolve(&written, surroundings).unwrap_or_else(|why| {
        fields.get("hostPath").unwrap_or(at).problem(problems, why);
        PathBuf::new()
    });
    let propagation = fields.get("propagation");
    let mount = Mount {
        container_path,
        host_path,
        read_only: fields.bool("readOnly", problems),
        selinux_relabel: fields.bool("selinuxRelabel", problems),
        propagation: propagation
            .and_then(|at| at.choice("a mount propagation", PROPAGATIONS, problems))
            .unwrap_or_default(),
    };
    if let (true, true, Some(at)) =
        (mount.selinux_relabel, mount.has_colon(), fields.get("selinuxRelabel"))
    {
        at.problem(
            problems,
            "the engine cannot relabel a mount whose paths contain `:`; relabel the directory on the host (chcon -Rt container_file_t) and leave this out",
        );
    }
    mount
}

/// What every engine requires of it.
fn target(path: &str) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err(format!("{path:?} is not an absolute path in the node, such as /data"));
    }
    match path.trim_matches('/').is_empty() {
        true => Err("the node's root directory cannot be a mount".to_owned()),
        false => Ok(()),
    }
}
