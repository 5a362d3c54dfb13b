use super::*;
use crate::load::oci::{self, Descriptor};

const SAID: &str = r#"REF                        TYPE                                       DIGEST                                                                  SIZE      PLATFORMS   LABELS
docker.io/library/app:1    application/vnd.oci.image.manifest.v1+json sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 4.9 MiB   linux/amd64 io.cri-containerd.image=managed
docker.io/library/odd:1    application/vnd.oci.image.manifest.v1+json sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb -         -           -
--
sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
--
KEY                                                                     PARENT KIND
sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd        Committed
5f1c8c3f27d4                                                            sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd Active
--
version = 3
[plugins]
  [plugins.'io.containerd.cri.v1.images']
    snapshotter = 'native'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
          snapshotter = ''
--
default via 172.18.0.1 dev eth0
"#;

#[test]
fn what_a_node_has_is_read() {
    let state = parse(SAID);
    let digest = |c: &str| Digest::parse(&format!("sha256:{}", c.repeat(64))).unwrap();
    assert_eq!(state.target("docker.io/library/app:1"), Some(&digest("a")));
    assert_eq!(state.images.iter().map(|i| i.size.as_str()).collect::<Vec<_>>(), ["4.9 MiB", ""]);
    assert_eq!(state.blobs, [digest("c")].into());
    assert_eq!(state.snapshots, [digest("d")].into());
    assert_eq!(state.snapshotter, "native");
    assert_eq!(state.gateway, Some("172.18.0.1".parse().unwrap()));
}

#[test]
fn the_snapshotter_is_kubelets() {
    let of = |text: &str| snapshotter(text.lines());
    assert_eq!(
        of("[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n  snapshotter = \"overlayfs\"\n")
            .as_deref(),
        Some("overlayfs")
    );
    assert_eq!(of("[plugins.'other']\nsnapshotter = 'zfs'\n"), None);
    assert_eq!(of("[plugins.'io.containerd.cri.v1.images']\nsnapshotter = ''\n"), None);
    assert_eq!(of(""), None);
}

fn image() -> LoadImage {
    let layer = Digest::of(b"layer");
    LoadImage {
        names: vec![Reference::parse("app:1").unwrap()],
        root: Descriptor::of(oci::MANIFEST, b"manifest"),
        platform: Platform::default(),
        config: Digest::of(b"config"),
        layers: vec![Descriptor::new(oci::LAYER, layer.clone(), 5)],
        diff_ids: vec![layer],
    }
}

fn loaded() -> NodeState {
    let target = image().root.digest;
    let named = |name: String| NodeImage { name, target: target.clone(), size: String::new() };
    NodeState {
        images: vec![named("docker.io/library/app:1".into()), named(image().config.to_string())],
        blobs: [target.clone(), image().config].into(),
        snapshots: [image().diff_ids[0].clone()].into(),
        ..NodeState::default()
    }
}

#[test]
fn success_is_all_of_name_content_and_layers() {
    assert_eq!(loaded().fault(&image()), None);
    type Change = fn(&mut NodeState);
    let changes: [(Change, &str); 6] = [
        (|s| drop(s.images.remove(0)), "not there"),
        (|s| s.images[0].target = Digest::of(b"older"), "instead of"),
        (|s| s.blobs.clear(), "missing"),
        (|s| s.blobs.retain(|blob| *blob != image().config), "missing"),
        (|s| s.snapshots.clear(), "not unpacked"),
        (|s| drop(s.images.remove(1)), "kubelet"),
    ];
    for (change, words) in changes {
        let mut state = loaded();
        change(&mut state);
        let fault = state.fault(&image()).expect(words);
        assert!(fault.contains(words), "{fault}");
    }
}

#[test]
fn names_are_arguments_and_never_part_of_a_script() {
    let image = LoadImage { names: vec![Reference::parse("app:1").unwrap()], ..image() };
    let command = pull("http://172.18.0.1:1/token/0/v2", &image, "", "overlayfs");
    let exact = format!("docker.io/library/app@{}", image.root.digest);
    assert!(!command.argv[2].contains("app"));
    assert_eq!([&command.argv[6], &command.argv[8]], [&exact, "docker.io/library/app:1"]);
}
