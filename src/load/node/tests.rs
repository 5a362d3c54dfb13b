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
fn a_node_is_told_all_names_the_tag_first() {
    let exact = Reference::parse(&format!("app@{}", Digest::of(b"other"))).unwrap();
    let tag = Reference::parse("app:1").unwrap();
    let told = |names: Vec<Reference>, snapshotter: &str| {
        let image = LoadImage { names, ..image() };
        let offer = Offer { image, base: "http://172.18.0.1:1/token/0/root/v2".into() };
        let told = pulling(&[offer], "172.18.0.1:1".parse().unwrap(), "", snapshotter);
        let lines: Vec<String> = told.lines().map(str::to_owned).collect();
        assert!(lines[0].contains("name==\"sha256:") && lines[1] == "172.18.0.1 1", "{told}");
        lines[2].split_once("/v2 ").unwrap().1.to_owned()
    };
    assert_eq!(told(vec![exact.clone(), tag.clone()], "overlayfs"), format!("- / {tag} {exact}"));
    // Another one's digest is no way to ask for this content.
    let own = exact.at(&image().root.digest);
    assert_eq!(told(vec![exact.clone()], "native"), format!("---local / {own} {exact}"));
    let nameless = told(Vec::new(), "overlayfs");
    assert_eq!(nameless, format!("- / docker.io/library/image@{}", image().root.digest));
}

#[test]
fn a_node_is_asked_about_few_images() {
    let (tag, id) = (Reference::parse("app:1").unwrap(), Digest::of(b"id"));
    assert_eq!(
        Interest::of([&tag], [&id]).0,
        [
            "name==none".to_owned(),
            "name==\"docker.io/library/app:1\"".into(),
            format!("name==\"{id}\""),
            format!("target.digest==\"{id}\""),
        ]
    );
}
