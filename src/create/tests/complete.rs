//! Creations that come to their end.

use std::sync::Mutex;

use super::*;

#[tokio::test]
async fn a_creation_makes_three_nodes_and_a_context() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("config");
    let engine = FakeEngine::default();
    run(&engine, &CancellationToken::new(), &kubeconfig, |_| {}).await.unwrap();
    assert_eq!(engine.container_names(), ["kind-control-plane", "kind-worker", "kind-worker2"]);
    let text = std::fs::read_to_string(kubeconfig).unwrap();
    assert!(
        text.contains("https://127.0.0.1:40000") && text.contains("current-context: kind-kind"),
        "{text}"
    );
    let count = |name: &str| engine.calls().iter().filter(|c| *c == name).count();
    assert_eq!((count("exec kubeadm init"), count("exec kubeadm join")), (1, 2));
}

#[tokio::test]
async fn several_control_planes_share_their_secrets_behind_a_balancer() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("config");
    let engine = FakeEngine::default();
    let cancel = CancellationToken::new();
    run_with(&cluster(BALANCED), &engine, &cancel, &kubeconfig, |_| {}).await.unwrap();
    assert_eq!(
        engine.container_names(),
        ["kind-control-plane", "kind-control-plane2", "kind-external-load-balancer", "kind-worker"]
    );
    let count = |name: &str| engine.calls().iter().filter(|c| *c == name).count();
    assert_eq!((count("exec kubeadm init"), count("exec kubeadm join")), (1, 2));
    // Packed once, for the other control-plane.
    assert_eq!(count("exec tar -C"), 1);
}

#[tokio::test]
async fn the_bootstrap_token_is_deleted_when_all_nodes_have_joined() {
    let directory = tempfile::tempdir().unwrap();
    let commands: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = commands.clone();
    let engine = FakeEngine::default().with_nodes(move |_, command| {
        let stdin = String::from_utf8_lossy(command.stdin.as_deref().unwrap_or_default());
        log.lock().unwrap().push(format!("{}\n{stdin}", command.argv.join(" ")));
        None
    });
    let kubeconfig = directory.path().join("config");
    run(&engine, &CancellationToken::new(), &kubeconfig, |_| {}).await.unwrap();

    let commands = commands.lock().unwrap();
    let config = commands.iter().find(|text| text.contains("bootstrapTokens:")).unwrap();
    let (_, token) = config.split_once("bootstrapTokens:\n").unwrap();
    let (_, token) = token.split_once("token: ").unwrap();
    assert!(token.contains("ttl: 1h0m0s"), "{token}");
    let secret =
        format!("bootstrap-token-{}", token.trim_start_matches('"').split_once('.').unwrap().0);
    let deleted = commands.iter().position(|c| c.contains(" delete ") && c.contains(&secret));
    let joined = commands.iter().rposition(|text| text.starts_with("kubeadm join"));
    assert!(deleted.unwrap() > joined.unwrap(), "{commands:?}");
}

/// A member of etcd at an address would be lost at another one. If naming them
/// fails, the cluster stays: kind's has addresses, too.
#[tokio::test]
async fn the_members_of_etcd_are_named_where_there_are_several() {
    let directory = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    let is_naming = |command: &Command| command.argv.concat().contains("etcdctl member update");
    for (nodes, expected) in [(THREE_NODES, 0), (BALANCED, 1)] {
        let (sent, asked) = std::sync::mpsc::channel();
        let engine = FakeEngine::default().with_nodes(move |node, command| {
            is_naming(command).then(|| sent.send(node.to_owned()).unwrap());
            None
        });
        let path = directory.path().join(expected.to_string());
        run_with(&cluster(nodes), &engine, &cancel, &path, |_| {}).await.unwrap();
        drop(engine);
        assert_eq!(asked.into_iter().count(), expected, "{nodes}");
    }
    let refused = Script::parse("commands: [{line: etcdctl member update, code: 1}]").unwrap();
    let path = directory.path().join("refused");
    run_with(&cluster(BALANCED), &refused.engine(&cancel), &cancel, &path, |_| {}).await.unwrap();
}
