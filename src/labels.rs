//! Every label that skiff uses. Existing clusters are found by [`CLUSTER`], what one
//! run of `create` made by [`CREATION`], an add-on's objects by [`ADDON`]. Other
//! containers carry [`CREATED_BY`], for people to recognise them.
//! Clusters have no other state.

/// The cluster a container belongs to
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/constants.go`).
pub(crate) const CLUSTER: &str = "io.x-k8s.kind.cluster";

/// What a container is in its cluster: one of the three values below
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/constants.go`).
pub(crate) const ROLE: &str = "io.x-k8s.kind.role";
pub(crate) const CONTROL_PLANE: &str = "control-plane";
pub(crate) const WORKER: &str = "worker";
/// The container in front of several API servers; not a Kubernetes node.
pub(crate) const LOAD_BALANCER: &str = "external-load-balancer";

/// The program that created a container; its value is [`created_by`].
pub(crate) const CREATED_BY: &str = "io.skiff.created-by";

/// The run of skiff that created a container, a random number. Only that run
/// removes it again when a creation fails.
pub(crate) const CREATION: &str = "io.skiff.creation";

/// On a built image: a digest of everything that it was built from.
pub(crate) const RECIPE: &str = "io.skiff.recipe";

/// On a built image with Debian packages: the date of the archive that they are
/// from, such as `2026-11-24`.
pub(crate) const DEBIAN: &str = "io.skiff.debian";

/// On a built node image: its Kubernetes version, such as `v1.37.2`.
pub(crate) const KUBERNETES: &str = "io.skiff.kubernetes";

/// On a built node image: the program in it that can balance API servers.
pub(crate) const API_BALANCER: &str = "io.skiff.api-balancer";
pub(crate) const HAPROXY: &str = "haproxy";

/// On a Kubernetes object: the add-on whose installation made it.
pub(crate) const ADDON: &str = "io.skiff.addon";
/// On a Kubernetes object: the tool that manages it
/// (<https://kubernetes.io/docs/reference/labels-annotations-taints/>).
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// On a Kubernetes node: it is a control-plane (set by kubeadm).
pub(crate) const NODE_ROLE_CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";
/// On a Kubernetes node: load balancers outside of the cluster leave it out (set
/// by kubeadm on control-planes).
pub(crate) const EXCLUDED_FROM_LOAD_BALANCERS: &str =
    "node.kubernetes.io/exclude-from-external-load-balancers";

/// Set by Docker Desktop: the address where it publishes the API server's port
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provider.go`).
pub(crate) const DESKTOP_API_PORT: &str = "desktop.docker.io/ports/6443/tcp";

/// The value of [`CREATED_BY`], such as `skiff-0.1.0`.
pub(crate) fn created_by() -> String {
    concat!("skiff-", env!("CARGO_PKG_VERSION")).to_owned()
}
