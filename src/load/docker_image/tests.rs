//! Complete loads on a fake engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::fake::{FakeEngine, Fault};
use crate::engine::{Command, ContainerSpec, Image};
use crate::image::digest::chain_ids;
use crate::image::fixtures::{config, gzip, oci_layout, tar_of};
use crate::image::oci;
use crate::labels;
use crate::load::fixtures::{self, Report};
use crate::progress::Progress;

const LAYERS: [&[u8]; 1] = [b"the only layer"];
const NODES: [&str; 2] = ["kind-control-plane", "kind-worker"];

/// The containerd of every node.
#[derive(Default)]
struct Containerd {
    /// Node to the manifest its name leads to.
    loaded: BTreeMap<String, Digest>,
    imports: Vec<BTreeSet<String>>,
    has_layer: bool,
    forgets: bool,
    /// The snapshotters that its configuration names, a different one each time.
    unsteady: usize,
    /// What nodes say where they reach this host.
    claim: Option<&'static str>,
}

impl Containerd {
    fn answer(&mut self, node: &str, command: &Command) -> Option<Vec<u8>> {
        match fixtures::arguments(command)[..] {
            [_, _, _, "node.sh", "report", ..] => {
                for field in command.stdin.iter().flat_map(|fields| fields.split(|b| *b == 0)) {
                    // http://ADDRESS/TOKEN/NODE/ROOT/v2
                    let field = String::from_utf8_lossy(field);
                    let root = field.split('/').nth(5).filter(|_| field.starts_with("http"));
                    if let Some(root) = root {
                        self.load(node, Digest::from_hex(root).unwrap());
                    }
                }
                let configuration = match (self.unsteady, self.claim) {
                    (0, None) => String::new(),
                    (0, Some(claim)) => format!("default via {claim} dev eth0"),
                    _ => {
                        self.unsteady += 1;
                        format!(
                            "plugins.'io.containerd.cri.v1.images'.snapshotter = 's{}'",
                            self.unsteady
                        )
                    }
                };
                Report { configuration, ..self.report(node) }.answer(command)
            }
            [_, _, _, "node.sh", "import", ..] => {
                self.import(node, command.stdin.as_ref()?);
                Some(Vec::new())
            }
            [_, _, script, ..] if script.contains("tar -chf") => Some(engine_files()),
            _ => None,
        }
    }

    fn load(&mut self, node: &str, root: Digest) {
        if !self.forgets {
            self.loaded.insert(node.to_owned(), root);
        }
    }

    fn import(&mut self, node: &str, archive: &[u8]) {
        let mut names = BTreeSet::new();
        let mut root = None;
        for entry in tar::Archive::new(archive).entries().unwrap().flatten() {
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            if name == "index.json" {
                let index: oci::Index = serde_json::from_reader(entry).unwrap();
                root = Some(index.manifests[0].digest.clone());
            }
            names.insert(name);
        }
        self.imports.push(names);
        if let Some(root) = root {
            self.load(node, root);
        }
    }

    fn report(&self, node: &str) -> Report {
        let (id, layer) = (Digest::of(&config(&LAYERS)), Digest::of(LAYERS[0]));
        let Some(root) = self.loaded.get(node) else {
            let blobs = if self.has_layer { layer.to_string() } else { String::new() };
            return Report { blobs, ..Report::default() };
        };
        Report {
            images: format!(
                "docker.io/library/app:1 type {root} 1.0 MiB -\n{id} type {root} 1.0 MiB -"
            ),
            blobs: format!("{root}\n{id}"),
            snapshots: format!("{layer} Committed"),
            ..Report::default()
        }
    }
}

/// The engine's directory, as the reader container sees it.
fn engine_files() -> Vec<u8> {
    let chain = chain_ids(&[Digest::of(LAYERS[0])]);
    let record = gzip(b"{\"type\":2,\"payload\":\"AAAA\"}\n");
    let layer = format!("image/overlay2/layerdb/sha256/{}", chain[0].hex());
    let id = Digest::of(&config(&LAYERS));
    let mut archive = tar::Builder::new(Vec::new());
    let files = [
        (format!("image/overlay2/imagedb/content/sha256/{}", id.hex()), config(&LAYERS)),
        (format!("{layer}/tar-split.json.gz"), record),
        (format!("{layer}/cache-id"), b"abc".to_vec()),
    ];
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, name, &text[..]).unwrap();
    }
    archive.into_inner().unwrap()
}

/// An image too large to be held in memory.
const LARGE: u64 = 1 << 40;

/// An engine whose containers reach this host at a loopback address.
async fn engine(engine: FakeEngine, nodes: &Arc<Mutex<Containerd>>, size: u64) -> FakeEngine {
    let engine = engine.with_gateways(&["127.0.0.1"]);
    for name in NODES {
        engine.put(ContainerSpec {
            name: name.to_owned(),
            labels: [
                (labels::CLUSTER.to_owned(), "kind".to_owned()),
                (labels::ROLE.to_owned(), name["kind-".len()..].to_owned()),
            ]
            .into(),
            ..ContainerSpec::default()
        });
    }
    let image = Image {
        id: Digest::of(&config(&LAYERS)).to_string(),
        layers: vec![Digest::of(LAYERS[0]).to_string()],
        size,
        ..Image::default()
    };
    let answering = nodes.clone();
    engine
        .with_image(image, tar_of(&oci_layout(&LAYERS)))
        .with_nodes(move |node, command| answering.lock().unwrap().answer(node, command))
}

async fn loaded(engine: &FakeEngine, cancel: CancellationToken) -> Result<(), LoadError> {
    let ctx = Context::new(Arc::new(engine.clone()), Progress::silent(), cancel);
    let target = Target { cluster: "kind".into(), nodes: Vec::new() };
    load(&ctx, &target, &["app:1".to_owned()]).await
}

fn containerd(change: impl FnOnce(&mut Containerd)) -> Arc<Mutex<Containerd>> {
    let mut containerd = Containerd::default();
    change(&mut containerd);
    Arc::new(Mutex::new(containerd))
}

#[tokio::test]
async fn nodes_pull_and_a_second_load_changes_nothing() {
    for (size, export, container) in [(0, true, false), (LARGE, false, true)] {
        let nodes = containerd(|_| {});
        let engine = engine(FakeEngine::default(), &nodes, size).await;
        loaded(&engine, CancellationToken::new()).await.unwrap();
        assert_eq!(nodes.lock().unwrap().loaded.len(), 2);
        assert!(nodes.lock().unwrap().imports.is_empty());
        assert_eq!(engine.container_names(), NODES);
        let calls = engine.calls();
        let called = |name: &str| calls.iter().any(|call| call == name);
        assert_eq!((called("export_images"), called("create_container")), (export, container));
        loaded(&engine, CancellationToken::new()).await.unwrap();
        let calls = engine.calls()[calls.len()..].to_vec();
        assert!(
            !calls.iter().any(|call| call.contains("create") || call.contains("export")),
            "{calls:?}"
        );
    }
}

#[tokio::test]
async fn nodes_that_cannot_pull_get_the_export_without_blobs_they_have() {
    let nodes = containerd(|c| c.has_layer = true);
    let engine = engine(FakeEngine::default(), &nodes, 0).await.with_gateways(&[]);
    loaded(&engine, CancellationToken::new()).await.unwrap();
    let layer = format!("blobs/sha256/{}", Digest::of(LAYERS[0]).hex());
    let nodes = nodes.lock().unwrap();
    assert_eq!((nodes.loaded.len(), nodes.imports.len()), (2, 2));
    for import in &nodes.imports {
        assert!(!import.contains(&layer) && import.contains("index.json"), "{import:?}");
    }
}

/// As with an engine in a virtual machine: nodes reach its address, not one of
/// this host. That is found out before anything is read.
#[tokio::test]
async fn nodes_that_reach_another_host_get_one_export_and_nothing_is_opened() {
    for size in [0, LARGE] {
        // The last address for carriers' own networks (RFC 6598): no host has it.
        let nodes = containerd(|_| {});
        let engine =
            engine(FakeEngine::default(), &nodes, size).await.with_gateways(&["100.127.255.254"]);
        loaded(&engine, CancellationToken::new()).await.unwrap();
        assert_eq!(nodes.lock().unwrap().imports.len(), 2);
        let calls = engine.calls();
        let count = |name: &str| calls.iter().filter(|call| *call == name).count();
        assert_eq!((count("export_images"), count("create_container")), (1, 0), "{calls:?}");
    }
}

/// Whoever has taken over a node cannot choose where this process listens.
#[tokio::test]
async fn where_nodes_say_that_they_reach_this_host_does_not_count() {
    for claim in ["0.0.0.0", "127.0.0.1"] {
        let nodes = containerd(|c| c.claim = Some(claim));
        let engine = engine(FakeEngine::default(), &nodes, 0).await.with_gateways(&[]);
        loaded(&engine, CancellationToken::new()).await.unwrap();
        assert_eq!(nodes.lock().unwrap().imports.len(), 2, "{claim}");
        let nodes = containerd(|c| c.claim = Some("100.127.255.254"));
        let engine = self::engine(FakeEngine::default(), &nodes, 0).await;
        loaded(&engine, CancellationToken::new()).await.unwrap();
        assert!(nodes.lock().unwrap().imports.is_empty(), "the engine's address is taken");
    }
}

/// Not even where the engine itself would have it so.
#[tokio::test]
async fn nothing_is_served_to_other_machines() {
    let nodes = containerd(|_| {});
    let engine = engine(FakeEngine::default(), &nodes, 0).await.with_gateways(&["0.0.0.0", "::"]);
    loaded(&engine, CancellationToken::new()).await.unwrap();
    assert_eq!(nodes.lock().unwrap().imports.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_have_it_in_the_end_is_an_error() {
    let nodes = containerd(|c| c.forgets = true);
    let engine = engine(FakeEngine::default(), &nodes, 0).await;
    let error = loaded(&engine, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, LoadError::Failed { .. }), "{error}");
    // After the pull, an import without and one with the blobs that it had.
    assert_eq!(nodes.lock().unwrap().imports.len(), 4);
}

#[tokio::test]
async fn whichever_call_fails_no_container_is_left_and_success_is_real() {
    for size in [0, LARGE] {
        for fault in ["fails", "answer lost", "cancel"] {
            sweep(size, fault).await;
        }
    }
}

async fn sweep(size: u64, fault: &str) {
    for call in 0.. {
        let cancel = CancellationToken::new();
        let kind = match fault {
            "fails" => Fault::Fails,
            "answer lost" => Fault::AnswerLost,
            _ => Fault::Cancel(cancel.clone()),
        };
        let nodes = containerd(|_| {});
        let engine = engine(FakeEngine::armed(call, kind), &nodes, size).await;
        let outcome = loaded(&engine, cancel.clone()).await;
        let calls = engine.calls();
        if calls.len() <= call {
            break;
        }
        let left = engine.container_names();
        let removal = calls[call] == "remove_container" && fault == "fails";
        assert!(removal || left == NODES, "{fault} at {call} ({}): {left:?}", calls[call]);
        match outcome {
            Ok(()) => assert_eq!(nodes.lock().unwrap().loaded.len(), 2, "{fault} at {call}"),
            Err(error) => assert!(
                fault != "cancel" || matches!(error, LoadError::Run(RunError::Cancelled)),
                "{fault} at {call}: {error}"
            ),
        }
    }
}

#[tokio::test]
async fn a_node_that_never_makes_up_its_mind_is_not_asked_for_ever() {
    let nodes = containerd(|c| c.unsteady = 1);
    let engine = engine(FakeEngine::default(), &nodes, 0).await;
    let error = loaded(&engine, CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.ends_with("it names another snapshotter each time"), "{error}");
}

#[tokio::test]
async fn an_invalid_name_is_not_present() {
    let engine = engine(FakeEngine::default(), &containerd(|_| {}), 0).await;
    let ctx = Context::new(Arc::new(engine.clone()), Progress::silent(), CancellationToken::new());
    for name in ["", "a b", "UPPER", "app@sha256:12"] {
        let refused = load(&ctx, &Target::default(), &[name.to_owned()]).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("image: {name:?} not present locally"));
    }
}
