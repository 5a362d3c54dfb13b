//! Reading and changing objects.

use serde_json::Value;

use super::object::{self, ObjectId};
use crate::context::RunError;
use crate::node::NodeHandle;

/// The owner of applied fields, to the API server.
const FIELD_MANAGER: &str = "--field-manager=skiff";

/// Every method returns kubectl's failure as [`RunError::Command`], with what it
/// wrote; otherwise the engine's error, or [`RunError::Cancelled`].
pub(crate) struct KubeClient {
    node: NodeHandle,
}

/// Which objects a list contains.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Selector<'a> {
    /// `KEY=VALUE`, or `KEY` for any value.
    Label(&'a str),
    /// `PATH=VALUE`.
    Field(&'a str),
}

impl KubeClient {
    /// `node` is a control-plane that runs.
    pub(crate) fn new(node: NodeHandle) -> Self {
        KubeClient { node }
    }

    async fn kubectl(&self, args: &[&str]) -> Result<String, RunError> {
        self.node.kubectl(args, None).await
    }

    /// Runs kubectl with objects as its stdin.
    async fn send(&self, args: &[&str], objects: &[Value]) -> Result<String, RunError> {
        self.node.kubectl(args, Some(object::list(objects))).await
    }

    /// An object, given as `KIND/NAME`; `Value::Null` if it does not exist.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn get(&self, object: &str, namespace: &str) -> Result<Value, RunError> {
        let args = ["get", "--ignore-not-found", "-o", "json", "--namespace", namespace, object];
        Ok(parse(&self.kubectl(&args).await?))
    }

    /// The objects of a kind in one namespace, or in all of them.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn list(
        &self,
        kind: &str,
        namespace: Option<&str>,
        selector: Selector<'_>,
    ) -> Result<Vec<Value>, RunError> {
        let scope = match namespace {
            Some(namespace) => &["--namespace", namespace][..],
            None => &["--all-namespaces"],
        };
        let filter = match selector {
            Selector::Label(label) => ["--selector", label],
            Selector::Field(field) => ["--field-selector", field],
        };
        let get = ["get", "--ignore-not-found", "-o", "json", kind];
        let text = self.kubectl(&[&get, scope, &filter].concat()).await?;
        Ok(members(parse(&text)))
    }

    /// Those of the objects that exist.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn existing(&self, ids: &[ObjectId]) -> Result<Vec<Value>, RunError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let args = ["get", "--ignore-not-found", "-o", "json", "-f", "-"];
        let text = self.send(&args, &references(ids)).await?;
        Ok(members(parse(&text)))
    }

    /// The API server's answer at a path.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn get_raw(&self, path: &str) -> Result<String, RunError> {
        self.kubectl(&["get", "--raw", path]).await
    }

    /// The API server's answers at several paths, asked for with one command;
    /// `Value::Null` for an answer that is not JSON.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn get_raw_all(&self, paths: &[&str]) -> Result<Vec<Value>, RunError> {
        let answers = self.node.kubectl_get_raw(paths).await?;
        Ok(answers.iter().map(|answer| parse(answer)).collect())
    }

    /// The API server's version, such as `v1.37.2`; empty if its answer has none.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn server_version(&self) -> Result<String, RunError> {
        let version = parse(&self.get_raw("/version").await?);
        Ok(version["gitVersion"].as_str().unwrap_or_default().to_owned())
    }

    /// All nodes, for [`super::nodes`].
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn nodes(&self) -> Result<Vec<Value>, RunError> {
        let nodes = parse(&self.get_raw("/api/v1/nodes").await?);
        Ok(nodes["items"].as_array().cloned().unwrap_or_default())
    }

    /// Applies objects server-side. A field that another field manager has
    /// changed is a conflict, unless `force` takes it over.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn apply(&self, objects: &[Value], force: bool) -> Result<(), RunError> {
        let mut args = vec!["apply", "--server-side", FIELD_MANAGER, "-f", "-"];
        if force {
            args.push("--force-conflicts");
        }
        self.send(&args, objects).await.map(drop)
    }

    /// Whether the API server would create the objects; nothing is stored.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`], and if the API server would not
    /// create one of the objects.
    pub(crate) async fn try_create(&self, objects: &[Value]) -> Result<(), RunError> {
        self.send(&["create", "--dry-run=server", "-f", "-"], objects).await.map(drop)
    }

    /// Creates the objects of a manifest of the node image. It is not validated:
    /// kubectl would download the API server's complete schema for that.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`], and if one of the objects exists.
    pub(crate) async fn create_manifest(&self, manifest: String) -> Result<(), RunError> {
        let args = ["create", "--validate=false", "-f", "-"];
        self.node.kubectl(&args, Some(manifest)).await.map(drop)
    }

    /// Like [`Self::create_manifest`], but objects may exist already.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn apply_manifest(&self, manifest: String) -> Result<(), RunError> {
        let args = ["apply", "--validate=false", "-f", "-"];
        self.node.kubectl(&args, Some(manifest)).await.map(drop)
    }

    /// Removes a label from a node.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn remove_node_label(&self, node: &str, key: &str) -> Result<(), RunError> {
        self.kubectl(&["label", "node", node, &format!("{key}-")]).await.map(drop)
    }

    /// Deletes objects in this order, and waits until they are gone.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn delete(&self, ids: &[ObjectId]) -> Result<(), RunError> {
        if ids.is_empty() {
            return Ok(());
        }
        // In the foreground: together with their dependents, pods above all.
        let args =
            ["delete", "--ignore-not-found", "--cascade=foreground", "--timeout=120s", "-f", "-"];
        match self.send(&args, &references(ids)).await {
            // An object whose kind has been deleted has been deleted with it.
            Err(RunError::Command { output, .. })
                if output.contains("no matches for kind")
                    && !output.contains("Error from server") =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// Deletes the object at a path, without waiting for its end and without asking which
    /// kinds there are, which takes several requests. One that does not exist is fine.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn delete_raw(&self, path: &str) -> Result<(), RunError> {
        match self.kubectl(&["delete", "--raw", path]).await {
            Err(RunError::Command { output, .. }) if output.contains("(NotFound)") => Ok(()),
            other => other.map(drop),
        }
    }

    /// The end of what a container writes; with `previous`, of what it wrote before it was
    /// started again.
    ///
    /// # Errors
    /// Fails like every method of [`KubeClient`].
    pub(crate) async fn log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Result<String, RunError> {
        let previous = format!("--previous={previous}");
        // A kubelet that does not answer must not be waited for.
        let how = ["--tail=100", "--request-timeout=3s", &previous];
        let which = ["logs", "--namespace", namespace, pod, "--container", container];
        self.kubectl(&[&which[..], &how].concat()).await
    }
}

/// kubectl writes nothing at all where nothing is found.
fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn members(list: Value) -> Vec<Value> {
    if list.is_null() { Vec::new() } else { object::flatten(list) }
}

fn references(ids: &[ObjectId]) -> Vec<Value> {
    ids.iter().map(ObjectId::reference).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::context::Context;
    use crate::engine::fake::FakeEngine;
    use crate::progress::Progress;

    /// A client of an API server that gives this answer to everything, and the
    /// arguments that its kubectl gets.
    fn client(answer: &str) -> (KubeClient, Arc<Mutex<Vec<String>>>) {
        let (answer, lines) = (answer.to_owned(), Arc::new(Mutex::new(Vec::new())));
        let log = lines.clone();
        let engine = FakeEngine::default().with_nodes(move |node, command| {
            log.lock().unwrap().push(format!("{node}: {}", command.argv.join(" ")));
            Some(answer.clone().into_bytes())
        });
        engine.put(crate::engine::ContainerSpec { name: "n".into(), ..Default::default() });
        let ctx = Context::new(Arc::new(engine), Progress::silent(), CancellationToken::new());
        (KubeClient::new(NodeHandle::new(&ctx, "n")), lines)
    }

    #[tokio::test]
    async fn kubectl_gets_the_arguments_of_the_request() {
        let (kube, lines) = client("");
        kube.create_manifest("a: b".into()).await.unwrap();
        kube.apply_manifest("a: b".into()).await.unwrap();
        kube.remove_node_label("n", "key").await.unwrap();
        kube.delete_raw("/api/v1/a").await.unwrap();
        kube.list("pods", None, Selector::Label("a=b")).await.unwrap();
        kube.list("events", Some("x"), Selector::Field("c=d")).await.unwrap();
        kube.log("x", "p", "c", true).await.unwrap();
        let wanted = [
            "create --validate=false -f -",
            "apply --validate=false -f -",
            "label node n key-",
            "delete --raw /api/v1/a",
            "get --ignore-not-found -o json pods --all-namespaces --selector a=b",
            "get --ignore-not-found -o json events --namespace x --field-selector c=d",
            "logs --namespace x p --container c --tail=100 --request-timeout=3s --previous=true",
        ];
        let start = "n: kubectl --kubeconfig=/etc/kubernetes/admin.conf";
        assert_eq!(*lines.lock().unwrap(), wanted.map(|args| format!("{start} {args}")));
    }

    #[tokio::test]
    async fn several_paths_are_asked_for_with_one_command() {
        let (kube, lines) = client("{\"a\": 1}\u{1e}ok\u{1e}");
        let answers = kube.get_raw_all(&["/a", "/b"]).await.unwrap();
        assert_eq!(answers, [json!({"a": 1}), Value::Null]);
        assert_eq!(lines.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_does_not_exist_is_null_or_an_empty_list() {
        let (kube, lines) = client("");
        assert_eq!(kube.get("secret/a", "x").await.unwrap(), Value::Null);
        assert!(kube.list("pods", None, Selector::Label("a")).await.unwrap().is_empty());
        assert_eq!(kube.server_version().await.unwrap(), "");
        let asked = lines.lock().unwrap().len();
        assert!(kube.existing(&[]).await.unwrap().is_empty());
        kube.delete(&[]).await.unwrap();
        assert_eq!(lines.lock().unwrap().len(), asked, "nothing to ask for");
    }
}
