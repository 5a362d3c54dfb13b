//! Kubeconfigs that cannot be written, after a cluster that works.

use super::*;

/// An engine whose `kubeadm init` makes the kubeconfig one that cannot be written.
fn engine_spoiling(kubeconfig: &Path, spoil: fn(&Path)) -> FakeEngine {
    let path = kubeconfig.to_owned();
    FakeEngine::default().with_nodes(move |_, command| {
        if command.argv.starts_with(&["kubeadm".into(), "init".into()]) {
            spoil(&path);
        }
        None
    })
}

#[tokio::test]
async fn a_cluster_outlives_a_kubeconfig_that_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let make_directory = |path: &Path| std::fs::create_dir(path).unwrap();
    let make_invalid = |path: &Path| std::fs::write(path, "clusters: [").unwrap();
    for (name, spoil) in [("a", make_directory as fn(&Path)), ("b", make_invalid)] {
        let kubeconfig = directory.path().join(name);
        let engine = engine_spoiling(&kubeconfig, spoil);
        let failed =
            run(&engine, &CancellationToken::new(), &kubeconfig, |_| {}).await.unwrap_err();
        assert!(matches!(failed.remains, Remains::Cluster), "{:?}", failed.remains);
        let text = failed.error.to_string();
        assert!(text.contains(kubeconfig.to_str().unwrap()), "{text}");
        assert_eq!(engine.container_names().len(), 3);
    }
}

/// The lock is not waited for any longer, and stays with its holder.
#[tokio::test]
async fn a_cluster_outlives_a_ctrl_c_while_the_kubeconfig_is_locked() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("config");
    let lock = |path: &Path| std::fs::write(path.with_extension("lock"), "").unwrap();
    let cancel = CancellationToken::new();
    // The last call before the lock is waited for.
    let when = When::Named { name: "inspect".into(), container: None, nth: Some(4) };
    let engine = engine_spoiling(&kubeconfig, lock).and_armed(when, Fault::Cancel(cancel.clone()));
    let failed = run(&engine, &cancel, &kubeconfig, |_| {}).await.unwrap_err();
    assert!(matches!(failed.remains, Remains::Cluster), "{:?}", failed.remains);
    assert!(failed.error.to_string().starts_with("interrupted"), "{}", failed.error);
    assert_eq!(engine.container_names().len(), 3);
    assert!(!kubeconfig.exists() && kubeconfig.with_extension("lock").exists());
}
