//! kubeadm on booted nodes: init on the first control-plane, then all joins at
//! the same time, while the pod network and storage are installed.

mod config;
mod error;
mod etcd;
mod install;
mod manifests;
mod node_labels;
mod template;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::cluster::{Cluster, Place, Role};
use crate::context::{Context, RunError};
use crate::engine::{Command, ContainerState, Host};
use crate::kube::KubeClient;
use crate::kubeadm::{self, ConfigData, DISCOVERY_PATH, PATCHES_PATH, UnknownField};
use crate::node::{ADMIN_CONF, NodeHandle};
use crate::patch;
use crate::plan::PlannedNode;
use crate::provision::host;
use crate::secret::Secret;
use crate::version::Version;
use crate::yaml;

pub(crate) use config::node_config;
pub(crate) use error::BootstrapError;

const KUBERNETES: &str = "/etc/kubernetes";
const KUBEADM_CONF: &str = "/kind/kubeadm.conf";
const CONTAINERD_CONF: &str = "/etc/containerd/config.toml";

/// What the bootstrap of every node of a cluster shares.
pub(crate) struct Bootstrap<'a> {
    pub ctx: &'a Context,
    pub cluster: &'a Cluster,
    pub token: Secret,
    pub rootless: bool,
    /// The engine's name in provider ids.
    pub provider: &'static str,
    credentials: watch::Sender<Option<Arc<JoinCredentials>>>,
    /// Fields that were warned about.
    warned: Mutex<Vec<UnknownField>>,
}

/// What other nodes need to join. Known once the first control-plane is up.
pub(crate) struct JoinCredentials {
    /// The text of [`DISCOVERY_PATH`].
    discovery: String,
    /// What all control-planes share, as a tar archive of `/etc/kubernetes`;
    /// empty where there is only one.
    secrets: Bytes,
}

/// Files that must be the same on all control-planes
/// (kind v0.33.0, `pkg/cluster/internal/create/actions/kubeadminit/init.go`).
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
pub(crate) struct Initialized {
    pub admin_conf: String,
    pub version: Version,
}

/// Fails with containerd's reasons if it does not take its configuration. containerd
/// itself starts without its Kubernetes part if that part refuses it, and the kubelet
/// would wait for it in vain.
const RESTART_CONTAINERD: &str = r#"
systemctl restart containerd 2>/dev/null &&
  ctr plugins list | awk '$1 ~ /cri/ && $NF == "error" { bad = 1 } END { exit bad }' || {
  journalctl --unit=containerd --output=cat --lines=100 --no-pager |
    grep -E '^containerd:|failed to load plugin|level=(error|fatal)' >&2
  exit 1
}
"#;

impl<'a> Bootstrap<'a> {
    pub(crate) fn new(
        ctx: &'a Context,
        cluster: &'a Cluster,
        token: Secret,
        engine_host: &Host,
    ) -> Self {
        Bootstrap {
            ctx,
            cluster,
            token,
            rootless: engine_host.rootless,
            provider: engine_host.product.as_str(),
            credentials: watch::Sender::new(None),
            warned: Mutex::default(),
        }
    }

    /// Writes what a booted node needs before kubeadm runs on it.
    ///
    /// # Errors
    /// Returns [`BootstrapError`] for an image that is not a node image, a patch
    /// that does not apply, a version that the host cannot run, or a failing
    /// command.
    pub(crate) async fn configure(
        &self,
        planned: &PlannedNode,
        state: &ContainerState,
    ) -> Result<Version, BootstrapError> {
        let name = &planned.container.name;
        let node = self.node(name);
        let text = node.read("/kind/version").await.map_err(|error| match error {
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

        let data = ConfigData::new(
            self.cluster,
            (name, &planned.node),
            &version,
            &state.addresses,
            self.token.reveal(),
            self.rootless,
        );
        let data = ConfigData { provider: self.provider, ..data };
        let config = node_config(&data)
            .map_err(|reason| BootstrapError::Patch { node: name.clone(), reason })?;
        config.warnings.iter().for_each(|warning| self.ctx.progress.warn(warning));
        let kubeadm = config.text();
        self.ctx.progress.debug(2, format!("{KUBEADM_CONF} of {name}:\n{kubeadm}"));
        node.write(KUBEADM_CONF, kubeadm).await?;
        for (file, text) in config.patches {
            node.write(&format!("{PATCHES_PATH}/{file}"), text).await?;
        }
        if planned.node.role == Role::ControlPlane {
            let path = format!("{PATCHES_PATH}/corednsdeployment.yaml");
            node.write(&path, manifests::COREDNS_PATCH.to_owned()).await?;
        }
        if !self.cluster.containerd.is_empty() {
            self.patch_containerd(&node).await?;
        }
        Ok(version)
    }

    /// Changes containerd's configuration, which the node image brings along.
    async fn patch_containerd(&self, node: &NodeHandle) -> Result<(), BootstrapError> {
        let config = node.read(CONTAINERD_CONF).await?;
        let patched = patch::containerd(&config, &self.cluster.containerd).map_err(|reason| {
            BootstrapError::Unreadable {
                node: node.name().to_owned(),
                what: "the containerd patches",
                reason,
            }
        })?;
        if config::is_first(self.cluster, node.name()) {
            let ignored = patched.without_effect.iter();
            ignored.for_each(|warning| self.ctx.progress.warn(warning.clone()));
        }
        node.write(CONTAINERD_CONF, patched.config).await?;
        for file in patched.hosts {
            node.write(&file.path, file.text).await?;
        }
        node.run(Command::new(["sh", "-c", RESTART_CONTAINERD])).await.map(drop).map_err(|error| {
            match error {
                RunError::Command { node, output, .. } => {
                    let place = self.containerd_patch(&output, &node);
                    BootstrapError::Containerd { node, output, place }
                }
                other => other.into(),
            }
        })
    }

    /// The patch that sets what containerd names, else the first one.
    fn containerd_patch(&self, output: &str, node: &str) -> Place {
        let first = match self.cluster.containerd.merge.is_empty() {
            true => "containerdConfigPatchesJSON6902[0]",
            false => "containerdConfigPatches[0]",
        };
        let named = self.cluster.place_of(output, node);
        let is_patch = |place: &Place| place.path.starts_with("containerdConfigPatches");
        named.filter(is_patch).unwrap_or_else(|| self.cluster.source.place(first))
    }

    /// `kubeadm init` on the first control-plane; afterwards others can join. Pod network
    /// and kubeadm's add-ons do not wait for its last phases.
    ///
    /// # Errors
    /// Returns [`RunError::Command`] with kubeadm's output, or an error if
    /// `admin.conf` is invalid.
    pub(crate) async fn init(
        &self,
        node: &str,
        version: &Version,
        on_line: impl Fn(&str) + Send + Sync,
    ) -> Result<String, BootstrapError> {
        let node = self.node(node);
        let mode = self.cluster.networking.proxy_mode;
        let init = kubeadm::init_command(KUBEADM_CONF, version, mode);
        let (name, api_answers) = (node.name(), Notify::new());
        let on_line = |line: &str| {
            self.warn_of_unknown_fields(name, line);
            if kubeadm::api_answers_in(line) {
                api_answers.notify_one();
            }
            on_line(line);
        };
        let init = async {
            node.run_with(Command::new(init), on_line).await?;
            api_answers.notify_one();
            Ok(())
        };
        let others = async {
            let addons = install::addons_command(&node, KUBEADM_CONF).await?;
            api_answers.notified().await;
            let addons = async {
                if let Some(command) = addons {
                    node.run(command).await?;
                }
                Ok(())
            };
            tokio::try_join!(install::network(self.cluster, &node), addons)
        };
        tokio::try_join!(init, others)?;
        self.share_credentials(&node).await
    }

    /// Lets other nodes join; returns the `admin.conf`.
    async fn share_credentials(&self, node: &NodeHandle) -> Result<String, BootstrapError> {
        let admin_conf = node.read(ADMIN_CONF).await?;
        let discovery = discovery(&admin_conf).map_err(|reason| BootstrapError::Unreadable {
            node: node.name().to_owned(),
            what: ADMIN_CONF,
            reason,
        })?;
        let mut secrets = Bytes::new();
        if self.cluster.has_load_balancer() {
            let pack = ["tar", "-C", KUBERNETES, "-c"].into_iter().chain(SHARED);
            secrets = node.output(Command::new(pack)).await?.into();
        }
        self.credentials.send_replace(Some(Arc::new(JoinCredentials { discovery, secrets })));
        Ok(admin_conf)
    }

    /// Waits until `kubeadm init` has finished.
    ///
    /// # Errors
    /// Returns [`RunError::Cancelled`] if the operation is cancelled first.
    pub(crate) async fn join_credentials(&self) -> Result<Arc<JoinCredentials>, RunError> {
        let mut sent = self.credentials.subscribe();
        let seen = async {
            let seen = sent.wait_for(Option::is_some).await.expect("the sender is ours");
            Ok::<_, RunError>(seen.clone().expect("waited for it"))
        };
        self.ctx.interruptible(seen).await
    }

    /// `kubeadm join`.
    ///
    /// # Errors
    /// Returns [`RunError::Command`] with kubeadm's output if kubeadm fails.
    pub(crate) async fn join(
        &self,
        planned: &PlannedNode,
        version: &Version,
        credentials: &JoinCredentials,
    ) -> Result<(), BootstrapError> {
        let node = self.node(&planned.container.name);
        node.write(DISCOVERY_PATH, credentials.discovery.clone()).await?;
        if planned.node.role == Role::ControlPlane {
            let script = "mkdir -p \"$0\" && tar -C \"$0\" -x";
            let unpack = Command::new(["sh", "-c", script, KUBERNETES]);
            node.run(unpack.stdin(credentials.secrets.clone())).await?;
        }
        let join = Command::new(kubeadm::join_command(KUBEADM_CONF, version));
        let name = node.name();
        let on_line = |line: &str| {
            self.warn_of_unknown_fields(name, line);
            self.ctx.progress.debug(3, format!("{name}: {line}"));
        };
        node.run_with(join, on_line).await?;
        Ok(())
    }

    /// Prepares several control-planes, all of which have joined, for other addresses:
    /// see [`etcd`].
    ///
    /// # Errors
    /// As [`etcd::name_members`].
    pub(crate) async fn name_etcd_members(&self, node: &str) -> Result<(), BootstrapError> {
        Ok(etcd::name_members(&self.node(node)).await?)
    }

    /// Deletes the bootstrap token: no node can join with it any more. Nodes that are
    /// added later get one of their own (`kubeadm token create`). A failure is a
    /// warning, because the token expires.
    pub(crate) async fn revoke_token(&self, node: &str) {
        let token = self.token.reveal();
        let (id, _) = token.split_once('.').unwrap_or((token, ""));
        let secret = format!("/api/v1/namespaces/kube-system/secrets/bootstrap-token-{id}");
        match KubeClient::new(self.node(node)).delete_raw(&secret).await {
            Ok(()) | Err(RunError::Cancelled) => {}
            Err(error) => self.ctx.progress.warn(format!(
                "cannot delete the bootstrap token, which is valid for an hour: {error}"
            )),
        }
    }

    /// Installs what else every new cluster has, after `kubeadm init`: see [`install`].
    ///
    /// # Errors
    /// As [`install::install`].
    pub(crate) async fn install(&self, node: &str) -> Result<(), BootstrapError> {
        let handle = self.node(node);
        let finalize = Command::new(kubeadm::finalize_kubelet_command(KUBEADM_CONF));
        tokio::try_join!(install::install(self.cluster, &handle), async {
            Ok(handle.run(finalize).await.map(drop)?)
        })
        .map(drop)
    }

    /// A field that kubeadm does not know it leaves out, and says so among hundreds of
    /// lines; often twice.
    fn warn_of_unknown_fields(&self, node: &str, line: &str) {
        // An error ends it, and is shown.
        if line.starts_with('W') {
            let fields = kubeadm::unknown_fields(line, None).into_iter();
            fields.for_each(|field| self.warn_of_unknown_field(field, node));
        }
    }

    /// Warns once about a field that is left out.
    pub(crate) fn warn_of_unknown_field(&self, field: UnknownField, node: &str) {
        let mut warned = self.warned.lock().expect("no holder panics");
        if warned.contains(&field) {
            return;
        }
        let UnknownField { kind, path } = &field;
        let name = path.rsplit('.').next().unwrap_or_default();
        let place = self.cluster.place_named(name, node);
        let place = place.map_or_else(|| node.to_owned(), |place| place.to_string());
        self.ctx
            .progress
            .warn(format!("{place}: {kind} of this version has no field {path}: it has no effect"));
        warned.push(field);
    }

    fn node(&self, name: &str) -> NodeHandle {
        NodeHandle::new(self.ctx, name)
    }
}

/// The cluster's address and certificate authority without credentials: what
/// `kubeadm join` accepts as a discovery file.
fn discovery(admin_conf: &str) -> Result<String, String> {
    let mut config = yaml::document(admin_conf)?;
    let users = config
        .get_mut("users")
        .and_then(serde_json::Value::as_array_mut)
        .ok_or("it has no users")?;
    users.iter_mut().for_each(|entry| entry["user"] = serde_json::json!({}));
    Ok(yaml::to_string(&config))
}
