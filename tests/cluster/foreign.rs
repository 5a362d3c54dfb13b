//! Node images that other people made: kind's contract and nothing of ours.

use futures_util::StreamExt;
use skiff::engine::{Command, ContainerSpec, ExecEvent};
use skiff::node_image;

use crate::harness::{Lab, check, in_node, stderr, with_engine};

const IMAGE: &str = "skiff-test/foreign:v1.37.2";
const MAKER: &str = "skiff-test-foreign-maker";

/// Takes from our image what kind's contract does not ask for, and puts in
/// what other images have: a containerd configuration of version 3, a manifest
/// to be filled in, no StorageClass.
const CHANGES: &str = r##"
sed -i 's/SKIFF_DEFAULT_CNI/UNKNOWN_HERE/' /usr/local/bin/entrypoint
cat >>/kind/manifests/default-cni.yaml <<'YAML'
---
# would you kindly template this file
apiVersion: v1
kind: ConfigMap
metadata: {name: pod-subnet, namespace: kube-system}
data: {subnet: "{{ .PodSubnet }}"}
YAML
rm /kind/manifests/default-storage.yaml
cat >/etc/containerd/config.toml <<'TOML'
version = 3
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'registry.k8s.io/pause:3.10.2'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dir = '/opt/cni/bin'
  conf_dir = '/etc/cni/net.d'
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = 'runc'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = true
TOML
"##;

fn make_image() {
    let spec = ContainerSpec {
        name: MAKER.to_owned(),
        image: node_image::reference(node_image::DEFAULT_VERSION),
        entrypoint: ["sleep", "1h"].map(str::to_owned).into(),
        auto_remove: true,
        ..ContainerSpec::default()
    };
    with_engine(async |engine| {
        engine.remove_container(MAKER).await?;
        engine.create_container(&spec).await?;
        engine.start_container(MAKER).await
    });
    in_node(MAKER, CHANGES);
    with_engine(async |engine| {
        let pack = "tar -C / --one-file-system --numeric-owner -c . 2>/dev/null || true";
        let packed = engine.exec(MAKER, Command::new(["sh", "-c", pack])).await?;
        let bytes = packed.filter_map(async |said| match said {
            Ok(ExecEvent::Stdout(bytes)) => Some(Ok(bytes)),
            Ok(_) => None,
            Err(error) => Some(Err(std::io::Error::other(error))),
        });
        let changes = [
            r#"ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]"#.to_owned(),
            "STOPSIGNAL SIGRTMIN+3".to_owned(),
        ];
        engine.import_image(IMAGE, &changes, bytes.boxed()).await?;
        engine.remove_container(MAKER).await
    });
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn an_image_that_only_keeps_kinds_contract_works() {
    let name = "skiff-test-foreign";
    let lab = Lab::new(&[name]);
    make_image();
    let config = lab.write(
        "cluster.yaml",
        r#"
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {podSubnet: 10.20.0.0/16}
containerdConfigPatches:
- |
  version = 2
  [plugins."io.containerd.grpc.v1.cri"]
  max_concurrent_downloads = 5
- |
  version = 3
  [plugins."io.containerd.cri.v1.images"]
  max_concurrent_downloads = 6
"#,
    );
    let out =
        lab.run(&["create", "cluster", "--name", name, "--config", &config, "--image", IMAGE]);
    assert!(out.status.success(), "{}", stderr(&out));
    let node = format!("{name}-control-plane");
    let subnet = lab.json(name, &["get", "configmap", "pod-subnet", "-n", "kube-system"]);
    assert_eq!(subnet["data"]["subnet"], "10.20.0.0/16");
    let class = lab.json(name, &["get", "storageclass", "standard"]);
    assert_eq!(class["provisioner"], "kubernetes.io/host-path");
    let containerd = in_node(&node, "containerd config dump");
    assert!(containerd.contains("max_concurrent_downloads = 6"), "{containerd}");
    check(
        "an image with kind's contract only: manifests, storage, containerd's newer configuration",
    );
    lab.ok(&["delete", "cluster", "--name", name]);
    with_engine(async |engine| engine.remove_image(IMAGE).await);
}
