//! etcd of several control-planes, for which addresses must not matter.
//!
//! etcd stores where its members are, kubeadm gives it addresses, and an engine may
//! give a container another address at each start. A member's address cannot be
//! corrected then: that needs a majority of members which find each other. So each
//! member is stored by its node's name, which the engine resolves.

use crate::context::RunError;
use crate::engine::Command;
use crate::node::NodeHandle;

/// Without an etcd container, as with an etcd of the user's own, nothing is to be done.
/// A member is called as its node, and its certificate is valid for that name
/// (kubeadm v1.37, `cmd/kubeadm/app/util/etcd`).
const NAME_MEMBERS: &str = r#"
etcd=$(crictl ps --quiet --state running --name '^etcd$' | head -n 1)
[ -n "$etcd" ] || exit 0
pki=/etc/kubernetes/pki/etcd
etcdctl() { crictl exec "$etcd" etcdctl --cacert=$pki/ca.crt --cert=$pki/server.crt --key=$pki/server.key "$@" </dev/null; }
members=$(etcdctl member list) || exit
echo "$members" | while IFS=', ' read -r member state name rest; do
  [ "$state" = started ] || continue
  etcdctl member update "$member" "--peer-urls=https://$name:2380" || exit
done
"#;

/// Has etcd find its members by name. The cluster works without that, too, so a
/// failing command is only warned about.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(super) async fn name_members(node: &NodeHandle) -> Result<(), RunError> {
    match node.run(Command::new(["sh", "-c", NAME_MEMBERS])).await {
        Err(RunError::Command { output, .. }) => {
            node.ctx.progress.warn(format!(
                "etcd keeps the addresses of its members, so the cluster may not come back \
                 after a restart of the engine: {}",
                output.trim()
            ));
            Ok(())
        }
        other => other.map(drop),
    }
}
