//! kubeadm on booted nodes: init on the first control-plane, then all joins at
//! the same time, with the pod network and storage beside them.

mod manifests;
mod template;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use crate::cluster::{Cluster, Role};
use crate::context::{Context, RunError};
use crate::engine::{Command, ContainerState};
use crate::kubeadm::{self, API_PORT, DISCOVERY_PATH, Facts, PATCHES_PATH};
use crate::patch;
use crate::plan::PlannedNode;
use crate::provision::host::{self, HostError};
use crate::version::Version;
use crate::yaml;

const KUBERNETES: &str = "/etc/kubernetes";
pub const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";
const EXCLUDED_FROM_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
const KUBEADM_CONF: &str = "/kind/kubeadm.conf";
const CONTAINERD_CONF: &str = "/etc/containerd/config.toml";

#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error(transparent)]
    Context(#[from] RunError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("{0} is not a node image: {1}")]
    NotANodeImage(String, String),
    #[error("cannot generate the kubeadm configuration of {node}: {reason}")]
    Patch { node: String, reason: String },
    #[error("cannot use {what} of {node}: {reason}")]
    Unreadable { node: String, what: &'static str, reason: String },
}

/// What every node needs to know about the cluster.
pub struct Bootstrap<'a> {
    pub ctx: &'a Context,
    pub cluster: &'a Cluster,
    pub token: String,
    pub rootless: bool,
    invitation: watch::Sender<Option<Arc<Invitation>>>,
}

/// What other nodes need to join, once the first control-plane is up.
pub struct Invitation {
    /// The text of [`DISCOVERY_PATH`].
    discovery: String,
    /// What all control-planes share, as a tar archive of `/etc/kubernetes`;
    /// empty where there is only one.
    secrets: Bytes,
}

/// Files that must be the same on all control-planes (kind.md §4.2, kubeadminit).
const SHARED: [&str; 9] = [
    "admin.conf",
    "pki/ca.crt",
    "pki/ca.key",
    "pki/front-proxy-ca.crt",
    "pki/front-proxy-ca.key",
    "pki/sa.pub",
    "pki/sa.key",
    "pki/etcd/ca.crt",
    "pki/etcd/ca.key",
];

/// What a finished bootstrap leaves behind for the steps after it.
pub struct Initialized {
    pub admin_conf: String,
    pub version: Version,
}

impl<'a> Bootstrap<'a> {
    pub fn new(ctx: &'a Context, cluster: &'a Cluster, token: String, rootless: bool) -> Self {
        Bootstrap { ctx, cluster, token, rootless, invitation: watch::Sender::new(None) }
    }

    /// Writes what a booted node needs before kubeadm runs on it.
    ///
    /// # Errors
    /// A patch that does not apply, an image that is none, or a failing command.
    pub async fn configure(
        &self,
        planned: &PlannedNode,
        state: &ContainerState,
    ) -> Result<Version, BootstrapError> {
        let name = &planned.container.name;
        let text = self.ctx.read(name, "/kind/version").await.map_err(|error| match error {
            RunError::Command { output, .. } => BootstrapError::NotANodeImage(
                planned.container.image.clone(),
                output.trim().to_owned(),
            ),
            other => other.into(),
        })?;
        let not_an_image =
            |reason: String| BootstrapError::NotANodeImage(planned.container.image.clone(), reason);
        let version: Version = text.trim().parse().map_err(not_an_image)?;
        host::check_version(self.rootless, &version)?;

        let (kubeadm, idle) = render(self, planned, state, &version)?;
        idle.iter().for_each(|warning| self.ctx.progress.warn(format!("{name}: {warning}")));
        self.ctx.progress.debug(2, format!("{KUBEADM_CONF} of {name}:\n{kubeadm}"));
        self.ctx.write(name, KUBEADM_CONF, kubeadm).await?;
        if planned.node.role == Role::ControlPlane {
            let path = format!("{PATCHES_PATH}/corednsdeployment.yaml");
            self.ctx.write(name, &path, manifests::COREDNS_PATCH.to_owned()).await?;
        }
        if !self.cluster.containerd.is_empty() {
            self.patch_containerd(name).await?;
        }
        Ok(version)
    }

    async fn patch_containerd(&self, node: &str) -> Result<(), BootstrapError> {
        let config = self.ctx.read(node, CONTAINERD_CONF).await?;
        let (patched, idle) =
            patch::containerd(&config, &self.cluster.containerd).map_err(|reason| {
                BootstrapError::Unreadable {
                    node: node.to_owned(),
                    what: "the containerd patches",
                    reason,
                }
            })?;
        if is_first(self.cluster, node) {
            idle.iter().for_each(|warning| self.ctx.progress.warn(warning.clone()));
        }
        self.ctx.write(node, CONTAINERD_CONF, patched).await?;
        self.ctx.run(node, Command::new(["systemctl", "restart", "containerd"])).await?;
        Ok(())
    }

    /// `kubeadm init` on the first control-plane; afterwards others can join.
    ///
    /// # Errors
    /// kubeadm's output, or a broken `admin.conf`.
    pub async fn init(
        &self,
        node: &str,
        version: &Version,
        told: impl Fn(&str) + Send,
    ) -> Result<String, BootstrapError> {
        let mode = self.cluster.networking.proxy_mode;
        let init = kubeadm::init_command(KUBEADM_CONF, version, mode);
        self.ctx.run_told(node, Command::new(init), told).await?;
        let admin_conf = self.ctx.read(node, ADMIN_CONF).await?;
        let discovery = discovery(&admin_conf).map_err(|reason| BootstrapError::Unreadable {
            node: node.to_owned(),
            what: ADMIN_CONF,
            reason,
        })?;
        let mut secrets = Bytes::new();
        if self.cluster.is_balanced() {
            let pack = ["tar", "-C", KUBERNETES, "-c"].into_iter().chain(SHARED);
            secrets = self.ctx.run_told(node, Command::new(pack), |_| {}).await?.into();
        }
        self.invitation.send_replace(Some(Arc::new(Invitation { discovery, secrets })));
        Ok(admin_conf)
    }

    /// Waits until there is something to join.
    ///
    /// # Errors
    /// Cancelled.
    pub async fn invitation(&self) -> Result<Arc<Invitation>, RunError> {
        let mut sent = self.invitation.subscribe();
        let seen = async {
            let seen = sent.wait_for(Option::is_some).await.expect("the sender is ours");
            Ok::<_, RunError>(seen.clone().expect("waited for it"))
        };
        self.ctx.interruptible(seen).await
    }

    /// `kubeadm join`.
    ///
    /// # Errors
    /// kubeadm's output.
    pub async fn join(
        &self,
        planned: &PlannedNode,
        version: &Version,
        invitation: &Invitation,
    ) -> Result<(), BootstrapError> {
        let node = &planned.container.name;
        self.ctx.write(node, DISCOVERY_PATH, invitation.discovery.clone()).await?;
        if planned.node.role == Role::ControlPlane {
            let script = "mkdir -p \"$0\" && tar -C \"$0\" -x";
            let unpack = Command::new(["sh", "-c", script, KUBERNETES]);
            self.ctx.run(node, unpack.stdin(invitation.secrets.clone())).await?;
        }
        let join = Command::new(kubeadm::join_command(KUBEADM_CONF, version));
        let told = |line: &str| self.ctx.progress.debug(3, format!("{node}: {line}"));
        self.ctx.run_told(node, join, told).await?;
        Ok(())
    }

    /// Pod network and StorageClass, from the manifests in the node image; and
    /// a single node is made one that load balancers may use.
    ///
    /// # Errors
    /// A missing network manifest, or kubectl's output.
    pub async fn install(&self, node: &str) -> Result<(), BootstrapError> {
        let endpoint = self.endpoint();
        let network = async {
            if !self.cluster.networking.default_cni {
                return Ok(());
            }
            let manifest = self.ctx.read(node, "/kind/manifests/default-cni.yaml").await?;
            let manifest =
                manifests::network(&manifest, &self.cluster.networking.pod_subnet, &endpoint)
                    .map_err(|reason| BootstrapError::Unreadable {
                        node: node.to_owned(),
                        what: "the pod network's manifest",
                        reason,
                    })?;
            self.ctx.progress.debug(5, &manifest);
            self.install_manifest(node, "create", manifest).await
        };
        let storage = async {
            let path = "/kind/manifests/default-storage.yaml";
            let manifest = match self.ctx.read(node, path).await {
                Err(RunError::Command { .. }) => {
                    let name = &self.cluster.name;
                    self.ctx.progress.warn(format!(
                        "the node image of {name} has no {path}: its StorageClass is host-path"
                    ));
                    manifests::HOST_PATH_STORAGE.to_owned()
                }
                read => read?,
            };
            // Unlike the network, it may name what kubeadm made before.
            self.install_manifest(node, "apply", manifest).await
        };
        let label = async {
            // The only node must be reachable from outside (kind.md §4.2, kubeadminit).
            if self.cluster.nodes.len() == 1 {
                let label = format!("{EXCLUDED_FROM_BALANCERS}-");
                self.kubectl(node, &["label", "node", node, &label], None).await?;
            }
            Ok(())
        };
        tokio::try_join!(network, storage, label).map(drop)
    }

    async fn install_manifest(
        &self,
        node: &str,
        verb: &str,
        manifest: String,
    ) -> Result<(), BootstrapError> {
        // The manifests come with the image: checking them against the schema
        // costs a download of all of it.
        self.kubectl(node, &[verb, "--validate=false", "-f", "-"], Some(manifest)).await
    }

    async fn kubectl(
        &self,
        node: &str,
        args: &[&str],
        stdin: Option<String>,
    ) -> Result<(), BootstrapError> {
        let mut command = kubectl(args);
        command.stdin = stdin.map(Into::into);
        self.ctx.run(node, command).await?;
        Ok(())
    }

    /// Where nodes reach the API server, inside the network.
    fn endpoint(&self) -> String {
        format!("{}:{API_PORT}", self.cluster.api_host())
    }
}

/// A control-plane's kubectl, with all rights.
pub fn kubectl(args: &[&str]) -> Command {
    let kubeconfig = format!("--kubeconfig={ADMIN_CONF}");
    Command::new(["kubectl", &kubeconfig].iter().chain(args).copied())
}

/// A node's kubeadm configuration, patched; and what in the patches has no effect.
fn render(
    bootstrap: &Bootstrap,
    planned: &PlannedNode,
    state: &ContainerState,
    version: &Version,
) -> Result<(String, Vec<String>), BootstrapError> {
    let v4 =
        state.addresses.iter().find_map(|a| if let IpAddr::V4(a) = a { Some(*a) } else { None });
    let v6 =
        state.addresses.iter().find_map(|a| if let IpAddr::V6(a) = a { Some(*a) } else { None });
    let facts = Facts {
        cluster: bootstrap.cluster,
        node_name: &planned.container.name,
        node: &planned.node,
        version,
        addresses: (v4, v6),
        endpoint: &bootstrap.endpoint(),
        token: &bootstrap.token,
        provider: "docker",
        rootless: bootstrap.rootless,
    };
    documents(&facts)
        .map_err(|reason| BootstrapError::Patch { node: planned.container.name.clone(), reason })
}

/// The patched documents as one text; also used for `--dry-run`.
///
/// # Errors
/// Why a patch does not apply.
pub fn documents(facts: &Facts) -> Result<(String, Vec<String>), String> {
    let rendered = kubeadm::documents(facts);
    let mut idle = patch::idle(&rendered, &facts.node.kubeadm);
    if is_first(facts.cluster, facts.node_name) {
        idle.extend(patch::idle(&rendered, &facts.cluster.kubeadm));
    }
    let patched = patch::kubeadm(rendered, &facts.cluster.kubeadm)?;
    let patched = patch::kubeadm(patched, &facts.node.kubeadm)?;
    Ok((kubeadm::render(&patched), idle))
}

/// Whether this is the node that speaks for all: what holds for the whole
/// cluster is warned of once.
fn is_first(cluster: &Cluster, node: &str) -> bool {
    node == format!("{}-{}", cluster.name, Role::ControlPlane)
}

/// The cluster's address and authority without anybody's credentials: what
/// `kubeadm join` accepts as discovery file.
fn discovery(admin_conf: &str) -> Result<String, String> {
    let mut config = yaml::document(admin_conf)?;
    let users = config
        .get_mut("users")
        .and_then(serde_json::Value::as_array_mut)
        .ok_or("it lists no users")?;
    users.iter_mut().for_each(|entry| entry["user"] = serde_json::json!({}));
    Ok(yaml::to_string(&config))
}
