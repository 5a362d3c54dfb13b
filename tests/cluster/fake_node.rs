//! A node image that only pretends: it boots at once, and its kubeadm and
//! kubectl always succeed. For what is about skiff and the engine, not about
//! Kubernetes.

use std::path::PathBuf;
use std::process::Command;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use crate::harness::{Lab, with_engine};
use crate::images::api;

pub(crate) const IMAGE: &str = "skiff-test/fake-node:v1.37.2";
/// The layer that the image was made from.
const LABEL: &str = "io.skiff.test.layer";

const ENTRYPOINT: &str = "#!/bin/sh
echo '[  OK  ] Reached target multi-user.target - Multi-User System.'
exec sleep 1d
";

const KUBEADM: &str = "#!/bin/sh
[ \"$1\" = init ] || exit 0
mkdir -p /etc/kubernetes/pki/etcd
cd /etc/kubernetes/pki
for file in ca.crt ca.key front-proxy-ca.crt front-proxy-ca.key sa.pub sa.key etcd/ca.crt etcd/ca.key; do
  echo none >$file
done
cat >/etc/kubernetes/admin.conf <<YAML
apiVersion: v1
kind: Config
clusters: [{name: kubernetes, cluster: {server: 'https://here:6443'}}]
users: [{name: admin, user: {token: none}}]
contexts: [{name: admin@kubernetes, context: {cluster: kubernetes, user: admin}}]
current-context: admin@kubernetes
YAML
";

/// As a program does that ends well when it is asked to.
const HAPROXY: &str = "#!/bin/sh
trap 'exit 0' TERM
while :; do sleep 0.2; done
";

const KUBECTL: &str = "#!/bin/sh
[ -t 0 ] || cat >/dev/null
";

/// The path of a program that `tests/fetch.sh` knows.
pub(crate) fn fetched(what: &str) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fetch.sh");
    let out = Command::new(script).arg(what).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().into()
}

/// Makes the image unless it is there; it stays, small as it is.
pub(crate) fn make_image() {
    let layer = layer().unwrap();
    let digest: String = Sha256::digest(&layer).iter().map(|byte| format!("{byte:02x}")).collect();
    with_engine(async |engine| {
        let present = engine.image(IMAGE).await?;
        if present.is_some_and(|image| image.labels.get(LABEL) == Some(&digest)) {
            return Ok(());
        }
        let entrypoint = r#"ENTRYPOINT ["/bin/entrypoint"]"#.to_owned();
        let changes = [entrypoint, format!("LABEL {LABEL}={digest}")];
        let bytes = stream::iter([Ok(Bytes::from(layer.clone()))]).boxed();
        engine.import_image(IMAGE, &changes, bytes).await
    });
}

/// The same in the engine of a lab, with these changes of a Dockerfile.
pub(crate) fn make_image_in(lab: &Lab, changes: &[&str]) {
    let file = lab.folder.path().join("layer.tar");
    std::fs::write(&file, layer().unwrap()).unwrap();
    let (repository, tag) = IMAGE.rsplit_once(':').unwrap();
    let encoded =
        |change: &&str| format!("&changes={}", change.replace(' ', "%20").replace('/', "%2F"));
    let changes: String = changes.iter().map(encoded).collect();
    let path = format!("/images/create?fromSrc=-&repo={repository}&tag={tag}{changes}");
    api(&lab.socket(), "POST", &path, Some(&file));
}

fn layer() -> std::io::Result<Vec<u8>> {
    let busybox = std::fs::read(fetched("busybox"))?;
    let mut archive = tar::Builder::new(Vec::new());
    let mut file = |path: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        archive.append_data(&mut header, path, bytes)
    };
    file("bin/busybox", &busybox)?;
    file("bin/entrypoint", ENTRYPOINT.as_bytes())?;
    file("bin/kubeadm", KUBEADM.as_bytes())?;
    file("bin/kubectl", KUBECTL.as_bytes())?;
    file("bin/haproxy", HAPROXY.as_bytes())?;
    file("tmp/empty", b"")?;
    file("kind/version", b"v1.37.2\n")?;
    file("kind/manifests/default-cni.yaml", b"{}\n")?;
    file("kind/manifests/default-storage.yaml", b"{}\n")?;
    for name in ["sh", "cat", "dirname", "mkdir", "sleep", "tar"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{name}"), "busybox")?;
    }
    archive.into_inner()
}
